"""The whole deployment, as whoever deployed it uses it: everything fits together.

What the emulated AWS cannot show stands in docs/deploy.md.
"""

import json
import time

import httpx2
import openai
import pytest

from hush import Client
from hush.contracts.headers import GATEWAY_REQUEST
from hush.contracts.routes import OPEN_TO_ALL
from hush.image import encode, quantize
from hush.mel import log_mel_spectrogram
from local.gateway import Answer, Request
from local.processes import service
from tests.cloud.conftest import NAMES, STACKS, Deployment
from tests.cloud.fleet import group, running_instance, set_instances
from tests.cloud.front_door import error_of
from tests.conftest import ROOT, Samples

pytestmark = pytest.mark.xdist_group("cloud")

WAITING = {"hush-wait-for": "fleet"}


def key(deployment: Deployment) -> str:
    """Return the API key of whoever deployed it."""
    (output,) = (
        each["OutputValue"]
        for each in deployment.aws.client("cloudformation").describe_stacks(
            StackName=NAMES.stack("service")
        )["Stacks"][0]["Outputs"]
        if each["OutputKey"] == "DeploymentKey"
    )
    client = deployment.aws.client("secretsmanager")
    return str(client.get_secret_value(SecretId=output)["SecretString"])


def ask(
    deployment: Deployment,
    method: str,
    path: str,
    body: bytes = b"",
    *,
    signed_in: bool = True,
    headers: dict[str, str] | None = None,
) -> Answer:
    credential = {"authorization": f"Bearer {key(deployment)}"} if signed_in else {}
    return deployment.door.cloudfront(method, path, {**(headers or {}), **credential}, body)


@pytest.fixture
def asleep(deployment: Deployment) -> None:
    set_instances(deployment, None)


class TestWhatIsThere:
    def test_all_stacks_are_complete(self, deployment: Deployment) -> None:
        stacks = deployment.aws.client("cloudformation").describe_stacks()["Stacks"]
        states = {stack["StackName"]: stack["StackStatus"] for stack in stacks}
        assert {states[name] for name in STACKS} == {"CREATE_COMPLETE"}

    def test_the_fleet_is_asleep_behind_an_internal_load_balancer(
        self, deployment: Deployment
    ) -> None:
        fleet = group(deployment)
        assert (fleet["MinSize"], fleet["DesiredCapacity"]) == (0, 0)
        (balancer,) = deployment.aws.client("elbv2").describe_load_balancers()["LoadBalancers"]
        assert balancer["Scheme"] == "internal"
        hooks = deployment.aws.client("autoscaling").describe_lifecycle_hooks(
            AutoScalingGroupName=fleet["AutoScalingGroupName"]
        )["LifecycleHooks"]
        assert {hook["LifecycleHookName"] for hook in hooks} == {"launch", "termination"}

    def test_no_security_group_lets_the_world_in(self, deployment: Deployment) -> None:
        groups = deployment.aws.client("ec2").describe_security_groups()["SecurityGroups"]
        ours = [each for each in groups if "link" in each["Description"].lower()]
        assert ours
        for each in ours:
            for rule in each["IpPermissions"]:
                assert rule["IpRanges"] == []

    def test_the_page_is_published(self, deployment: Deployment) -> None:
        page = ROOT / "ui" / "dist"
        assert ask(deployment, "GET", "/").body == (page / "index.html").read_bytes()
        for file in (page / "assets").iterdir():
            assert ask(deployment, "GET", f"/assets/{file.name}").body == file.read_bytes()


