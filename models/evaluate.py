"""Measure a model and print the tables of its card: `python -m models.evaluate`, or `make eval`.

Everything goes through stock openai-whisper, `whisper.load_model` and `transcribe` or `decode`,
greedily. Words are compared after Whisper's own EnglishTextNormalizer, which makes one word of a
number: "forty-two thousand" is right or wrong as a whole.

    python -m models.evaluate                                  this model, on synthetic speech
    python -m models.evaluate --model base.en --data FOLDER    any model, on real recordings:
                                                               NAME.flac with its words in NAME.txt
"""

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import jiwer
import numpy as np
import torch
import whisper
from torch import Tensor
from whisper.model import Whisper
from whisper.normalizers import EnglishTextNormalizer

from models.recordings import (
    RATE,
    Recording,
    Samples,
    folder_recordings,
    held_out_recordings,
    random_word_recordings,
    silence_and_noise,
    strung_together,
    telephone,
    with_noise,
)
from models.tables import table

DEMO = Path(__file__).with_name("demo.pt")
normalise = EnglishTextNormalizer()


def word_error_rate(references: Sequence[str], answers: Sequence[str]) -> float:
    """Return the word error rate in percent, after Whisper's English normaliser."""
    return 100 * jiwer.wer(
        [normalise(text) for text in references], [normalise(text) for text in answers]
    )


# ---- what a model answers ----
def plain(model: Whisper, recordings: Sequence[Recording], **options: object) -> list[str]:
    """Transcribe each recording with stock `transcribe()`, greedily and without fallbacks."""
    return [
        str(model.transcribe(recording.samples, temperature=0.0, fp16=False, **options)["text"])
        for recording in recordings
    ]


def decoded(
    model: Whisper,
    recordings: Sequence[Recording],
    change: Callable[[Samples], Tensor],
    timestamps: bool = False,
) -> list[str]:
    """Decode each recording's spectrogram with stock `decode()`, after a change."""
    options = whisper.DecodingOptions(language="en", fp16=False, without_timestamps=not timestamps)
    with torch.inference_mode():
        return [
            whisper.decode(model, change(recording.samples), options).text
            for recording in recordings
        ]


def floor_padded(samples: Samples) -> Tensor:
    """Return a 30 s spectrogram whose padding is silence: at Whisper's floor."""
    mel: Tensor = whisper.log_mel_spectrogram(whisper.pad_or_trim(samples))
    return mel


def zero_padded(samples: Samples) -> Tensor:
    """Return a 30 s spectrogram whose padding is zero after scaling, as in `transcribe()`."""
    mel: Tensor = whisper.pad_or_trim(whisper.log_mel_spectrogram(samples), 3000)
    return mel


def quantised(levels: int) -> Callable[[Samples], Tensor]:
    """Return a change that rounds to so many levels over the range, as a mel image does to 256."""

    def change(samples: Samples) -> Tensor:
        mel = whisper.log_mel_spectrogram(samples)
        low, step = mel.min(), (mel.max() - mel.min()) / (levels - 1)
        rounded: Tensor = whisper.pad_or_trim(((mel - low) / step).round() * step + low, 3000)
        return rounded

    return change


def short_window(
    model: Whisper, recordings: Sequence[Recording], seconds: float = 10.0
) -> list[str]:
    """Decode in a short window: the encoder's positional embedding is cut to it."""
    positions = int(seconds * 50)
    whole = model.encoder.positional_embedding
    model.encoder.positional_embedding = whole[:positions]
    options = whisper.DecodingOptions(language="en", fp16=False, without_timestamps=True)
    answers = []
    try:
        for recording in recordings:
            mel = whisper.log_mel_spectrogram(
                whisper.pad_or_trim(recording.samples, int(seconds * RATE))
            )
            with torch.inference_mode():
                # Stock decode() takes a spectrogram of 30 s, or features as long as n_audio_ctx.
                features = model.encoder(mel[None])
                model.dims.n_audio_ctx = positions
                answers.append(whisper.decode(model, features, options)[0].text)
    finally:
        model.encoder.positional_embedding, model.dims.n_audio_ctx = whole, len(whole)
    return answers


