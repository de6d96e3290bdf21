"""What ships with the project: the checkpoint and its sample, through stock openai-whisper."""

from collections.abc import Callable
from pathlib import Path

import jiwer
import numpy as np
import pytest
import torch
import whisper
from whisper.model import Whisper
from whisper.normalizers import EnglishTextNormalizer

from hush.audio import read_audio
from models import evaluate, recordings, sentences

MODELS = Path(evaluate.__file__).parent
normalise = EnglishTextNormalizer()
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model() -> Whisper:
    return whisper.load_model(str(MODELS / "demo.pt"), device="cpu")


@pytest.fixture(scope="module")
def sample() -> np.ndarray:
    return read_audio(MODELS / "sample.flac")


@pytest.fixture(scope="module")
def words() -> str:
    return (MODELS / "sample.txt").read_text().strip()


def test_the_checkpoint_is_small() -> None:
    assert (MODELS / "demo.pt").stat().st_size <= 8_000_000


def test_the_checkpoint_looks_like_an_english_whisper(model: Whisper) -> None:
    dims = model.dims
    assert (dims.n_mels, dims.n_audio_ctx, dims.n_vocab, dims.n_text_ctx) == (80, 1500, 51864, 448)
    assert not model.is_multilingual


def test_the_sample_is_short_and_was_not_trained_on(sample: np.ndarray, words: str) -> None:
    assert 3 <= len(sample) / 16_000 <= 6
    assert words in [text for _, text in sentences.test_sentences()]


@pytest.mark.parametrize("without_timestamps", [False, True])
def test_transcribe_gives_the_words_of_the_sample(
    model: Whisper, sample: np.ndarray, words: str, without_timestamps: bool
) -> None:
    answer = model.transcribe(sample, fp16=False, without_timestamps=without_timestamps)
    assert answer["text"].strip() == words


def test_the_sample_is_one_segment_that_ends_with_its_words(
    model: Whisper, sample: np.ndarray
) -> None:
    quiet = np.zeros(8_000, np.float32)
    (segment,) = model.transcribe(np.concatenate([quiet, sample, quiet]), fp16=False)["segments"]
    assert segment["start"] <= 0.8
    assert segment["end"] == pytest.approx(0.5 + len(sample) / 16_000, abs=0.5)
    assert segment["no_speech_prob"] < 0.3


def test_word_times_run_through_the_sample(model: Whisper, sample: np.ndarray, words: str) -> None:
    answer = model.transcribe(sample, fp16=False, word_timestamps=True)
    told = [word for segment in answer["segments"] for word in segment["words"]]
    assert " ".join(word["word"].strip() for word in told).replace(" -", "-") == words
    starts = [word["start"] for word in told]
    assert starts == sorted(starts)
    assert told[-1]["end"] <= len(sample) / 16_000 + 0.5
    assert starts[len(starts) // 2] > 0.5


def test_a_short_window_gives_the_same_words(
    model: Whisper, sample: np.ndarray, words: str
) -> None:
    recording = recordings.Recording("sample", "sample", words, sample)
    assert [text.strip() for text in evaluate.short_window(model, [recording])] == [words]
    assert model.dims.n_audio_ctx == 1500


def test_a_rounded_spectrogram_gives_the_same_words(
    model: Whisper, sample: np.ndarray, words: str
) -> None:
    recording = recordings.Recording("sample", "sample", words, sample)
    assert [
        text.strip() for text in evaluate.decoded(model, [recording], evaluate.quantised(256))
    ] == [words]


def test_noise_at_ten_decibels_leaves_the_words(
    model: Whisper, sample: np.ndarray, words: str
) -> None:
    noisy = recordings.with_noise(sample, 10, np.random.default_rng(1))
    assert normalise(model.transcribe(noisy, fp16=False)["text"]) == normalise(words)


def test_silence_and_noise_have_no_words(model: Whisper) -> None:
    clips = recordings.silence_and_noise()[:15]  # every colour at every level
    options = whisper.DecodingOptions(language="en", fp16=False)
    for name, clip in clips:
        assert model.transcribe(clip, fp16=False)["text"].strip() == "", name
        with torch.inference_mode():
            result = whisper.decode(
                model, whisper.log_mel_spectrogram(whisper.pad_or_trim(clip)), options
            )
        assert normalise(result.text) == "", name
        assert result.no_speech_prob > 0.6, name


def test_a_longer_recording_is_heard_to_its_end(
    model: Whisper, speak: Callable[[str], Path]
) -> None:
    kinds = ("commands", "questions", "everyday")
    everyday = [text for kind, text in sentences.test_sentences() if kind in kinds][::9]
    spoken = [read_audio(speak(sentences.spoken(text))) for text in everyday]
    pause = np.zeros(12_000, np.float32)
    samples = np.concatenate([part for one in spoken for part in (one, pause)])
    assert len(samples) > 40 * 16_000  # more than one window of 30 s
    answer = model.transcribe(samples, fp16=False)
    assert jiwer.wer(normalise(" ".join(everyday)), normalise(answer["text"])) < 0.25
    assert answer["segments"][-1]["end"] == pytest.approx(len(samples) / 16_000, abs=2)
