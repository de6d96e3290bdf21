"""From the bytes of a mel image to its words: check, choose a model, count, wait, decode."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, Self

from hush.image import Header
from hush.mel import FRAMES_PER_SECOND, floor_normalized
from hush.transcript import Phrase, Transcript
from hush_service.core.accounts import Account
from hush_service.core.cache import TranscriptCache
from hush_service.core.errors import (
    DrainingError,
    EngineStuckError,
    QueueFullError,
    RefusedError,
    UnusablePictureError,
)
from hush_service.core.held import Held
from hush_service.core.pictures import checked_header, checked_image
from hush_service.core.rate import Rate
from hush_service.core.served_models import ServedModels
from hush_service.core.turns import Priority, Terms
from hush_service.core.work import Bounds, WorkQueue
from hush_service.engine import DecodingRequest
from hush_service.engine.batching import BatchingEngine
from hush_service.engine.procedure import Transcription
from hush_service.engine.windows import LONGEST_WINDOW, unheeded
from hush_service.memory import FreedMemory
from hush_service.settings import ServiceSettings

if TYPE_CHECKING:
    from hush_service.core.quota import Quotas


FLOAT = 4
"""Bytes of a value of a spectrogram."""
SMALL_BYTES = 2**18
"""Of a picture whose header is read at once, in a fraction of a millisecond."""


async def never() -> None:
    """Wait for ever: as who asks does, if nothing is known of their leaving."""
    await asyncio.Event().wait()


class Overflow(Protocol):
    """Another service, which hears what the queue has no room for."""

    def takes(
        self, data: bytes, model: str | None, mel_bins: int, decoding: DecodingRequest
    ) -> bool:
        """Tell whether it can hear a picture, by any model if none is named, and has room."""

    async def hear(
        self, data: bytes, decoding: DecodingRequest, account: Account | None
    ) -> tuple[str, Transcript] | None:
        """Return the model that heard a picture, and its words; None if it was not heard.

        What is heard counts for the account's quota there.
        """


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
    interim
        How often each may ask for interim words.
    held
        Counts the bytes that pictures take while they wait.
    cache
        Knows words of pictures that come again; none are kept if None.
    overflow
        Hears what the queue has no room for; nothing does if None.

    Attributes
    ----------
    on_heard
        Called with a model's name, the seconds of sound that it has just turned into words, and the
        seconds that its engine worked on them.
    on_refused
        Called with the reason of each refusal.
    on_looked_up
        Called with whether words were known already, each time they might have been.
    on_overflow
        Called with whether a picture was heard elsewhere, each time it might have been.
    """

    def __init__(
        self,
        models: ServedModels,
        queue: WorkQueue,
        quotas: "Quotas | None" = None,
        interim: Rate | None = None,
        held: Held | None = None,
        cache: TranscriptCache | None = None,
        overflow: Overflow | None = None,
    ) -> None:
        self.models = models
        self.queue = queue
        queue.on_idle = self._rest
        self.on_heard: Callable[[str, float, float], None] = lambda model, seconds, worked: None
        self.on_refused: Callable[[str], None] = lambda reason: None
        self.on_looked_up: Callable[[bool], None] = lambda known: None
        self.on_overflow: Callable[[bool], None] = lambda heard: None
        self._quotas = quotas
        self._interim = interim or Rate(60)
        self.held = held or Held(2**28)
        self._cache = cache or TranscriptCache()
        self._overflow = overflow
        self._elsewhere: set[asyncio.Future[tuple[str, Transcript] | None]] = set()
        self._freed = FreedMemory()

    @classmethod
    def from_settings(
        cls, settings: ServiceSettings, models: ServedModels, overflow: Overflow | None = None
    ) -> Self:
        """Return one with the bounds, the quotas and the cache that a service's settings say.

        Raises
        ------
        OSError
            If quotas or cache want a library, a region or an address that is not there.
        """
        bounds = Bounds(
            settings.queue_size,
            settings.caller_queue_size,
            settings.max_seconds,
            settings.answer_seconds,
        )
        interim = Rate(settings.interim_a_minute)
        held = Held(settings.max_held_bytes)
        cache = TranscriptCache.from_settings(settings)
        quotas = _quotas(settings)
        return cls(models, WorkQueue(bounds), quotas, interim, held, cache, overflow)

    async def close(self) -> None:
        """Give up what is held on to."""
        await self._cache.close()

    def _rest(self) -> None:
        self._freed.give_back(at_once=True)
        self.models.forget_pictures()

    def check_ready(self) -> None:
        """Return if a picture sent now would be answered.

        Raises
        ------
        DrainingError
            If the service is about to stop.
        EngineStuckError
            If its engine has not answered for far too long.
        ModelLoadingError, ModelFailedError
            If no model is ready.
        """
        if self.queue.draining:
            raise DrainingError("this instance is about to stop")
        self.check_alive()
        self.models.check_ready()

    def check_alive(self) -> None:
        """Return if the service is of use, now or soon.

        Raises
        ------
        EngineStuckError
            If its engine has not answered for far too long.
        """
        if self.queue.stuck:
            raise EngineStuckError("the engine does not answer")

    async def emptied(self) -> None:
        """Wait until all that was taken is finished, what is heard elsewhere too."""
        await self.queue.emptied()
        while self._elsewhere:
            await asyncio.wait(self._elsewhere)

    async def transcribe(
        self,
        data: bytes,
        model: str | None = None,
        decoding: DecodingRequest | None = None,
        *,
        terms: Terms | None = None,
        account: Account | None = None,
        heard: Callable[[Sequence[Phrase]], None] | None = None,
        chosen: Callable[[str], None] = lambda model: None,
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
        terms
            Who waits for it, and how. Where there are quotas, callers are told apart by account.
        account
            Whose quota it counts for, where there are quotas.
        heard
            Called with the picture's phrases as they come, in order.
        chosen
            Called with the name of the model whose words they will be.
        departure
            Called once the picture is in the queue; ends when nobody waits for its words any more,
            and work on them then stops.

        Raises
        ------
        RefusedError
            If the picture is not usable, no model can, the service is busy or about to stop, the
            account's quota is spent, it took too long, or nobody waits any more; or if interim
            words are asked for too often, or while others wait.
        """
        try:
            return await self._transcribe(
                data,
                model,
                decoding or DecodingRequest(),
                terms or Terms(),
                account,
                heard,
                chosen,
                departure,
            )
        except RefusedError as error:
            self.on_refused(error.code or type(error).__name__.removesuffix("Error"))
            raise

    async def _transcribe(
        self,
        data: bytes,
        model: str | None,
        decoding: DecodingRequest,
        terms: Terms,
        account: Account | None,
        heard: Callable[[Sequence[Phrase]], None] | None,
        chosen: Callable[[str], None],
        departure: Callable[[], Awaitable[None]],
    ) -> Transcript:
        if self._quotas:
            self._quotas.limit(account)
            identity = account.identity if account else None
            terms = replace(terms, caller=identity, is_known=identity is not None)
        if decoding.interim:
            terms = replace(terms, priority=Priority.INTERIM)
            self._interim.check(terms.caller)
        # A thread costs more than a header of a picture of usual size.
        is_small = len(data) < SMALL_BYTES
        header = checked_header(data) if is_small else await asyncio.to_thread(checked_header, data)
        if decoding.interim and header.frames > LONGEST_WINDOW:
            raise UnusablePictureError("interim words are for pictures of at most 30 s")
        served = self.models.choose(header.mel_bins, model, decoding)
        key = await self._cache.key(data, served, decoding)
        if key:
            known = await self._cache.get(key)
            self.on_looked_up(known is not None)
            if known:
                chosen(served.name)
                return self._not_heard_here(known, heard)
        engine = served.asked
        seconds = max(header.frames / FRAMES_PER_SECOND, engine.info.shortest_window)
        admitted = False
        try:
            with (
                self.queue.admission(engine, seconds, terms) as job,
                self.held.holding(_decoded_size(header), terms.caller if terms.is_known else None),
            ):
                admitted = True
                chosen(served.name)
                if self._quotas and not decoding.interim:
                    await self._quotas.spend(account, round(seconds * FRAMES_PER_SECOND))
                asking, question = await asyncio.to_thread(
                    _begun, engine, data, decoding, _on_loop(heard)
                )
                transcript = await self.queue.run(job, asking, question, departure())
        except QueueFullError:
            # What was admitted counts here already, and has waited for as long as anybody would.
            if admitted or self._overflow is None or decoding.interim:
                raise
            if not self._overflow.takes(data, model, header.mel_bins, decoding):
                raise
            hearing = asyncio.ensure_future(self._overflow.hear(data, decoding, account))
            self._elsewhere.add(hearing)
            hearing.add_done_callback(self._elsewhere.discard)
            elsewhere = await hearing
            self.on_overflow(elsewhere is not None)
            if elsewhere is None:
                raise
            name, transcript = elsewhere
            chosen(name)
            return self._not_heard_here(transcript, heard)
        if key:
            await self._cache.put(key, transcript)
        if not decoding.interim:
            self.on_heard(served.name, header.frames / FRAMES_PER_SECOND, job.worked)
        return transcript

    def _not_heard_here(
        self, transcript: Transcript, heard: Callable[[Sequence[Phrase]], None] | None
    ) -> Transcript:
        """Return words that were known already, or are another's."""
        self.queue.done += 1
        if heard:
            for phrase in transcript.phrases:
                heard([phrase])
        return transcript


def _decoded_size(header: Header) -> int:
    """Return how many bytes the values of a picture take as an engine wants them."""
    return FLOAT * header.mel_bins * header.frames


def _begun(
    engine: BatchingEngine,
    data: bytes,
    decoding: DecodingRequest,
    heard: Callable[[Sequence[Phrase]], None],
) -> tuple[Transcription, Any]:
    """Return what asks for a picture's words, and its first question. Takes its time."""
    spectrogram = floor_normalized(checked_image(data).spectrogram())
    asking = engine.begin(spectrogram, decoding, heard)
    return asking, next(asking)


def _on_loop(
    heard: Callable[[Sequence[Phrase]], None] | None,
) -> Callable[[Sequence[Phrase]], None]:
    """Return a function for the engine's thread that has another called here."""
    if heard is None:
        return unheeded
    loop = asyncio.get_running_loop()

    def tell(phrases: Sequence[Phrase]) -> None:
        loop.call_soon_threadsafe(heard, phrases)

    return tell


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
