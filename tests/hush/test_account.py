"""`hush login` and what follows, as processes before a stand-in for the cloud's sign-in."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from hush.credentials import CredentialError, origin
from hush.folder import FolderIndex, replaced, write_index, write_pictures
from hush.image import encode, quantize
from hush.mel import log_mel_spectrogram
from hush.segments import segments
from local.processes import ROOT, environment, free_port, hush
from local.wire import Request, Response, Wire, wire_to
from tests.conftest import Samples
from tests.sign_in import SignIn, reply

BROWSER = f"{sys.executable} -m tests.hush.browser"

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sign_in() -> SignIn:
    return SignIn()


@pytest.fixture
def wire(sign_in: SignIn) -> Iterator[Wire]:
    with wire_to(f"127.0.0.1:{free_port()}") as wire:
        wire.answer_instead = sign_in.answer
        wire.url = wire.url.replace("localhost", "127.0.0.1").rstrip("/")
        yield wire


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    return tmp_path / "keyring.json"


@pytest.fixture
def command(keyring: Path) -> Command:
    """Run the command line with a keyring in a file, and what can be set."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return hush(
            *arguments,
            cwd=None,
            **{
                "PYTHON_KEYRING_BACKEND": "tests.hush.keyring_file.FileKeyring",
                "KEYRING_FILE": str(keyring),
                "BROWSER": f"{BROWSER} %s",
                **settings,
            },
        )

    return run


def kept(keyring: Path) -> dict[str, str]:
    return dict(json.loads(keyring.read_text()))


def test_login_through_the_browser_and_everything_after(
    command: Command, wire: Wire, sign_in: SignIn, keyring: Path
) -> None:
    signed_in = command("login", wire.url + "/v1/", BROWSER=f"{BROWSER} meddled %s")
    assert signed_in.returncode == 0, signed_in.stderr
    assert f"signed in to {wire.url} as octocat" in signed_in.stderr
    (secret,) = kept(keyring).values()
    assert list(kept(keyring)) == [f"hush {wire.url}"]
    assert secret not in signed_in.stdout + signed_in.stderr
    (device,) = (
        parse_qs(urlsplit(request.path).query)["device"]
        for request in wire.requests
        if request.path.startswith("/auth/hand-over")
    )
    assert device[0]

    made = command("keys", "create", "laptop", "--url", wire.url)
    assert "good until 2027-02-21, or until `hush logout`" in made.stderr
    assert made.stdout.startswith("hush_583231_")
    assert made.stdout.strip() == sign_in.keys[made.stdout.split("_")[2]]["secret"]
    listed = command("keys", "list", "--url", wire.url).stdout
    assert [line.split()[-1] for line in listed.splitlines()] == ["NAME", "login)", "laptop"]
    assert secret not in listed
    revoked = command("keys", "revoke", made.stdout.split("_")[2], HUSH_URL=wire.url)
    assert (revoked.returncode, len(sign_in.keys)) == (0, 1)
    again = command("keys", "revoke", made.stdout.split("_")[2], HUSH_URL=wire.url)
    assert (again.returncode, "no such thing" in again.stderr) == (1, True)

    signed_out = command("logout", wire.url)
    assert (signed_out.returncode, kept(keyring), sign_in.keys) == (0, {}, {})
    refused = command("keys", "list", "--url", wire.url)
    assert (refused.returncode, f"hush login {wire.url}" in refused.stderr) == (1, True)


def test_whoever_is_not_signed_in_is_told_how_for_a_folder_too(
    command: Command, wire: Wire, tmp_path: Path, sample: Samples
) -> None:
    with replaced(tmp_path / "sample.mel") as folder:
        stored = write_pictures(folder, segments([sample]))
        write_index(folder, FolderIndex("sample.flac", 80, len(sample) / 16_000, stored))
    refused = command("transcribe", str(tmp_path / "sample.mel"), "--url", wire.url)
    assert refused.returncode == 1
    assert "hush login" in refused.stderr


