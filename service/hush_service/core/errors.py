"""Why the service does not do what it is asked. What that is over HTTP stands in `web.errors`."""

import random

from hush.contracts.door import STARTING


def soon(seconds: float = 2.0) -> float:
    """Return when to come again, about: not all who are refused now at the same time."""
    return seconds * random.uniform(1.0, 1.5)


class RefusedError(Exception):
    """Something that is not done.

    Parameters
    ----------
    message
        One sentence that says what is wrong and what to do.
    code
        Short name of the problem; that of the class if None.
    retry_after
        Seconds after which another try makes sense; what the class says if None.

    Attributes
    ----------
    param
        What of the request is wrong: "file" or "model"; None if that is not it.
    """

    code: str | None = None
    param: str | None = None
    retry_after: float | None = None

    def __init__(
        self, message: str, *, code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if retry_after is not None:
            self.retry_after = retry_after


class AudioRefusedError(RefusedError):
    """What was sent is audio, which is to stay where it is."""

    code = "audio_refused"
    param = "file"


class UnusablePictureError(RefusedError):
    """What was sent is no mel image, or one of something else than speech."""

    code = "invalid_image"
    param = "file"


class WrongHeightError(RefusedError):
    """The model takes pictures of another height."""

    code = "mel_bins_mismatch"
    param = "file"


class TooSlowError(RefusedError):
    """The picture takes longer than one may."""

    code = "too_slow"
    param = "file"


class UnknownModelError(RefusedError):
    """There is no model of that name."""

    code = "model_not_found"
    param = "model"


class UnsupportedError(RefusedError):
    """The model has not learnt the task, or the language."""

    param = "model"


class ModelLoadingError(RefusedError):
    """The model is not ready yet."""

    code = "model_loading"
    retry_after = 5


class ModelComingError(RefusedError):
    """Another service, which is starting, has the model."""

    code = STARTING
    param = "model"
    retry_after = 30


class ModelFailedError(RefusedError):
    """The model could not be loaded."""

    code = "model_failed"
    retry_after = 60


class QueueFullError(RefusedError):
    """There are as many pictures already as there may be."""

    code = "queue_full"


class TooLateError(QueueFullError):
    """The answer would not come in time."""

    code = "too_late"


class TooOftenError(RefusedError):
    """Interim words are asked for more often than they may be."""

    code = "too_often"


class InterimDroppedError(RefusedError):
    """Interim words are not worked on, since others wait: it is no failure."""

    code = "interim_dropped"

    def __init__(self, message: str = "other pictures wait") -> None:
        super().__init__(message)


class DrainingError(RefusedError):
    """The service is about to stop."""

    code = "draining"
    retry_after = 1


class EngineStuckError(RefusedError):
    """The engine has not answered for far too long."""

    code = "engine_stuck"
    retry_after = 30


class EngineLostError(RefusedError):
    """The engine's process ended twice while it heard the picture."""

    code = "engine_lost"
    retry_after = 5


class CallerGoneError(RefusedError):
    """Nobody waits for the words any more."""

    code = "caller_gone"

    def __init__(self, message: str = "the client closed the connection") -> None:
        super().__init__(message)


class UnknownAccountError(RefusedError):
    """Nothing says whose quota a picture is to count for."""

    code = "no_identity"


class QuotaSpentError(RefusedError):
    """The account would have more than it may in a day."""

    code = "quota_exceeded"


class QuotaUnavailableError(RefusedError):
    """How much was used today cannot be told at present."""

    code = "quota_unavailable"
    retry_after = 5
