"""What a picture costs in words and saves in bytes, beside audio codecs.

    python -m bench.payload                                   the demo model, synthetic speech
    python -m bench.payload --model base.en --data FOLDER     any model; NAME.flac with its words in
                                                              NAME.txt

Segments of speech go through each way of sending them, clean and with white noise 10 dB below, and
are decoded greedily. Prints Markdown tables: bytes a second, word error rate, its increase over the
float32 spectrogram with a paired bootstrap interval of 95 % (segments are drawn), and the processor
time to make and to read what is sent. Pictures are counted as whole files; of audio only the
codec's packets, without container.

Synthetic sentences are strung together into segments of up to 10 s, as speech without long pauses
is; a last table shows what shorter and longer segments weigh.
"""

import argparse
import io
import multiprocessing
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import jiwer
import numpy as np
import numpy.typing as npt
import torch
import whisper
from PIL import Image
from whisper.model import Whisper
from whisper.normalizers import EnglishTextNormalizer

from hush import image, mel
from hush.mel import Spectrogram
from models import sentences, speech
from models.evaluate import DEMO, table
from models.recordings import (
    Recording,
    folder_recordings,
    held_out_recordings,
    say_all,
    strung_together,
    with_noise,
)

Samples = npt.NDArray[np.float32]
Send = Callable[[Samples, int], tuple[Spectrogram, int]]
"""Takes samples and the number of mel bins; returns what arrives, and the bytes that were sent."""

BATCH = 32
DRAWS = 4000
SEGMENT = 10.0  # seconds
normalise = EnglishTextNormalizer()


@dataclass(frozen=True)
class Way:
    """A way of sending speech."""

    kind: str
    name: str
    send: Send


@dataclass
class Result:
    """What one way did to all recordings; errors and words are of each recording."""

    way: Way
    bytes_a_second: float
    milliseconds_a_second: float
    errors: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]

    @property
    def rate(self) -> float:
        """Word error rate in percent."""
        return float(100 * self.errors.sum() / self.words.sum())

    def increase(self, reference: "Result") -> tuple[float, float, float]:
        """Return the increase of the rate in points, and its 95 % interval."""
        draws = np.random.default_rng(0).multinomial(
            len(self.words), np.full(len(self.words), 1 / len(self.words)), DRAWS
        )
        differences = 100 * (draws @ (self.errors - reference.errors)) / (draws @ self.words)
        low, high = np.percentile(differences, (2.5, 97.5))
        return self.rate - reference.rate, float(low), float(high)


def ways() -> list[Way]:
    """Return every way that is compared, the float32 spectrogram first."""
    encoding = image.Encoding
    return [
        Way("float32", "float32 spectrogram", _float32),
        *(_picture("PNG", encoding(), bits) for bits in (8, 6, 5, 4, 3, 2)),
        _picture("WebP lossless", encoding("webp")),
        *(_picture("WebP", encoding("webp", q)) for q in (90, 75, 50, 40, 30, 20, 10, 5, 0)),
        *(
            _picture("AVIF", encoding("avif", q))
            for q in (75, 60, 50, 40, 35, 30, 25, 20, 15, 10, 5, 0)
        ),
        *(Way("JPEG", f"JPEG, quality {q}", _jpeg(q)) for q in (75, 50, 30, 20, 10, 5)),
        Way("FLAC", "FLAC", _audio("flac", None)),
        *(
            Way("Opus", f"Opus, {rate} kbit/s", _audio("libopus", rate))
            for rate in (24, 16, 12, 8, 6)
        ),
    ]


def _float32(samples: Samples, mel_bins: int) -> tuple[Spectrogram, int]:
    spectrogram = mel.log_mel_spectrogram(samples, mel_bins)
    return spectrogram, spectrogram.nbytes


def _picture(kind: str, encoding: image.Encoding, bits: int = 8) -> Way:
    steps = 2**bits - 1

    def send(samples: Samples, mel_bins: int) -> tuple[Spectrogram, int]:
        picture = image.quantize(mel.log_mel_spectrogram(samples, mel_bins))
        if bits < 8:
            coarse = np.rint(np.rint(picture.pixels / 255 * steps) * 255 / steps)
            picture = image.MelImage(coarse.astype(np.uint8), picture.minimum, picture.maximum)
        data = image.encode(picture, encoding)
        return image.decode(data).spectrogram(), len(data)

    quality = "" if encoding.quality is None else f", quality {encoding.quality}"
    return Way(kind, f"{kind}, {bits} bits" if kind == "PNG" else kind + quality, send)


