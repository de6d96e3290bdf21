"""While no GPU is ready, the responder answers: deployed, and run by AWS's runtime client."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from deploy import __main__ as deploy
from hush.audio import read_audio
from hush.contracts.headers import IDENTITY, TIER
from hush.image import encode, quantize
from hush.mel import log_mel_spectrogram
from hush_service.packaged import recording
from local.gateway import Request
from local.processes import service
from tests.cloud.conftest import NAMES, SETTINGS, Deployment
from tests.cloud.emulated_aws import ACCOUNT, REGION
from tests.cloud.fleet import group, inner_key, set_instances
from tests.cloud.front_door import error_of
from tests.cloud.test_deployment import ask, key

pytestmark = pytest.mark.xdist_group("cloud")

TRANSCRIPTIONS = "/v1/audio/transcriptions"


@pytest.fixture(scope="module")
def picture() -> bytes:
    return encode(quantize(log_mel_spectrogram(read_audio(recording())[: 5 * 16_000])))


@pytest.fixture(autouse=True)
def asleep(deployment: Deployment) -> Iterator[None]:
    set_instances(deployment, None)
    yield
    set_instances(deployment, None)


def capacity(deployment: Deployment) -> int:
    return int(group(deployment)["DesiredCapacity"])


def test_the_unchanged_openai_client_has_words_at_once_and_then_the_fleets(
    deployment: Deployment, picture: bytes
) -> None:
    answered: list[tuple[str, str]] = []

    def transcribe(client: openai.OpenAI) -> None:
        raw = client.audio.transcriptions.with_raw_response.create(
            model="whisper-1", file=("speech.png", picture)
        )
        answered.append((raw.headers["hush-model"], raw.headers.get("hush-coming", "")))
        assert "fellow" in raw.parse().text.lower()

    with (
        service(HUSH_ROOT_PATH="/live", HUSH_MODELS="base") as (instance, _),
        deployment.door.listening() as url,
        # No second try: each call has its answer.
        openai.OpenAI(
            base_url=f"{url}/v1", api_key=key(deployment), max_retries=0, timeout=30
        ) as client,
    ):
        deployment.door.instance = instance
        assert capacity(deployment) == 0
        transcribe(client)
        assert capacity(deployment) == 1
        for state in ("Pending", "Pending:Wait", "InService", "Terminating:Wait"):
            set_instances(deployment, state)
            transcribe(client)
    booting = ("tiny.en", "small, turbo")
    assert answered == [booting, booting, booting, ("base", ""), booting]


def test_it_says_which_models_there_are_and_which_are_coming(deployment: Deployment) -> None:
    listed = json.loads(ask(deployment, "GET", "/v1/models").body)
    assert [each["id"] for each in listed["data"]] == ["tiny.en"]
    assert listed["coming"] == ["small", "turbo"]
    turbo = ask(deployment, "GET", "/v1/models/turbo")
    assert (turbo.status, error_of(turbo)["code"]) == (503, "starting")
    assert 1 <= int(turbo.headers["retry-after"]) <= 60


def test_quotas_count_as_on_the_fleet(deployment: Deployment, picture: bytes) -> None:
    inside = {
        "authorization": f"Bearer {inner_key(deployment)}",
        IDENTITY: "github:first-words",
        TIER: "person",
    }
    request = Request("POST", "/live/mel", inside, picture)
    statuses = [deployment.door.balancer(request).status for _ in range(6)]
    assert statuses == [200] * 4 + [429] * 2
    quota = next(name for name in deployment.aws.of("DynamoDB::Table") if "uota" in name)
    items = deployment.aws.client("dynamodb").scan(TableName=quota)["Items"]
    (mine,) = (each for each in items if each["id"]["S"].startswith("github:first-words#"))
    assert mine["requests"]["N"] == "4"


def test_a_flood_has_no_more_at_once_than_is_kept_for_it_and_nobody_is_lost(
    deployment: Deployment, picture: bytes
) -> None:
    (responder,) = (name for name in deployment.aws.of("Lambda::Function") if "Responder" in name)
    deployment.lambdas.most.clear()
    with (
        deployment.door.listening() as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key=key(deployment), max_retries=20) as client,
        ThreadPoolExecutor(8) as crowd,
    ):
        asked = [
            crowd.submit(
                client.audio.transcriptions.create,
                model="whisper-1",
                file=("speech.png", picture),
            )
            for _ in range(8)
        ]
        heard = Counter("fellow" in each.result().text.lower() for each in asked)
    assert heard == {True: 8}
    assert deployment.lambdas.most[responder] == 2


@pytest.fixture
def worth_three(deployment: Deployment) -> Iterator[None]:
    """Have the status Lambda wake the fleet for three segments in an hour."""
    before = dict(deployment.lambdas.environment)
    quota = next(name for name in deployment.aws.of("DynamoDB::Table") if "uota" in name)
    deployment.lambdas.stop()
    deployment.lambdas.environment |= {"WAKE_AFTER": "3", "COUNTS": quota}
    yield
    deployment.lambdas.stop()
    deployment.lambdas.environment = before


@pytest.mark.usefixtures("worth_three")
def test_few_segments_need_not_wake_a_gpu(deployment: Deployment, picture: bytes) -> None:
    ask(deployment, "GET", "/v1/models")
    for _ in range(2):
        assert ask(deployment, "POST", "/mel", picture).status == 200
    assert capacity(deployment) == 0
    assert ask(deployment, "POST", "/mel", picture).status == 200
    assert capacity(deployment) == 1
    set_instances(deployment, None)
    # Whoever wants the fleet itself has it woken.
    ask(deployment, "GET", "/v1/models/turbo")
    assert capacity(deployment) == 1


@pytest.fixture
def a_cent_a_month(deployment: Deployment) -> Iterator[None]:
    """Let the fleet cost a cent, of which an instance that starts is worth more within minutes."""
    before = dict(deployment.lambdas.environment)
    deployment.lambdas.stop()
    deployment.lambdas.environment |= {"BOUND": "0.01", "PRICES": '{"g4dn.xlarge": 1e9}'}
    yield
    deployment.lambdas.stop()
    deployment.lambdas.environment = before
    deployment.lambdas.invoke(NAMES.governor, {})


@pytest.mark.usefixtures("a_cent_a_month")
def test_when_a_month_is_spent_the_responder_answers_on_and_wakes_nobody(
    deployment: Deployment, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(deployment, "POST", "/status")
    assert capacity(deployment) == 1
    deployment.lambdas.invoke(NAMES.governor, {})
    # It took a second or two since then, at a billion dollars an hour.
    assert group(deployment)["MaxSize"] == capacity(deployment) == 0
    set_instances(deployment, None)
    answer = ask(deployment, "POST", "/mel", picture)
    assert "fellow" in answer.body.decode().lower()
    # Nor does it say that larger models are on their way.
    assert "hush-coming" not in answer.headers
    assert json.loads(ask(deployment, "GET", "/v1/models").body)["coming"] == []
    turbo = ask(deployment, "GET", "/v1/models/turbo")
    assert (turbo.status, error_of(turbo)["code"]) == (503, "asleep")
    assert turbo.headers["retry-after"] == "60"
    status = json.loads(ask(deployment, "POST", "/status").body)
    assert (status["state"], status["step"]) == ("down", "stopped")
    waiting = ask(deployment, "GET", "/v1/models", headers={"hush-wait-for": "fleet"})
    assert (waiting.status, error_of(waiting)["code"]) == (503, "asleep")
    assert "may cost this month" in error_of(waiting)["message"]
    assert capacity(deployment) == 0

    # `make lift`, by which as much again may be spent.
    for name, value in (deployment.aws.environment | deployment.lambdas.environment).items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    settings = SETTINGS.model_copy(update={"account": ACCOUNT, "region": REGION})
    assert deploy.lift(settings)
    assert group(deployment)["MaxSize"] == settings.maximum_instances
    ask(deployment, "POST", "/status")
    assert capacity(deployment) == 1
