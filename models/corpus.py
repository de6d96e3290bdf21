"""The training speech: shards of synthesised utterances, kept as log-mel spectrograms.

A shard is two files: `N.npy` (the spectrograms of its utterances one after the other, frames x 80,
float16, log10 of the power and not yet floored) and `N.json` (where each utterance begins, its
length, voice and words). A shard's number is the seed of all that is in it, so shards can be made
in any order, by several processes, and made again.

    python -m models.corpus --shards 80
"""

import argparse
import json
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hush.mel import log_mel
from models import sentences, speech

UTTERANCES_PER_SHARD = 1000
SHARE_OF_RANDOM_WORDS = 0.22
N_MELS = 80


@dataclass(frozen=True)
class Utterance:
    """One spoken sentence: its frames are `mel[start : start + frames]` of its shard."""

    start: int
    frames: int
    text: str
    voice: str


def log10_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the spectrogram, log10 of power and not floored, with frames as rows: (frames, 80)."""
    return np.ascontiguousarray(log_mel(samples).T)


def draw_text(rng: random.Random) -> str:
    """Draw what an utterance says: a sentence or words at random, never a test sentence."""
    kept_out = {sentences.same_words(text) for _, text in sentences.test_sentences()}
    while True:
        text = (
            sentences.random_words(rng)
            if rng.random() < SHARE_OF_RANDOM_WORDS
            else sentences.sentence(rng)
        )
        if sentences.same_words(text) not in kept_out:
            return text


def make_shard(number: int, folder: Path) -> None:
    """Synthesise one shard into a folder, unless it is there already."""
    if (folder / f"{number}.json").exists():
        return
    rng = random.Random(number)
    texts = [draw_text(rng) for _ in range(UTTERANCES_PER_SHARD)]
    drawn = [speech.draw_voice(rng) for _ in texts]
    spoken = [sentences.spoken(text) for text in texts]
    waves = speech.speak(spoken, [voice for voice, _ in drawn], [manner for _, manner in drawn])
    mels: list[NDArray[np.float16]] = []
    utterances: list[dict[str, object]] = []
    start = 0
    for text, (voice, _), samples in zip(texts, drawn, waves, strict=True):
        # A synthesiser that stumbled says too much or too little for its words.
        if (
            samples is None
            or not 0.08 < len(samples) / speech.SAMPLE_RATE / (len(text.split()) + 1) < 1.5
        ):
            continue
        mel = log10_mel(samples * rng.uniform(0.3, 0.9)).astype(np.float16)
        utterances.append(
            {
                "start": start,
                "frames": len(mel),
                "text": text,
                "voice": f"{voice.family} {voice.name}",
            }
        )
        mels.append(mel)
        start += len(mel)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{number}.npy", np.concatenate(mels))
    (folder / f"{number}.json").write_text(
        "\n".join(json.dumps(utterance) for utterance in utterances)
    )


def load_shard(number: int, folder: Path) -> tuple[NDArray[np.float16], Sequence[Utterance]]:
    """Map a shard's spectrograms into memory and read its utterances."""
    mel = np.load(folder / f"{number}.npy", mmap_mode="r")
    return mel, [
        Utterance(**json.loads(line))
        for line in (folder / f"{number}.json").read_text().splitlines()
    ]


def shards_there(folder: Path) -> list[int]:
    """Return the numbers of the shards that a folder holds, whole."""
    return sorted(int(file.stem) for file in folder.glob("*.json"))


def main() -> None:
    """Synthesise the training speech on every other core but one process a core."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--shards",
        type=int,
        default=80,
        help="how many shards of 1000 utterances, about 0.65 hours each",
    )
    parser.add_argument("--build", type=Path, default=speech.BUILD / "corpus", help="where they go")
    parser.add_argument(
        "--part",
        default="0/1",
        help="which share of them this process makes: 0/2 is every other one",
    )
    arguments = parser.parse_args()
    part, parts = map(int, arguments.part.split("/"))
    for number in range(part, arguments.shards, parts):
        make_shard(number, arguments.build)
        print(f"shard {number} of {arguments.shards}", flush=True)


if __name__ == "__main__":
    os.nice(19)
    main()
