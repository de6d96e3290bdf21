"""What a client sends: the bytes of a mel image, and nothing else."""

from hush.image import Header, MelImage, MelImageError, decode, read_header
from hush_service.core.errors import AudioRefusedError, UnusablePictureError

NO_AUDIO = (
    "this service does not take audio: it never leaves the device. Send a mel image; `hush"
    " transcribe`, `hush bridge` and the page make them from audio where you are"
)

LARGEST_VALUE = 100
"""Whisper's values lie between about -2 and 3; far beyond, a model's arithmetic overflows."""

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
    AudioRefusedError
        If it is audio.
    UnusablePictureError
        If it is no usable mel image.
    """
    if any(data.startswith(signature, place) for place, signature in _AUDIO_SIGNATURES):
        raise AudioRefusedError(NO_AUDIO)
    try:
        return read_header(data)
    except MelImageError as error:
        raise UnusablePictureError(str(error)) from error


def checked_image(data: bytes) -> MelImage:
    """Decode what was sent.

    Raises
    ------
    UnusablePictureError
        If it is no usable mel image, or its values are not those of a log-mel spectrogram.
    """
    try:
        image = decode(data)
    except MelImageError as error:
        raise UnusablePictureError(str(error)) from error
    if max(abs(image.minimum), abs(image.maximum)) > LARGEST_VALUE:
        raise UnusablePictureError(
            f"the picture's range is {image.minimum:g} to {image.maximum:g}; a log-mel spectrogram"
            f" lies between -{LARGEST_VALUE} and {LARGEST_VALUE}"
        )
    return image
