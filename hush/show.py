"""Spectrograms in colour, with axes and segments, for people to look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
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
    """

    spectrogram: Spectrogram
    seconds: float
    spans: Sequence[tuple[float, float]] = ()


def drawn(file: Path, mel_bins: int) -> Drawing:
    """Return what there is to draw of a recording, a mel image, or a folder of them.

    Memory does not grow with the length of a recording.

    Raises
    ------
    AudioError, FolderError, MelImageError, OSError
        If it cannot be read.
    """
    if file.is_dir():
        return _folder(file)
    if is_picture(file):
        spectrogram = decode(read_picture(file)).spectrogram()
        return Drawing(spectrogram, spectrogram.shape[1] / FRAMES_PER_SECOND)
    canvas = Canvas(mel_bins)
    mel = LogMelStream(mel_bins)
    cutter = SegmentStream(mel_bins, cutter=Cutter(shortest=RECORDING_SEGMENT))
    cut = []
    with opened(file) as recording:
        for chunk in recording.chunks():
            canvas.put(canvas.frames, mel.push(chunk))
            cut += [(segment.start, segment.end) for segment in cutter.push(chunk)]
    canvas.put(canvas.frames, mel.finish())
    cut += [(segment.start, segment.end) for segment in cutter.finish()]
    return Drawing(normalize(canvas.spectrogram()), canvas.frames / FRAMES_PER_SECOND, cut)


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
    figure = Figure(figsize=(min(max(8.0, seconds * 0.8), _WIDEST), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
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
    axes.set(xlabel="time", ylabel="Hz", xlim=(0, seconds))
    figure.savefig(file, dpi=120)


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
