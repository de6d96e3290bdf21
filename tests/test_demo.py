"""What the README says to type."""

import re
import subprocess

from tests.processes import ROOT, environment, free_port


def test_make_demo_shows_one_transcription(sample_words: str) -> None:
    ended = subprocess.run(
        ["make", "--no-print-directory", "demo", "ONCE=1"],
        cwd=ROOT,
        env=environment(HUSH_PORT=str(free_port())),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert sample_words in ended.stdout
    sent, audio = re.search(
        r"sent +([\d.]+) kB .* ([\d.]+) kB", ended.stdout.replace("\n", " ")
    ).groups()  # type: ignore[union-attr]
    assert float(sent) < float(audio) / 4
    assert re.search(r"time +\d+\.\d+ s", ended.stdout)


def test_make_alone_says_what_there_is() -> None:
    ended = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"\.PHONY: (.*)", makefile)[1].split()  # type: ignore[index]
    for target in targets:
        assert re.search(rf"^{target} +\w", ended.stdout, re.MULTILINE), target
