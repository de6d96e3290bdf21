"""From the bytes of a mel image to its words: check, choose a model, count, wait, decode."""

import asyncio
from collections.abc import Callable

from fastapi import Request

from hush.mel import FRAMES_PER_SECOND, floor_normalized
from hush.transcript import Transcript
from hush_service.engine import DecodingRequest
from hush_service.pictures import checked_header, checked_image
from hush_service.state import Service


async def transcribe(
    service: Service, request: Request, data: bytes, model: str | None, decoding: DecodingRequest
) -> Transcript:
    """Return the words of a mel image.

    Parameters
    ----------
    service
        Whose models and queue to use.
    request
        Where the picture came from: work stops when its client is gone.
    data
        The file.
    model
        Name of the model; any that can if None.
    decoding
        What is wanted.

    Raises
    ------
    ApiError
        If the picture is not usable, no model can, the service is busy, or the caller's quota is
        spent.
    """
    quotas = service.quotas
    caller = quotas.caller(request.headers) if quotas else None
    header = await asyncio.to_thread(checked_header, data)
    chosen = service.models.choose(header.mel_bins, model, decoding)
    with service.queue.admission():
        if quotas and caller:
            await quotas.spend(caller, header.frames)
        image = await asyncio.to_thread(checked_image, data)

        def work(stop: Callable[[], bool]) -> Transcript:
            spectrogram = floor_normalized(image.spectrogram())
            assert chosen.engine is not None
            return chosen.engine.transcribe(spectrogram, decoding, stop)

        transcript = await service.queue.run(work, _disconnected(request))
    service.metrics.speech_seconds.labels(chosen.name).inc(header.frames / FRAMES_PER_SECOND)
    return transcript


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
