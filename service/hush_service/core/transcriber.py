"""From the bytes of a mel image to its words: check, choose a model, count, wait, decode."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Self

from hush.mel import FRAMES_PER_SECOND, floor_normalized
from hush.transcript import Transcript
from hush_service.core.accounts import Account
from hush_service.core.errors import DrainingError
from hush_service.core.pictures import checked_header, checked_image
from hush_service.core.served_models import ServedModels
from hush_service.core.work import WorkQueue
from hush_service.engine import DecodingRequest
from hush_service.settings import ServiceSettings

if TYPE_CHECKING:
    from hush_service.core.quota import Quotas


async def never() -> None:
    """Wait for ever: as who asks does, if nothing is known of their leaving."""
    await asyncio.Event().wait()


class Transcriber:
    """Turns mel images into words.

    Parameters
    ----------
    models
        Those that it may use; they may become ready later.
    queue
        Where pictures wait for their turn.
    quotas
        Counts what each account has had; nothing is counted if None.

    Attributes
    ----------
    on_heard
        Called with a model's name and the seconds of sound that it has just turned into words.
    """

    def __init__(
        self, models: ServedModels, queue: WorkQueue, quotas: "Quotas | None" = None
    ) -> None:
        self.models = models
        self.queue = queue
        self.on_heard: Callable[[str, float], None] = lambda model, seconds: None
        self._quotas = quotas

    @classmethod
    def from_settings(cls, settings: ServiceSettings, models: ServedModels) -> Self:
        """Return one with the bounds and the quotas that a service's settings say.

        Raises
        ------
        OSError
            If the quotas want a library or a region that is not there.
        """
        queue = WorkQueue(settings.queue_size, settings.max_seconds)
        return cls(models, queue, _quotas(settings))

    def check_ready(self) -> None:
        """Return if a picture sent now would be answered.

        Raises
        ------
        DrainingError
            If the service is about to stop.
        ModelLoadingError, ModelFailedError
            If no model is ready.
        """
        if self.queue.draining:
            raise DrainingError("this instance is about to stop")
        self.models.any_ready()

    async def transcribe(
        self,
        data: bytes,
        model: str | None = None,
        decoding: DecodingRequest | None = None,
        *,
        account: Account | None = None,
        departure: Callable[[], Awaitable[None]] = never,
    ) -> Transcript:
        """Return the words of a mel image.

        Parameters
        ----------
        data
            The file.
        model
            Name of the model; any that can if None.
        decoding
            What is wanted; a transcription in whatever language it is if None.
        account
            Whose quota it counts for, where there are quotas.
        departure
            Called once the picture is in the queue; ends when nobody waits for its words any more,
            and work on them then stops.

        Raises
        ------
        RefusedError
            If the picture is not usable, no model can, the service is busy or about to stop, the
            account's quota is spent, it took too long, or nobody waits any more.
        """
        decoding = decoding or DecodingRequest()
        if self._quotas:
            self._quotas.limit(account)
        header = await asyncio.to_thread(checked_header, data)
        chosen = self.models.choose(header.mel_bins, model, decoding)
        with self.queue.admission():
            if self._quotas:
                await self._quotas.spend(account, header.frames)
            image = await asyncio.to_thread(checked_image, data)

            def work(stop: Callable[[], bool]) -> Transcript:
                spectrogram = floor_normalized(image.spectrogram())
                assert chosen.engine is not None
                return chosen.engine.transcribe(spectrogram, decoding, stop)

            transcript = await self.queue.run(work, departure())
        self.on_heard(chosen.name, header.frames / FRAMES_PER_SECOND)
        return transcript


def _quotas(settings: ServiceSettings) -> "Quotas | None":
    if settings.quota_table is None:
        return None
    try:
        from hush_service.core.quota import NoRegionError, Quotas  # boto3 is of no use elsewhere
    except ImportError as error:
        raise OSError("HUSH_QUOTA_TABLE wants hush's extra 'instance' installed") from error
    try:
        return Quotas(settings.quota_table, settings.quota_limits, settings.region)
    except NoRegionError as error:
        raise OSError("HUSH_QUOTA_TABLE wants HUSH_REGION, its AWS region") from error
