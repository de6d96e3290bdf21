"""The engine on CTranslate2, with OpenAI's own weights and people's voices."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hush.audio import read_audio
from hush.mel import floor_normalized, log_mel_spectrogram
from hush.transcript import Word
from hush_service.engine import DecodingRequest, WorkStoppedError, ctranslate2
from hush_service.engine.batching import transcribe_all
from hush_service.engine.ctranslate2 import CTranslate2Engine
from hush_service.engine.openai_whisper import OpenAIWhisperEngine
from hush_service.engine.questions import Decode, DetectLanguage, Encode, Question
from hush_service.engine.windows import EXACT, Rules
from hush_service.weights.models import resolve
from models.nothing_said import clips
from tests.conftest import Samples

RECORDINGS = Path(__file__).parents[2] / "recordings"
ASK_NOT = (
    "And so, my fellow Americans, ask not what your country can do for you,"
    " ask what you can do for your country."
)


@pytest.fixture(scope="module")
def tiny() -> CTranslate2Engine:
    return CTranslate2Engine(resolve("tiny.en", "ctranslate2"), "cpu", "int8")


@pytest.fixture(scope="module")
def base() -> CTranslate2Engine:
    return CTranslate2Engine(resolve("base", "ctranslate2"), "cpu", "int8")


@pytest.fixture(scope="module")
def reference() -> OpenAIWhisperEngine:
    return OpenAIWhisperEngine(resolve("tiny.en", "openai"), "cpu")


def plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalpha() or letter == " ")


def on() -> bool:
    return False


def test_it_hears_a_person(base: CTranslate2Engine, jfk: Samples) -> None:
    transcript = base.transcribe(log_mel_spectrogram(jfk), DecodingRequest(), on)
    assert plain(transcript.text) == plain(ASK_NOT)
    assert transcript.language == "english"


def test_weights_that_are_replaced_meanwhile_change_no_words(
    tiny: CTranslate2Engine, jfk: Samples, tmp_path: Path
) -> None:
    copy = shutil.copytree(resolve("tiny.en", "ctranslate2"), tmp_path / "tiny.en")
    engine = CTranslate2Engine(copy, "cpu", "int8")
    weights = copy / "model.bin"
    weights.write_bytes(bytes(weights.stat().st_size))
    spectrogram = log_mel_spectrogram(jfk)
    heard = engine.transcribe(spectrogram, DecodingRequest(), on)
    assert heard.text == tiny.transcribe(spectrogram, DecodingRequest(), on).text


def test_words_have_times_in_order(base: CTranslate2Engine, jfk: Samples) -> None:
    transcript = base.transcribe(log_mel_spectrogram(jfk), DecodingRequest(words=True), on)
    words = transcript.words or ()
    assert [plain(word.word) for word in words] == plain(ASK_NOT).split()
    assert all(before.start <= before.end <= after.end for before, after in pairwise(words))
    assert words[-1].end <= 11.0


def test_languages_are_detected_and_translated(base: CTranslate2Engine, shared_data: Path) -> None:
    recording = next((shared_data / "speech" / "librivox-de").glob("*.mp3"))
    spectrogram = log_mel_spectrogram(read_audio(recording)[: 12 * 16_000])
    heard = base.transcribe(spectrogram, DecodingRequest(), on)
    translated = base.transcribe(spectrogram, DecodingRequest(task="translate"), on)
    assert heard.language == translated.language == "german"
    assert " der " in heard.text or " die " in heard.text
    assert " the " in translated.text


@pytest.mark.parametrize("which", ["ctranslate2", "reference"])
def test_speech_after_an_early_end_is_heard_again(
    which: str, request: pytest.FixtureRequest, shared_data: Path
) -> None:
    engine = request.getfixturevalue("tiny" if which == "ctranslate2" else which)
    samples = read_audio(shared_data / "cases" / "lost_ten_seconds.flac")
    transcript = engine.transcribe(log_mel_spectrogram(samples), DecodingRequest(), on)
    assert "stay smart" in transcript.text
    assert "happiness of her brother" in transcript.text
    assert len(transcript.text.split()) >= 38
    assert transcript.unheard == ()


@pytest.mark.parametrize("which", ["ctranslate2", "reference"])
def test_no_phrase_ends_after_the_picture(
    which: str, request: pytest.FixtureRequest, jfk: Samples
) -> None:
    engine = request.getfixturevalue("tiny" if which == "ctranslate2" else which)
    in_a_word = log_mel_spectrogram(jfk[: round(10.33 * 16_000)])
    transcript = engine.transcribe(in_a_word, DecodingRequest(words=True), on)
    assert transcript.words
    for parts in (transcript.phrases, transcript.words):
        times = [time for part in parts for time in (part.start, part.end)]
        assert times == sorted(times)
        assert 0 <= times[0] <= times[-1] <= transcript.duration


def test_together_is_as_alone(tiny: CTranslate2Engine, jfk: Samples) -> None:
    pieces = [
        (floor_normalized(log_mel_spectrogram(jfk[start : start + 80_000])), DecodingRequest())
        for start in (0, 48_000, 96_000)
    ]
    alone = [tiny.transcribe(spectrogram, request, on) for spectrogram, request in pieces]
    assert transcribe_all(tiny, pieces) == alone


def _without_probability(words: Sequence[Word] | None) -> list[Word] | None:
    return None if words is None else [replace(word, probability=0.0) for word in words]


def test_people_in_one_batch_have_the_words_that_they_have_alone(
    base: CTranslate2Engine, jfk: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three languages, of several lengths, with word times, with a prompt, translated."""
    people = [read_audio(file) for file in sorted(RECORDINGS.glob("*.flac"))]
    parts = [voice[: 16_000 * seconds] for voice in (*people, jfk) for seconds in (4, 9)]
    wishes = [
        *(DecodingRequest() for _ in parts),
        *(DecodingRequest(words=True) for _ in parts),
        DecodingRequest(task="translate"),
        DecodingRequest(language="en", prompt="A speech of a president"),
    ]
    pieces = [
        (floor_normalized(log_mel_spectrogram(samples)), wish)
        for samples, wish in zip([*parts, *parts, people[0], jfk], wishes, strict=True)
    ]
    alone = [base.transcribe(spectrogram, wish, on) for spectrogram, wish in pieces]
    sizes: list[tuple[type, int]] = []
    answered = base.answers

    def counted(questions: Sequence[Question], stop: Callable[[], bool]) -> Sequence[object]:
        sizes.append((type(questions[0]), len(questions)))
        return answered(questions, stop)

    monkeypatch.setattr(base, "answers", counted)
    together = transcribe_all(base, pieces)
    assert [each.text for each in together] == [each.text for each in alone]
    # On some processors, a batch's sums are rounded otherwise.
    for one, other in zip(together, alone, strict=True):
        assert _without_probability(one.words) == _without_probability(other.words)
    ours, theirs = (
        [word.probability for each in some for word in each.words or ()]
        for some in (together, alone)
    )
    assert ours == pytest.approx(theirs, abs=0.05)
    assert {each.language for each in together} == {"german", "spanish", "english"}
    largest = {kind: max(size for each, size in sizes if each is kind) for kind, _ in sizes}
    assert largest[Encode] == largest[DetectLanguage] == largest[Decode] == base.batch == 8


