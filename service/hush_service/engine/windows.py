"""From a spectrogram to its words, window by window: what to ask a model, and what to believe.

A Whisper model hears at most 30 s at once and says text with timestamps. `transcription` asks for
one window after the other, tries again where an answer is poor, and makes phrases of the rest, as
openai-whisper's `transcribe()` does. It is a generator: it yields `Question`s and is sent their
answers, so that whoever runs it may ask a model many recordings' questions at once.
"""

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from hush.mel import FRAMES_PER_SECOND, Spectrogram
from hush.transcript import Phrase, Transcript, Word
from hush_service.engine import DecodingRequest, unheard
from hush_service.engine.clamping import clamped
from hush_service.engine.languages import LANGUAGES
from hush_service.engine.questions import (
    Align,
    Decode,
    Decoded,
    DetectLanguage,
    Encode,
    Question,
    Reason,
    Window,
)
from hush_service.engine.repetition import compression_ratio, said_again, without_loops
from hush_service.engine.tokenizer import TIME_STEP, Tokenizer
from hush_service.engine.word_times import Alignment, timed_words

LONGEST_WINDOW = 3000
"""Frames that a model hears at once: 30 s."""
FRAMES_PER_TIMESTAMP = round(TIME_STEP * FRAMES_PER_SECOND)


