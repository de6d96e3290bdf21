"""What the voice network learns from: speech with a teacher's opinion, and what is no speech.

Speech and rooms are those of a data set (`bench.recordings` says of what form), and free
recordings of Debian's packages, which are fetched from its mirrors: prompts of telephone systems
in five languages (asterisk-core-sounds, CC BY-SA 3.0) and two dubbings of a game (fillets-ng,
GPL-2+); music and sounds of games (GPL-2+ and other free licences; each package's own `copyright`
has them).

The teacher is Silero VAD (MIT), asked about speech before anything is done to it. It lags by some
30 ms, which is taken back.
"""

import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt

from hush.audio import AudioError, read_audio
from hush.mel import HOP_LENGTH, SAMPLE_RATE, Samples
from models import nothing_said
from models.vad_peers import silero

PROMPTS = tuple(
    f"asterisk-core-sounds-{language}-g722" for language in ("en", "es", "fr", "it", "ru")
)
DUBBINGS = ("fillets-ng-data-nl", "fillets-ng-data-cs")
SOUNDS = (
    "fillets-ng-data",
    "freedroid-data",
    "frozen-bubble-data",
    "hedgewars-data",
    "lincity-ng-data",
    "teeworlds-data",
    "tuxtype-data",
    "warzone2100-music",
)
SECONDS_OF_A_VOICE = 420
SECONDS_OF_A_SOUND = 40
LAG = 3
"""Frames by which the teacher is late."""

Whole = npt.NDArray[np.int16]


class Voice(NamedTuple):
    """Speech, 16-bit samples, and its probability in each frame of 10 ms."""

    samples: Whole
    speech: npt.NDArray[np.float16]


class Sources(NamedTuple):
    """Voices; noise of rooms and streets; other sounds and music."""

    voices: list[Voice]
    surroundings: Whole
    sounds: list[Whole]


def sources(data: Path, folder: Path) -> Sources:
    """Return all there is to learn from; what was fetched and judged is kept in a folder."""
    kept = folder / "sources.pickle"
    if not kept.exists():
        made = _sources(data, folder)
        kept.with_suffix(".part").write_bytes(pickle.dumps(made))
        kept.with_suffix(".part").rename(kept)
    made = pickle.loads(kept.read_bytes())
    assert isinstance(made, Sources)
    return made


def _sources(data: Path, folder: Path) -> Sources:
    generator = np.random.default_rng(5)
    lines = (data / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    # voicebank's noisy recordings are its clean ones again.
    clean = [
        data / each["path"]
        for each in map(json.loads, lines)
        if each["source"] != "voicebank-demand-noisy"
    ]
    print(len(clean), "recordings are judged", flush=True)
    voices = [_judged(read_audio(file)) for file in clean]
    for package in (*PROMPTS, *DUBBINGS):
        voices += [_judged(each) for each in _joined(_recordings(package, folder), generator)]
        print(
            package, f"{sum(len(each.samples) for each in voices) / SAMPLE_RATE:.0f} s", flush=True
        )
    rooms = nothing_said.surroundings(data)
    sounds = [
        _whole(make(20 * SAMPLE_RATE, generator))
        for kind, make in nothing_said.kinds(rooms)
        if kind != "surroundings"
        for _ in range(4)
    ]
    for package in SOUNDS:
        sounds += [_whole(each) for each in _recordings(package, folder) if not _spoken(each)]
        print(package, len(sounds), "sounds", flush=True)
    return Sources(voices, _whole(rooms), sounds)


def _judged(samples: Samples) -> Voice:
    silence = np.zeros(SAMPLE_RATE // 2, np.float32)
    loud = samples / max(1e-6, float(np.abs(samples).max())) / 2
    probabilities = silero(np.concatenate([silence, loud, silence]))
    frames = len(samples) // HOP_LENGTH
    first = len(silence) // HOP_LENGTH + LAG
    return Voice(
        _whole(samples[: frames * HOP_LENGTH]),
        probabilities[first : first + frames].astype(np.float16),
    )


def _spoken(samples: Samples) -> bool:
    """Tell whether the teacher hears speech in a sound."""
    part = samples[: 15 * SAMPLE_RATE]
    return float(silero(part / np.abs(part).max() / 2).mean()) > 0.3


def _whole(samples: Samples) -> Whole:
    scaled = samples / max(1e-9, float(np.abs(samples).max())) * 0.9
    return (scaled * 32_767).astype(np.int16)


def _joined(recordings: Iterator[Samples], generator: np.random.Generator) -> Iterator[Samples]:
    """Yield prompts of one voice behind each other, 12 to 16 s long."""
    held: list[Samples] = []
    heard = 0
    every = list(recordings)
    for number in generator.permutation(len(every)):
        prompt = every[number]
        held.append(prompt / np.abs(prompt).max() / 2)
        if sum(map(len, held)) > 12 * SAMPLE_RATE:
            whole = np.concatenate(held)[: 16 * SAMPLE_RATE]
            yield whole
            held, heard = [], heard + len(whole)
        if heard > SECONDS_OF_A_VOICE * SAMPLE_RATE:
            return


def _recordings(package: str, folder: Path) -> Iterator[Samples]:
    """Yield a Debian package's sounds, none over 40 s; of a game's sounds, not the voices."""
    read: dict[str, Callable[[Path], Samples]] = {
        ".g722": _telephone,
        **dict.fromkeys((".ogg", ".wav", ".mp3", ".opus"), read_audio),
    }
    place = _unpacked(package, folder)
    for file in sorted(place.rglob("*")):
        if file.suffix not in read or (
            package in SOUNDS and "oice" in str(file.relative_to(place))
        ):
            continue
        try:
            samples = read[file.suffix](file)[: SECONDS_OF_A_SOUND * SAMPLE_RATE]
        except (AudioError, av.FFmpegError):
            continue
        if len(samples) > SAMPLE_RATE // 3 and np.abs(samples).max() > 1e-4:
            yield np.asarray(samples, np.float32)


def _telephone(file: Path) -> Samples:
    with av.open(str(file), format="g722") as container:
        resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
        parts = [
            part.to_ndarray()[0]
            for frame in container.decode(audio=0)
            for part in resampler.resample(frame)
        ]
    return np.concatenate(parts)


def _unpacked(package: str, folder: Path) -> Path:
    place = folder / "packages" / package
    if not place.exists():
        fetched = folder / "fetched"
        fetched.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(["apt-get", "download", "-qq", package], cwd=fetched, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"{package} could not be fetched by apt-get ({error}); this wants Debian")
        [archive] = fetched.glob(f"{package}_*.deb")
        part = place.with_suffix(".part")
        subprocess.run(["dpkg-deb", "-x", str(archive), str(part)], check=True)
        part.rename(place)
    return place