def test_what_is_doubtful_is_decoded_again_in_a_batch_of_its_own(
    tiny: CTranslate2Engine, jfk: Samples
) -> None:
    poor = CTranslate2Engine(
        resolve("tiny.en", "ctranslate2"),
        "cpu",
        "int8",
        rules=Rules(improbable=-0.1, temperatures=(0.0, 0.2), listen_again=False),
    )
    asked: list[tuple[float, int]] = []
    answered = poor.answers

    def told(questions: Sequence[Question], stop: Callable[[], bool]) -> Sequence[object]:
        if isinstance(questions[0], Decode):
            asked.append((questions[0].temperature, len(questions)))
        return answered(questions, stop)

    poor.answers = told  # type: ignore[method-assign]
    pieces = [
        (floor_normalized(log_mel_spectrogram(jfk[start : start + 64_000])), DecodingRequest())
        for start in range(0, 112_000, 16_000)
    ]
    transcribe_all(poor, pieces)
    (whole, first), (warm, again) = asked
    assert (whole, first, warm) == (0.0, 7, 0.2)
    assert 1 < again <= 7


def test_where_memory_does_not_suffice_batches_are_halved(
    jfk: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_late = iter(
        [
            "CUDA failed with error out of memory",
            # Seen on an H200, where the half was asked then.
            "parallel_for failed: cudaErrorInvalidDevice: invalid device ordinal",
        ]
    )
    engine = CTranslate2Engine(resolve("tiny.en", "ctranslate2"), "cpu", "int8", batch=4)
    answered = engine._answers

    def scarce(questions: Sequence[Question]) -> Sequence[object]:
        for words in told_late:
            raise RuntimeError(words)
        if len(questions) > 1:
            raise RuntimeError("CUDA failed with error out of memory")
        return answered(questions)

    monkeypatch.setattr(engine, "_answers", scarce)
    piece = (floor_normalized(log_mel_spectrogram(jfk)), DecodingRequest())
    transcripts = transcribe_all(engine, [piece] * 4)
    assert {plain(each.text) for each in transcripts} == {plain(ASK_NOT)}
    assert engine.batch == 1


def test_work_that_nobody_waits_for_is_given_up(tiny: CTranslate2Engine, jfk: Samples) -> None:
    with pytest.raises(WorkStoppedError):
        tiny.transcribe(log_mel_spectrogram(jfk), DecodingRequest(), lambda: True)


def test_in_float32_it_writes_the_references_tokens(
    reference: OpenAIWhisperEngine, jfk: Samples
) -> None:
    rules = Rules(window=EXACT, beam=1, listen_again=False)
    ours = CTranslate2Engine(resolve("tiny.en", "ctranslate2"), "cpu", "float32", rules=rules)
    spectrogram = log_mel_spectrogram(jfk)
    expected = reference.transcribe(spectrogram, DecodingRequest(), on)
    heard = ours.transcribe(spectrogram, DecodingRequest(), on)
    assert [phrase.tokens for phrase in heard.phrases] == [
        phrase.tokens for phrase in expected.phrases
    ]
    for phrase, theirs in zip(heard.phrases, expected.phrases, strict=True):
        np.testing.assert_allclose(phrase.avg_logprob, theirs.avg_logprob, atol=1e-3)


@pytest.mark.parametrize("model", ["tiny", "base"])
def test_nothing_is_heard_where_nobody_speaks(
    model: str, request: pytest.FixtureRequest, shared_data: Path
) -> None:
    engine: CTranslate2Engine = request.getfixturevalue(model)
    chirps = read_audio(shared_data / "cases" / "chirps.flac")
    organ = next(wave for kind, wave in clips(shared_data / "speech") if kind == "organ")[:80_000]
    for samples, prompt in ((chirps, None), (organ, "Glory to God in the highest.")):
        spectrogram = log_mel_spectrogram(samples)
        transcript = engine.transcribe(spectrogram, DecodingRequest(prompt=prompt), on)
        assert transcript.text == ""


@pytest.mark.parametrize("people", [2, 7])
def test_words_by_replicas_are_those_of_one(jfk: Samples, people: int) -> None:
    folder = resolve("tiny.en", "ctranslate2")
    one, three = (CTranslate2Engine(folder, "cpu", "int8", threads=3, replicas=n) for n in (1, 3))
    assert (one.replicas, three.replicas) == (1, 3)
    parts = [jfk[: 16_000 * (2 + second)] for second in range(people)]
    pieces = [(floor_normalized(log_mel_spectrogram(part)), DecodingRequest()) for part in parts]
    texts = [each.text for each in transcribe_all(three, pieces)]
    assert texts == [each.text for each in transcribe_all(one, pieces)]
    assert len(set(texts)) > 1


@pytest.mark.parametrize(
    ("alone", "in_parts", "replicas"), [(1.0, 0.5, 2), (1.0, 1.5, 1), (2.0, 0.1, 1)]
)
def test_batches_are_divided_where_that_is_found_to_be_faster(
    alone: float, in_parts: float, replicas: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes too long alone is not tried in parts."""
    found = iter((alone, in_parts))
    monkeypatch.setattr(ctranslate2, "seconds", lambda *_: next(found))
    folder = resolve("tiny.en", "ctranslate2")
    assert CTranslate2Engine(folder, "cpu", "int8", threads=2).replicas == replicas
    assert (next(found, None) is None) == (alone < 2)


def test_one_thread_has_no_parts_to_measure() -> None:
    engine = CTranslate2Engine(resolve("tiny.en", "ctranslate2"), "cpu", "int8", threads=1)
    assert (engine.replicas, engine.gain) == (1, 1.0)
