"""The embedded demonstration model: its grammar, its voices, its training and its evaluation."""