def _jpeg(quality: int) -> Send:
    def send(samples: Samples, mel_bins: int) -> tuple[Spectrogram, int]:
        picture = image.quantize(mel.log_mel_spectrogram(samples, mel_bins))
        file = io.BytesIO()
        Image.fromarray(picture.pixels[::-1]).save(file, "JPEG", quality=quality, optimize=True)
        size = len(file.getvalue()) + 8  # and two numbers for the range
        pixels = np.asarray(Image.open(file))[::-1]
        return image.MelImage(pixels, picture.minimum, picture.maximum).spectrogram(), size

    return send


def _audio(codec: str, kilobits: int | None) -> Send:
    def send(samples: Samples, mel_bins: int) -> tuple[Spectrogram, int]:
        encoder = cast(av.AudioCodecContext, av.CodecContext.create(codec, "w"))
        encoder.sample_rate, encoder.layout = mel.SAMPLE_RATE, "mono"
        encoder.format = "s16"
        if kilobits is not None:
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
        spectrogram = mel.log_mel_spectrogram(decoded.astype(np.float32), mel_bins)
        return spectrogram, sum(packet.size for packet in packets)

    return send


def measure(model: Whisper, way: Way, recordings: Sequence[Recording], window: float) -> Result:
    """Send all recordings one way, and count what is heard wrongly."""
    started = time.process_time()
    sent = [way.send(recording.samples, model.dims.n_mels) for recording in recordings]
    spent = time.process_time() - started
    seconds = sum(len(recording.samples) for recording in recordings) / mel.SAMPLE_RATE
    answers = heard(model, [mel.floor_normalized(spectrogram) for spectrogram, _ in sent], window)
    counts = [
        _errors(normalise(recording.text), normalise(answer))
        for recording, answer in zip(recordings, answers, strict=True)
    ]
    return Result(
        way,
        sum(size for _, size in sent) / seconds,
        1000 * spent / seconds,
        np.array([errors for errors, _ in counts]),
        np.array([words for _, words in counts]),
    )


def _errors(reference: str, answer: str) -> tuple[int, int]:
    out = jiwer.process_words(reference, answer)
    return out.substitutions + out.deletions + out.insertions, len(reference.split())


