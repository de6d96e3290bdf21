"""Speech synthesis with free synthesisers: espeak-ng, flite, festival and gnuspeech.

Most of them hold few voices, so each voice is bent into many: it speaks at another pitch and rate,
and what it said is then resampled, which moves its formants, as another vocal tract would.
"""

import json
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile
from scipy.signal import resample_poly

SAMPLE_RATE = 16_000
PACKAGES = (
    *("espeak-ng", "flite", "festival", "festvox-kallpc16k", "festvox-us-slt-hts"),
    *("festvox-kdlpc16k", "nodejs", "npm"),  # the first is for the evaluation alone
)
BUILD = Path(os.environ.get("HUSH_MODEL_BUILD", Path(__file__).parent / ".build"))
GNUSPEECH = "@echogarden/gnuspeech-wasm@0.3.0"
QUIET = 10 ** (-45 / 20)  # what is fainter than this, beside the loudest moment, is not speech
MARGIN = 480  # samples kept before and after the speech: 30 ms

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Voice:
    """A synthesiser (espeak, flite, festival or gnuspeech) and the name of one of its voices."""

    family: str
    name: str


@dataclass(frozen=True)
class Manner:
    """How a voice speaks: factors on its own rate, pitch and formants."""

    rate: float = 1.0
    pitch: float = 1.0
    formants: float = 1.0


ACCENTS = (
    "en-us",
    "en-us",
    "en-us",
    "en-gb",
    "en-gb",
    "en-gb-x-rp",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
    "en-us-nyc",
    "en-029",
)
ESPEAK_VARIANTS = """
Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario
Michael Mike Mr Nguyen Storm adam anika announcer antonio aunty belinda benjamin boris caleb
david ed edward edward2 f1 f2 f3 f5 fast grandma grandpa gustave iven iven2 iven3 iven4 john
kaukovalta klatt klatt2 klatt3 klatt5 klatt6 m1 m2 m3 m4 m5 m7 m8 marcelo max michel miguel
norbert pablo paul pedro rob robert sandro shelby steph steph2 steph3 travis zac
"""
VARIANTS = ("", *ESPEAK_VARIANTS.split())
HELD_OUT_VARIANTS = ("f4", "m6", "klatt4", "linda", "quincy", "victor", "croak", "Tweaky")
HELD_OUT_ACCENT = "en-gb-scotland"
TRAINED = {
    "espeak": [
        Voice("espeak", f"{accent}+{variant}".rstrip("+"))
        for accent in ACCENTS
        for variant in VARIANTS
    ],
    "flite": [Voice("flite", name) for name in ("awb", "slt", "kal16")],
    "festival": [Voice("festival", name) for name in ("kal_diphone", "cmu_us_slt_arctic_hts")],
    "gnuspeech": [
        Voice("gnuspeech", name) for name in ("male", "female", "large_child", "small_child")
    ],
}
SHARES = {"espeak": 0.34, "flite": 0.34, "festival": 0.2, "gnuspeech": 0.12}
HELD_OUT = {
    "espeak variant": [
        Voice("espeak", f"{accent}+{v}") for v in HELD_OUT_VARIANTS for accent in ("en-us", "en-gb")
    ],
    "espeak accent": [Voice("espeak", HELD_OUT_ACCENT)],
    "flite": [Voice("flite", "rms")],
    "festival": [Voice("festival", "ked_diphone")],
}
# The median pitch in Hz of the voices that are told a pitch and not a factor.
PITCH = {"kal16": 92, "kal_diphone": 105, "ked_diphone": 105}


def draw_voice(rng: random.Random) -> tuple[Voice, Manner]:
    """Draw a voice of the training set and a manner of speaking for it."""
    family = rng.choices(list(SHARES), list(SHARES.values()))[0]
    voice = rng.choice(TRAINED[family])
    if family == "espeak":
        return voice, Manner(
            rng.uniform(0.8, 1.25), 2 ** rng.uniform(-0.4, 0.4), 2 ** rng.uniform(-0.1, 0.1)
        )
    formants = 2 ** rng.uniform(-0.3, 0.2)
    if voice.name in ("slt", "cmu_us_slt_arctic_hts"):  # a woman: most of the way down is to a man
        formants = 2 ** rng.uniform(-0.35, 0.12)
    elif voice.name in ("large_child", "small_child"):
        formants = 2 ** rng.uniform(-0.4, 0.05)
    # A longer vocal tract mostly comes with a lower voice.
    pitch = formants**1.5 * 2 ** rng.uniform(-0.45, 0.45)
    return voice, Manner(rng.uniform(0.75, 1.3), pitch, formants)


