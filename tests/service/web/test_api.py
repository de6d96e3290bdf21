import asyncio
import json
import threading

import httpx2
import numpy as np
import pytest

from hush.contracts.headers import REQUEST
from hush.image import SMALL, Encoding, encode, quantize
from hush.transcript import Stretch
from hush_service.core.served_models import ServedModels
from tests.hush.test_image import REFUSED, tga
from tests.service.conftest import engine, http, loaded, picture

pytestmark = pytest.mark.anyio

TRANSCRIPTIONS = "/v1/audio/transcriptions"
TRANSLATIONS = "/v1/audio/translations"
Form = dict[str, str | list[str]]


async def post(
    client: httpx2.AsyncClient, data: bytes, path: str = TRANSCRIPTIONS, **form: str | list[str]
) -> httpx2.Response:
    return await client.post(path, files={"file": ("speech.png", data)}, data=form)


def error_of(answer: httpx2.Response) -> dict[str, str | None]:
    """Check that an answer is an error in OpenAI's shape."""
    assert answer.headers["content-type"] == "application/json"
    error: dict[str, str | None] = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code", "request_id"}
    assert error["message"]
    assert error["request_id"] == answer.headers[REQUEST]
    assert "Traceback" not in answer.text
    return error


@pytest.mark.parametrize("encoding", [Encoding(f) for f in ("png", "webp", "avif", "tga")], ids=str)
async def test_every_format_of_picture_is_taken(
    client: httpx2.AsyncClient, encoding: Encoding
) -> None:
    answer = await post(client, picture(encoding=encoding))
    assert (answer.status_code, answer.json()["text"]) == (200, "Hello.")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("text", "Hello.\n"),
        ("srt", "1\n00:00:00,000 --> 00:00:01,000\nHello.\n"),
        ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello.\n"),
    ],
)
async def test_plain_forms_of_answer(client: httpx2.AsyncClient, form: str, expected: str) -> None:
    answer = await post(client, picture(), response_format=form)
    assert answer.text == expected
    assert answer.headers["content-type"].startswith("text/plain")


async def test_verbose_json_has_segments_and_words_where_asked_for(
    client: httpx2.AsyncClient,
) -> None:
    plain = (await post(client, picture(), response_format="verbose_json")).json()
    assert plain["segments"][0]["text"] == " Hello."
    assert "words" not in plain
    granularities = ["word", "segment"]
    answer = await client.post(
        TRANSCRIPTIONS,
        files={"file": picture()},
        data={"response_format": "verbose_json", "timestamp_granularities[]": granularities},
    )
    assert answer.json()["words"] == [{"word": "Hello.", "start": 0.1, "end": 0.5}]


async def test_an_answer_says_whose_words_they_are_and_what_is_on_its_way() -> None:
    models = ServedModels((), ("small", "turbo"))
    models.all = loaded(base=engine(), tiny=engine(parameters=10)).all
    models.stopped = True
    async with http(models) as client:
        alone = await post(client, picture())
        assert alone.headers["hush-model"] == "base"
        assert "hush-coming" not in alone.headers
        assert (await client.get("/v1/models")).json()["coming"] == []
        models.stopped = False
        answers = [
            await post(client, picture(), model="tiny"),
            await post(client, picture(), model="tiny", stream="true"),
        ]
        for answer in answers:
            assert answer.headers["hush-model"] == "tiny"
            assert answer.headers["hush-coming"] == "small, turbo"
        plain = await client.post("/mel", content=picture())
        assert (plain.headers["hush-model"], plain.text) == ("base", "Hello.\n")
        assert (await client.get("/v1/models")).json()["coming"] == ["small", "turbo"]
        for answer in (
            await post(client, picture(), model="turbo"),
            await client.get("/v1/models/turbo"),
        ):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
            assert error_of(answer)["code"] == "starting"


async def test_equal_answers_have_equal_tags(client: httpx2.AsyncClient) -> None:
    tags = [
        (await post(client, picture(), response_format=form)).headers["etag"]
        for form in ("json", "json", "verbose_json", "srt", "text")
    ]
    assert tags[0] == tags[1]
    assert len(set(tags)) == 4
    assert (await client.post("/", content=picture())).headers["etag"] == tags[4]
    # To a POST, HTTP has no 304, and 412 would take the words from who asks for them.
    again = await client.post("/", content=picture(), headers={"if-none-match": tags[4]})
    assert (again.status_code, again.text) == (200, "Hello.\n")
    for answer in (await post(client, b"nothing"), await post(client, picture(), stream="true")):
        assert "etag" not in answer.headers


