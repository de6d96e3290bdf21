"""People's voices through the real service with real weights, by the clients that people have."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from openai import APIStatusError, BadRequestError, NotFoundError, OpenAI
from whisper.normalizers import EnglishTextNormalizer

from hush.audio import read_audio
from hush.image import SMALL, encode, quantize
from hush.mel import log_mel_spectrogram
from hush.segments import segments
from hush_service.packaged import recording
from local.processes import first_answer, free_port, hush, running, service
from tests.conftest import GERMAN, SPANISH, Samples
from tests.service.engine.scripted import save_scripted_model, tokenizer

normalize = EnglishTextNormalizer()

SPOKEN = recording()
SENTENCE = SPOKEN.with_suffix(".txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def url(real_weights: Path) -> Iterator[str]:
    with service(HUSH_MODELS="base,tiny.en") as (url, _):
        # The smaller one is ready first.
        with OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=9) as client:
            client.models.retrieve("base")
        yield url


def client_of(url: str) -> OpenAI:
    return OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)


@pytest.fixture(scope="module")
def openai(url: str) -> Iterator[OpenAI]:
    with client_of(url) as client:
        yield client


@contextmanager
def bridge_to(url: str) -> Iterator[OpenAI]:
    port = free_port()
    command = [sys.executable, "-m", "hush.cli", "bridge", url, "--port", str(port)]
    with running(command) as process:
        first_answer(f"http://127.0.0.1:{port}/v1/models", process)
        with client_of(f"http://127.0.0.1:{port}") as client:
            yield client


@pytest.fixture(scope="module")
def bridge(url: str) -> Iterator[OpenAI]:
    with bridge_to(url) as bridge:
        yield bridge


def picture_of(file: Path) -> bytes:
    return encode(quantize(log_mel_spectrogram(read_audio(file))))


def spoken_lines(subtitles: str) -> str:
    """Return what is said in subtitles, or in text."""
    lines = subtitles.removeprefix("WEBVTT").splitlines()
    return " ".join(line for line in lines if line and not line[0].isdigit())


def is_right(text: str) -> bool:
    return bool(normalize(text) == normalize(SENTENCE))


def test_openais_client_gets_words_as_they_come(openai: OpenAI, bridge: OpenAI) -> None:
    for client, file in ((openai, picture_of(SPOKEN)), (bridge, SPOKEN.read_bytes())):
        create = client.audio.transcriptions.create
        events = list(create(model="base", file=file, stream=True))
        assert is_right(events[-1].to_dict()["text"])  # type: ignore[arg-type]
        deltas = "".join(str(event.to_dict()["delta"]) for event in events[:-1])
        assert is_right(deltas)


def test_interim_words_are_the_smallest_models(url: str) -> None:
    answer = httpx2.post(
        f"{url}/v1/audio/transcriptions",
        files={"file": picture_of(SPOKEN)},
        data={"interim": "true", "language": "en"},
        timeout=60,
    )
    assert answer.status_code == 200
    assert is_right(answer.json()["text"])


def test_openais_client_gets_the_words_in_every_form(openai: OpenAI) -> None:
    picture = picture_of(SPOKEN)
    create = openai.audio.transcriptions.create
    assert is_right(create(model="base", file=picture).text)
    assert is_right(create(model="tiny.en", file=picture).text)
    assert is_right(create(model="whisper-1", file=("speech.png", picture, "image/png")).text)
    assert is_right(create(model="base", file=picture, response_format="text"))
    srt = create(model="base", file=picture, response_format="srt")
    assert srt.startswith("1\n00:00:0")
    assert is_right(spoken_lines(srt))
    vtt = create(model="base", file=picture, response_format="vtt")
    assert vtt.startswith("WEBVTT\n")
    assert is_right(spoken_lines(vtt))
    verbose = create(
        model="base",
        file=picture,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
        prompt="A speech.",
        temperature=0,
    )
    assert is_right(verbose.text)
    assert verbose.language == "english"
    assert verbose.duration == pytest.approx(len(read_audio(SPOKEN)) / 16_000, abs=0.02)
    assert verbose.segments
    assert 0 <= verbose.segments[0].start < verbose.segments[-1].end <= verbose.duration
    assert verbose.words
    assert is_right(" ".join(word.word for word in verbose.words))
    starts = [word.start for word in verbose.words]
    assert starts == sorted(starts)
    assert starts[-1] > 9  # "country" ends the recording


def test_small_pictures_have_the_words_too(openai: OpenAI) -> None:
    picture = encode(quantize(log_mel_spectrogram(read_audio(SPOKEN))), SMALL)
    assert is_right(openai.audio.transcriptions.create(model="base", file=picture).text)


def test_openais_client_lists_models(openai: OpenAI) -> None:
    models = {model.id: model.model_extra or {} for model in openai.models.list().data}
    assert models.keys() == {"base", "tiny.en"}
    assert {model["mel_bins"] for model in models.values()} == {80}
    assert models["tiny.en"]["languages"] == ["en"]
    assert {"de", "en", "es"} < set(models["base"]["languages"])
    assert openai.models.retrieve("base").id == "base"


def test_openais_client_understands_refusals(openai: OpenAI) -> None:
    create = openai.audio.transcriptions.create
    with pytest.raises(APIStatusError, match="does not take audio") as refused:
        create(model="base", file=SPOKEN.read_bytes())
    assert refused.value.status_code == 415
    with pytest.raises(NotFoundError, match="there is no model 'huge'"):
        create(model="huge", file=picture_of(SPOKEN))
    deprecated = pytest.warns(DeprecationWarning, match="deprecated")
    with deprecated, pytest.raises(BadRequestError, match="does not translate; base can"):
        openai.audio.translations.create(model="tiny.en", file=picture_of(SPANISH))
    with pytest.raises(BadRequestError, match="does not know 'de'; base can"):
        create(model="tiny.en", file=picture_of(GERMAN), language="de")


def test_languages_are_detected_and_understood(openai: OpenAI) -> None:
    create = openai.audio.transcriptions.create
    for file, language, said in (
        (GERMAN, "german", "die wahrheit zu sagen"),
        (SPANISH, "spanish", "la historia de"),
        (SPOKEN, "english", "what you can do for your country"),
    ):
        heard = create(model="whisper-1", file=picture_of(file), response_format="verbose_json")
        assert heard.language == language
        assert said in heard.text.lower()


def test_german_and_spanish_are_translated(url: str, openai: OpenAI, bridge: OpenAI) -> None:
    with pytest.warns(DeprecationWarning, match="deprecated"):
        english = openai.audio.translations.create(model="whisper-1", file=picture_of(SPANISH))
    assert "imagination" in english.text.lower()
    with pytest.warns(DeprecationWarning, match="deprecated"):
        english = bridge.audio.translations.create(model="base", file=GERMAN)
    assert "truth" in english.text.lower()
    ended = hush("transcribe", "--translate", SPANISH, "--url", url)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "imagination" in ended.stdout.lower()


def test_the_command_line_gets_the_words(url: str) -> None:
    for form in ("text", "srt", "vtt"):
        ended = hush("transcribe", SPOKEN, "--url", url, "-f", form)
        assert ended.returncode == 0
        assert is_right(spoken_lines(ended.stdout))


def test_an_application_that_sends_audio_gets_the_words_through_the_bridge(bridge: OpenAI) -> None:
    create = bridge.audio.transcriptions.create
    with SPOKEN.open("rb") as file:
        assert is_right(create(model="whisper-1", file=file).text)
    assert is_right(create(model="base", file=SPOKEN, response_format="text"))
    for form in ("srt", "vtt"):
        subtitles = create(model="base", file=SPOKEN, response_format=form)
        assert is_right(spoken_lines(subtitles))
    verbose = create(
        model="base",
        file=SPOKEN,
        response_format="verbose_json",
        timestamp_granularities=["word"],
    )
    assert is_right(verbose.text)
    assert verbose.words
    assert is_right(" ".join(word.word for word in verbose.words))
    assert {model.id for model in bridge.models.list()} == {"base", "tiny.en"}


def test_the_bridge_passes_refusals_on(bridge: OpenAI) -> None:
    create = bridge.audio.transcriptions.create
    with pytest.raises(NotFoundError, match="there is no model 'huge'"):
        create(model="huge", file=SPOKEN)
    with pytest.raises(BadRequestError, match="not an audio or video file"):
        create(model="base", file=b"no audio at all")
    deprecated = pytest.warns(DeprecationWarning, match="deprecated")
    with deprecated, pytest.raises(BadRequestError, match="does not translate"):
        bridge.audio.translations.create(model="tiny.en", file=SPANISH)


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


def test_every_client_hears_of_speech_that_has_no_words(tmp_path: Path) -> None:
    """The model has words for the first two seconds that it hears, whatever comes after them."""
    tokens = tokenizer(multilingual=False)
    begin = tokens.timestamp_begin
    script = [begin, *tokens.encode(" Ask not what your country can do for you."), begin + 100]
    model = save_scripted_model(tmp_path / "greeting.pt", script, vocabulary=51_864)
    with service(HUSH_MODELS=str(model)) as (url, _), client_of(url) as of_service:
        picture = picture_of(SPOKEN)
        answer = of_service.audio.transcriptions.create(
            model="greeting", file=picture, response_format="verbose_json"
        )
        assert answer.text.startswith("Ask not what")
        assert answer.segments
        (stretch,) = (answer.model_extra or {})["unheard"]
        assert answer.segments[-1].end <= stretch["start"] < 9
        assert 10 < stretch["end"] <= 11

        ended = hush("transcribe", SPOKEN, "--url", url, "-f", "json")
        assert ended.returncode == 0
        (stretch,) = json.loads(ended.stdout)["unheard"]
        assert 10 < stretch["end"] <= 11
        told = rf"{re.escape(str(SPOKEN))}: no words were heard for speech at 0:0\d–0:11\n"  # noqa: RUF001
        assert re.fullmatch(told, ended.stderr)

        with bridge_to(url) as bridge:
            create = bridge.audio.transcriptions.create
            short = create(model="greeting", file=SPOKEN)
            assert (short.model_extra or {})["unheard"] == [stretch]
            raw = bridge.audio.transcriptions.with_raw_response.create(
                model="greeting", file=SPOKEN, response_format="srt"
            )
            times = f"{stretch['start']:.2f}-{stretch['end']:.2f}"
            assert raw.headers["x-hush-unheard"] == times
