"""Spectrograms in colour, with axes and segments, for people to look at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from hush.cutter import RECORDING_SEGMENT, Cutter
from hush.folder import read_index
from hush.image import decode
from hush.mel import (
    FRAMES_PER_SECOND,
    SAMPLE_RATE,
    Spectrogram,
    log_mel_spectrogram,
    mel_filters,
)
from hush.segments import segments
from hush.terminal import is_picture, opened

ENDINGS = (".png", ".svg", ".pdf")
"""Endings of the files that can be drawn into."""

_TICKS = (100, 250, 500, 1000, 2000, 4000, 7000)
_WIDEST = 40.0


def drawn(file: Path, mel_bins: int) -> tuple[Spectrogram, list[tuple[float, float]]]:
    """Return what there is to draw of a recording, a mel image, or a folder of them.

    Returns
    -------
    (n_mels, frames) array
        Values, floored and scaled.
    list of (start, end)
        Seconds of the segments that are made of it.

    Raises
    ------
    AudioError, FolderError, MelImageError, OSError
        If it cannot be read.
    """
    if file.is_dir():
        return _folder(file)
    if is_picture(file):
        return decode(file.read_bytes()).spectrogram(), []
    with opened(file) as recording:
        samples = np.concatenate(list(recording.chunks(seconds=60)))
    cut = segments([samples], mel_bins, cutter=Cutter(shortest=RECORDING_SEGMENT))
    return log_mel_spectrogram(samples, mel_bins), [(one.start, one.end) for one in cut]


def _folder(folder: Path) -> tuple[Spectrogram, list[tuple[float, float]]]:
    index = read_index(folder)
    frames = round(index.duration * FRAMES_PER_SECOND)
    pictures = [decode((folder / segment.file).read_bytes()) for segment in index.segments]
    lowest = min((picture.minimum for picture in pictures), default=0.0)
    spectrogram = np.full((index.mel_bins, frames), lowest, np.float32)
    for segment, picture in zip(index.segments, pictures, strict=True):
        start = round(segment.start * FRAMES_PER_SECOND)
        place = spectrogram[:, start : start + picture.frames]
        place[:] = picture.spectrogram()[:, : place.shape[1]]
    return spectrogram, [(segment.start, segment.end) for segment in index.segments]


def render(
    spectrogram: Spectrogram, spans: Sequence[tuple[float, float]], title: str, file: Path
) -> None:
    """Write a picture of a spectrogram.

    Parameters
    ----------
    spectrogram
        (n_mels, frames) values, floored and scaled.
    spans
        Start and end of each segment, in seconds.
    title
        What it is.
    file
        Where to; its ending says the format, one of `ENDINGS`.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    n_mels, frames = spectrogram.shape
    seconds = frames / FRAMES_PER_SECOND
    figure = Figure(figsize=(min(max(8.0, seconds * 0.8), _WIDEST), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    picture = axes.imshow(
        spectrogram,
        origin="lower",
        aspect="auto",
        cmap="magma",
        interpolation="nearest",
        extent=(0, seconds, -0.5, n_mels - 0.5),
    )
    figure.colorbar(picture, ax=axes, label="log-mel", pad=0.01)
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
