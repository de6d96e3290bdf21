"""A stand-in for what answers /administration/ in the cloud: one day of one installation."""

import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.wire import Request, Response
from tests.sign_in import SignIn, error, reply

NOW = datetime.now(UTC).replace(microsecond=0)


def moment(**ago: float) -> str:
    """Return a time some while ago."""
    return f"{NOW - timedelta(**ago):%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class Administration:
    """Answers /administration/, for whom the sign-in knows as an administrator.

    Attributes
    ----------
    sign_in
        Knows who asks, and answers /auth/.
    people, keys
        How many there are.
    unknown
        Paths of which AWS tells nothing.
    refused
        Status and message in place of every answer; None for answers.
    acts
        What was asked for other than by GET: method, path and body.
    """

    sign_in: SignIn
    people: int = 120
    keys: int = 60
    unknown: set[str] = field(default_factory=set)
    refused: tuple[int, str] | None = None
    acts: list[tuple[str, str, Any]] = field(default_factory=list)
    stopped: bool = False

    def answer(self, request: Request) -> Response | None:
        """Answer in the service's place, or return None for it to answer."""
        parts = urlsplit(request.path)
        if not parts.path.startswith("/administration/"):
            return self.sign_in.answer(request)
        if not self.sign_in.sessions:
            return error(401, "sign in first", "not_signed_in")
        if self.sign_in.tier != "unlimited":
            return error(403, "only administrators may do this", "not_allowed")
        if self.refused:
            return error(*self.refused, None, {"Retry-After": "7"})
        path = parts.path.removeprefix("/administration/")
        if request.method != "GET":
            self.acts.append((request.method, path, json.loads(request.body or b"null")))
        if path in self.unknown:
            return reply(200, {"unknown": "AWS is asked too often just now."})
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return reply(200, self.told(path.split("/"), asked))

    def told(self, path: list[str], asked: dict[str, str]) -> Any:  # noqa: PLR0911
        """Return what stands at a path."""
        match path:
            case ["fleet"]:
                return self._fleet()
            case ["fleet", _]:
                return self._group()
            case ["charts"]:
                return charts(int(asked["hours"]))
            case ["deployments"]:
                return DEPLOYMENTS
            case ["alarms"]:
                return ALARMS
            case ["people"]:
                found = [person(number) for number in range(self.people)]
                found = [each for each in found if asked.get("search", "") in each["login"]]
                return page("people", found, asked)
            case ["people", number, *_]:
                return in_full(int(number) - 1000)
            case ["keys"]:
                found = [key(number) for number in range(self.keys)]
                letters = asked.get("search", "")
                found = [each for each in found if letters in each["name"] + each["hint"]]
                return page("keys", found, asked)
            case ["costs", *_]:
                return {**COSTS, "stopped": self.stopped}
            case ["audit"]:
                found = [each for each in EVENTS if asked.get("kind", "") in ("", each["kind"])]
                return page("events", found, asked)
        raise AssertionError(path)

    def _group(self) -> dict[str, Any]:
        return {
            "minimum": 0,
            "maximum": 0 if self.stopped else 4,
            "desired": 0 if self.stopped else 3,
            "awake_until": None,
            "stopped": "fleet budget" if self.stopped else None,
            "suspended": ["Launch"] if self.stopped else [],
            "next_deployment": "As in cloud.toml: 4. A deployment leaves it so.",
        }

    def _fleet(self) -> dict[str, Any]:
        unknown = {"unknown": "AWS does not tell it now."}
        traffic = {
            "requests_5m": 412,
            "errors_5m": 3,
            "queue": 7,
            "wait_seconds_p50": 0.84,
            "wait_seconds_p95": 2.6,
            "responder_share": 0.08,
            "interruptions_24h": 1,
        }
        return {
            "now": moment(),
            "group": self._group(),
            "instances": unknown if "instances" in self.unknown else INSTANCES,
            "traffic": unknown if "traffic" in self.unknown else traffic,
            "prices": {
                "instance_hour": 0.526,
                "wake": 0.0042,
                "note": "At most: list price on demand, with volume and public address.",
            },
        }


def page(name: str, found: list[Any], asked: dict[str, str]) -> dict[str, Any]:
    begin, limit = int(asked.get("after", 0)), int(asked.get("limit", 50))
    end = begin + limit
    return {name: found[begin:end], "after": str(end) if end < len(found) else None}


def person(number: int) -> dict[str, Any]:
    names = ("octocat", "mona", "hubot", "mallory", "a-rather-long-login-of-somebody")
    login = names[number] if number < len(names) else f"somebody-{number}"
    administrator, blocked = login == "hubot", login == "mallory"
    return {
        "id": str(1000 + number),
        "login": login,
        "name": f"{login.title()} Person",
        "tier": "unlimited" if administrator else "person",
        "permitted": number % 7 != 6,
        "why": "They are a member of the organisation friends, checked 4 minutes ago.",
        "blocked": blocked,
        "administrator": administrator,
        "sessions": number % 3,
        "keys": number % 4,
        "seconds_today": None if administrator else 61.5 * number,
        "requests_today": None if administrator else 4 * number,
        "seconds_30d": None if administrator else 1_800.0 * number,
        "requests_30d": None if administrator else 90 * number,
        "last_seen": moment(hours=number) if number % 5 else None,
        "limits": {"requests": 500, "seconds": 7200} if number == 1 else None,
    }


