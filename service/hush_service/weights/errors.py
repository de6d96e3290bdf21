"""What can go wrong with models. Every message says what is wrong and what to do."""


class WeightsError(Exception):
    """A model cannot be had, read or converted."""


class UnknownModelError(WeightsError):
    """What was asked for is neither a name of the catalogue nor a path of a model."""


class UnreadableModelError(WeightsError):
    """A file or folder is no Whisper model, or a damaged one."""


class FetchError(WeightsError):
    """A source does not give its model."""


class UnreachableError(FetchError):
    """A source cannot be reached, or no longer has the model."""


class DigestError(FetchError):
    """What a source gave is not what the catalogue says; it was removed again."""


class NoSpaceError(WeightsError):
    """The disk is too full."""