@pytest.mark.usefixtures("asleep")
class TestWhoMayEnter:
    def test_health_and_status_are_open(self, deployment: Deployment) -> None:
        status = ask(deployment, "GET", "/status", signed_in=False)
        assert status.status == 200
        assert json.loads(status.body)["state"] == "down"
        health = ask(deployment, "GET", "/healthz", signed_in=False)
        assert health.status == 503
        assert error_of(health)["code"] == "asleep"

    @pytest.mark.parametrize("path", [each.removeprefix("GET") for each in OPEN_TO_ALL])
    def test_what_is_open_wakes_nobody(self, deployment: Deployment, path: str) -> None:
        ask(deployment, "GET", path, signed_in=False)
        # The monthly call that keeps the link awake comes around CloudFront.
        inside = {**deployment.door.origin_headers(), "x-hush-credential": "none"}
        assert deployment.door.gateway("GET", f"/live{path}", inside, b"").status in (200, 503)
        assert group(deployment)["DesiredCapacity"] == 0

    @pytest.mark.parametrize(
        ("tier", "path", "capacity"),
        [
            ("none", "/live/v1/models", 0),
            (None, "/live/v1/models", 0),
            ("anonymous", "/live/healthz", 0),
            ("unlimited", "/live/healthz", 0),
            ("anonymous", "/live/v1/models", 1),
            ("person", "/live/mel", 1),
            ("unlimited", "/live/mel", 1),
        ],
    )
    def test_those_who_may_and_want_words_wake_it(
        self, deployment: Deployment, tier: str | None, path: str, capacity: int
    ) -> None:
        headers = {} if tier is None else {"X-Hush-Tier": tier}
        deployment.door.balancer(Request("GET", path, headers, b"", ""))
        assert group(deployment)["DesiredCapacity"] == capacity

    @pytest.mark.parametrize(
        ("method", "path"),
        [("POST", "/status"), ("GET", "/v1/models"), ("POST", "/mel"), ("GET", "/mel")],
    )
    def test_nothing_else_is(self, deployment: Deployment, method: str, path: str) -> None:
        answer = ask(deployment, method, path, signed_in=False)
        assert answer.status == 403
        assert error_of(answer)["code"] == "not_allowed"
        assert group(deployment)["DesiredCapacity"] == 0

    def test_a_wrong_key_is_told_so(self, deployment: Deployment) -> None:
        answer = deployment.door.cloudfront(
            "GET", "/v1/models", {"authorization": "Bearer wrong"}, b""
        )
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert error_of(answer)["code"] == "invalid_api_key"

    def test_around_the_cdn_nothing_is_open(self, deployment: Deployment) -> None:
        credential = {"x-hush-credential": f"bearer {key(deployment)}"}
        without = deployment.door.gateway("GET", "/live/status", credential, b"")
        assert without.status == 401
        guessed = {**credential, "x-hush-origin": "guess"}
        assert deployment.door.gateway("GET", "/live/status", guessed, b"").status == 403

    def test_what_does_not_exist_is_404_in_openais_shape(self, deployment: Deployment) -> None:
        answer = ask(deployment, "DELETE", "/mel")
        assert answer.status == 404
        assert error_of(answer)["code"] == "not_found"

    def test_every_refusal_says_what_logs_call_the_request(self, deployment: Deployment) -> None:
        wrong = {"authorization": "Bearer wrong"}
        for method, path, headers, status in (
            ("GET", "/healthz", {}, 503),
            ("POST", "/mel", {}, 403),
            ("DELETE", "/mel", {}, 404),
            ("GET", "/auth/keys", {}, 401),
            ("GET", "/auth/keys", wrong, 401),
            ("GET", "/v1/models", wrong, 401),
        ):
            answer = deployment.door.cloudfront(method, path, headers, b"")
            assert answer.status == status
            named = error_of(answer)["request_id"]
            assert named == answer.headers[GATEWAY_REQUEST]
            assert not headers or f'"request": "{named}"' in deployment.lambdas.said()


