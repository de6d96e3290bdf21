"""Videos as cameras and screens make them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

_CODECS = {".mp4": ("mpeg4", "aac"), ".webm": ("libvpx", "libopus"), ".mkv": ("mpeg4", "flac")}


def video(file: Path, sound: Path | None, seconds: float = 1.0) -> Path:
    """Write a video of a grey square, with or without the sound of an audio file."""
    video_codec, audio_codec = _CODECS[file.suffix]
    with av.open(str(file), "w") as container:
        picture = container.add_stream(video_codec, rate=10)
        assert isinstance(picture, av.VideoStream)
        picture.width = picture.height = 64
        picture.pix_fmt = "yuv420p"
        speech = None
        if sound is not None:
            speech = container.add_stream(audio_codec, rate=48_000, layout="stereo")
            assert isinstance(speech, av.AudioStream)
        for number in range(round(seconds * 10)):
            grey = np.full((64, 64, 3), 40 + number, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(picture.encode(frame))
        container.mux(picture.encode())
        if sound is not None and isinstance(speech, av.AudioStream):
            with av.open(str(sound)) as source:
                for heard in source.decode(audio=0):
                    container.mux(speech.encode(heard))
            container.mux(speech.encode())
    return file
