"""hush: private speech-to-text. Speech becomes a picture here, and only the picture is sent.

What programs need is here by its name, and imported when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hush.asking import Options
    from hush.audio import AudioError, Recording, open_audio
    from hush.blocking import Client
    from hush.client import AsyncClient
    from hush.connection import ServiceError
    from hush.cutter import Cutter
    from hush.detector import EdgeDetector
    from hush.disguise import Disguise
    from hush.image import Encoding, MelImage, MelImageError, decode, encode, quantize
    from hush.mel import log_mel_spectrogram
    from hush.segments import Segment, SegmentStream
    from hush.sending import Progress
    from hush.subtitles import Layout
    from hush.transcript import (
        Phrase,
        RunningTranscript,
        Stretch,
        Transcript,
        TranscriptFormat,
        Word,
    )
    from hush.voice_network import NetworkDetector, VoiceNetwork

__version__ = "0.1.0"

_MODULES = {
    "asking": ("Options",),
    "audio": ("AudioError", "Recording", "open_audio"),
    "blocking": ("Client",),
    "client": ("AsyncClient",),
    "connection": ("ServiceError",),
    "cutter": ("Cutter",),
    "detector": ("EdgeDetector",),
    "disguise": ("Disguise",),
    "image": ("Encoding", "MelImage", "MelImageError", "decode", "encode", "quantize"),
    "mel": ("log_mel_spectrogram",),
    "segments": ("Segment", "SegmentStream"),
    "sending": ("Progress",),
    "subtitles": ("Layout",),
    "transcript": (
        "Phrase",
        "RunningTranscript",
        "Stretch",
        "Transcript",
        "TranscriptFormat",
        "Word",
    ),
    "voice_network": ("NetworkDetector", "VoiceNetwork"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AsyncClient",
    "AudioError",
    "Client",
    "Cutter",
    "Disguise",
    "EdgeDetector",
    "Encoding",
    "Layout",
    "MelImage",
    "MelImageError",
    "NetworkDetector",
    "Options",
    "Phrase",
    "Progress",
    "Recording",
    "RunningTranscript",
    "Segment",
    "SegmentStream",
    "ServiceError",
    "Stretch",
    "Transcript",
    "TranscriptFormat",
    "VoiceNetwork",
    "Word",
    "__version__",
    "decode",
    "encode",
    "log_mel_spectrogram",
    "open_audio",
    "quantize",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"hush.{_HOMES[name]}"), name)
