"""What all tests stand on: the commands they find, and sounds that several rooms use."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, settings

from hush.audio import read_audio
from hush_service.packaged import recording
from hush_service.weights.models import default_folder, resolve
from tests.commands import search_path
from tests.lanes import MARKERS, marker

ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
TESTS = ROOT / "tests"

GERMAN = TESTS / "recordings" / "german.flac"
SPANISH = TESTS / "recordings" / "spanish.flac"

Samples = npt.NDArray[np.float32]

# How long an example takes is the machine's affair; pytest's own bound is for what hangs.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--unit", action="store_true", help="only what takes seconds: tests/lanes.py")


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if config.getoption("--unit") and TESTS in collection_path.parents:
        return marker(collection_path.relative_to(TESTS)) is not None or None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if name := marker(item.path.relative_to(TESTS)):
            item.add_marker(name)


@pytest.fixture(scope="session", autouse=True)
def commands(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing is found by its name that happens to be installed."""
    os.environ["PATH"] = search_path(tmp_path_factory.mktemp("commands"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Recordings and golden files that are not part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the recordings are not here: {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def jfk() -> Samples:
    """Real speech: 11 s of John F. Kennedy's inaugural address."""
    return read_audio(recording())


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """Return the folder that holds tiny.en and base; they are fetched once and kept."""
    folder = default_folder()
    for name in ("tiny.en", "base"):
        resolve(name, "ctranslate2", folder)
    return folder


@pytest.fixture(scope="session")
def sample() -> Samples:
    """The bundled sample of synthetic speech."""
    return read_audio(ROOT / "models" / "sample.flac")


@pytest.fixture(scope="session")
def sample_words() -> str:
    return (ROOT / "models" / "sample.txt").read_text(encoding="utf-8").strip()


@pytest.fixture
def speak(tmp_path: Path) -> Callable[[str], Path]:
    """Say a sentence in a voice that the demo model never heard, and return the audio file."""

    def say(text: str) -> Path:
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.wav"
        subprocess.run(["flite", "-voice", "rms", "-t", text, "-o", file], check=True)
        return file

    return say


def link_weights(name: str, folder: Path) -> None:
    """Put a model's weights in OpenAI's format, and their digest, into another folder of models."""
    weights = resolve(name, "openai")
    (folder / name).mkdir(parents=True)
    for file in weights.parent.glob(f"{weights.name}*"):
        (folder / name / file.name).symlink_to(file)


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> Samples:
    """Return white noise of a standard deviation of `level`."""
    generator = np.random.default_rng(seed)
    return (generator.standard_normal(round(seconds * 16_000)) * level).astype(np.float32)
