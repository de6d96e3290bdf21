"""Wyoming, the protocol of Home Assistant's voice satellites, in front of a hush service.

Satellites send audio to the bridge at home; the bridge makes mel images there, and only those go on
to the service. Wants the extra `wyoming`.
"""

import asyncio
import io
import wave
from functools import partial
from typing import Any

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler, AsyncTcpServer

from hush import __version__
from hush.asking import Model, Options
from hush.audio import AudioError
from hush.client import AsyncClient
from hush.connection import ServiceError
from hush.disguise import Privacy
from hush.image import PNG, Encoding

PORT = 10_300
"""Where Home Assistant looks for speech-to-text."""
LONGEST = 600.0
"""Seconds that somebody may speak at once."""
MOST_KEPT = 256 << 20
"""Bytes of sound that are kept of a connection: its satellite says itself how many a second has."""
LARGEST_EVENT = 8 << 20
"""Bytes of one event: more than any satellite sends."""
_HUSH = Attribution("hush", "https://pypi.org/project/hush/")


class _Reader:
    """Reads for the protocol, which would wait for as much as its peer announces."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def readline(self) -> bytes:
        return await self._reader.readline()

    async def readexactly(self, size: int) -> bytes:
        if not 0 <= size <= LARGEST_EVENT:
            raise ValueError(f"an event of {size} bytes")
        try:
            return await self._reader.readexactly(size)
        except asyncio.IncompleteReadError as error:
            raise ValueError("the connection ended within an event") from error

    def feed_eof(self) -> None:
        self._reader.feed_eof()


class _Satellite(AsyncEventHandler):
    """One connection: what is said through it is heard when it ends."""

    def __init__(
        self,
        client: AsyncClient,
        options: Options,
        encoding: Encoding,
        privacy: Privacy,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        bounded: Any = _Reader(reader)
        super().__init__(bounded, writer)
        self._client = client
        self._usual = self._options = options
        self._encoding = encoding
        self._privacy: Privacy = privacy
        self._sound: list[bytes] = []
        self._form: tuple[int, int, int] | None = None
        self._size = 0

    async def handle_event(self, event: Event) -> bool:
        """Do what an event asks for; return whether the connection goes on."""
        try:
            return await self._handle(event)
        except (ServiceError, AudioError) as error:
            problem = str(error)
        except (KeyError, TypeError, ValueError):
            problem = f"this is no {event.type} event"
        # Who waits for words looks for the end of the connection.
        await self.write_event(Error(problem).event())
        return False

    async def _handle(self, event: Event) -> bool:
        if Describe.is_type(event.type):
            await self.write_event(_info(await self._client.models()).event())
        elif Ping.is_type(event.type):
            await self.write_event(Pong(Ping.from_event(event).text).event())
        elif Transcribe.is_type(event.type):
            self._options = _wanted(Transcribe.from_event(event), self._usual)
        elif AudioStart.is_type(event.type):
            self._begin()
        elif AudioChunk.is_type(event.type):
            self._take(AudioChunk.from_event(event))
        elif AudioStop.is_type(event.type):
            await self._answer()
        return True

    def _begin(self) -> None:
        self._sound, self._form, self._size = [], None, 0

    def _take(self, chunk: AudioChunk) -> None:
        form = (int(chunk.rate), int(chunk.width), int(chunk.channels))
        if min(form) < 1 or form != (self._form or form):
            raise AudioError("sound of a satellite has one rate, width and number of channels")
        self._form = form
        self._size += len(chunk.audio)
        if self._size > LONGEST * form[0] * form[1] * form[2]:
            raise AudioError(f"somebody spoke for more than {LONGEST:.0f} s")
        if self._size > MOST_KEPT:
            raise AudioError(f"at most {MOST_KEPT} bytes are taken at once")
        self._sound.append(chunk.audio)

    async def _answer(self) -> None:
        text, language = "", None
        if self._form is not None and self._size:
            file = _wave(self._sound, *self._form)
            heard = await self._client.transcribe_audio(
                file, self._options, encoding=self._encoding, privacy=self._privacy
            )
            text, language = heard.text, heard.language
        await self.write_event(Transcript(text, language=language).event())
        self._begin()
        self._options = self._usual


def _wanted(asked: Transcribe, usual: Options) -> Options:
    expected = [*(asked.transcript_names or ()), *(asked.transcript_terms or ())]
    return Options(
        model=asked.name or usual.model,
        language=asked.language or usual.language,
        prompt=", ".join(expected) or usual.prompt,
    )


def _wave(sound: list[bytes], rate: int, width: int, channels: int) -> io.BytesIO:
    file = io.BytesIO()
    try:
        with wave.open(file, "wb") as written:
            written.setnchannels(channels)
            written.setsampwidth(width)
            written.setframerate(rate)
            written.writeframes(b"".join(sound))
    except (wave.Error, OverflowError) as error:
        raise AudioError(f"the satellite's sound: {error}") from error
    file.seek(0)
    return file


def _info(models: list[Model]) -> Info:
    return Info(
        asr=[
            AsrProgram(
                name="hush",
                description="Private speech-to-text: only pictures of speech leave the house",
                attribution=_HUSH,
                installed=True,
                version=__version__,
                models=[
                    AsrModel(
                        name=model.name,
                        description=f"Whisper {model.name}",
                        attribution=_HUSH,
                        installed=True,
                        version=None,
                        languages=list(model.languages),
                    )
                    for model in models
                ],
            )
        ]
    )


async def serve(
    client: AsyncClient,
    host: str = "127.0.0.1",
    port: int = PORT,
    encoding: Encoding = PNG,
    options: Options | None = None,
    *,
    privacy: Privacy,
) -> None:
    """Serve satellites until cancelled.

    Parameters
    ----------
    client
        Of the service behind it.
    host, port
        Where to listen. The protocol knows no keys: whoever reaches it is heard.
    encoding
        Of the pictures.
    options
        What to ask for where a satellite does not say.
    privacy
        How much of the voice is kept back; all utterances are disguised alike.

    Raises
    ------
    OSError
        If nothing can listen there.
    """
    async with client:
        server = AsyncTcpServer(host, port)
        await server.run(partial(_Satellite, client, options or Options(), encoding, privacy))
