"""Words as they come, as OpenAI's server-sent events: service and bridge both say them so."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from hush.transcript import Transcript

MEDIA_TYPE = "text/event-stream"
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""With which whatever is in between passes events on as they come."""

Work = Callable[[Callable[[str], None]], Awaitable[Transcript]]
"""Calls what it is given with texts as they come, and returns all that was said."""


class Events:
    """Writes the events of one transcript, each as the bytes of a part of an answer."""

    def __init__(self) -> None:
        self._said = ""

    def words(self, text: str) -> bytes:
        """Return the event of more words, with the space before them."""
        delta = text if self._said else text.lstrip()
        self._said += delta
        return _event({"type": "transcript.text.delta", "delta": delta}) if delta else b""

    def end(self, transcript: Transcript) -> bytes:
        """Return the last event, which has all words; before it that of those not said yet."""
        missing = b""
        if transcript.text.startswith(self._said):
            missing = self.words(transcript.text.removeprefix(self._said))
        done = {
            "type": "transcript.text.done",
            "text": transcript.text,
            "unheard": transcript.unheard_json(),
        }
        return missing + _event(done)


async def events(
    work: Work, failure: Callable[[Exception], dict[str, Any]]
) -> AsyncGenerator[bytes, None]:
    """Return the events of some work, once there are words or it has ended.

    Parameters
    ----------
    work
        What is done, and given up when nobody wants its events any more.
    failure
        Returns the body of the answer to an error amid the words, in OpenAI's shape.

    Raises
    ------
    Exception
        Whatever the work does before there are words.
    """
    texts: asyncio.Queue[str | None] = asyncio.Queue()
    working = asyncio.ensure_future(work(texts.put_nowait))
    working.add_done_callback(lambda _: texts.put_nowait(None))
    try:
        first = await texts.get()
        if first is None:
            await working
    except BaseException:
        working.cancel()
        raise

    async def following(text: str | None) -> AsyncGenerator[bytes, None]:
        written = Events()
        try:
            yield b""  # what is closed before it has begun would not end the work
            while text is not None:
                yield written.words(text)
                text = await texts.get()
            yield written.end(await working)
        except Exception as error:
            yield b"event: error\n" + _event(failure(error))
        finally:
            working.cancel()

    said = following(first)
    await anext(said)
    return said


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"
