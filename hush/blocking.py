"""`Client`: what `hush.client.AsyncClient` does, without await."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal

from hush.asking import Model, Options, Picture
from hush.audio import Recording
from hush.client import AsyncClient
from hush.cutter import Cutter
from hush.detector import Detector
from hush.disguise import Privacy
from hush.image import PNG, Encoding
from hush.mel import Samples
from hush.segments import VoiceActivity
from hush.sending import Progress
from hush.transcript import Transcript


class Client:
    """`AsyncClient` without await. Use it as a context manager.

    Parameters
    ----------
    url
        Where the service is, such as "http://localhost:1337".
    api_key
        Sent as a bearer token.
    timeout
        Seconds to wait for one answer, its time in the service's queue included.
    patience
        Seconds during which a service that is busy, starting or away is asked again. One that never
        answered is given up after half a minute.
    concurrency
        Pictures under way at once.
    on_wait
        Called with a message and seconds before each wait for another try.
    transport
        Another way to reach the service than the network.
    insecure
        Whether the key may go to another machine over plain http.

    Raises
    ------
    ValueError
        As `AsyncClient` does.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float = 600.0,
        patience: float = 600.0,
        concurrency: int = 4,
        on_wait: Callable[[str, float], None] | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        insecure: bool = False,
    ) -> None:
        self._client = AsyncClient(
            url,
            api_key,
            timeout=timeout,
            patience=patience,
            concurrency=concurrency,
            on_wait=on_wait,
            transport=transport,
            insecure=insecure,
        )
        self._stack = ExitStack()
        self._running: BlockingPortal | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._running = stack.enter_context(start_blocking_portal())
            stack.enter_context(self._running.wrap_async_context_manager(self._client))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._running = None
        self._stack.__exit__(kind, error, traceback)

    @property
    def _portal(self) -> BlockingPortal:
        if self._running is None:
            raise RuntimeError("a Client works inside a with block: `with Client(…) as client:`")
        return self._running

    def models(self) -> list[Model]:
        """See `AsyncClient.models`."""
        return self._portal.call(self._client.models)

    def model(self, name: str | None = None) -> Model:
        """See `AsyncClient.model`."""
        return self._portal.call(self._client.model, name)

    def transcribe(
        self, picture: Picture, options: Options | None = None, encoding: Encoding = PNG
    ) -> Transcript:
        """See `AsyncClient.transcribe`."""
        return self._portal.call(self._client.transcribe, picture, options, encoding)

    def transcribe_each(
        self,
        pictures: Iterable[Picture],
        options: Options | None = None,
        encoding: Encoding = PNG,
    ) -> Iterator[Transcript]:
        """See `AsyncClient.transcribe_each`."""
        transcripts = self._client.transcribe_each(pictures, options, encoding)

        async def following() -> Transcript | None:
            return await anext(transcripts, None)

        try:
            while (transcript := self._portal.call(following)) is not None:
                yield transcript
        finally:
            if self._running is not None:
                self._running.call(transcripts.aclose)

    def transcribe_audio(
        self,
        source: Recording | str | Path | BinaryIO,
        options: Options | None = None,
        *,
        encoding: Encoding = PNG,
        detector: Detector | VoiceActivity | None = None,
        cutter: Cutter | None = None,
        privacy: Privacy = "off",
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Transcript:
        """See `AsyncClient.transcribe_audio`."""
        call = partial(
            self._client.transcribe_audio,
            source,
            options,
            encoding=encoding,
            detector=detector,
            cutter=cutter,
            privacy=privacy,
            on_progress=on_progress,
        )
        return self._portal.call(call)

    def transcribe_live(
        self,
        chunks: Iterable[Samples],
        options: Options | None = None,
        *,
        encoding: Encoding = PNG,
        detector: Detector | VoiceActivity | None = None,
        cutter: Cutter | None = None,
        privacy: Privacy = "off",
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Transcript:
        """See `AsyncClient.transcribe_live`."""
        call = partial(
            self._client.transcribe_live,
            chunks,
            options,
            encoding=encoding,
            detector=detector,
            cutter=cutter,
            privacy=privacy,
            on_progress=on_progress,
        )
        return self._portal.call(call)

    def transcribe_speakers(
        self,
        source: Recording | str | Path | BinaryIO,
        options: Options | None = None,
        *,
        names: Sequence[str] = (),
        encoding: Encoding = PNG,
        detector: VoiceActivity | None = None,
        privacy: Privacy = "off",
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Transcript:
        """See `AsyncClient.transcribe_speakers`."""
        call = partial(
            self._client.transcribe_speakers,
            source,
            options,
            names=names,
            encoding=encoding,
            detector=detector,
            privacy=privacy,
            on_progress=on_progress,
        )
        return self._portal.call(call)

    def transcribe_folder(
        self,
        folder: str | Path,
        options: Options | None = None,
        *,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Transcript:
        """See `AsyncClient.transcribe_folder`."""
        call = partial(self._client.transcribe_folder, folder, options, on_progress=on_progress)
        return self._portal.call(call)