@dataclass(frozen=True)
class WindowRule:
    """How much silence a model hears after what is to be decoded.

    The time that a window costs grows with its length; in windows that end with the speech, models
    repeat themselves.

    Attributes
    ----------
    shortest
        Seconds that a window has at least; 30 is what the models were trained on.
    margin
        Seconds of silence at its end, where 30 s leave room for them.
    step
        Seconds of which its length is a multiple, so that many windows are of equal length.
    padding
        What silence is: the "floor" of the spectrogram, or "zero" as in openai-whisper.
    """

    shortest: float = 15.0
    margin: float = 5.0
    step: float = 2.5
    padding: str = "floor"

    def frames(self, content: int) -> int:
        """Return the length of the window for so many frames of content."""
        step = round(self.step * FRAMES_PER_SECOND)
        wanted = max(self.shortest * FRAMES_PER_SECOND, content + self.margin * FRAMES_PER_SECOND)
        return min(LONGEST_WINDOW, -int(-wanted // step) * step)

    def window(self, content: Spectrogram, first: int = 0) -> Window:
        """Return the window of a part of a spectrogram, which begins with some frame of it."""
        silence = 0.0 if self.padding == "zero" else float(content.min())
        return Window(content, self.frames(content.shape[1]), silence, first)


EXACT = WindowRule(shortest=30.0, margin=0.0, padding="zero")
"""The windows of openai-whisper."""


@dataclass(frozen=True)
class Rules:
    """When an answer is believed, and what is tried where it is not.

    Attributes
    ----------
    window
        How long windows are.
    beam
        Hypotheses that are followed at temperature 0; 1 is greedy.
    temperatures
        What is tried in turn.
    samples
        Of how many answers the most probable is taken at temperatures above 0.
    repetitive
        Compression ratio above which text repeats itself.
    fastest
        Characters a second above which nobody can have said a text. Tokens would not do: a letter
        is a quarter of one in English, and three in Burmese.
    improbable
        Mean log-probability below which text is guessed, and tried again.
    silent, doubtful
        Probability of no speech above which text is invented unless its mean log-probability is
        above the second of these, and it does not repeat itself. Whisper's own rule, 0.6 and -1,
        leaves more of what models hear in noise (docs/accuracy.md).
    impossible, suspicious
        Mean log-probability up to which the best answer of all temperatures is invented; and the
        probability of no speech above which every improbable one is.
    listen_again
        Whether speech without words is heard once more by itself.
    """

    window: WindowRule = field(default_factory=WindowRule)
    beam: int = 5
    temperatures: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    samples: int = 5
    repetitive: float = 2.4
    fastest: float = 40.0
    improbable: float = -1.0
    silent: float = 0.5
    doubtful: float = -0.7
    impossible: float = -1.6
    suspicious: float = 0.35
    listen_again: bool = True

    def is_silence(self, text: Decoded | Phrase, repeats: bool = False) -> bool:
        """Tell whether a model says of its text, which may repeat itself, that nobody speaks."""
        doubted = repeats or text.avg_logprob <= self.doubtful
        return doubted and text.no_speech_prob > self.silent

    def is_impossible(self, text: Decoded | Phrase) -> bool:
        """Tell whether nobody can have said a text, by what the model says of it."""
        suspected = text.no_speech_prob > self.suspicious and text.avg_logprob < self.improbable
        return suspected or text.avg_logprob <= self.impossible

    def believe(self, phrase: Phrase) -> bool:
        """Tell whether a phrase is good enough for what nothing was heard in at first."""
        return (
            phrase.avg_logprob > self.improbable
            and phrase.no_speech_prob < self.silent
            and phrase.compression_ratio <= self.repetitive
        )


def has_words(text: str) -> bool:
    """Tell whether text says anything: dots and notes alone do not."""
    return any(character.isalnum() for character in text)


def unheeded(phrases: Sequence[Phrase]) -> None:
    """Do nothing with phrases before all are there."""


def transcription(
    spectrogram: Spectrogram,
    request: DecodingRequest,
    tokenizer: Tokenizer,
    rules: Rules,
    heard: Callable[[Sequence[Phrase]], None] = unheeded,
) -> Generator[Question, Any, Transcript]:
    """Ask for the words of a spectrogram.

    Parameters
    ----------
    spectrogram
        (n_mels, frames) floored and scaled values, any number of frames.
    request
        What is wanted.
    tokenizer
        The model's.
    rules
        What to believe.
    heard
        Called with the phrases of each window that has some, in order.

    Yields
    ------
    Question
        To be sent its answer.

    Returns
    -------
    Transcript
        The words.
    """
    if request.interim:
        rules = replace(rules, beam=1, temperatures=(0.0,), listen_again=False)
    speech = unheard.Detection(spectrogram)
    try:
        first = rules.window.window(spectrogram[:, :LONGEST_WINDOW])
        language = request.language or ("en" if not tokenizer.multilingual else None)
        if language is None:
            yield Encode(first)
            language = yield DetectLanguage(first)
        listener = _Listener(spectrogram, speech, request, language, tokenizer, rules)
        yield from listener.hear(first, heard)
        return listener.transcript()
    finally:
        speech.give_up()


@dataclass(frozen=True)
class _Heard:
    """A phrase, and its words where they were asked for."""

    phrase: Phrase
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class _Try:
    """What a model said at a temperature, and whether it says something over and over."""

    decoded: Decoded
    temperature: float
    is_loop: bool


class _Listener:
    """Hears one spectrogram from its beginning to its end."""

    def __init__(
        self,
        spectrogram: Spectrogram,
        speech: unheard.Detection,
        request: DecodingRequest,
        language: str,
        tokenizer: Tokenizer,
        rules: Rules,
    ) -> None:
        self._spectrogram = spectrogram
        self._request = request
        self._language = language
        self._tokenizer = tokenizer
        self._rules = rules
        self._start = tokenizer.start(language, request.task)
        self._said = tokenizer.encode(f" {request.prompt.strip()}") if request.prompt else []
        self._heard: list[_Heard] = []
        self._detection = speech

    def hear(
        self, first: Window, tell: Callable[[Sequence[Phrase]], None]
    ) -> Generator[Question, Any, None]:
        """Decode window after window, of which the first is there already."""
        frames = self._spectrogram.shape[1]
        seek = 0
        while seek < frames:
            window = self._window(seek, frames) if seek else first
            heard, until = yield from self._hear(window, seek, tuple(self._said))
            self._heard += heard
            if heard:
                tell([each.phrase for each in heard])
            if heard and heard[-1].phrase.temperature > 0.5:
                # What was guessed this boldly is no model for what follows.
                self._said = []
            else:
                self._said += [token for each in heard for token in each.phrase.tokens]
            seek = until

    def transcript(self) -> Transcript:
        """Return the words that were heard."""
        phrases = tuple(each.phrase for each in self._heard)
        tokens = [token for phrase in phrases for token in phrase.tokens]
        words = tuple(word for each in self._heard for word in each.words)
        transcript = Transcript(
            text=self._tokenizer.decode(tokens).strip(),
            duration=self._spectrogram.shape[1] / FRAMES_PER_SECOND,
            language=LANGUAGES[self._language],
            task=self._request.task,
            phrases=phrases,
            words=words if self._request.words else None,
        )
        speech = self._detection.until(self._spectrogram.shape[1])
        return unheard.reported(clamped(transcript), speech)

    def _window(self, first: int, end: int) -> Window:
        part = self._spectrogram[:, first : min(first + LONGEST_WINDOW, end)]
        return self._rules.window.window(part, first)

    def _hear(
        self, window: Window, seek: int, said: tuple[int, ...], again: int = unheard.HEARINGS
    ) -> Generator[Question, Any, tuple[list[_Heard], int]]:
        """Return what was said in a window, and the frame with which the next one begins."""
        why: Reason | None = None if again == unheard.HEARINGS else "unheard"
        best = yield from self._decode(window, said, why)
        if self._is_echo(best.decoded, said):
            # Who says the same again is heard without it too; noise is not.
            best = yield from self._decode(window, (), "echo")
        decoded = best.decoded
        if self._rules.is_silence(decoded, best.is_loop):
            # Where the model says so itself, what was taken for speech is noise or music.
            end = seek + window.spoken
            self._detection.until(end)[seek:end] = False
            return [], end
        if self._rules.is_impossible(decoded):
            return [], seek + window.spoken  # and reported, where the detector hears speech
        phrases, frames = self._phrases_of(decoded, seek, window.spoken, best.temperature)
        phrases = without_loops(phrases, self._tokenizer)
        if self._is_too_fast("".join(phrase.text for phrase in phrases), window):
            phrases = []
        if self._request.words:
            heard = yield from self._timed(phrases, window, seek)
        else:
            heard = [_Heard(phrase) for phrase in phrases]
        # What brought no words by itself will not bring any the next time.
        if self._rules.listen_again and again and (phrases or again == unheard.HEARINGS):
            speech = self._detection.until(seek + frames)
            for first, end in unheard.stretches(speech, phrases, seek, seek + frames):
                heard += yield from self._missed(first, end, again - 1)
            heard.sort(key=lambda each: each.phrase.start)
        return heard, seek + frames

    def _missed(self, first: int, end: int, again: int) -> Generator[Question, Any, list[_Heard]]:
        """Hear a stretch of speech again by itself."""
        found: list[_Heard] = []
        while first < end:
            heard, first = yield from self._hear(self._window(first, end), first, (), again)
            found += heard
        return [each for each in found if self._rules.believe(each.phrase)]

    def _decode(
        self, window: Window, said: tuple[int, ...], again: Reason | None
    ) -> Generator[Question, Any, _Try]:
        """Try temperatures until an answer is good, or is silence; else return the best."""
        rules = self._rules
        temperatures = rules.temperatures
        if self._request.temperature > 0:
            temperatures = (self._request.temperature,)
        room = 448 // 2 - 1
        before = (self._tokenizer.before, *said[-room:]) if said else ()
        prompt = (*before, *self._start)
        tries: list[_Try] = []
        if window.encoded is None:
            yield Encode(window)
        for temperature in temperatures:
            decoded: Decoded = yield Decode(window, prompt, temperature, rules.beam, again)
            tries.append(_Try(decoded, temperature, self._is_loop(decoded, window)))
            if rules.is_silence(decoded, tries[-1].is_loop):
                return tries[-1]
            if not tries[-1].is_loop and decoded.avg_logprob >= rules.improbable:
                return tries[-1]
            again = "loop" if tries[-1].is_loop else "improbable"
        # None was good: the most probable one is likelier to be right than the boldest.
        return max(tries, key=lambda each: (not each.is_loop, each.decoded.avg_logprob))

    def _is_echo(self, decoded: Decoded, said: tuple[int, ...]) -> bool:
        """Tell whether a text is nothing but a part of what the model was told before."""
        text, before = (
            re.sub(r"\W+", " ", self._tokenizer.decode(tokens)).strip().lower()
            for tokens in (decoded.tokens, said)
        )
        return bool(text) and f" {text} " in f" {before} "

    def _is_loop(self, decoded: Decoded, window: Window) -> bool:
        text = self._tokenizer.decode(decoded.tokens).strip()
        return (
            compression_ratio(text) > self._rules.repetitive
            or self._is_too_fast(text, window)
            or bool(said_again(self._tokenizer.text(decoded.tokens)).any())
        )

    def _is_too_fast(self, text: str, window: Window) -> bool:
        # A word or two may be cut closely.
        seconds = max(window.spoken / FRAMES_PER_SECOND, 1.0)
        return len(text) > self._rules.fastest * seconds

    def _phrases_of(
        self, decoded: Decoded, seek: int, content: int, temperature: float
    ) -> tuple[list[Phrase], int]:
        """Cut text at its timestamps; return it with the number of frames that it is for."""
        zero = self._tokenizer.first_timestamp
        tokens = decoded.tokens
        is_time = [token >= zero for token in tokens]
        ends = [place for place, pair in enumerate(pairwise(is_time), start=1) if all(pair)]
        finished = is_time[-2:] == [False, True]
        frames = content
        parts: list[tuple[int, int, tuple[int, ...]]] = []
        if ends:
            if finished:
                ends.append(len(tokens))
            for first, end in pairwise([0, *ends]):
                part = tokens[first:end]
                parts.append((part[0] - zero, part[-1] - zero, part))
            if not finished:
                # The model was not done with what follows: the next window begins there.
                last = (tokens[ends[-1] - 1] - zero) * FRAMES_PER_TIMESTAMP
                frames = min(content, last) or content
        else:
            times = [token - zero for token in tokens if token >= zero]
            last = times[-1] if times and times[-1] else content // FRAMES_PER_TIMESTAMP
            parts.append((0, last, tokens))
        ratio = compression_ratio(self._tokenizer.decode(tokens).strip())
        phrases = []
        latest = 0
        for start, end, part in parts:
            # Nothing begins before what was said already, or after the picture.
            first = min(max(start * FRAMES_PER_TIMESTAMP, latest), content)
            latest = min(max(end * FRAMES_PER_TIMESTAMP, first), content)
            text = self._tokenizer.decode(part)
            if latest > first and has_words(text):
                phrases.append(
                    Phrase(
                        start=(seek + first) / FRAMES_PER_SECOND,
                        end=(seek + latest) / FRAMES_PER_SECOND,
                        text=text,
                        seek=seek,
                        tokens=tuple(part),
                        temperature=temperature,
                        avg_logprob=decoded.avg_logprob,
                        compression_ratio=ratio,
                        no_speech_prob=decoded.no_speech_prob,
                    )
                )
        return phrases, frames

    def _timed(
        self, phrases: list[Phrase], window: Window, seek: int
    ) -> Generator[Question, Any, list[_Heard]]:
        texts = [self._tokenizer.text(phrase.tokens) for phrase in phrases]
        tokens = tuple(token for text in texts for token in text)
        if not tokens:
            return [_Heard(phrase) for phrase in phrases]
        alignment: Alignment = yield Align(window, tuple(self._start), tokens)
        words = list(self._tokenizer.words(tokens, self._language))
        heard_until = next((each.words[-1].end for each in self._heard[::-1] if each.words), 0.0)
        timed = timed_words(alignment, words, texts, phrases, seek, heard_until)
        return [
            _Heard(replace(phrase, start=part[0].start, end=part[-1].end), tuple(part))
            if part
            else _Heard(phrase)
            for phrase, part in zip(phrases, timed, strict=True)
        ]
