"""Ways of sending speech: as pictures of many kinds, and as compressed audio."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import av
import numpy as np
from PIL import Image

from hush import image, mel
from hush.mel import Samples, Spectrogram

Kind = Literal["float32", "PNG", "WebP lossless", "WebP", "AVIF", "JPEG", "FLAC", "Opus"]
AUDIO: tuple[Kind, ...] = ("FLAC", "Opus")


@dataclass(frozen=True)
class Way:
    """A way of sending speech.

    Attributes
    ----------
    kind
        What is sent; "float32" is the spectrogram itself.
    amount
        How much of it: bits of a PNG, quality of a lossy picture, kbit/s of Opus.
    is_smoothed
        Whether a picture is smoothed along time before it is compressed; see `smoothed`.
    """

    kind: Kind
    amount: int = 0
    is_smoothed: bool = False

    @property
    def name(self) -> str:
        """What tables call it."""
        match self.kind:
            case "float32":
                return "float32 spectrogram"
            case "PNG":
                name = f"PNG, {self.amount} bits"
            case "Opus":
                name = f"Opus, {self.amount} kbit/s"
            case "WebP lossless" | "FLAC":
                name = self.kind
            case _:
                name = f"{self.kind}, quality {self.amount}"
        if self.is_smoothed:
            name += ", smoothed"
        return name

    def send(self, samples: Samples, mel_bins: int) -> tuple[Spectrogram, int]:
        """Send samples.

        Returns
        -------
        Spectrogram, int
            What arrives, and the bytes that were sent: of a picture the whole file, of audio the
            codec's packets.
        """
        if self.kind in AUDIO:
            heard, size = _through_codec(samples, self.kind, self.amount)
            return mel.log_mel_spectrogram(heard, mel_bins), size
        return self.send_spectrogram(mel.log_mel_spectrogram(samples, mel_bins))

    def send_spectrogram(self, spectrogram: Spectrogram) -> tuple[Spectrogram, int]:
        """Send a spectrogram, scaled as Whisper takes it, as a picture; see `send`."""
        if self.kind == "float32":
            return spectrogram, spectrogram.nbytes
        picture = image.quantize(spectrogram)
        if self.is_smoothed:
            picture = smoothed(picture)
        received, size = self._picture(picture)
        # As the service does with whatever picture arrives.
        return mel.floor_normalized(received.spectrogram()), size

    def _picture(self, picture: image.MelImage) -> tuple[image.MelImage, int]:
        match self.kind:
            case "PNG":
                data = image.encode(_coarse(picture, self.amount))
            case "WebP lossless":
                data = image.encode(picture, image.Encoding("webp"))
            case "WebP":
                data = image.encode(picture, image.Encoding("webp", self.amount))
            case "AVIF":
                data = image.encode(picture, image.Encoding("avif", self.amount))
            case _:
                return _through_jpeg(picture, self.amount)
        return image.decode(data), len(data)


FLOAT32 = Way("float32")
PNG = Way("PNG", 8)
SMALL = Way("WebP", cast(int, image.SMALL.quality))


def ways() -> Sequence[Way]:
    """Return every way that is compared, the float32 spectrogram first."""
    return [
        FLOAT32,
        *(Way("PNG", bits) for bits in (8, 6, 5, 4, 3)),
        Way("WebP lossless"),
        *(Way("WebP", quality) for quality in (90, 75, 60, 50, 40, 30, 20, 10)),
        *(Way("WebP", quality, is_smoothed=True) for quality in (75, 50, 30)),
        *(Way("AVIF", quality) for quality in (70, 60, 50, 40, 30)),
        *(Way("JPEG", quality) for quality in (50, 30, 20)),
        Way("FLAC"),
        *(Way("Opus", rate) for rate in (24, 16, 12, 8, 6)),
    ]


def smoothed(picture: image.MelImage) -> image.MelImage:
    """Return a picture each of whose columns is a half of its own and a quarter of both beside it.

    What lies beyond an end is as the end.
    """
    wide = np.pad(picture.pixels.astype(np.uint16), ((0, 0), (1, 1)), mode="edge")
    pixels = (wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:] + 2) >> 2
    return image.MelImage(pixels.astype(np.uint8), picture.minimum, picture.maximum)


def _coarse(picture: image.MelImage, bits: int) -> image.MelImage:
    if bits == 8:
        return picture
    steps = 2**bits - 1
    pixels = np.rint(np.rint(picture.pixels / 255 * steps) * 255 / steps)
    return image.MelImage(pixels.astype(np.uint8), picture.minimum, picture.maximum)


def _through_jpeg(picture: image.MelImage, quality: int) -> tuple[image.MelImage, int]:
    file = io.BytesIO()
    Image.fromarray(picture.pixels[::-1]).save(file, "JPEG", quality=quality, optimize=True)
    pixels = np.asarray(Image.open(file))[::-1]
    size = len(file.getvalue()) + 8  # and two numbers for the range
    return image.MelImage(pixels, picture.minimum, picture.maximum), size


def _through_codec(samples: Samples, kind: Kind, kilobits: int) -> tuple[Samples, int]:
    codec = "flac" if kind == "FLAC" else "libopus"
    encoder = cast(av.AudioCodecContext, av.CodecContext.create(codec, "w"))
    encoder.sample_rate, encoder.layout, encoder.format = mel.SAMPLE_RATE, "mono", "s16"
    if kilobits:
        encoder.bit_rate = kilobits * 1000
    whole = (np.clip(samples, -1, 1) * 32_767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(whole[None], format="s16", layout="mono")
    frame.sample_rate = mel.SAMPLE_RATE
    fifo = av.AudioFifo()
    fifo.write(frame)
    packets = []
    while (part := fifo.read(encoder.frame_size, partial=True)) is not None:
        packets += encoder.encode(part)
    packets += encoder.encode(None)
    decoder = cast(av.AudioCodecContext, av.CodecContext.create(codec, "r"))
    decoder.extradata = encoder.extradata
    resampler = av.AudioResampler("flt", "mono", mel.SAMPLE_RATE)
    frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    heard = [out for frame in [*frames, None] for out in resampler.resample(frame)]
    decoded = np.concatenate([out.to_ndarray().reshape(-1) for out in heard])
    return decoded.astype(np.float32), sum(packet.size for packet in packets)