def in_full(number: int) -> dict[str, Any]:
    sessions = [{"made": moment(days=2), "expires": moment(days=-5)}]
    keys = [{**key(each), "login": person(number)["login"]} for each in range(2)]
    return {**person(number), "their_keys": keys, "their_sessions": sessions}


def key(number: int) -> dict[str, Any]:
    names = ("laptop", "The subtitles of the weekly meeting", "build server")
    return {
        "id": f"{number:016x}",
        "person": str(1000 + number % 5),
        "login": person(number % 5)["login"],
        "name": names[number] if number < len(names) else f"key {number}",
        "kind": "login" if number % 3 == 0 else "key",
        "hint": f"hush_…{number:04d}",
        "made": moment(days=number * 3 + 1),
        "used": None if number % 4 == 3 else moment(hours=number * 7),
        "expires": None if number % 2 else moment(days=-30),
        "unused_90_days": number % 4 == 3,
    }


def charts(hours: int) -> dict[str, Any]:
    step = 300 if hours == 24 else 3600
    times = range(hours * 3600 // step)

    def wave(most: float, phase: float) -> list[float | None]:
        shape = [math.sin(each * step / 86400 * 2 * math.pi + phase) for each in times]
        return [
            None if 100 < each < 110 else max(0.0, most * y)
            for each, y in zip(times, shape, strict=True)
        ]

    series = (
        ("requests", "Requests", "count", 900),
        ("errors", "Errors", "count", 4),
        ("instances", "Instances ready", "count", 3),
        ("wait_p95", "Longest wait of 95 %", "seconds", 3.2),
        ("responder_share", "Answered by the responder", "share", 0.7),
        ("interruptions", "Interruptions", "count", 2),
    )
    return {
        "from": moment(hours=hours),
        "to": moment(),
        "step_seconds": step,
        "series": [
            {"name": name, "label": label, "unit": unit, "values": wave(most, index)}
            for index, (name, label, unit, most) in enumerate(series)
        ],
    }


def _instance(id_: str, state: str, market: str, age: float, **told: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "type": "g4dn.xlarge",
        "zone": "us-east-1a",
        "market": market,
        "launched": moment(seconds=age),
        "age_seconds": age,
        "state": state,
        "version": "3f2c1ab",
        "models": ["small", "turbo"],
        "pictures_in_flight": None,
        "gpu_percent": None,
        "dollars_an_hour": 0.526,
        **told,
    }


INSTANCES = [
    _instance("i-0a1b2c3d4e5f60718", "ready", "spot", 9_140, pictures_in_flight=4, gpu_percent=71),
    _instance("i-0b1b2c3d4e5f60719", "booting", "spot", 41, models=[], version=None),
    _instance("i-0c1b2c3d4e5f60720", "leaving", "on-demand", 200_000, gpu_percent=12),
]
_LOG = """$ make test
tests/test_end_to_end.py::test_a_recording_becomes_words FAILED
E   AssertionError: expected "ask not what your country can do for you", and the service said ""
1 failed, 2412 passed in 1203.11s
make: *** [Makefile:41: test] Error 1"""
DEPLOYMENTS = {
    "stages": [
        {
            "name": name,
            "state": state,
            "changed": moment(minutes=minutes),
            "actions": [
                {
                    "name": f"{name} of main",
                    "state": state,
                    "summary": None
                    if state == "Succeeded"
                    else "Build terminated with state: FAILED",
                    "log_tail": _LOG.splitlines() if state == "Failed" else None,
                    "console": "https://console.aws.amazon.com/codesuite/codebuild/",
                }
            ],
        }
        for name, state, minutes in (
            ("Source", "Succeeded", 42),
            ("Build", "Failed", 12),
            ("UpdatePipeline", "Succeeded", 1_450),
            ("Live", "Succeeded", 1_430),
        )
    ]
}
ALARMS = {
    "alarms": [
        {
            "name": name,
            "state": "ALARM" if name == "interruptions" else "OK",
            "since": moment(hours=3),
            "reason": "Threshold Crossed: 1 datapoint [4.0] was greater than the threshold (3.0).",
            "runbook": f"operations.md#{name}",
        }
        for name in ("no-capacity", "interruptions", "always-on", "api-errors", "api-latency")
    ]
}
COSTS = {
    "month": f"{NOW:%Y-%m}",
    "to_date": 61.2,
    "forecast": 96.4,
    "budget": 80.0,
    "fleet_bound": 60.0,
    "fleet_counted": 41.7,
    "parts": [
        {"name": "GPU instances", "dollars": 41.7},
        {"name": "Load balancer and addresses", "dollars": 14.6},
        {"name": "requests", "dollars": 4.9},
        {"name": "Keys that sign", "dollars": 0.0042},
    ],
    "source": "list prices",
    "as_of": moment(minutes=2),
}
EVENTS = [
    {
        "time": moment(minutes=minutes),
        "kind": kind,
        "person": "1001",
        "login": "mona",
        "by": by,
        "details": details,
    }
    for minutes, kind, by, details in (
        (4, "person-limited", "hubot", {"requests": 500, "seconds": 7200}),
        (31, "signed-in", None, {}),
        (45, "refused", None, {"why": "session: ended"}),
        (300, "key-made", None, {"key": "laptop", "days": 90}),
        (3_000, "fleet-woken", "hubot", {}),
    )
]
