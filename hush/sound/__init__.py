"""What files do to sound, undone: their clocks, tracks, channels, pipes and lengths."""


class AudioError(ValueError):
    """The file holds no sound that can be decoded. The message says why."""