def test_transcribe_sends_the_credential_to_its_service_alone(
    command: Command, wire: Wire, sign_in: SignIn, keyring: Path, tmp_path: Path, sample: Samples
) -> None:
    file = tmp_path / "sample.png"
    file.write_bytes(encode(quantize(log_mel_spectrogram(sample))))
    key = sign_in.new_key("a computer", kind="login")
    keyring.write_text(json.dumps({f"hush {wire.url}": key}))

    def heard(request: Request) -> Response:
        return sign_in.answer(request) or reply(200, {"text": "Hello.", "duration": 2.4})

    wire.answer_instead = heard
    done = command("transcribe", str(file), "--url", wire.url)
    assert (done.returncode, done.stdout) == (0, "Hello.\n")
    localhost = wire.url.replace("127.0.0.1", "localhost")
    elsewhere = command("transcribe", str(file), "--url", localhost)
    assert elsewhere.returncode == 1
    assert "hush login" in elsewhere.stderr
    assert "authorization" not in wire.requests[-1].headers
    given = command("transcribe", str(file), "--url", wire.url, HUSH_API_KEY="another")
    assert given.returncode == 1
    assert wire.requests[-1].headers["authorization"] == "Bearer another"
    sign_in.spent = True
    spent = command("transcribe", str(file), "--url", wire.url)
    assert "more than today's 36000 seconds" in spent.stderr
    assert "trying again" not in spent.stderr
    keyring.write_text("locked")
    locked = command("transcribe", str(file), "--url", wire.url)
    assert (locked.returncode, "it is locked" in locked.stderr) == (1, True)


def login_without_browser(url: str, keyring: Path, code: Callable[[str], str]) -> tuple[int, str]:
    """Log in, with a code that is made of the address that is printed."""
    settings = environment(
        PYTHON_KEYRING_BACKEND="tests.hush.keyring_file.FileKeyring", KEYRING_FILE=str(keyring)
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "hush.cli", "login", "--no-browser", url],
        cwd=ROOT,
        env=settings,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    with process:
        said = ""
        while "/auth/hand-over" not in said:
            said = process.stderr.readline()
            assert said, "it printed no address"
        print(code(said.strip()), file=process.stdin, flush=True)
        rest = process.stderr.read()
    return process.returncode, rest


def test_login_without_a_browser_takes_a_code(wire: Wire, keyring: Path) -> None:
    def copied(address: str) -> str:
        assert "port=" not in address
        return f"  {httpx2.get(address).json()['code']}  "

    returned, said = login_without_browser(wire.url, keyring, copied)
    assert returned == 0, said
    assert "as octocat" in said
    assert list(kept(keyring)) == [f"hush {wire.url}"]


def test_a_code_that_is_not_good_is_refused(wire: Wire, keyring: Path, sign_in: SignIn) -> None:
    def expired(address: str) -> str:
        code: str = httpx2.get(address).json()["code"]
        sign_in.codes.clear()
        return code

    def of_another_attempt(address: str) -> str:
        sign_in.codes["stolen"] = "the challenge of somebody else"
        return "stolen"

    for code in (expired, of_another_attempt):
        returned, said = login_without_browser(wire.url, keyring, code)
        assert returned == 1
        assert "this code is not good, or not any more" in said
        assert not keyring.exists()