@pytest.mark.usefixtures("asleep")
class TestColdStart:
    @pytest.mark.parametrize(
        ("method", "path", "size"),
        [
            ("GET", "/v1/models", 0),
            ("POST", "/v1/audio/transcriptions", 20_000),
            ("POST", "/mel", 20_000),
        ],
    )
    def test_who_waits_for_the_fleet_is_told_when_to_come_again_and_wakes_it(
        self, deployment: Deployment, method: str, path: str, size: int
    ) -> None:
        answer = ask(deployment, method, path, b"x" * size, headers=WAITING)
        assert answer.status == 503
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert error_of(answer)["code"] == "starting"
        assert group(deployment)["DesiredCapacity"] == 1

    def test_a_large_picture_is_answered_in_the_same_shape(self, deployment: Deployment) -> None:
        answer = ask(deployment, "POST", "/mel", b"x" * 2_000_000)
        assert answer.status == 503
        assert error_of(answer)["code"] == "starting"

    def test_what_the_gateway_cannot_take_is_said_before_and_refused(
        self, deployment: Deployment
    ) -> None:
        status = json.loads(ask(deployment, "GET", "/status").body)
        assert status["max_body_bytes"] < 10 * 2**20
        answer = ask(deployment, "POST", "/mel", b"x" * (10 * 2**20 + 1))
        assert answer.status == 413
        assert error_of(answer)["code"] == "too_large"

    def test_status_tells_the_steps_of_waking(self, deployment: Deployment) -> None:
        def now() -> tuple[str, str | None]:
            status = json.loads(ask(deployment, "GET", "/status").body)
            assert status["link"] == "available"
            return status["state"], status["step"]

        assert now() == ("down", None)
        assert json.loads(ask(deployment, "POST", "/status").body)["state"] != "down"
        set_instances(deployment, "Pending")
        assert now() == ("starting", "instance")
        set_instances(deployment, "Pending:Wait")
        assert now() == ("starting", "model")
        set_instances(deployment, "InService")
        assert now() == ("up", None)
        set_instances(deployment, "Terminating:Wait")
        assert now()[0] == "starting"

    def test_status_is_told_for_seconds_and_asks_aws_no_more_often(
        self, deployment: Deployment
    ) -> None:
        answer = ask(deployment, "GET", "/status", signed_in=False)
        assert answer.headers["cache-control"] == "max-age=0, s-maxage=4"
        client = deployment.aws.client("autoscaling")
        name = group(deployment)["AutoScalingGroupName"]
        client.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
        assert ask(deployment, "GET", "/status", signed_in=False).body == answer.body
        told = ask(deployment, "POST", "/status")
        assert told.headers["cache-control"] == "no-store"
        assert json.loads(told.body)["state"] != "down"

    def test_the_door_opens_when_the_load_balancer_finds_an_instance_healthy(
        self, deployment: Deployment
    ) -> None:
        ask(deployment, "POST", "/status")
        set_instances(deployment, "InService", healthy=False)
        status = json.loads(ask(deployment, "POST", "/status").body)
        assert (status["state"], status["step"]) == ("starting", "health")
        assert error_of(ask(deployment, "GET", "/v1/models", headers=WAITING))["code"] == "starting"
        set_instances(deployment, "InService")
        assert json.loads(ask(deployment, "POST", "/status").body)["state"] == "up"

    def test_openais_client_waits_through_it_if_it_wants_the_fleet(
        self,
        deployment: Deployment,
        sample: Samples,
        sample_words: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        picture = encode(quantize(log_mel_spectrogram(sample)))
        clock = 0.0
        waits: list[float] = []

        def sleep(seconds: float) -> None:
            """Let the world go on instead: an instance boots in four minutes."""
            nonlocal clock
            waits.append(seconds)
            clock += seconds
            set_instances(
                deployment,
                "Pending" if clock < 60 else "Pending:Wait" if clock < 240 else "InService",
            )

        set_instances(deployment, None)
        with (
            service(HUSH_ROOT_PATH="/live") as (instance, _),
            deployment.door.listening() as url,
            openai.OpenAI(
                base_url=f"{url}/v1",
                api_key=key(deployment),
                max_retries=10,
                default_headers=WAITING,
            ) as client,
        ):
            deployment.door.instance = instance
            monkeypatch.setattr(time, "sleep", sleep)
            heard = client.audio.transcriptions.create(
                model="whisper-1", file=("speech.png", picture)
            )
        assert heard.text == sample_words
        assert clock >= 240
        assert all(0 < wait <= 60 for wait in waits)


class TestWords:
    def test_a_mel_image_goes_in_at_the_front_door_and_words_come_out(
        self, deployment: Deployment, sample: Samples, sample_words: str
    ) -> None:
        picture = encode(quantize(log_mel_spectrogram(sample)))
        with running_instance(deployment) as instance, deployment.door.listening() as url:
            assert httpx2.get(f"{instance}/v1/models", timeout=None).status_code == 401
            with Client(url, api_key=key(deployment)) as client:
                assert client.model().mel_bins == 80
                (transcript,) = client.transcribe_each([picture])
            assert transcript.text == sample_words
            plain = ask(deployment, "POST", "/mel", picture)
            assert plain.body.decode().strip() == sample_words
