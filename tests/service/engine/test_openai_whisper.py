import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
import whisper

from hush.image import MelImage, encode
from hush.mel import log_mel_spectrogram
from hush.transcript import Transcript
from hush_service.engine import DecodingRequest, WorkStoppedError
from hush_service.engine.openai_whisper import OpenAIWhisperEngine
from hush_service.packaged import demo_folder
from tests.conftest import Samples, noise
from tests.service.conftest import http, loaded
from tests.service.engine.scripted import save_scripted_model, tokenizer


def on() -> bool:
    return False


@pytest.fixture(scope="module")
def demo() -> OpenAIWhisperEngine:
    return OpenAIWhisperEngine(demo_folder() / "demo.pt", "cpu")


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> OpenAIWhisperEngine:
    """A multilingual model that hears German, and says "Hello there." in it."""
    tokens = tokenizer()
    words = tokens.encode(" Hello there.")
    begin = tokens.timestamp_begin
    script = [tokens.to_language_token("de"), 0, begin, *words, begin + 50]
    file = save_scripted_model(tmp_path_factory.mktemp("model") / "german.pt", script)
    return OpenAIWhisperEngine(file, "cpu")


@contextmanager
def recorded_tokens(engine: OpenAIWhisperEngine) -> Iterator[list[list[int]]]:
    """Collect what the decoder is given."""
    given: list[list[int]] = []
    hook = engine._model.decoder.register_forward_pre_hook(
        lambda _, arguments: given.append(arguments[0][0].tolist())
    )
    yield given
    hook.remove()


def assert_same_segments(ours: Transcript, theirs: dict[str, object]) -> None:
    segments = theirs["segments"]
    assert isinstance(segments, list)
    assert ours.text == str(theirs["text"]).strip()
    assert [
        (phrase.start, phrase.end, phrase.text, list(phrase.tokens)) for phrase in ours.phrases
    ] == [(one["start"], one["end"], one["text"], one["tokens"]) for one in segments]
    for phrase, one in zip(ours.phrases, segments, strict=True):
        assert phrase.avg_logprob == pytest.approx(one["avg_logprob"], abs=0.02)
        assert phrase.no_speech_prob == pytest.approx(one["no_speech_prob"], abs=0.02)


@pytest.mark.parametrize("words", [False, True])
def test_same_segments_from_the_spectrogram_as_from_the_audio(
    demo: OpenAIWhisperEngine, sample: Samples, words: bool
) -> None:
    ours = demo.transcribe(log_mel_spectrogram(sample), DecodingRequest(words=words), on)
    theirs = whisper.transcribe(demo._model, sample, fp16=False, word_timestamps=words)
    assert ours.phrases
    assert_same_segments(ours, theirs)
    if words:
        assert ours.words is not None
        expected = [word for segment in theirs["segments"] for word in segment["words"]]
        assert [word.word for word in ours.words] == [word["word"].strip() for word in expected]
        for word, other in zip(ours.words, expected, strict=True):
            assert word.start == pytest.approx(other["start"], abs=0.04)


def test_pictures_longer_than_30_s_are_heard_window_by_window(
    demo: OpenAIWhisperEngine, sample: Samples, sample_words: str
) -> None:
    """And where its own `transcribe()` leaves speech out, that is heard once more by itself."""
    pause = np.zeros(64_000, np.float32)
    samples = np.concatenate([sample, pause] * 6)
    assert len(samples) > 35 * 16_000
    ours = demo.transcribe(log_mel_spectrogram(samples), DecodingRequest(), on)
    theirs = whisper.transcribe(demo._model, samples, fp16=False)
    tokens = [list(phrase.tokens) for phrase in ours.phrases]
    assert all(one["tokens"] in tokens for one in theirs["segments"])
    assert theirs["text"].count(sample_words) < 6
    assert ours.text.count(sample_words) == len(ours.phrases) == 6
    starts = [phrase.start for phrase in ours.phrases]
    assert starts == sorted(starts)
    assert all(phrase.end <= ours.duration for phrase in ours.phrases)
    assert ours.unheard == ()
    assert ours.phrases[-1].end > 30
    assert ours.duration == pytest.approx(len(samples) / 16_000, abs=0.01)


