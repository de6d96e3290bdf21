"""Spectrograms in colour, with axes and segments, for people to look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from hush.canvas import Canvas
from hush.cutter import RECORDING_SEGMENT, Cutter
from hush.folder import FolderError, read_index, read_picture
from hush.image import MelImageError, decode
from hush.mel import (
    FRAMES_PER_SECOND,
    SAMPLE_RATE,
    LogMelStream,
    Spectrogram,
    mel_filters,
    normalize,
)
from hush.segments import SegmentStream
from hush.terminal import is_picture, opened
from hush.voice_network import FRAMES_PER_STEP, THRESHOLD, VoiceNetwork

ENDINGS = (".png", ".svg", ".pdf")
"""Endings of the files that can be drawn into."""

_TICKS = (100, 250, 500, 1000, 2000, 4000, 7000)
_WIDEST = 40.0
_MOST_MARKED = 500
"""More segments than these have no room for numbers, nor matplotlib for all their lines."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """What there is to draw.

    Attributes
    ----------
    spectrogram
        (n_mels, columns) values, floored and scaled.
    seconds
        How long it is.
    spans
        Start and end of each segment that is made of it, in seconds.
    speech
        How probable speech is in each 20 ms; None if that is not to be drawn.
    labels
        Start and end of what somebody else took for speech, in seconds.
    """

    spectrogram: Spectrogram
    seconds: float
    spans: Sequence[tuple[float, float]] = ()
    speech: npt.NDArray[np.float32] | None = None
    labels: Sequence[tuple[float, float]] = ()


def drawn(file: Path, mel_bins: int, voice_activity: bool = False) -> Drawing:
    """Return what there is to draw of a recording, a mel image, or a folder of them.

    Memory does not grow with the length of a recording.

    Parameters
    ----------
    file
        What to draw.
    mel_bins
        Height of a recording's picture, 80 or 128.
    voice_activity
        Whether to draw where the network finds speech, in a recording or a picture.

    Raises
    ------
    AudioError, FolderError, MelImageError, OSError
        If it cannot be read.
    """
    if file.is_dir():
        return _folder(file)
    if is_picture(file):
        spectrogram = decode(read_picture(file)).spectrogram()
        network = VoiceNetwork(len(spectrogram))
        parts = [network.push(spectrogram * 4 - 4), network.finish()] if voice_activity else []
        speech = np.concatenate(parts) if parts else None
        return Drawing(spectrogram, spectrogram.shape[1] / FRAMES_PER_SECOND, speech=speech)
    canvas = Canvas(mel_bins)
    mel = LogMelStream(mel_bins)
    cutter = SegmentStream(mel_bins, cutter=Cutter(shortest=RECORDING_SEGMENT))
    network = VoiceNetwork(mel_bins)
    cut, heard = [], []

    def put(log_mel: Spectrogram) -> None:
        canvas.put(canvas.frames, log_mel)
        if voice_activity:
            heard.append(network.push(log_mel))

    with opened(file) as recording:
        for chunk in recording.chunks():
            put(mel.push(chunk))
            cut += [(segment.start, segment.end) for segment in cutter.push(chunk)]
    put(mel.finish())
    cut += [(segment.start, segment.end) for segment in cutter.finish()]
    seconds = canvas.frames / FRAMES_PER_SECOND
    spectrogram = normalize(canvas.spectrogram())
    if not voice_activity:
        return Drawing(spectrogram, seconds, cut)
    speech = np.concatenate([*heard, network.finish()])
    return Drawing(spectrogram, seconds, cut, speech, _labels(file.with_suffix(".scv")))


def _labels(file: Path) -> list[tuple[float, float]]:
    """Read where speech is by the labels of TEN-VAD's test set: name, then start, end, 0 or 1."""
    if not file.is_file():
        return []
    fields = file.read_text(encoding="utf-8").strip().split(",")[1:]
    return [
        (float(start), float(end))
        for start, end, label in zip(fields[::3], fields[1::3], fields[2::3], strict=False)
        if float(label)
    ]