async def test_speech_without_words_is_told_in_json_and_in_a_header() -> None:
    told = engine()
    told.unheard = (Stretch(0.25, 0.5), Stretch(0.75, 1.0))
    stretches = [{"start": 0.25, "end": 0.5}, {"start": 0.75, "end": 1.0}]
    async with http(loaded(demo=told)) as client:
        for form in ("json", "verbose_json", "text", "srt", "vtt"):
            answer = await post(client, picture(), response_format=form)
            assert answer.headers["x-hush-unheard"] == "0.25-0.50, 0.75-1.00"
            if form in ("json", "verbose_json"):
                assert answer.json()["unheard"] == stretches
        answer = await client.post("/mel", content=picture())
        assert answer.headers["x-hush-unheard"] == "0.25-0.50, 0.75-1.00"
        told.unheard = tuple(Stretch(second, second + 1) for second in range(0, 3000, 10))
        answer = await post(client, picture(), response_format="verbose_json")
        assert len(answer.json()["unheard"]) == 300
        assert answer.headers["x-hush-unheard"].endswith(", 990.00-991.00")


async def test_where_all_speech_has_words_nothing_is_told(client: httpx2.AsyncClient) -> None:
    answer = await post(client, picture(), response_format="verbose_json")
    assert answer.json()["unheard"] == []
    assert "x-hush-unheard" not in answer.headers


async def test_the_engine_gets_the_floored_values_and_what_was_asked() -> None:
    told = engine(80, ("en", "de"), ("transcribe", "translate"))
    values = np.full((80, 10), -1.5, np.float32)
    values[0, 0] = 1.0
    async with http(loaded(demo=told)) as client:
        await post(
            client,
            encode(quantize(values)),
            TRANSLATIONS,
            language="DE",
            prompt="Guten",
            temperature="0.25",
        )
    ((spectrogram, request),) = told.asked
    assert (spectrogram.min(), spectrogram.max()) == (-1.0, 1.0)
    assert (request.task, request.language) == ("translate", "de")
    assert (request.prompt, request.temperature) == ("Guten", 0.25)


@pytest.mark.parametrize(
    ("given", "code"),
    [("en-US", "en"), ("English", "en"), ("auto", None), ("", None), ("zh_Hans", "zh")],
)
async def test_languages_are_understood_as_clients_name_them(given: str, code: str | None) -> None:
    told = engine(languages=("en", "zh"))
    async with http(loaded(demo=told)) as client:
        assert (await post(client, picture(), language=given)).status_code == 200
    assert told.asked[0][1].language == code


async def test_a_language_among_several_is_detected() -> None:
    told = engine(languages=("en", "zh"))
    async with http(loaded(demo=told)) as client:
        several = {"languages[]": ["en", "zh"]}
        await client.post(TRANSCRIPTIONS, files={"file": picture()}, data=several)
        await post(client, picture(), languages="zh")
    assert [request.language for _, request in told.asked] == [None, "zh"]


@pytest.mark.parametrize("name", ["", "[]", "[0]"])
async def test_lists_are_understood_however_their_names_are_written(
    client: httpx2.AsyncClient, name: str
) -> None:
    form = {f"timestamp_granularities{name}": "word", "response_format": "verbose_json"}
    assert (await post(client, picture(), **form)).json()["words"]
    answer = await post(client, picture(), **{f"timestamp_granularities{name}": "phrase"})
    error = error_of(answer)
    assert answer.status_code == 400
    assert "timestamp_granularities" in str(error["param"])


async def test_json_says_how_sure_the_model_is_where_asked_to(client: httpx2.AsyncClient) -> None:
    answer = await post(client, picture(), **{"include[]": "logprobs"})
    (word,) = answer.json()["logprobs"]
    assert (word["token"], word["bytes"]) == ("Hello.", list(b"Hello."))
    assert word["logprob"] == -100
    assert "logprobs" not in (await post(client, picture())).json()
    assert (await post(client, picture(), include="everything")).status_code == 400


