"""Training windows: utterances laid out in time, made harder, and what the decoder should say.

All is done to spectrograms, where power simply adds up: a window takes milliseconds, and no two
are alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from models import corpus
from models.tokens import Pronunciations, encode, tokenizer

FRAMES_PER_POSITION = 2  # the encoder's second convolution halves the frames
PROMPT_LIMIT = 223  # openai-whisper keeps n_text_ctx // 2 - 1 tokens of what was said before
SILENT = -10.0  # log10 of the least power that a spectrogram holds

Mel = NDArray[np.float32]


@dataclass(frozen=True)
class Spoken:
    """A sentence in a window, from frame to frame; one that the window cuts off has no text."""

    text: str
    start: int
    end: int


@dataclass
class Window:
    """What the model hears, and what it should make of it.

    `mel` has shape (80, frames), scaled as Whisper does. `tokens` are the decoder's input, and
    `targets` what it should answer at each of them, -1 where that does not matter. `focus` has the
    encoder positions, from and to, in which each answer is spoken.
    """

    mel: Mel
    tokens: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    focus: list[tuple[float, float]] = field(default_factory=list)
    phones: list[int] = field(default_factory=list)
    positions: int = 0  # encoder positions in which the phones are spoken

    def say(self, token: int, target: int = -1, focus: tuple[float, float] = (-1.0, -1.0)) -> None:
        """Append one step of the decoder."""
        self.tokens.append(token)
        self.targets.append(target)
        self.focus.append(focus)


class Windows:
    """Makes training windows from the utterances of a corpus."""

    def __init__(
        self, folder: Path, pronunciations: Pronunciations, rng: np.random.Generator
    ) -> None:
        self.folder, self.rng, self.pronunciations = folder, rng, pronunciations
        self.shards: list[tuple[NDArray[np.float16], list[corpus.Utterance]]] = []
        self.strength = 0.4
        white = rng.standard_normal(16_000 * 120).astype(np.float32)
        self._grain = corpus.log10_mel(white)  # how the power of noise moves about its mean
        self._grain -= np.log10((10.0**self._grain).mean(0))
        hertz = np.linspace(0, 15 + 27 * np.log(8) / np.log(6.4), corpus.N_MELS + 2)[
            1:-1
        ]  # mel, as Slaney counts it
        self._hertz = np.where(hertz < 15, hertz * 200 / 3, 1000 * 6.4 ** ((hertz - 15) / 27))
        self.refresh()

    def refresh(self) -> None:
        """Take in the shards that have been synthesised since."""
        for number in corpus.shards_there(self.folder)[len(self.shards) :]:
            mel, utterances = corpus.load_shard(number, self.folder)
            self.shards.append((mel, list(utterances)))

    @property
    def hours(self) -> float:
        """Hours of speech in the corpus."""
        return sum(len(mel) for mel, _ in self.shards) / 360_000

    # ---- layout ----
    def _draw(self) -> tuple[Mel, str]:
        mel, utterances = self.shards[self.rng.integers(len(self.shards))]
        utterance = utterances[self.rng.integers(len(utterances))]
        return self._bend(
            mel[utterance.start : utterance.start + utterance.frames].astype(np.float32)
        ), utterance.text

    def _draw_text(self) -> str:
        _, utterances = self.shards[self.rng.integers(len(self.shards))]
        return utterances[self.rng.integers(len(utterances))].text

    def window(self, frames: int, most: int, gap: float) -> Window:
        """Make one window.

        Parameters
        ----------
        frames
            Its length in frames of 10 ms.
        most
            How many utterances it holds at most; none stand for silence or noise.
        gap
            The longest pause between two of them in seconds.

        Returns
        -------
        Window
            With as many whole utterances as fit, and sometimes the beginning of one more.
        """
        rng = self.rng
        power = np.full((frames, corpus.N_MELS), SILENT, np.float32)
        said: list[Spoken] = []
        at = int(
            rng.choice(
                (rng.uniform(0, 30), rng.uniform(0, 150), rng.uniform(0, frames / 2)),
                p=(0.55, 0.4, 0.05),
            )
        )
        with_timestamps = rng.random() < 0.55
        for _ in range(most):
            mel, text = self._draw()
            cut = at + len(mel) > frames
            if cut and not (said and with_timestamps and frames - at > 60 and rng.random() < 0.6):
                break
            mel = mel[: frames - at] + np.float32(rng.normal(0, 0.25))
            power[at : at + len(mel)] = np.maximum(power[at : at + len(mel)], mel)
            said.append(Spoken("" if cut else text, at + 3, at + len(mel) - 3))
            if cut:
                break
            at += len(mel) + int(100 * rng.uniform(0.05, gap))
        content = (
            min(frames, said[-1].end + int(rng.choice((5, rng.uniform(5, 100), frames))))
            if said
            else frames
        )
        window = Window(self._finish(power, content, bool(said)))
        self._answer(window, said, with_timestamps)
        return window

    def _answer(self, window: Window, said: list[Spoken], with_timestamps: bool) -> None:
        special, rng = tokenizer(), self.rng
        if rng.random() < 0.3:
            window.say(special.sot_prev)
            # A long prompt before a short window would cost more than the window.
            for token in self._prompt(PROMPT_LIMIT + 1 if window.mel.shape[1] > 900 else 30):
                window.say(token)
        first = special.timestamp_begin + (said[0].start // FRAMES_PER_POSITION if said else 0)
        window.say(special.sot, first if said else int(special.no_speech or 0))
        if not said:
            self._answer_silence(window, with_timestamps)
            return
        if not with_timestamps:
            window.say(special.no_timestamps)
        for spoken in said:
            start, end = (
                special.timestamp_begin + frame // FRAMES_PER_POSITION
                for frame in (spoken.start, spoken.end)
            )
            if with_timestamps:
                if len(window.tokens) > 1 and window.targets[-1] == -1:
                    window.targets[-1] = start
                # openai-whisper allows no first timestamp over a second: bear it.
                late = (
                    spoken is said[0]
                    and start > special.timestamp_begin + 50
                    and rng.random() < 0.7
                )
                window.say(
                    special.timestamp_begin + int(50 if rng.random() < 0.5 else rng.integers(51))
                    if late
                    else start
                )
            if not spoken.text:
                break
            tokens = encode(spoken.text)
            lengths = np.cumsum([0] + [len(special.decode([token])) for token in tokens])
            middle = (lengths[:-1] + lengths[1:]) / (2 * lengths[-1])
            length = (spoken.end - spoken.start) / FRAMES_PER_POSITION
            for token, share in zip(tokens, middle, strict=True):
                centre, reach = (
                    spoken.start / FRAMES_PER_POSITION + share * length,
                    10 + 0.1 * length,
                )
                window.targets[-1], window.focus[-1] = token, (centre - reach, centre + reach)
                window.say(token)
            if with_timestamps:
                window.targets[-1] = end
                window.say(end)
        window.targets[-1] = special.eot
        whole = [spoken for spoken in said if spoken.text]
        window.phones = [
            phone for spoken in whole for phone in self.pronunciations.phones(spoken.text)
        ]
        # The phones of a sentence that is cut off are unknown: CTC is not to look at it.
        window.positions = window.mel.shape[1] // FRAMES_PER_POSITION
        if not said[-1].text:
            window.positions = said[-1].start // FRAMES_PER_POSITION

    def _answer_silence(self, window: Window, with_timestamps: bool) -> None:
        special, rng = tokenizer(), self.rng
        if with_timestamps:
            window.say(
                special.timestamp_begin + int(0 if rng.random() < 0.5 else rng.integers(51)),
                special.eot,
            )
        elif rng.random() < 0.75:
            window.say(special.no_timestamps, special.eot)
        else:
            # openai-whisper forbids an empty answer here; a timestamp reads as no text at all.
            window.say(special.no_timestamps, special.timestamp_begin)
            window.say(special.timestamp_begin, special.eot)

    def _prompt(self, limit: int) -> list[int]:
        special, rng = tokenizer(), self.rng
        tokens: list[int] = []
        length = int(rng.choice((rng.integers(1, limit), rng.integers(1, min(limit, 40)))))
        with_timestamps, at = rng.random() < 0.6, int(rng.integers(0, 100))
        while len(tokens) < length:
            words = encode(self._draw_text())
            end = min(1500, at + 8 * len(words))
            stamps = (
                ([special.timestamp_begin + at], [special.timestamp_begin + end])
                if with_timestamps
                else ([], [])
            )
            tokens += stamps[0] + list(words) + stamps[1]
            at = end if end < 1400 else 0
        return tokens[-length:]

    # ---- making it harder ----
    def _bend(self, mel: Mel) -> Mel:
        """Give an utterance another vocal tract and another rate, by resampling both axes."""
        rng, strength = self.rng, self.strength
        if rng.random() < 0.6 * strength:
            factor = 2 ** rng.uniform(-0.2, 0.2)
            mel = _resample(
                mel.T, np.interp(self._hertz * factor, self._hertz, np.arange(corpus.N_MELS))
            ).T
        if rng.random() < 0.6 * strength:
            length = int(len(mel) * 2 ** rng.uniform(-0.2, 0.25))
            mel = _resample(mel, np.linspace(0, len(mel) - 1, length))
        return mel

    def _curve(self, decades: float) -> Mel:
        """Draw a smooth curve over the mel bins that moves by about so many factors of ten."""
        bins = np.linspace(0, 1, corpus.N_MELS)
        waves = [
            self.rng.normal() / n * np.cos(np.pi * n * (bins - self.rng.random()))
            for n in range(1, 6)
        ]
        return np.asarray(decades * (sum(waves) + self.rng.normal() * (bins - 0.5)), np.float32)

    def _noise(self, frames: int) -> Mel:
        """Make noise of any colour, steady or not, whose loudest moments are about 0."""
        rng = self.rng
        start = rng.integers(len(self._grain) - frames)
        noise = self._grain[start : start + frames] + self._curve(rng.uniform(0, 1.5))
        if rng.random() < 0.3:  # it swells and fades
            knots = rng.normal(0, 0.5, frames // 50 + 2)
            noise = noise + np.interp(np.arange(frames), np.arange(len(knots)) * 50, knots)[:, None]
        if rng.random() < 0.15:  # knocks and clicks
            hits = (rng.random(frames) < 0.01) * rng.uniform(0.5, 3, frames)
            noise = noise + lfilter([1.0], [1.0, -0.6], hits)[:, None]
        if rng.random() < 0.15:  # a hum or a whistle
            noise[:, rng.integers(corpus.N_MELS, size=rng.integers(1, 5))] += rng.uniform(0.5, 3)
        return np.asarray(noise - noise.max(), np.float32)

    def _finish(self, mel: Mel, content: int, speech: bool) -> Mel:
        rng, strength = self.rng, self.strength
        mel = mel[:content]
        loudest = float(mel.max())
        if speech and rng.random() < 0.7 * strength:
            mel = mel + self._curve(rng.uniform(0, 0.35))
        if speech and rng.random() < 0.25 * strength:  # a room
            fade, late = 10 ** (-0.06 / rng.uniform(0.15, 0.6)), 10 ** -rng.uniform(0.3, 2)
            power = 10.0**mel
            echo = lfilter([0.0, late * (1 - fade)], [1.0, -fade], power, axis=0)
            mel = np.log10(power + echo).astype(np.float32)
        if (
            speech and rng.random() < 0.12 * strength
        ):  # a telephone, a bad microphone, a strong codec
            low, high = rng.uniform(0, 350), rng.choice((3400, rng.uniform(3200, 7500)))
            mel = mel - np.where(
                (self._hertz < low) | (self._hertz > high), rng.uniform(1, 6), 0
            ).astype(np.float32)
        if not speech:
            mel = (
                self._noise(content) + np.float32(rng.uniform(-9.5, 1))
                if rng.random() < 0.85
                else mel
            )
        elif rng.random() < 0.8:
            # In decades below the loudest moment of speech; 1.5 is about 10 dB below its mean.
            quieter = (
                rng.uniform(1.2 + 2.5 * (1 - strength), 8)
                if rng.random() < 0.7
                else 1.5 + 2.5 * (1 - strength)
            )
            mel = np.logaddexp(
                np.log(10) * mel, np.log(10) * (self._noise(content) + loudest - quieter)
            ) / np.log(10)
        mel = np.maximum(mel + rng.uniform(-2.5, 0.6) * speech, SILENT).astype(np.float32)
        if speech and rng.random() < strength:
            self._mask(mel)
        return self._as_whisper(mel, speech)

    def _mask(self, mel: Mel) -> None:
        rng = self.rng
        lowest = float(mel.min()) if rng.random() < 0.5 else float(mel.mean())
        for _ in range(rng.integers(3)):
            start = rng.integers(corpus.N_MELS)
            mel[:, start : start + rng.integers(1, 2 + int(10 * self.strength))] = lowest
        for _ in range(rng.integers(1 + len(mel) // 150)):
            start = rng.integers(len(mel))
            mel[start : start + rng.integers(1, 2 + int(8 * self.strength))] = lowest

    def _as_whisper(self, mel: Mel, speech: bool) -> Mel:
        """Apply the floor and the scaling, and sometimes the rounding of a mel image."""
        rng = self.rng
        # The loudest moment of the whole recording may lie outside of the window.
        loudest = mel.max() + (rng.uniform(0, 1.2) if rng.random() < 0.2 else 0)
        mel = (np.maximum(mel, loudest - 8) + 4) / 4
        levels = rng.choice((0, 255, 31, 15), p=(0.35, 0.5, 0.08, 0.07))
        if levels and mel.max() > mel.min():
            step = (mel.max() - mel.min()) / levels
            mel = np.round((mel - mel.min()) / step) * step + mel.min()
        if rng.random() < 0.1:  # what a lossy picture does
            mel = mel + rng.normal(0, rng.uniform(0, 0.06), mel.shape).astype(np.float32)
        return np.ascontiguousarray(mel.T, np.float32)


def _resample(values: Mel, where: Iterable[float]) -> Mel:
    """Read values between their rows, linearly."""
    at = np.asarray(where, np.float32)
    low = np.minimum(at.astype(np.int64), len(values) - 1)
    high = np.minimum(low + 1, len(values) - 1)
    share = (at - low)[:, None].astype(np.float32)
    return np.asarray(values[low] * (1 - share) + values[high] * share, np.float32)


def pad(mel: Mel, frames: int, rng: np.random.Generator) -> Mel:
    """Pad a scaled spectrogram to so many frames, with its floor or with openai-whisper's zeros."""
    value = 0.0 if rng.random() < 0.45 else float(mel.min())
    return np.pad(mel, ((0, 0), (0, frames - mel.shape[1])), constant_values=value)