def test_nothing_is_heard_in_silence_and_noise(demo: OpenAIWhisperEngine) -> None:
    for samples in (np.zeros(80_000, np.float32), noise(5, 0.01), noise(5, 0.1)):
        transcript = demo.transcribe(log_mel_spectrogram(samples), DecodingRequest(), on)
        assert (transcript.text, transcript.unheard) == ("", ())


def test_the_demo_model_says_what_it_can(demo: OpenAIWhisperEngine) -> None:
    assert demo.info.mel_bins == 80
    assert demo.info.languages == ("en",)
    assert demo.info.tasks == ("transcribe",)
    assert demo.info.parameters > 1_000_000


def test_a_multilingual_model_says_what_it_can(german: OpenAIWhisperEngine) -> None:
    assert len(german.info.languages) == 99
    assert {"en", "de", "fr", "zh"} <= set(german.info.languages)
    assert german.info.tasks == ("transcribe", "translate")


def test_a_model_of_128_bins_says_so(tmp_path: Path) -> None:
    file = save_scripted_model(tmp_path / "wide.pt", [], n_mels=128, vocabulary=51_866)
    engine = OpenAIWhisperEngine(file, "cpu")
    assert (engine.info.mel_bins, len(engine.info.languages)) == (128, 100)
    spectrogram = log_mel_spectrogram(noise(1), 128)
    assert engine.transcribe(spectrogram, DecodingRequest(), on).text == ""


def test_the_language_is_detected(german: OpenAIWhisperEngine) -> None:
    spectrogram = log_mel_spectrogram(noise(2))
    with recorded_tokens(german) as given:
        transcript = german.transcribe(spectrogram, DecodingRequest(), on)
    tokens = tokenizer()
    assert transcript.language == "german"
    assert transcript.text == "Hello there."
    assert [phrase.end for phrase in transcript.phrases] == [1.0]
    assert given[0] == [tokens.sot]
    assert given[1] == [tokens.sot, tokens.to_language_token("de"), tokens.transcribe]


def test_language_and_task_reach_the_model(german: OpenAIWhisperEngine) -> None:
    request = DecodingRequest(task="translate", language="fr")
    with recorded_tokens(german) as given:
        transcript = german.transcribe(log_mel_spectrogram(noise(2)), request, on)
    tokens = tokenizer()
    assert (transcript.language, transcript.task) == ("french", "translate")
    assert given[0] == [tokens.sot, tokens.to_language_token("fr"), tokens.translate]


def test_the_prompt_reaches_the_model(german: OpenAIWhisperEngine) -> None:
    request = DecodingRequest(language="en", prompt="Names: Ada, Grace")
    with recorded_tokens(german) as given:
        german.transcribe(log_mel_spectrogram(noise(2)), request, on)
    tokens = tokenizer()
    before = [tokens.sot_prev, *tokens.encode(" Names: Ada, Grace")]
    assert given[0][: len(before) + 1] == [*before, tokens.sot]


def test_a_prompt_longer_than_the_model_takes_is_shortened(german: OpenAIWhisperEngine) -> None:
    request = DecodingRequest(language="en", prompt="word " * 5000)
    with recorded_tokens(german) as given:
        german.transcribe(log_mel_spectrogram(noise(2)), request, on)
    assert len(given[0]) < 448 // 2 + 4