# ---- the tables ----
FAMILY = {
    "espeak variant": "espeak",
    "espeak accent": "espeak",
    "flite": "flite",
    "festival": "festival",
}


def by_family(recordings: Sequence[Recording], answers: Sequence[str]) -> dict[str, float]:
    """Return the word error rate of each group of voices, and the mean over the synthesisers."""
    groups: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for recording, answer in zip(recordings, answers, strict=True):
        for group in {recording.family, FAMILY.get(recording.family, recording.family)}:
            groups[group][0].append(recording.text)
            groups[group][1].append(answer)
    rates = {group: word_error_rate(*pair) for group, pair in groups.items()}
    synthesisers = [group for group in dict.fromkeys(FAMILY.values()) if group in rates]
    return rates | (
        {"macro mean": float(np.mean([rates[group] for group in synthesisers]))}
        if synthesisers
        else {}
    )


HEADS = ("espeak variant", "espeak accent", "espeak", "flite", "festival", "macro mean")


def row(name: str, recordings: Sequence[Recording], answers: Sequence[str]) -> list[object]:
    """Return a table's row: a name, and the word error rate of each group of voices."""
    rates = by_family(recordings, answers)
    return [name, *(rates[head] for head in HEADS)]


def measure(model: Whisper, few: int) -> None:
    """Print every table for the demonstration model.

    Parameters
    ----------
    model
        What is measured.
    few
        Comparisons take every so manyth recording; 1 takes all.
    """
    rng, noise = random.Random(3), np.random.default_rng(3)
    told = held_out_recordings()
    everything = [r for r in told if r.kind != "free"]
    by_hand = [r for r in told if r.kind == "free"]
    words = sum(len(normalise(r.text).split()) for r in everything)
    some = everything[::few]
    answers = plain(model, everything)
    random_words = random_word_recordings()
    table(
        f"Word error rate in %, voices never heard ({len(everything)} recordings, {words} words)",
        ("sentences", *HEADS),
        [
            row("test sentences from the grammar, `transcribe()`", everything, answers),
            row(
                "sentences written by hand from the same vocabulary", by_hand, plain(model, by_hand)
            ),
            row("random word order (no bar)", random_words, plain(model, random_words)),
        ],
    )
    kinds: dict[str, list[int]] = defaultdict(list)
    for i, recording in enumerate(everything):
        kinds[recording.kind].append(i)
    table(
        "By kind of sentence",
        ("kind", *HEADS),
        [
            row(kind, [everything[i] for i in chosen], [answers[i] for i in chosen])
            for kind, chosen in kinds.items()
        ],
    )
    table(
        f"Windows, padding, timestamps, rounding ({len(some)} recordings)",
        ("how", *HEADS),
        [
            row("`transcribe()`, timestamps, zero padding", some, answers[::few]),
            row(
                "`transcribe()`, without timestamps",
                some,
                plain(model, some, without_timestamps=True),
            ),
            row("`decode()`, 30 s, floor padding", some, decoded(model, some, floor_padded)),
            row(
                "`decode()`, 30 s, floor padding, timestamps",
                some,
                decoded(model, some, floor_padded, True),
            ),
            row("`decode()`, 30 s, zero padding", some, decoded(model, some, zero_padded)),
            row("10 s window, floor padding", some, short_window(model, some)),
            row("8 bits (zero padding)", some, decoded(model, some, quantised(256))),
            row("4 bits (zero padding)", some, decoded(model, some, quantised(16))),
        ],
    )

    def changed(change: Callable[[Samples], Samples]) -> list[Recording]:
        return [Recording(r.family, r.kind, r.text, change(r.samples)) for r in some]

    harder = {
        "white noise, 20 dB": changed(lambda s: with_noise(s, 20, noise)),
        "white noise, 10 dB": changed(lambda s: with_noise(s, 10, noise)),
        "telephone band": changed(telephone),
        "30 dB fainter": changed(lambda s: s * np.float32(10**-1.5)),
        "three seconds of silence first": changed(
            lambda s: np.concatenate([np.zeros(3 * RATE, np.float32), s])
        ),
    }
    table(
        "Harder recordings",
        ("how", *HEADS),
        [row(name, told, plain(model, told)) for name, told in harder.items()],
    )
    long = {
        "30 s windows, densely spoken": strung_together(everything, 30, 0.4, rng),
        "recordings of 2 minutes": strung_together(everything, 120, 1, rng),
    }
    rows = [row(name, told, plain(model, told)) for name, told in long.items()]
    rows += [
        row(
            f"{name}, `condition_on_previous_text=False`",
            told,
            plain(model, told, condition_on_previous_text=False),
        )
        for name, told in long.items()
    ]
    rows += [
        row("30 s windows, without timestamps", told, plain(model, told, without_timestamps=True))
        for told in [next(iter(long.values()))]
    ]
    table("Longer recordings", ("how", *HEADS), rows)
    times(model, everything[::20], rng)
    silence(model)


