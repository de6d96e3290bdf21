"""From a file to words, their sound and their mending in Firefox and in WebKit, Safari's engine."""

import itertools
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service
from websocket import create_connection

from hush_service.packaged import recording
from local.wire import Wire
from tests.ui.conftest import PATIENCE, SAID, SAMPLE, wav


class Firefox:
    """Firefox by WebDriver BiDi, which it speaks without a driver between."""

    def __init__(self, address: str) -> None:
        self._socket = create_connection(
            f"{address}/session", timeout=PATIENCE, suppress_origin=True
        )
        self._numbers = itertools.count()
        self.send("session.new", capabilities={})
        self._context = self.send("browsingContext.getTree")["contexts"][0]["context"]

    def send(self, method: str, **params: object) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == number:
                assert answer["type"] == "success", answer
                return answer["result"]

    def open(self, url: str) -> None:
        self.send("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """Return what an expression is worth, as if a person had just clicked."""
        answer = self.send(
            "script.evaluate",
            expression=expression,
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        return answer["result"].get("value")

    def type(self, *keys: str) -> None:
        """Press and release keys, one after the other."""
        presses = [{"type": way, "value": key} for key in keys for way in ("keyDown", "keyUp")]
        keyboard = {"type": "key", "id": "keyboard", "actions": presses}
        self.send("input.performActions", context=self._context, actions=[keyboard])

    def find(self, selector: str) -> dict[str, str]:
        locator = {"type": "css", "value": selector}
        found = self.send("browsingContext.locateNodes", context=self._context, locator=locator)
        return {"sharedId": found["nodes"][0]["sharedId"]}

    def choose(self, file: Path) -> None:
        element = self.find("input[type=file]")
        self.send("input.setFiles", context=self._context, element=element, files=[str(file)])

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def firefox(tmp_path: Path) -> Iterator[Firefox]:
    assert shutil.which("firefox-esr"), "Firefox is not here: `sh setup.sh packages firefox-esr`"
    command = ["firefox-esr", "--headless", "--no-remote", "--remote-debugging-port=0"]
    environment = {**os.environ, "HOME": str(tmp_path)}
    with subprocess.Popen(
        [*command, "--profile", str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            assert process.stderr is not None
            announced = (
                re.search(r"WebDriver BiDi listening on (ws://\S+)", line)
                for line in process.stderr
            )
            address = next(found[1] for found in announced if found)
            browser = Firefox(address)
            yield browser
            browser.close()
        finally:
            process.terminate()


@contextmanager
def display() -> Iterator[str]:
    """Run a screen that nobody sees."""
    assert shutil.which("Xvfb"), "Xvfb is not here: `sh setup.sh packages Xvfb`"
    read, write = os.pipe()
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x1000x24"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            os.close(write)
            with os.fdopen(read) as number:
                yield f":{number.readline().strip()}"
        finally:
            process.terminate()


@pytest.fixture
def webkit() -> Iterator[webdriver.WebKitGTK]:
    driver = shutil.which("WebKitWebDriver")
    assert driver, "WebKit is not here: `sh setup.sh packages WebKitWebDriver`"
    options = Options()
    # Of two versions of the library, the newer one is the driver's.
    options.binary_location = max(map(str, Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser")))
    options.add_argument("--automation")
    with display() as screen:
        service = Service(driver, env={**os.environ, "DISPLAY": screen})
        browser = webdriver.WebKitGTK(options=options, service=service)
        yield browser
        browser.quit()


MUTE = """(() => {
    const { play } = HTMLMediaElement.prototype;
    HTMLMediaElement.prototype.play = function () {
        this.muted = true;
        return play.call(this);
    };
})()"""
"""Where there is no loudspeaker, Firefox plays only what is muted."""

PLAYED = "document.querySelector('.player video')?.currentTime > 1"
WORDS = "document.querySelector('.said .words')?.textContent"
IS_MENDED = "!document.querySelector('.editable') && !!document.querySelector('.mended-button')"


def test_a_file_is_heard_played_and_mended_in_firefox(
    firefox: Firefox, wire: Wire, sample_words: str
) -> None:
    firefox.open(wire.url)
    assert firefox.evaluate("crossOriginIsolated")
    firefox.choose(SAMPLE)
    wait_for(lambda: firefox.evaluate(WORDS) == sample_words)
    firefox.evaluate(MUTE)
    firefox.evaluate("document.querySelector('.take-actions button').click()")
    wait_for(lambda: firefox.evaluate(PLAYED))
    firefox.evaluate("document.querySelector('.mend-button').click()")
    wait_for(lambda: firefox.evaluate("document.activeElement?.matches('.editable')"))
    firefox.type(*"Well ", Keys.ENTER)
    wait_for(lambda: firefox.evaluate(IS_MENDED))
    assert firefox.evaluate(WORDS) == f"Well {sample_words}"
    assert len(wire.pictures()) == 1


def clicked(name: str) -> str:
    """Return what clicks the first button whose name begins so, and tells whether there is one."""
    return f"""(() => {{
        const button = [...document.querySelectorAll("button")].find((each) =>
            each.checkVisibility() && (each.ariaLabel ?? each.innerText).startsWith({name!r}));
        button?.click();
        return Boolean(button);
    }})()"""


def test_firefox_hears_on_this_device(firefox: Firefox, device_wire: Wire) -> None:
    firefox.open(device_wire.url)
    wait_for(lambda: firefox.evaluate(clicked("Settings")))
    wait_for(lambda: firefox.evaluate(clicked("Fetch tiny.en (int8)")))
    wait_for(lambda: firefox.evaluate("document.body.innerText.includes('Remove it')"))
    device_wire.requests.clear()
    firefox.choose(recording())
    wait_for(lambda: SAID in str(firefox.evaluate(WORDS)))
    assert device_wire.pictures() == []


def test_words_are_mended_in_webkit(
    webkit: webdriver.WebKitGTK, wire: Wire, sample_words: str
) -> None:
    webkit.get(wire.url)
    webkit.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(SAMPLE))
    WebDriverWait(webkit, PATIENCE).until(
        lambda browser: sample_words in browser.find_element(By.TAG_NAME, "main").text
    )
    webkit.execute_script("document.querySelector('.mend-button').click()")
    line = WebDriverWait(webkit, PATIENCE).until(
        lambda browser: browser.find_element(By.CSS_SELECTOR, ".editable:focus")
    )
    line.send_keys(Keys.CONTROL + "a")
    line.send_keys("Written by hand.", Keys.ENTER)
    WebDriverWait(webkit, PATIENCE).until(
        lambda browser: (
            browser.find_element(By.CSS_SELECTOR, ".said .words").text == "Written by hand."
            and not browser.find_elements(By.CSS_SELECTOR, ".editable")
        )
    )


def test_webkit_without_storage_of_files_says_that_it_keeps_no_model(
    webkit: webdriver.WebKitGTK, device_wire: Wire
) -> None:
    """WebKitGTK has no `navigator.storage` when it is driven."""
    webkit.get(device_wire.url)
    assert not webkit.execute_script("return 'storage' in navigator")
    wait_for(lambda: webkit.execute_script(f"return {clicked('Settings')}"))
    wait_for(lambda: webkit.execute_script(f"return {clicked('Fetch tiny.en (int8)')}"))
    told = "this browser keeps no files for this page"
    wait_for(lambda: told in webkit.find_element(By.TAG_NAME, "body").text)


@pytest.mark.parametrize("kind", ["flac", "wav"])
def test_webkit(
    webkit: webdriver.WebKitGTK,
    wire: Wire,
    sample: Any,
    sample_words: str,
    tmp_path: Path,
    kind: str,
) -> None:
    """WAV is streamed; on FLAC, WebKit's streaming decoder gives up, and it is decoded whole."""
    file = SAMPLE
    if kind == "wav":
        file = tmp_path / "sample.wav"
        file.write_bytes(wav(sample))
    webkit.get(wire.url)
    assert webkit.execute_script("return crossOriginIsolated")
    webkit.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(file))
    WebDriverWait(webkit, PATIENCE).until(
        lambda browser: sample_words in browser.find_element(By.TAG_NAME, "main").text
    )
    assert len(wire.pictures()) == 1


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
