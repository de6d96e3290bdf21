"""What the page's chain makes of recordings, beside what the library makes of them."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hush.audio import read_audio
from hush.image import Encoding, MelImage, decode, encode
from hush.mel import MEL_BINS
from hush.segments import Segment, segments
from tests.conftest import ROOT, Samples

UI = ROOT / "ui"


@dataclass(frozen=True)
class Recording:
    """The segments of a recording: the library's, and the folder with the page's."""

    ours: list[Segment]
    folder: Path

    @property
    def cuts(self) -> list[tuple[int, int]]:
        """The page's cuts."""
        return [(start, end) for start, end in json.loads((self.folder / "cuts.json").read_text())]

    def read(self, index: int, suffix: str) -> bytes:
        """Return one of the page's files."""
        return (self.folder / f"{index}.{suffix}").read_bytes()


def run_chain(folder: Path, recordings: list[tuple[Samples, int]]) -> list[Recording]:
    """Have the page's chain, in Node, cut samples and make pictures of so many mel bins."""
    assert (UI / "node_modules").is_dir(), "run `npm ci` in ui/ first"
    node = shutil.which("node")
    assert node is not None, "Node 20 or newer is needed"
    order, made = [], []
    for index, (samples, n_mels) in enumerate(recordings):
        own = folder / str(index)
        own.mkdir()
        samples.astype("<f4").tofile(own / "samples.f32")
        order.append({"samples": str(own / "samples.f32"), "melBins": n_mels, "folder": str(own)})
        made.append(Recording(list(segments([samples], n_mels)), own))
    (folder / "order.json").write_text(json.dumps(order))
    subprocess.run([node, "wasm/build.mjs"], cwd=UI, check=True)
    subprocess.run([node, "tests/chain/pictures.mjs", folder / "order.json"], cwd=UI, check=True)
    return made


@pytest.fixture(scope="module")
def samples_cut(sample: Samples, tmp_path_factory: pytest.TempPathFactory) -> list[Recording]:
    pause = np.zeros(16_000, np.float32)
    twice = np.concatenate([pause, sample, pause, sample[20_000:] * np.float32(0.1), pause])
    return run_chain(tmp_path_factory.mktemp("sample"), [(twice, n_mels) for n_mels in MEL_BINS])


def levels_apart(one: MelImage, other: MelImage) -> np.ndarray:
    return np.abs(one.pixels.astype(int) - other.pixels)


def test_lossless_pictures_of_the_page_are_those_of_the_library(
    samples_cut: list[Recording],
) -> None:
    for recording in samples_cut:
        assert recording.cuts == [(one.cut.start, one.cut.end) for one in recording.ours]
        assert len(recording.ours) == 2
        for index, segment in enumerate(recording.ours):
            png, tga = (decode(recording.read(index, suffix)) for suffix in ("png", "tga"))
            np.testing.assert_array_equal(png.pixels, tga.pixels)
            assert (png.minimum, png.maximum) == (tga.minimum, tga.maximum)
            assert encode(png, Encoding("tga")) == recording.read(index, "tga")
            ours = segment.image()
            assert levels_apart(png, ours).max() <= 1
            assert (png.minimum, png.maximum) == pytest.approx(
                (ours.minimum, ours.maximum), abs=1e-4
            )


def test_lossless_pictures_of_the_page_are_hardly_larger(samples_cut: list[Recording]) -> None:
    for recording in samples_cut:
        for index, segment in enumerate(recording.ours):
            assert len(recording.read(index, "png")) < 1.1 * len(encode(segment.image()))


def test_lossy_pictures_of_the_page_are_near_and_small(samples_cut: list[Recording]) -> None:
    for recording in samples_cut:
        for index in range(len(recording.ours)):
            png, webp = (recording.read(index, suffix) for suffix in ("png", "webp"))
            exact, lossy = decode(png), decode(webp)
            assert (lossy.minimum, lossy.maximum) == (exact.minimum, exact.maximum)
            assert len(webp) < len(png) / 8
            assert np.sqrt(np.square(levels_apart(exact, lossy)).mean()) < 20


def test_cuts_of_real_recordings_are_within_a_frame(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = sorted(shared_data.glob("*/*.wav"))
    sounds = [(read_audio(file), n_mels) for file in files for n_mels in MEL_BINS]
    seconds = sum(len(samples) for samples, _ in sounds) / 16_000
    moved = pixels = other_pixels = 0
    segments_ = 0
    for recording in run_chain(tmp_path_factory.mktemp("real"), sounds):
        ours = [(one.cut.start, one.cut.end) for one in recording.ours]
        theirs = recording.cuts
        assert len(theirs) == len(ours)
        for index, (segment, one, other) in enumerate(
            zip(recording.ours, ours, theirs, strict=True)
        ):
            segments_ += 1
            moved += one != other
            assert max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= 1
            if one == other:
                apart = levels_apart(decode(recording.read(index, "png")), segment.image())
                assert apart.max() <= 1
                pixels += apart.size
                other_pixels += int(np.count_nonzero(apart))
    print(
        f"{len(files)} recordings, {seconds:.0f} s in {MEL_BINS} mel bins: {moved} of {segments_}"
        f" segments cut elsewhere; {other_pixels} of {pixels} pixels one level apart"
    )