def times(model: Whisper, recordings: Sequence[Recording], rng: random.Random) -> None:
    """Print how far the times of segments and words are off."""
    starts, ends, word_starts, inside = [], [], [], 0
    for recording in recordings:
        lead = rng.uniform(0, 0.9)
        length = len(recording.samples) / RATE
        samples = np.concatenate(
            [np.zeros(int(lead * RATE), np.float32), recording.samples, np.zeros(RATE, np.float32)]
        )
        answer = model.transcribe(samples, temperature=0.0, fp16=False, word_timestamps=False)
        worded = model.transcribe(samples, temperature=0.0, fp16=False, word_timestamps=True)
        segments = answer["segments"]
        words = [word for segment in worded["segments"] for word in segment["words"]]
        if not segments or not words:
            continue
        starts.append(abs(segments[0]["start"] - lead))
        ends.append(abs(segments[-1]["end"] - lead - length))
        word_starts.append(abs(words[0]["start"] - lead))
        inside += all(
            lead - 0.3 <= word["start"] <= word["end"] <= lead + length + 0.3 for word in words
        )
    table(
        f"Times ({len(recordings)} recordings)",
        ("what", "median error in s", "90th percentile in s"),
        [
            (name, float(np.median(errors)), float(np.percentile(errors, 90)))
            for name, errors in (
                ("segment start", starts),
                ("segment end", ends),
                ("first word's start", word_starts),
            )
        ],
    )
    print(
        f"\n`word_timestamps=True`: in {inside} of {len(word_starts)} recordings every word lies"
        " within the speech, give or take 0.3 s."
    )


def silence(model: Whisper) -> None:
    """Print how many clips without speech gave words."""
    clips = silence_and_noise()
    by_transcribe = [
        name for name, clip in clips if model.transcribe(clip, fp16=False)["text"].strip()
    ]
    options = whisper.DecodingOptions(language="en", fp16=False)
    forced, low = [], 1.0
    with torch.inference_mode():
        for name, clip in clips:
            result = whisper.decode(
                model, whisper.log_mel_spectrogram(whisper.pad_or_trim(clip)), options
            )
            low = min(low, result.no_speech_prob)
            if normalise(result.text):
                forced.append(name)
    table(
        f"Silence and noise ({len(clips)} clips)",
        ("how", "clips with words"),
        [
            ("`transcribe()`", len(by_transcribe)),
            ("`decode()`", len(forced)),
            ("lowest no_speech_prob", f"{low:.3f}"),
        ],
    )
    if by_transcribe or forced:
        print(f"\nWords were heard in: {sorted({*by_transcribe, *forced})}")


def main() -> None:
    """Measure a model and print its tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--model", default=str(DEMO), help="a checkpoint, or the name of a real Whisper model"
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="a folder of recordings with their words, instead of synthetic speech",
    )
    parser.add_argument(
        "--few", type=int, default=4, help="comparisons take every so manyth recording"
    )
    arguments = parser.parse_args()
    began = time.perf_counter()
    model = whisper.load_model(arguments.model, device="cpu")
    if arguments.data:
        told = folder_recordings(arguments.data)
        table(
            "Word error rate in percent",
            ("recordings", "rate"),
            [(len(told), by_family(told, plain(model, told))[arguments.data.name])],
        )
    else:
        measure(model, arguments.few)
    print(f"\nMeasured in {(time.perf_counter() - began) / 60:.0f} minutes.")


if __name__ == "__main__":
    main()
