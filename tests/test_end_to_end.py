"""Speech of a voice never heard, through the real service, by the clients that people have."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from openai import APIStatusError, BadRequestError, NotFoundError, OpenAI
from whisper.normalizers import EnglishTextNormalizer

from hush.audio import read_audio
from hush.image import encode, quantize
from hush.mel import log_mel_spectrogram
from hush.segments import segments
from local.processes import first_answer, free_port, hush, running, service
from tests.conftest import Samples
from tests.service.engine.scripted import save_scripted_model, tokenizer

normalize = EnglishTextNormalizer()

SENTENCE = "set a timer for forty two minutes"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with service() as (url, _):
        yield url


@pytest.fixture(scope="module")
def openai(url: str) -> OpenAI:
    return OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)


@contextmanager
def bridge_to(url: str) -> Iterator[OpenAI]:
    port = free_port()
    command = [sys.executable, "-m", "hush.cli", "bridge", url, "--port", str(port)]
    with running(command) as process:
        first_answer(f"http://127.0.0.1:{port}/v1/models", process)
        yield OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="unused", max_retries=0)


@pytest.fixture(scope="module")
def bridge(url: str) -> Iterator[OpenAI]:
    with bridge_to(url) as bridge:
        yield bridge


@pytest.fixture
def spoken(speak: Callable[[str], Path]) -> Path:
    return speak(SENTENCE)


def picture_of(file: Path) -> bytes:
    return encode(quantize(log_mel_spectrogram(read_audio(file))))


def is_right(text: str) -> bool:
    return bool(normalize(text) == normalize(SENTENCE))


def test_openais_client_gets_the_words_in_every_form(openai: OpenAI, spoken: Path) -> None:
    picture = picture_of(spoken)
    create = openai.audio.transcriptions.create
    assert is_right(create(model="demo", file=picture).text)
    assert is_right(create(model="whisper-1", file=("speech.png", picture, "image/png")).text)
    assert is_right(create(model="demo", file=picture, response_format="text"))
    srt = create(model="demo", file=picture, response_format="srt")
    assert srt.startswith("1\n00:00:0")
    assert is_right(srt.splitlines()[2])
    vtt = create(model="demo", file=picture, response_format="vtt")
    assert vtt.startswith("WEBVTT\n")
    verbose = create(
        model="demo",
        file=picture,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
        prompt="A command.",
        temperature=0,
    )
    assert is_right(verbose.text)
    assert verbose.language == "english"
    assert verbose.duration == pytest.approx(len(read_audio(spoken)) / 16_000, abs=0.02)
    assert verbose.segments
    assert 0 <= verbose.segments[0].start < verbose.segments[-1].end <= verbose.duration + 0.5
    assert verbose.words
    assert is_right(" ".join(word.word for word in verbose.words))
    starts = [word.start for word in verbose.words]
    assert starts == sorted(starts)


def test_openais_client_lists_models(openai: OpenAI) -> None:
    (model,) = openai.models.list().data
    assert model.id == "demo"
    assert model.model_extra is not None
    assert model.model_extra["mel_bins"] == 80
    assert openai.models.retrieve("demo").id == "demo"


def test_openais_client_understands_refusals(openai: OpenAI, spoken: Path) -> None:
    create = openai.audio.transcriptions.create
    with pytest.raises(APIStatusError, match="does not take audio") as refused:
        create(model="demo", file=spoken.read_bytes())
    assert refused.value.status_code == 415
    with pytest.raises(NotFoundError, match="there is no model 'huge'"):
        create(model="huge", file=picture_of(spoken))
    deprecated = pytest.warns(DeprecationWarning, match="deprecated")
    with deprecated, pytest.raises(BadRequestError, match="does not translate"):
        openai.audio.translations.create(model="demo", file=picture_of(spoken))


def test_the_command_line_gets_the_words(url: str, spoken: Path) -> None:
    for form, word_line in (("text", 0), ("srt", 2), ("vtt", 3)):
        ended = hush("transcribe", spoken, "--url", url, "-f", form)
        assert ended.returncode == 0
        assert is_right(ended.stdout.splitlines()[word_line])


def test_an_application_that_sends_audio_gets_the_words_through_the_bridge(
    bridge: OpenAI, spoken: Path
) -> None:
    create = bridge.audio.transcriptions.create
    with spoken.open("rb") as file:
        assert is_right(create(model="whisper-1", file=file).text)
    assert is_right(create(model="demo", file=spoken, response_format="text"))
    assert is_right(create(model="demo", file=spoken, response_format="srt").splitlines()[2])
    assert is_right(create(model="demo", file=spoken, response_format="vtt").splitlines()[3])
    verbose = create(
        model="demo",
        file=spoken,
        response_format="verbose_json",
        timestamp_granularities=["word"],
    )
    assert is_right(verbose.text)
    assert verbose.words
    assert is_right(" ".join(word.word for word in verbose.words))
    assert [model.id for model in bridge.models.list()] == ["demo"]


def test_the_bridge_passes_refusals_on(bridge: OpenAI, spoken: Path) -> None:
    create = bridge.audio.transcriptions.create
    with pytest.raises(NotFoundError, match="there is no model 'huge'"):
        create(model="huge", file=spoken)
    with pytest.raises(BadRequestError, match="not an audio or video file"):
        create(model="demo", file=b"no audio at all")
    deprecated = pytest.warns(DeprecationWarning, match="deprecated")
    with deprecated, pytest.raises(BadRequestError, match="does not translate"):
        bridge.audio.translations.create(model="demo", file=spoken)


def test_pictures_of_other_software_and_of_a_real_voice_are_answered(
    url: str, shared_data: Path, jfk: Samples
) -> None:
    pictures = [file.read_bytes() for file in sorted((shared_data / "mel-spec").glob("*.tga"))]
    assert len(pictures) == 2
    pictures += [encode(segment.image()) for segment in segments([jfk])]
    for picture in pictures:
        answer = httpx2.post(url, content=picture, timeout=None)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")


def test_every_client_hears_of_speech_that_has_no_words(
    tmp_path: Path, shared_data: Path, jfk: Samples
) -> None:
    """The model says two words in the first second that it hears, whatever comes after that."""
    tokens = tokenizer(multilingual=False)
    begin = tokens.timestamp_begin
    script = [begin, *tokens.encode(" Hello there."), begin + 50]
    model = save_scripted_model(tmp_path / "greeting.pt", script, vocabulary=51_864)
    recording = shared_data / "mel-spec" / "jfk_f32le.wav"
    with service(HUSH_MODELS=str(model)) as (url, _):
        of_service = OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)
        picture = encode(quantize(log_mel_spectrogram(jfk)))
        answer = of_service.audio.transcriptions.create(
            model="greeting", file=picture, response_format="verbose_json"
        )
        assert answer.text.startswith("Hello there.")
        assert answer.segments
        (stretch,) = (answer.model_extra or {})["unheard"]
        assert answer.segments[-1].end <= stretch["start"] < 6
        assert 10 < stretch["end"] <= 11

        ended = hush("transcribe", recording, "--url", url, "-f", "json")
        assert ended.returncode == 0
        (stretch,) = json.loads(ended.stdout)["unheard"]
        assert 10 < stretch["end"] <= 11
        told = rf"{re.escape(str(recording))}: no words were heard for speech at 0:0\d–0:11\n"  # noqa: RUF001
        assert re.fullmatch(told, ended.stderr)

        with bridge_to(url) as bridge:
            create = bridge.audio.transcriptions.create
            short = create(model="greeting", file=recording)
            assert (short.model_extra or {})["unheard"] == [stretch]
            raw = bridge.audio.transcriptions.with_raw_response.create(
                model="greeting", file=recording, response_format="srt"
            )
            times = f"{stretch['start']:.2f}-{stretch['end']:.2f}"
            assert raw.headers["x-hush-unheard"] == times