@pytest.mark.parametrize("name", ["timestamp_granularities[]", "include[]"])
async def test_empty_items_of_lists_are_none(client: httpx2.AsyncClient, name: str) -> None:
    assert (await post(client, picture(), **{name: ""})).status_code == 200


async def test_keywords_are_heard_before_the_prompt() -> None:
    told = engine()
    async with http(loaded(demo=told)) as client:
        form = {"prompt": "And so", "keywords[]": ["Ada", "Grace"]}
        await client.post(TRANSCRIPTIONS, files={"file": picture()}, data=form)
    assert told.asked[0][1].prompt == "Ada, Grace And so"


async def test_subtitles_take_a_shape(client: httpx2.AsyncClient) -> None:
    narrow = await post(client, picture(), response_format="srt", max_line_width="8")
    assert "Hello." in narrow.text
    for form in ({"max_lines": "0"}, {"max_line_width": "3"}, {"max_words": "x"}):
        answer = await post(client, picture(), response_format="srt", **form)
        assert (answer.status_code, error_of(answer)["param"]) == (400, next(iter(form)))


@pytest.mark.parametrize("name", ["Systran/faster-whisper-base", "openai/whisper-base", "base"])
async def test_models_are_known_by_what_hubs_call_them(name: str) -> None:
    async with http(loaded(base=engine(), turbo=engine(128))) as client:
        assert (await post(client, picture(), model=name)).status_code == 200
        assert (await client.get(f"/v1/models/{name}")).json()["id"] == "base"
        encoded = name.replace("/", "%2F")
        assert (await client.get(f"/v1/models/{encoded}")).json()["id"] == "base"
        answer = await post(client, picture(), model="distil-whisper/distil-large-v3")
        assert (answer.status_code, error_of(answer)["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    "name",
    [
        "whisper-1",
        "gpt-transcribe",
        "gpt-4o-mini-transcribe-2025-12-15",
        "gpt-4o-transcribe-diarize",
    ],
)
async def test_any_model_will_do_for_openais_names(client: httpx2.AsyncClient, name: str) -> None:
    assert (await post(client, picture(), model=name)).status_code == 200


async def test_models_say_what_pictures_they_take() -> None:
    models = loaded(small=engine(), large=engine(128, ("en", "de"), ("transcribe",), 9000))
    async with http(models) as client:
        listed = (await client.get("/v1/models")).json()
        assert [(entry["id"], entry["mel_bins"]) for entry in listed["data"]] == [
            ("large", 128),
            ("small", 80),
        ]
        assert listed["data"][0]["languages"] == ["en", "de"]
        assert Encoding(**listed["data"][0]["small_picture"]) == SMALL
        assert (await client.get("/v1/models/small")).json()["tasks"] == ["transcribe"]
        assert (await client.get("/v1/models/whisper-1")).json()["id"] == "large"
        assert (await client.get("/v1/models/huge")).status_code == 404


@pytest.mark.parametrize("path", ["/", "/mel"])
async def test_the_original_interface(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.post(path, content=picture())
    assert answer.text == "Hello.\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert (await client.get(path)).json() == {"models": {"demo": "ready"}, "queue": 0, "done": 1}


async def test_a_slash_too_much_leads_nowhere(client: httpx2.AsyncClient) -> None:
    # Behind a gateway, a redirect would name a host that no client may ask.
    answer = await client.get("/v1/models/")
    assert answer.status_code == 404
    assert "location" not in answer.headers


async def test_a_service_of_its_own_has_no_sign_in() -> None:
    for key in ({}, {"api_key": "secret"}):
        async with http(loaded(demo=engine()), **key) as client:
            answer = await client.get("/auth/me")
            assert answer.json() == {"sign_in": False, "signed_in": False}


async def test_curls_idea_of_a_content_type_does_not_matter(client: httpx2.AsyncClient) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (await client.post("/", content=picture(), headers=headers)).status_code == 200


@pytest.mark.parametrize("case", REFUSED)
async def test_pictures_that_are_none_are_refused(client: httpx2.AsyncClient, case: str) -> None:
    data, _ = REFUSED[case]
    for answer in (await post(client, data), await client.post("/", content=data)):
        assert answer.status_code == 400
        assert error_of(answer)["code"] == "invalid_image"


AUDIO = {
    "wav": b"RIFF\x24\x08\x00\x00WAVEfmt ",
    "mp3 with tags": b"ID3\x04\x00",
    "mp3": b"\xff\xfb\x90\x64",
    "ogg": b"OggS\x00\x02",
    "flac": b"fLaC\x00\x00",
    "webm": b"\x1aE\xdf\xa3\x9fB\x86",
    "m4a": b"\x00\x00\x00\x20ftypM4A ",
    "mp4": b"\x00\x00\x00\x20ftypisom",
}


@pytest.mark.parametrize("kind", AUDIO)
async def test_audio_is_refused_on_purpose(client: httpx2.AsyncClient, kind: str) -> None:
    data = AUDIO[kind] + bytes(1000)
    for answer in (await post(client, data), await client.post("/mel", content=data)):
        assert answer.status_code == 415
        error = error_of(answer)
        assert error["code"] == "audio_refused"
        assert "does not take audio" in str(error["message"])


@pytest.mark.parametrize(
    ("form", "status", "param"),
    [
        ({"temperature": "2"}, 400, "temperature"),
        ({"temperature": "warm"}, 400, "temperature"),
        ({"temperature": "nan"}, 400, "temperature"),
        ({"response_format": "yaml"}, 400, "response_format"),
        ({"timestamp_granularities[]": "letter"}, 400, "timestamp_granularities[].0"),
        ({"prompt": "x" * 10_001}, 400, "prompt"),
        ({"prompt": "<|endoftext|>"}, 400, "prompt"),
        ({"stream": "perhaps"}, 400, "stream"),
        ({"stream": "true", "response_format": "srt"}, 400, "response_format"),
        ({"language": "tlh"}, 400, "model"),
        ({"model": "huge"}, 404, "model"),
    ],
)
async def test_wrong_parameters_are_named(
    client: httpx2.AsyncClient, form: dict[str, str], status: int, param: str
) -> None:
    answer = await client.post(TRANSCRIPTIONS, files={"file": picture()}, data=form)
    assert answer.status_code == status
    assert error_of(answer)["param"] == param


async def test_a_missing_or_misspelt_file_is_named(client: httpx2.AsyncClient) -> None:
    for sent in ({"data": {"file": "text"}}, {"files": {"picture": picture()}}, {"content": b"{}"}):
        answer = await client.post(TRANSCRIPTIONS, **sent)
        assert answer.status_code == 400
        assert error_of(answer)["param"] == "file"


async def test_forms_that_are_none_are_refused(client: httpx2.AsyncClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    for content in (b"", b"--x\r\n", b"--x\r\nnonsense\r\n--x--", b"\xff" * 500):
        answer = await client.post(TRANSCRIPTIONS, content=content, headers=headers)
        assert answer.status_code == 400
        error_of(answer)


async def test_a_translation_by_an_english_model_names_one_that_can() -> None:
    both = loaded(demo=engine(), many=engine(80, ("en", "de"), ("transcribe", "translate"), 1))
    async with http(both) as client:
        answer = await post(client, picture(), TRANSLATIONS, model="demo")
        assert answer.status_code == 400
        assert "many can" in str(error_of(answer)["message"])
        assert (await post(client, picture(), TRANSLATIONS)).status_code == 200


async def test_a_height_that_no_model_takes_names_those_that_fit() -> None:
    async with http(loaded(demo=engine(), wide=engine(128))) as client:
        answer = await post(client, picture(mel_bins=128), model="demo")
        assert answer.status_code == 422
        assert "wide does" in str(error_of(answer)["message"])


@pytest.mark.parametrize("image_range", [(0, 101), (-1e38, 1e38), (-3e38, -2e38)])
async def test_values_that_no_model_can_take_are_refused(
    client: httpx2.AsyncClient, image_range: tuple[float, float]
) -> None:
    answer = await client.post("/", content=tga(image_range=image_range))
    assert answer.status_code == 400
    assert "lies between -100 and 100" in str(error_of(answer)["message"])


async def test_a_temperature_next_to_nothing_is_nothing() -> None:
    told = engine()
    async with http(loaded(demo=told)) as client:
        for temperature in ("1e-300", "5e-324", "0.0009", "0.001"):
            assert (await post(client, picture(), temperature=temperature)).is_success
    assert [request.temperature for _, request in told.asked] == [0, 0, 0, 0.001]


async def test_times_of_words_are_worked_out_only_where_they_are_shown() -> None:
    told = engine()
    async with http(loaded(demo=told)) as client:
        for form in ("json", "text", "srt", "vtt", "verbose_json"):
            data = {"response_format": form, "timestamp_granularities[]": "word"}
            await client.post(TRANSCRIPTIONS, files={"file": picture()}, data=data)
    assert [request.words for _, request in told.asked] == [False] * 2 + [True] * 3


async def test_before_a_model_is_ready_the_answer_is_to_come_again() -> None:
    async with http(ServedModels(["demo"])) as client:
        for answer in (
            await post(client, picture()),
            await client.post("/", content=picture()),
            await client.get("/v1/models"),
            await client.get("/v1/models/demo"),
            await client.get("/readyz"),
        ):
            assert answer.status_code == 503
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            error_of(answer)
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/")).json()["models"] == {"demo": "waiting"}


async def test_a_full_queue_is_429() -> None:
    go = threading.Event()
    told = engine(go=go)
    async with http(loaded(demo=told), queue_size=0) as client:
        first = asyncio.create_task(post(client, picture()))
        await asyncio.to_thread(told.begun.wait)
        answer = await post(client, picture())
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert error_of(answer)["type"] == "rate_limit_error"
        go.set()
        assert (await first).status_code == 200


async def test_who_waits_less_long_is_refused_and_background_work_is_put_off() -> None:
    go = threading.Event()
    told = engine(go=go)
    async with http(loaded(demo=told)) as client:
        first = asyncio.create_task(post(client, picture()))
        await asyncio.to_thread(told.begun.wait)
        waiting = client._transport.app.state.transcriber.queue._turns  # type: ignore[attr-defined]
        head = {"prefer": "respond-async, wait=0"}
        answer = await client.post("/", content=picture(), headers=head)
        assert answer.status_code == 429
        orders = []
        for frames, urgency in ((200, "u=7"), (300, "u=1, i")):
            head = {"priority": urgency}
            sent = client.post("/", content=picture(frames), headers=head)
            orders.append(asyncio.create_task(sent))
            while len(waiting) < len(orders):
                await asyncio.sleep(0)
        go.set()
        assert (await first).status_code == 200
        await asyncio.gather(*orders)
    assert [spectrogram.shape[1] for spectrogram, _ in told.asked] == [100, 300, 200]


async def test_a_key_is_wanted_where_one_is_set() -> None:
    async with http(loaded(demo=engine()), api_key="secret") as client:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "secret"}):
            for answer in (
                await client.post("/", content=picture(), headers=headers),
                await client.get("/", headers=headers),
                await client.get("/v1/models", headers=headers),
                await client.post(TRANSCRIPTIONS, files={"file": picture()}, headers=headers),
            ):
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
                assert error_of(answer)["code"] == "invalid_api_key"
        for good in ("Bearer secret", "bearer secret", "BEARER  secret "):
            headers = {"authorization": good}
            assert (await client.post("/", content=picture(), headers=headers)).is_success
        for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"):
            assert (await client.get(path)).status_code == 200
        described = (await client.get("/openapi.json")).json()
        assert described["paths"]["/"]["post"]["security"] == [{"HTTPBearer": []}]
        assert "security" not in described["paths"]["/healthz"]["get"]


async def test_addresses_that_nobody_serves_are_errors_of_the_same_shape(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.get("/v2/anything")
    assert answer.status_code == 404
    error_of(answer)
    answer = await client.delete("/v1/models")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    error_of(answer)
    answer = await client.delete("/mel")
    assert answer.headers["allow"] == "GET, POST"


async def test_an_engine_that_fails_is_500_without_a_stack_trace() -> None:
    told = engine()
    told.transcribe = None  # type: ignore[assignment,method-assign]
    async with http(loaded(demo=told)) as client:
        answer = await post(client, picture())
        assert answer.status_code == 500
        # uvicorn closes it: whoever keeps it would lose what is asked next.
        assert answer.headers["connection"] == "close"
        assert "its log says how" in str(error_of(answer)["message"])
        assert (await client.get("/")).json()["queue"] == 0


async def test_the_documentation_loads_nothing_from_elsewhere(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    assert "https://" not in page
    schema = (await client.get("/openapi.json")).json()
    assert json.dumps(schema["paths"][TRANSCRIPTIONS]["post"]).count("Set a timer") >= 2
