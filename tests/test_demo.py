"""What the README says to type."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx2
import pytest

from hush_service.packaged import recording
from local.model import ShownModel
from local.processes import ROOT, environment, free_port, running

OFFLINE = {
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_FIND_LINKS": "",
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
}
"""Nothing listens there."""
KENNEDY = ShownModel("base", recording(), "Kennedy")


def get(url: str, cookie: str = "") -> httpx2.Response:
    """Ask, and wait for as long as it takes."""
    return httpx2.get(url, headers={"cookie": cookie} if cookie else None, timeout=None)


def test_make_demo_shows_what_a_person_said() -> None:
    ended = subprocess.run(
        ["make", "--no-print-directory", "demo", "ONCE=1"],
        cwd=ROOT,
        env=environment(HUSH_PORT=str(free_port())),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    heard = re.search(r"words +(.+)", ended.stdout)
    assert heard is not None
    assert KENNEDY.heard_rightly(heard[1])
    assert "with model base" in ended.stdout
    assert "toy" not in ended.stdout
    sent, audio = re.search(
        r"sent +([\d.]+) kB .* ([\d.]+) kB", ended.stdout.replace("\n", " ")
    ).groups()  # type: ignore[union-attr]
    assert float(sent) < float(audio) / 4
    assert re.search(r"time +\d+\.\d+ s", ended.stdout)


def test_where_nothing_can_be_fetched_the_toy_model_is_shown_and_called_so(
    tmp_path: Path, sample_words: str
) -> None:
    settings = {"HUSH_PORT": str(free_port()), "HUSH_DOWNLOAD_FOLDER": str(tmp_path)}
    ended = demonstration(MODEL="tiny.en", **settings, **OFFLINE)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "model tiny.en is not here and there is no network to fetch it" in ended.stdout
    assert "a toy" in ended.stdout
    assert sample_words in ended.stdout


def test_a_model_that_does_not_exist_is_said_before_anything_starts() -> None:
    ended = demonstration(MODEL="bse", HUSH_PORT=str(free_port()))
    assert ended.returncode == 1
    assert "did you mean base" in ended.stdout
    assert ended.stderr == ""


def demonstration(**settings: str) -> subprocess.CompletedProcess[str]:
    """Run what `make demo ONCE=1` does once everything is set up."""
    return subprocess.run(
        [sys.executable, "-m", "local.demo"],
        cwd=ROOT,
        env=environment(ONCE="1", **settings),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("heard", "right"),
    [
        ("And so my fellow Americans ASK NOT! What your country can do for you? Ask what you can"
         " do for your country.", True),
        ("And so my fellow Americans, ask what you can do for your country.", False),
    ],
)  # fmt: skip
def test_capitals_and_punctuation_make_no_words_wrong(heard: str, right: bool) -> None:
    assert KENNEDY.heard_rightly(heard) is right


@pytest.mark.parametrize(
    ("here", "arguments", "wanted"),
    [
        ((), (), ["demo"]),
        ((".ready-demo",), (), []),
        ((".ready",), (), []),
        ((".ready-demo",), ("AUTH=1",), ["all"]),
    ],
)
def test_make_demo_sets_up_what_it_needs_and_no_more(
    here: tuple[str, ...], arguments: tuple[str, ...], wanted: list[str], tmp_path: Path
) -> None:
    for name in ("Makefile", "setup.sh", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    for name in here:
        (tmp_path / ".venv" / name).touch()
    said = subprocess.run(
        ["make", "-n", "demo", *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert re.findall(r"environment (\w+)", said.stdout) == wanted


def test_the_demo_does_without_torch_and_the_cloud() -> None:
    extras = re.search(r"^demo_extras='\.\[(.+)\]'", (ROOT / "setup.sh").read_text(), re.MULTILINE)
    assert extras is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(one for extra in extras[1].split(",") for one in optional[extra]),
    ]
    assert any(one.startswith("ctranslate2") for one in wanted)
    for heavy in ("torch", "openai-whisper", "aws-cdk-lib", "matplotlib", "hush["):
        assert not any(one.startswith(heavy) for one in wanted), heavy


def test_the_page_is_built_without_what_only_tests_need() -> None:
    ui = ROOT / "ui"
    package = json.loads((ui / "package.json").read_text(encoding="utf-8"))
    rooms = ("page", "worker", "worklet", "chain", "engine", "shared", "wasm")
    sources = [
        file
        for room in rooms
        for file in (ui / room).glob("*.*")
        if file.suffix in (".ts", ".tsx", ".mjs")
    ]
    for source in [*sources, ui / "vite.config.ts"]:
        for name in re.findall(r'from "(@[^"/]+/[^"/]+|[^"./@][^"/]*)', source.read_text()):
            assert name.startswith("node:") or name in package["dependencies"], (source, name)


def test_what_npm_cannot_fetch_is_said(tmp_path: Path) -> None:
    (tmp_path / "ui").mkdir()
    for file in ("setup.sh", "ui/package.json", "ui/package-lock.json"):
        shutil.copy(ROOT / file, tmp_path / file)
    nowhere = {"npm_config_registry": "http://127.0.0.1:9", "npm_config_fetch_retries": "0"}
    ended = subprocess.run(
        ["sh", "setup.sh", "libraries", "page"],
        cwd=tmp_path,
        env=environment(**nowhere, npm_config_cache=str(tmp_path / "cache")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "npm cannot fetch what the web page is built with" in ended.stderr


def test_make_demo_with_sign_in_lets_a_person_in_and_nobody_else() -> None:
    port = free_port()
    url = f"http://localhost:{port}"
    command = ["make", "--no-print-directory", "demo", "AUTH=1"]
    with running(command, HUSH_PORT=str(port), MODEL="demo") as make:
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
