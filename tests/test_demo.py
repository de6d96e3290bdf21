"""What the README says to type."""

import os
import re
import signal
import subprocess

import httpx2

from local.processes import ROOT, environment, free_port, running


def get(url: str, cookie: str = "") -> httpx2.Response:
    """Ask, and wait for as long as it takes."""
    return httpx2.get(url, headers={"cookie": cookie} if cookie else None, timeout=None)


def test_make_demo_shows_one_transcription(sample_words: str) -> None:
    ended = subprocess.run(
        ["make", "--no-print-directory", "demo", "ONCE=1"],
        cwd=ROOT,
        env=environment(HUSH_PORT=str(free_port())),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert sample_words in ended.stdout
    sent, audio = re.search(
        r"sent +([\d.]+) kB .* ([\d.]+) kB", ended.stdout.replace("\n", " ")
    ).groups()  # type: ignore[union-attr]
    assert float(sent) < float(audio) / 4
    assert re.search(r"time +\d+\.\d+ s", ended.stdout)


def test_make_demo_with_sign_in_lets_a_person_in_and_nobody_else() -> None:
    port = free_port()
    url = f"http://localhost:{port}"
    command = ["make", "--no-print-directory", "demo", "AUTH=1"]
    with running(command, HUSH_PORT=str(port)) as make:
        assert make.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            line = make.stdout.readline()
            assert line, said
            said += line
        assert url in said
        assert get(url).is_success
        assert get(f"{url}/v1/models").status_code == 403
        assert get(f"{url}/auth/me").json() | {"resets": ""} == {
            "sign_in": True,
            "signed_in": False,
            "anonymous": False,
            "usage": None,
            "limits": None,
            "resets": "",
        }
        cookie = sign_in(url, "octocat")
        assert cookie.startswith("__Host-hush=")
        assert get(f"{url}/auth/me", cookie).json()["login"] == "octocat"
        (model,) = get(f"{url}/v1/models", cookie).json()["data"]
        assert model["id"] == "demo"
        assert sign_in(url, "mallory") == ""
        os.kill(make.pid, signal.SIGTERM)
        assert "stopped" in make.communicate()[0]


def sign_in(url: str, login: str) -> str:
    """Go the way of a browser, and return the session's cookie; httpx keeps none from http."""
    begun = get(f"{url}/auth/login")
    state = begun.headers["set-cookie"].partition(";")[0]
    agreed = get(f"{begun.headers['location']}&as={login}")
    back = get(agreed.headers["location"], state)
    assert back.status_code == 302
    cookies = (each.partition(";")[0] for each in back.headers.get_list("set-cookie"))
    return next((each for each in cookies if each.startswith("__Host-hush=")), "")


def test_make_alone_says_what_there_is() -> None:
    ended = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"\.PHONY: (.*)", makefile)[1].split()  # type: ignore[index]
    for target in targets:
        assert re.search(rf"^{target} +\w", ended.stdout, re.MULTILINE), target
