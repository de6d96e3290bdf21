"""What a client sends: the bytes of a mel image, of a bounded size, and nothing else."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hush.image import Header, MelImageError, read_header
from service.errors import ApiError

NO_AUDIO = (
    "this service does not take audio: it never leaves the device. Send a mel image; `hush"
    " transcribe`, `hush bridge` and the page make them from audio where you are"
)

_AUDIO_SIGNATURES = (
    (0, b"ID3"),
    (0, b"\xff\xfb"),
    (0, b"\xff\xf3"),
    (0, b"\xff\xf1"),
    (0, b"OggS"),
    (0, b"fLaC"),
    (0, b"#!AMR"),
    (0, b"caff"),
    (0, b"FORM"),
    (0, b"\x1aE\xdf\xa3"),  # Matroska and WebM
    (4, b"ftypM4A"),
    (4, b"ftypisom"),
    (4, b"ftypmp4"),
    (4, b"ftypqt"),
    (4, b"ftypdash"),
    (8, b"WAVE"),
)


def checked_header(data: bytes) -> Header:
    """Read the header of what was sent.

    Raises
    ------
    ApiError
        415 if it is audio or no picture at all, 400 if it is no usable mel image.
    """
    if any(data.startswith(signature, place) for place, signature in _AUDIO_SIGNATURES):
        raise ApiError(415, NO_AUDIO, code="audio_refused", param="file")
    try:
        return read_header(data)
    except MelImageError as error:
        raise invalid_image(error) from error


def invalid_image(error: MelImageError) -> ApiError:
    """Return the answer to something that is no usable mel image."""
    return ApiError(400, str(error), code="invalid_image", param="file")


class BodyLimit:
    """Refuses request bodies over a size, however they announce it.

    Parameters
    ----------
    max_bytes
        Largest body that is taken.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        too_large = ApiError(
            413,
            f"the body is larger than {self._max_bytes} bytes; send shorter segments",
            code="too_large",
        )
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._max_bytes:
            await too_large.response()(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise too_large
            return message

        await self._app(scope, counted, send)
