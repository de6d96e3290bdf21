"""The inference service: mel images in, words out."""