def _folder(folder: Path) -> Drawing:
    index = read_index(folder)
    canvas = Canvas(index.mel_bins)
    canvas.reach(max(1, round(index.duration * FRAMES_PER_SECOND)))
    for segment in index.segments:
        try:
            picture = decode(read_picture(folder / segment.file)).spectrogram()
        except MelImageError as error:
            raise FolderError(f"{segment.file}: {error}") from error
        if len(picture) != index.mel_bins:
            raise FolderError(f"{segment.file}: is not {index.mel_bins} pixels high")
        start = round(segment.start * FRAMES_PER_SECOND)
        canvas.put(start, picture[:, : max(0, canvas.frames - start)])
    spans = [(segment.start, segment.end) for segment in index.segments]
    return Drawing(canvas.spectrogram(), canvas.frames / FRAMES_PER_SECOND, spans)


def render(drawing: Drawing, title: str, file: Path) -> None:
    """Write a picture of a spectrogram.

    Parameters
    ----------
    drawing
        What to draw.
    title
        What it is.
    file
        Where to; its ending says the format, one of `ENDINGS`.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    n_mels, seconds = len(drawing.spectrogram), drawing.seconds
    has_speech = drawing.speech is not None
    size = (min(max(8.0, seconds * 0.8), _WIDEST), 4.8 if has_speech else 3.6)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    if has_speech:
        axes, below = figure.subplots(2, height_ratios=(3, 1), sharex=True)
        _draw_speech(below, drawing)
    else:
        axes = figure.add_subplot()
    picture = axes.imshow(
        drawing.spectrogram,
        origin="lower",
        aspect="auto",
        cmap="magma",
        interpolation="nearest",
        extent=(0, seconds, -0.5, n_mels - 0.5),
    )
    figure.colorbar(picture, ax=axes, label="log-mel", pad=0.01)
    if len(drawing.spans) > _MOST_MARKED:
        above = axes.get_xaxis_transform()
        widths = [(start, end - start) for start, end in drawing.spans]
        axes.broken_barh(widths, (1, 0.03), color="#3fd0c9", clip_on=False, transform=above)
    else:
        _mark(axes, drawing.spans)
    axes.set_yticks([_bin_of(hertz, n_mels) for hertz in _TICKS], [str(hertz) for hertz in _TICKS])
    axes.xaxis.set_major_formatter(FuncFormatter(_clock))
    axes.set_title(title, pad=14)
    axes.set(xlabel=None if has_speech else "time", ylabel="Hz", xlim=(0, seconds))
    figure.savefig(file, dpi=120)


def _draw_speech(axes: Axes, drawing: Drawing) -> None:
    """Draw how probable speech is, from where on it counts, and what others took for speech."""
    assert drawing.speech is not None
    step = FRAMES_PER_STEP / FRAMES_PER_SECOND
    places = (np.arange(len(drawing.speech)) + 0.5) * step
    axes.plot(places, drawing.speech, color="#1b7f79", linewidth=1, label="network")
    axes.axhline(THRESHOLD, color="#888888", linewidth=0.8, linestyle=":")
    if drawing.labels:
        widths = [(start, end - start) for start, end in drawing.labels]
        axes.broken_barh(widths, (1.05, 0.12), color="#d08a2e", label="labels")
    if drawing.spans:
        widths = [(start, end - start) for start, end in drawing.spans]
        axes.broken_barh(widths, (-0.17, 0.12), color="#3fd0c9", label="segments")
    axes.xaxis.set_major_formatter(FuncFormatter(_clock))
    axes.legend(loc="center right", fontsize=7)
    axes.set(xlabel="time", ylabel="speech", ylim=(-0.2, 1.2))


def _bin_of(hertz: float, n_mels: int) -> float:
    """Return the place of a frequency among the mel bins' centres."""
    filters = mel_filters(n_mels)
    frequencies = np.linspace(0, SAMPLE_RATE / 2, filters.shape[1])
    centres = filters @ frequencies / filters.sum(axis=1)
    return float(np.interp(hertz, centres, np.arange(n_mels)))


def _clock(seconds: float, _: int | None = None) -> str:
    if seconds < 60:
        return f"{seconds:g} s"
    return f"{int(seconds) // 60}:{seconds % 60:02.0f}"


def _mark(axes: Axes, spans: Sequence[tuple[float, float]]) -> None:
    """Draw the edges of segments, with their numbers."""
    for number, (start, end) in enumerate(spans, start=1):
        axes.axvspan(start, end, ymin=1.0, ymax=1.03, color="#3fd0c9", clip_on=False)
        for edge in (start, end):
            axes.axvline(edge, color="#3fd0c9", linewidth=0.8, alpha=0.7)
        axes.annotate(
            str(number),
            (start, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, -2),
            textcoords="offset points",
            color="white",
            fontsize=8,
            va="top",
        )