def heard(model: Whisper, spectrograms: Sequence[Spectrogram], window: float) -> list[str]:
    """Decode spectrograms greedily, in a window of some seconds, padded with zeros as Whisper's."""
    frames = round(window * mel.FRAMES_PER_SECOND)
    whole = model.encoder.positional_embedding
    options = whisper.DecodingOptions(language="en", fp16=False, without_timestamps=True)
    answers: list[str] = []
    try:
        # Stock decode() takes features as long as n_audio_ctx, which may be shorter than 30 s.
        model.encoder.positional_embedding = whole[: frames // 2]
        model.dims.n_audio_ctx = frames // 2
        for batch in _batches(spectrograms):
            padded = [
                np.pad(one[:, :frames], ((0, 0), (0, max(0, frames - one.shape[1]))))
                for one in batch
            ]
            with torch.inference_mode():
                features = model.encoder(torch.from_numpy(np.stack(padded)))
                answers += [result.text for result in whisper.decode(model, features, options)]
    finally:
        model.encoder.positional_embedding, model.dims.n_audio_ctx = whole, len(whole)
    return answers


def _batches(spectrograms: Sequence[Spectrogram]) -> Iterator[Sequence[Spectrogram]]:
    for first in range(0, len(spectrograms), BATCH):
        yield spectrograms[first : first + BATCH]


def report(title: str, results: Sequence[Result]) -> None:
    """Print the table of one kind of recordings."""
    reference = results[0]
    rows = []
    for result in results:
        increase, low, high = result.increase(reference)
        rows.append(
            (
                result.way.name,
                f"{result.bytes_a_second:.0f}",
                f"{result.rate:.2f}",
                "" if result is reference else f"{increase:+.2f} ({low:+.2f} to {high:+.2f})",
                f"{result.milliseconds_a_second:.1f}",
            )
        )
    heads = ("sent as", "bytes a second", "WER in %", "increase in points", "ms a second")
    table(title, heads, rows)


def plot(results: Sequence[Result], file: Path) -> None:
    """Draw accuracy against bytes, one line for each kind of picture and for Opus."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    reference = results[0]
    for kind in dict.fromkeys(result.way.kind for result in results[1:]):
        points = [result for result in results if result.way.kind == kind]
        sizes = [point.bytes_a_second for point in points]
        rates = [point.rate for point in points]
        errors = np.array([point.increase(reference) for point in points])
        axes.errorbar(
            sizes,
            rates,
            yerr=np.abs(errors[:, 1:].T - errors[:, 0]),
            marker="o",
            markersize=4,
            capsize=2,
            linewidth=1.2,
            linestyle="--" if kind in ("Opus", "FLAC") else "-",
            label=f"{kind} (audio)" if kind in ("Opus", "FLAC") else kind,
        )
    axes.axhline(
        reference.rate, color="grey", linewidth=0.8, linestyle=":", label="float32 spectrogram"
    )
    axes.set(
        xscale="log",
        xlabel="bytes a second of speech",
        ylabel="word error rate in %",
        ylim=(0, 3 * max(reference.rate, 1)),
    )
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    figure.savefig(file)


def spoken_segments() -> list[Recording]:
    """Return the test sentences by voices never heard in training, in segments of up to 10 s."""
    kinds, texts = zip(*sentences.test_sentences(), strict=True)
    family = "espeak variant"
    voices = speech.HELD_OUT[family]
    again = say_all([*voices[1:], voices[0]], texts)  # each sentence by another voice than before
    told = held_out_recordings() + [
        Recording(family, *one) for one in zip(kinds, texts, again, strict=True)
    ]
    return strung_together(told, SEGMENT, 0.4, random.Random(5))


def lengths(recordings: Sequence[Recording]) -> None:
    """Print what pictures weigh in segments of several lengths."""
    durations = (1, 2, 5, 10, 30)  # seconds
    spoken = np.concatenate([recording.samples for recording in recordings])
    spoken = spoken[: 600 * mel.SAMPLE_RATE]
    rows = []
    for name, encoding in (
        ("PNG", image.PNG),
        ("WebP lossless", image.Encoding("webp")),
        ("`small`", image.SMALL),
    ):
        row: list[object] = [name]
        for seconds in durations:
            size = seconds * mel.SAMPLE_RATE
            whole = [spoken[i : i + size] for i in range(0, len(spoken) - size + 1, size)]
            total = sum(
                len(image.encode(image.quantize(mel.log_mel_spectrogram(one)), encoding))
                for one in whole
            )
            row.append(f"{total / len(whole) / seconds:.0f}" if whole else "")
        rows.append(row)
    table("Bytes a second, by length of the segment", ("", *(f"{d} s" for d in durations)), rows)


# ---- what each process holds ----
_model: Whisper
_kinds: dict[str, Sequence[Recording]]
_window: float


def _prepare(model: str, kinds: dict[str, Sequence[Recording]], window: float) -> None:
    global _model, _kinds, _window
    torch.set_num_threads(1)
    _model, _kinds, _window = whisper.load_model(model, device="cpu"), kinds, window


def _measure(title: str, index: int) -> Result:
    result = measure(_model, ways()[index], _kinds[title], _window)
    result.way = Way(result.way.kind, result.way.name, _float32)  # closures do not travel
    return result


def main() -> None:
    """Measure every way and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default=str(DEMO))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--few", type=int, default=1, help="take every so manyth segment")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--plot", type=Path, help="write the plot of the clean recordings there")
    arguments = parser.parse_args()
    recordings = folder_recordings(arguments.data) if arguments.data else spoken_segments()
    window = 30.0 if arguments.data else SEGMENT
    fitting = [r for r in recordings if len(r.samples) <= window * mel.SAMPLE_RATE]
    if len(fitting) < len(recordings):
        print(f"left out: {len(recordings) - len(fitting)} recordings of more than {window:.0f} s")
    fitting = fitting[:: arguments.few]
    rng = np.random.default_rng(5)
    noisy = [Recording(r.family, r.kind, r.text, with_noise(r.samples, 10, rng)) for r in fitting]
    kinds: dict[str, Sequence[Recording]] = {
        "Clean": fitting,
        "White noise, 10 dB below the speech": noisy,
    }
    names = [way.name for way in ways()]
    with ProcessPoolExecutor(
        arguments.processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_prepare,
        initargs=(arguments.model, kinds, window),
    ) as pool:
        for title, chosen in kinds.items():
            work = {pool.submit(_measure, title, i): name for i, name in enumerate(names)}
            for count, future in enumerate(as_completed(work), 1):
                done = f"{title}, {count} of {len(names)}: {work[future]}"
                print(f"{done}: {future.result().rate:.2f} %", flush=True)
            results = [future.result() for future in work]
            words = int(results[0].words.sum())
            report(f"{title}: {len(chosen)} segments, {words} words", results)
            if chosen is fitting and arguments.plot:
                plot(results, arguments.plot)
    lengths(fitting)


if __name__ == "__main__":
    main()