def test_poor_tries_are_repeated_at_higher_temperatures(tmp_path: Path) -> None:
    """As openai-whisper does: this one repeats itself until it compresses too well."""
    tokens = tokenizer()
    again = tokens.encode(" again")
    script = [0, 0, tokens.timestamp_begin, *again * 30]
    engine = OpenAIWhisperEngine(save_scripted_model(tmp_path / "again.pt", script), "cpu")
    request = DecodingRequest(language="en")
    transcript = engine.transcribe(log_mel_spectrogram(noise(2)), request, on)
    assert transcript.phrases[0].compression_ratio > 2.4
    assert transcript.phrases[0].temperature == 1.0
    fixed = DecodingRequest(language="en", temperature=0.3)
    transcript = engine.transcribe(log_mel_spectrogram(noise(2)), fixed, on)
    assert transcript.phrases[0].temperature == 0.3


def test_work_is_given_up_when_told_so(german: OpenAIWhisperEngine) -> None:
    windows = 0

    def stop() -> bool:
        nonlocal windows
        windows += 1
        return windows > 2

    with pytest.raises(WorkStoppedError):
        german.transcribe(log_mel_spectrogram(noise(100)), DecodingRequest(language="en"), stop)
    assert windows == 3


def test_openai_whispers_own_transcription_is_as_before(
    demo: OpenAIWhisperEngine, sample: Samples
) -> None:
    module = importlib.import_module("whisper.transcribe")
    before = module.log_mel_spectrogram
    demo.transcribe(log_mel_spectrogram(sample), DecodingRequest(), on)
    assert module.log_mel_spectrogram is before


@pytest.mark.parametrize("frames", [1, 2, 99, 3000, 3001])
def test_any_width_is_heard(demo: OpenAIWhisperEngine, frames: int) -> None:
    spectrogram = np.full((80, frames), -0.5, np.float32)
    assert demo.transcribe(spectrogram, DecodingRequest(), on).duration == frames / 100


def test_a_file_that_is_no_checkpoint_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "broken.pt"
    file.write_bytes(b"nothing of use")
    with pytest.raises(Exception, match=r"."):
        OpenAIWhisperEngine(file, "cpu")


def test_models_of_the_real_sizes_have_the_loading_code_of_real_checkpoints(tmp_path: Path) -> None:
    """A checkpoint with the dimensions of tiny.en, randomly initialised, in half precision."""
    dimensions = whisper.ModelDimensions(80, 1500, 384, 6, 4, 51_864, 448, 384, 6, 4)
    model = whisper.Whisper(dimensions).half()
    file = tmp_path / "tiny.en.pt"
    torch.save({"dims": dimensions.__dict__, "model_state_dict": model.state_dict()}, file)
    engine = OpenAIWhisperEngine(file, "cpu")
    assert engine.info.parameters == pytest.approx(37.2e6, rel=0.05)


@pytest.mark.anyio
@pytest.mark.parametrize("seed", range(12))
async def test_no_valid_request_makes_it_fail(demo: OpenAIWhisperEngine, seed: int) -> None:
    """Odd pictures, prompts and temperatures, with the real engine."""
    generator = np.random.default_rng(seed)
    frames = int(generator.choice([1, 2, 5, 80, 299, 300]))
    low, high = sorted(generator.choice([-100, -3, -1.5, -0.5, 0, 1.5, 3, 100], 2))
    pixels = generator.integers(0, 256, (80, frames)).astype(np.uint8)
    if seed % 3 == 0:
        pixels[:] = seed
    prompts = ["", "x", "\0", "\u202e\U0001f926\u200d", "word " * 1000, "日本語", "<|", "a" * 9999]
    form = {
        "prompt": prompts[seed % len(prompts)],
        "temperature": str(generator.choice([0, 1e-300, 0.001, 0.2, 1])),
        "response_format": "verbose_json",
        "timestamp_granularities[]": "word",
    }
    async with http(loaded(demo=demo)) as client:  # type: ignore[arg-type]
        answer = await client.post(
            "/v1/audio/transcriptions",
            files={"file": encode(MelImage(pixels, float(low), float(high)))},
            data=form,
        )
    assert answer.status_code == 200, answer.text
    assert answer.json()["duration"] == frames / 100
