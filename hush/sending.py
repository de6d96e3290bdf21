"""Files of one recording on their way to a service: several at once, their words in order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice

import anyio.to_thread

from hush.audio import AudioError
from hush.connection import ServiceError
from hush.folder import FolderError
from hush.transcript import Transcript, join

Send = Callable[[bytes], Awaitable[Transcript]]
"""Sends one file, and brings back its words."""
Parts = list[tuple[float, Transcript]]
"""Where segments begin, in seconds, and their words."""


@dataclass(frozen=True)
class Progress:
    """How far the transcription of a recording is.

    Attributes
    ----------
    seconds
        Seconds of sound whose words are known, from the beginning.
    bytes_sent
        Size of the pictures sent.
    transcript
        Of the newest segment, with times from the recording's beginning.
    """

    seconds: float
    bytes_sent: int
    transcript: Transcript


@dataclass(frozen=True)
class TimedFile:
    """A mel image's file, and when it was said, in seconds from the recording's beginning."""

    start: float
    end: float
    file: bytes


async def send_timed(
    files: Iterator[TimedFile],
    send: Send,
    concurrency: int,
    on_progress: Callable[[Progress], None] | None,
    joined: Callable[[Parts, float], Transcript] = join,
) -> Parts:
    """Send a recording's files; return start and words of each.

    Parameters
    ----------
    files
        Made as they are sent; the iterator runs in threads.
    send
        Sends one.
    concurrency
        How many are under way at once.
    on_progress
        Called after each.
    joined
        Makes one transcript of parts and the seconds that they end at.

    Raises
    ------
    ServiceError, FolderError, AudioError
        As sending or making them does. The `partial` of it holds the words until then.
    """
    sent: deque[TimedFile] = deque()

    def remembered() -> Iterator[bytes]:
        for one in files:
            sent.append(one)
            yield one.file

    parts: Parts = []
    bytes_sent, end = 0, 0.0
    try:
        async with aclosing(send_each(remembered(), send, concurrency)) as transcripts:
            async for transcript in transcripts:
                done = sent.popleft()
                bytes_sent, end = bytes_sent + len(done.file), done.end
                parts.append((done.start, transcript))
                if on_progress is not None:
                    on_progress(Progress(end, bytes_sent, transcript.shifted(done.start)))
    except (ServiceError, FolderError, AudioError) as error:
        error.partial = joined(parts, end) if parts else None
        raise
    return parts


async def send_each(
    files: Iterator[bytes], send: Send, concurrency: int
) -> AsyncGenerator[Transcript, None]:
    """Send files as they come, and yield what comes back as soon as its turn has come.

    If a file cannot be made, those before it are answered first. Parameters are those of
    `send_timed`.
    """
    failure: BaseException | None = None
    under_way: deque[asyncio.Future[Transcript]] = deque()
    following: asyncio.Task[bytes | None] | None = None
    more = True
    try:
        while more or under_way:
            if more and following is None and len(under_way) < concurrency:
                following = asyncio.create_task(anyio.to_thread.run_sync(next, files, None))
            awaited = [task for task in (following, *islice(under_way, 1)) if task is not None]
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if following is not None and following.done():
                failure = following.exception()
                file = None if failure else following.result()
                following, more = None, file is not None
                if file is not None:
                    under_way.append(asyncio.ensure_future(send(file)))
            while under_way and under_way[0].done():
                yield under_way.popleft().result()
        if failure is not None:
            raise failure
    finally:
        for task in under_way:
            task.cancel()
        # What the files are made of may be closed next: a thread still at work is awaited, for
        # cancelling would leave it at it.
        given_up = [task for task in (following, *under_way) if task is not None]
        await asyncio.gather(*given_up, return_exceptions=True)
