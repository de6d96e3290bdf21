"""What the page's chain makes of recordings, beside what the library makes of them."""

import json
import subprocess
import wave
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from hush import mel
from hush.audio import read_audio
from hush.cutter import Cutter
from hush.detector import EverythingIsSpeech
from hush.image import Encoding, MelImage, decode, encode
from hush.mel import MEL_BINS, SAMPLE_RATE
from hush.segments import Segment, segments
from hush.voice_network import NetworkDetector, VoiceNetwork
from tests.conftest import ROOT, Samples

UI = ROOT / "ui"


@dataclass(frozen=True)
class Sound:
    """Samples, and how they are cut."""

    samples: Samples
    n_mels: int
    cutter: dict[str, float] = field(default_factory=dict)
    whole: bool = False
    rate: int = SAMPLE_RATE

    def segments(self, samples: Samples) -> list[Segment]:
        """Return what the library makes of samples of 16 kHz."""
        detector = EverythingIsSpeech() if self.whole else NetworkDetector(self.n_mels)
        return list(segments([samples], self.n_mels, detector, Cutter(**self.cutter)))


@dataclass(frozen=True)
class Recording:
    """The segments of a sound: the library's, and the folder with the page's."""

    ours: list[Segment]
    sound: Sound
    folder: Path

    @property
    def our_cuts(self) -> list[tuple[int, int]]:
        """The library's cuts."""
        return [(segment.cut.start, segment.cut.end) for segment in self.ours]

    @property
    def their_cuts(self) -> list[tuple[int, int]]:
        """The page's cuts."""
        return [(start, end) for start, end in json.loads((self.folder / "cuts.json").read_text())]

    @property
    def our_probabilities(self) -> np.ndarray:
        """How probable the library finds speech, for each 20 ms."""
        network, log_mel = (
            VoiceNetwork(self.sound.n_mels),
            mel.log_mel(self.sound.samples, self.sound.n_mels),
        )
        return np.concatenate([network.push(log_mel), network.finish()])

    @property
    def their_probabilities(self) -> np.ndarray:
        """How probable the page finds speech."""
        return np.fromfile(self.folder / "probabilities.f32", "<f4")

    def read(self, index: int, suffix: str) -> bytes:
        """Return one of the page's files."""
        return (self.folder / f"{index}.{suffix}").read_bytes()


@pytest.fixture(scope="module", autouse=True)
def kernels() -> None:
    """Compile what the chain calls."""
    assert (UI / "node_modules").is_dir(), "the page has not been set up: `make page`"
    subprocess.run(["node", "wasm/build.mjs"], cwd=UI, check=True)


def run_chain(folder: Path, sounds: list[Sound]) -> list[Recording]:
    """Have the page's chain, in Node, cut sounds and make pictures."""
    order, made = [], []
    for index, sound in enumerate(sounds):
        own = folder / str(index)
        own.mkdir()
        sound.samples.astype("<f4").tofile(own / "samples.f32")
        order.append(
            {
                "samples": str(own / "samples.f32"),
                "rate": sound.rate,
                "folder": str(own),
                "melBins": sound.n_mels,
                "cutter": sound.cutter,
                "everythingIsSpeech": sound.whole,
            }
        )
        samples = sound.samples
        if sound.rate != SAMPLE_RATE:
            samples = resampled(samples, sound.rate, own / "samples.wav")
        made.append(Recording(sound.segments(samples), replace(sound, samples=samples), own))
    (folder / "order.json").write_text(json.dumps(order))
    subprocess.run(["node", "tests/chain/pictures.mjs", folder / "order.json"], cwd=UI, check=True)
    return made


def resampled(samples: Samples, rate: int, file: Path) -> Samples:
    """Have the library read samples of another rate."""
    with wave.open(str(file), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(rate)
        recording.writeframes((samples * 32_768).astype("<i2").tobytes())
    return read_audio(file)


@pytest.fixture(scope="module")
def samples_cut(sample: Samples, tmp_path_factory: pytest.TempPathFactory) -> list[Recording]:
    pause = np.zeros(16_000, np.float32)
    twice = np.concatenate([pause, sample, pause, sample[20_000:] * np.float32(0.1), pause])
    return run_chain(
        tmp_path_factory.mktemp("sample"), [Sound(twice, n_mels) for n_mels in MEL_BINS]
    )


def levels_apart(one: MelImage, other: MelImage) -> np.ndarray:
    return np.abs(one.pixels.astype(int) - other.pixels)


def test_lossless_pictures_of_the_page_are_those_of_the_library(
    samples_cut: list[Recording],
) -> None:
    for recording in samples_cut:
        assert recording.their_cuts == recording.our_cuts
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
            assert len(webp) < len(png) / 2.5
            assert np.sqrt(np.square(levels_apart(exact, lossy)).mean()) < 20


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_sound_of_other_rates_is_heard_as_the_library_hears_it(
    rate: int, sample: Samples, tmp_path: Path
) -> None:
    # Interpolated in straight lines, the sound has mirror images above 8 kHz, which have to go.
    times = np.arange(0, len(sample) / SAMPLE_RATE, 1 / rate)
    heard = np.interp(times, np.arange(len(sample)) / SAMPLE_RATE, sample)
    whole_steps = (np.rint(heard * 32_767) / 32_768).astype(np.float32)
    [recording] = run_chain(tmp_path, [Sound(whole_steps, 80, whole=True, rate=rate)])
    assert recording.their_cuts == recording.our_cuts
    page, library = decode(recording.read(0, "png")), recording.ours[0].image()
    # Mel bins that lie under the edges of both low-pass filters.
    passed = {8_000: 58, 44_100: 74, 48_000: 74}[rate]
    apart = levels_apart(page, library)[:passed]
    assert apart.max() <= 1
    assert apart.mean() < 0.01


def test_cuts_of_real_recordings_are_within_a_frame(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    recordings = [read_audio(file) for file in sorted(shared_data.glob("*/*.wav"))]
    sounds = [
        sound
        for samples in recordings
        for n_mels in MEL_BINS
        for sound in (
            Sound(samples, n_mels),
            Sound(samples, n_mels, {"shortest": 4, "longest": 5}),
            Sound(samples, n_mels, {"longest": 2.5}, whole=True),
        )
    ]
    cuts = moved = pixels = other_pixels = 0
    for recording in run_chain(tmp_path_factory.mktemp("real"), sounds):
        apart = np.abs(recording.our_probabilities - recording.their_probabilities)
        assert apart.max() < 1e-3
        pairs = list(zip(recording.our_cuts, recording.their_cuts, strict=True))
        for index, (ours, theirs) in enumerate(pairs):
            cuts += 1
            moved += ours != theirs
            assert max(abs(ours[0] - theirs[0]), abs(ours[1] - theirs[1])) <= 1
            if ours == theirs:
                page, library = decode(recording.read(index, "png")), recording.ours[index].image()
                apart = levels_apart(page, library)
                assert apart.max() <= 1
                pixels += apart.size
                other_pixels += int(np.count_nonzero(apart))
    seconds = sum(len(samples) for samples in recordings) / SAMPLE_RATE
    print(
        f"{len(recordings)} recordings of {seconds:.0f} s, cut in 3 ways in {MEL_BINS} mel bins:"
        f" {moved} of {cuts} segments elsewhere, {other_pixels} of {pixels} pixels a level apart"
    )
