"""What files do to sound, undone: their clocks, tracks, channels, pipes and lengths."""

from hush.transcript import Transcript


class AudioError(ValueError):
    """The file holds no sound that can be decoded. The message says why.

    Attributes
    ----------
    partial
        The words of what could be decoded until then.
    """

    partial: Transcript | None = None
