"""hush: private speech-to-text. Speech becomes a picture here, and only the picture is sent."""

__version__ = "0.1.0"