def test_without_a_keyring_it_says_what_to_do(command: Command, wire: Wire) -> None:
    ended = command("login", wire.url, PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring")
    assert ended.returncode == 1
    assert "set HUSH_API_KEY" in " ".join(ended.stderr.split())
    assert not wire.requests


def test_a_service_without_sign_in_wants_none(command: Command, wire: Wire) -> None:
    wire.answer_instead = lambda _: reply(200, {"sign_in": False, "signed_in": False})
    ended = command("login", wire.url)
    assert (ended.returncode, "wants nobody to sign in" in ended.stderr) == (1, True)
    wire.answer_instead = lambda _: Response(200, {}, b"<html>")
    assert "is not a hush service" in command("login", wire.url).stderr
    assert "cannot be reached" in command("login", f"http://127.0.0.1:{free_port()}").stderr


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://hush.example", "https://hush.example"),
        ("hush.example", "https://hush.example"),
        ("HTTPS://Hush.Example:443/v1/", "https://hush.example"),
        ("https://hush.example:8443/", "https://hush.example:8443"),
        ("http://localhost:1337/v1", "http://localhost:1337"),
        ("http://[::1]:1337", "http://[::1]:1337"),
    ],
)
def test_a_credential_is_kept_by_the_address_of_its_service(url: str, place: str) -> None:
    assert origin(url) == place


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://hush.example", "not sent over http"),
        ("http://127.0.0.1.example", "not sent over http"),
        ("http://localhost@hush.example", "not sent over http"),
        ("ftp://hush.example", "no address"),
        ("https://", "no address"),
        ("https://hush.example:port", "no address"),
    ],
)
def test_other_addresses_get_no_credential(url: str, problem: str) -> None:
    with pytest.raises(CredentialError, match=problem):
        origin(url)


def test_an_administrator_looks_and_acts_with_what_hush_login_got(
    command: Command, wire: Wire, keyring: Path
) -> None:
    keyring.write_text(json.dumps({f"hush {wire.url}": "hush_1_a_secret"}))
    group: dict[str, object] = {
        **{"minimum": 0, "maximum": 4, "desired": 1, "awake_until": None, "stopped": None},
        **{"suspended": [], "next_deployment": "leaves it so"},
    }
    person = {
        **{"id": "583231", "login": "octocat", "permitted": True, "why": "`users` names them."},
        **{"blocked": False, "keys": 2, "seconds_today": 30.0, "seconds_30d": None},
        "last_seen": "2026-11-27T10:00:00Z",
    }
    key = {
        **{"id": "0a1b", "login": "octocat", "name": "laptop", "hint": "hush_…abcd"},
        **{"made": "2026-01-01T00:00:00Z", "used": None, "expires": None, "unused_90_days": True},
    }
    prices = {"instance_hour": 1.23, "wake": 0.04, "note": "at most"}

    def answer(request: Request) -> Response:
        parts = urlsplit(request.path)
        assert request.headers["authorization"] == "Bearer hush_1_a_secret"
        match request.method, parts.path.removeprefix("/administration/"):
            case "GET", "fleet":
                unknown = {"unknown": "AWS is asked too often just now."}
                told = {"now": "", "group": group, "instances": [], "traffic": unknown}
                return reply(200, {**told, "prices": prices})
            case "GET", "people":
                asked = parse_qs(parts.query)
                assert asked["search"] == ["octo"]
                first = "after" not in asked
                return reply(200, {"people": [person], "after": "x" if first else None})
            case "GET", "keys":
                return reply(200, {"keys": [key], "after": None})
            case "POST", "fleet/wake" | "fleet/sleep":
                return reply(200, group)
        return reply(404, {"error": {"message": "no such thing"}})

    wire.answer_instead = answer
    status = command("admin", "status", "--url", wire.url)
    assert "wanted: 1 of at most 4 instances" in status.stdout
    assert "1.23 $" in status.stdout
    assert "asked too often" in status.stderr
    people = command("admin", "people", "--search", "octo", "--url", wire.url).stdout
    assert people.count("octocat") == 2
    assert "2026-11-27" in people
    assert "never (!)" in command("admin", "keys", "--url", wire.url).stdout
    assert command("admin", "wake", "--url", wire.url).returncode == 0
    assert command("admin", "sleep", "--url", wire.url).returncode == 0
    wire.answer_instead = lambda _: reply(403, {"error": {"message": "only administrators"}})
    refused = command("admin", "sleep", "--url", wire.url)
    assert (refused.returncode, "only administrators" in refused.stderr) == (1, True)