def speak(
    texts: Sequence[str], voices: Sequence[Voice], manners: Sequence[Manner]
) -> list[Samples | None]:
    """Speak texts, each with its own voice.

    Parameters
    ----------
    texts
        What to say, already respelled for synthesisers (see `sentences.spoken`).
    voices, manners
        Who says it, and how; as long as `texts`.

    Returns
    -------
    list of ndarray or None
        Mono samples at 16 kHz with a peak of 1 and at most 30 ms of silence at the ends; None where
        a synthesiser said nothing.
    """
    spoken: list[Samples | None] = [None] * len(texts)
    for family, synthesise in {
        "espeak": _espeak,
        "flite": _flite,
        "festival": _festival,
        "gnuspeech": _gnuspeech,
    }.items():
        chosen = [i for i, voice in enumerate(voices) if voice.family == family]
        if not chosen:
            continue
        # Resampling speeds up and raises what was said: so it is said slower and lower.
        plain = [
            replace(m, rate=m.rate / m.formants, pitch=m.pitch / m.formants)
            for m in (manners[i] for i in chosen)
        ]
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / f"{i}.wav" for i in chosen]
            synthesise([texts[i] for i in chosen], [voices[i].name for i in chosen], plain, files)
            for i, file in zip(chosen, files, strict=True):
                if file.exists() and file.stat().st_size > 1000:
                    spoken[i] = _finish(file, manners[i].formants)
    return spoken


def _finish(file: Path, formants: float) -> Samples | None:
    """Read what a synthesiser wrote: move its formants, bring it to 16 kHz, cut off the silence."""
    rate, heard = wavfile.read(file)
    samples = heard.astype(np.float32) / 32768
    factor = Fraction(SAMPLE_RATE / (rate * formants)).limit_denominator(200)
    samples = resample_poly(samples, factor.numerator, factor.denominator).astype(np.float32)
    blocks = np.abs(samples[: len(samples) // 160 * 160]).reshape(-1, 160).max(1, initial=0)
    loud = np.flatnonzero(blocks > QUIET * blocks.max(initial=0))
    if not len(loud) or len(loud) < 10:
        return None
    samples = samples[max(0, loud[0] * 160 - MARGIN) : loud[-1] * 160 + 160 + MARGIN]
    return np.asarray(samples / np.abs(samples).max(), np.float32)


def _espeak(texts: list[str], names: list[str], manners: list[Manner], files: list[Path]) -> None:
    for text, name, manner, file in zip(texts, names, manners, files, strict=True):
        rate = int(np.clip(165 * manner.rate, 80, 400))
        pitch = int(np.clip(50 + 55 * np.log2(manner.pitch), 0, 99))
        subprocess.run(
            ["espeak-ng", "-v", name, "-s", str(rate), "-p", str(pitch), "-w", file, text],
            check=True,
        )


def _flite(texts: list[str], names: list[str], manners: list[Manner], files: list[Path]) -> None:
    for text, name, manner, file in zip(texts, names, manners, files, strict=True):
        features = [f"duration_stretch={1 / manner.rate:.3f}", f"f0_shift={manner.pitch:.3f}"]
        if name == "kal16":  # diphones take a pitch in Hz, the others a factor
            features[1] = f"int_f0_target_mean={PITCH[name] * manner.pitch:.0f}"
        settings = [word for feature in features for word in ("--setf", feature)]
        subprocess.run(["flite", "-voice", name, *settings, "-t", text, "-o", file], check=True)


def _festival(texts: list[str], names: list[str], manners: list[Manner], files: list[Path]) -> None:
    script = []
    for text, name, manner, file in zip(texts, names, manners, files, strict=True):
        script.append(f"(voice_{name}) (Parameter.set 'Duration_Stretch {1 / manner.rate:.3f})")
        if name.endswith("_diphone"):
            pitch = PITCH[name] * manner.pitch
            script.append(
                f"(set! int_lr_params '((target_f0_mean {pitch:.0f})"
                f" (target_f0_std {pitch / 7.5:.0f}) (model_f0_mean 170) (model_f0_std 34)))"
            )
        quoted = text.replace('"', "")
        script.append(f'(utt.save.wave (utt.synth (Utterance Text "{quoted}")) "{file}" \'riff)')
    with tempfile.NamedTemporaryFile("w", suffix=".scm") as scheme:
        scheme.write("\n".join(script))
        scheme.flush()
        subprocess.run(
            ["festival", "-b", scheme.name],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def _gnuspeech(
    texts: list[str], names: list[str], manners: list[Manner], files: list[Path]
) -> None:
    package = (
        BUILD
        / "node_modules"
        / "@echogarden"
        / "gnuspeech-wasm"
        / "dist"
        / "exports"
        / "GnuSpeech.js"
    )
    if not package.exists():
        subprocess.run(["npm", "install", "--silent", "--prefix", BUILD, GNUSPEECH], check=True)
    lines = [
        json.dumps({"text": text, "voice": name, "tempo": round(manner.rate, 3), "file": str(file)})
        for text, name, manner, file in zip(texts, names, manners, files, strict=True)
    ]
    script = Path(__file__).with_name("gnuspeech.mjs")
    subprocess.run(
        ["node", script, package],
        input="\n".join(lines),
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def missing_synthesisers() -> list[str]:
    """Return the programs that speaking needs and that are not installed."""
    return [
        program
        for program in ("espeak-ng", "flite", "festival", "node", "npm")
        if shutil.which(program) is None
    ]
