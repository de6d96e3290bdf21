"""From asking for an instance to its being ready, step by step: `python -m bench.wake`.

An account and not a measurement: bytes that are counted, over rates that AWS's documentation names,
and assumptions where it names none; the table says which is which. It sets what was before, AWS's
image for deep learning read lazily, beside what is deployed. Fetches the engine's libraries by
their lock, about 0.7 GB, to count what they are when they are unpacked.
"""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

from bench.cost import PRICES
from hush_service.weights.checkpoint import Dimensions
from stacks.machine_image import lock_file
from stacks.settings import Settings
from stacks.targets import INSTANCE

GB, MIB = 1e9, 2**20
TARGET_SECONDS = 90

MODELS = {
    "small": Dimensions(80, 1500, 768, 12, 12, 51_865, 448, 768, 12, 12),
    "turbo": Dimensions(128, 1500, 1280, 20, 32, 51_866, 448, 1280, 20, 4),
}
"""Those of the settings' default, in half precision: the first one that is ready opens the door."""
HEALTH_SECONDS = 2 * 5
"""Two checks of the load balancer, in `stacks/fleet/lobby.py`."""
WATCHER_SECONDS = 1
"""It looks every second whether the service is ready."""
PROCESS_SECONDS = 3.2
"""`bench.start`: from the start of the process to its first words, its proof with them."""
FILL_MIB = int(Settings().volume_initialization)
"""VolumeInitializationRate, of EC2's reference: kept, and 300 MiB/s at most."""

LAZY_MIB = 20
"""Assumption. Of a volume that is filled as it is read, EBS's documentation promises no rate."""
EC2_SECONDS = 20
"""Assumption: capacity found, and the machine started."""
BOOT_SECONDS = 12
"""Assumption: kernel, systemd, network and cloud-init, without their reading."""
CODE_SECONDS = 5
"""Assumption: AWS's command line twice, for the code and for the key."""
CUDA_SECONDS = 3
"""Assumption: a GPU's context, and weights on their way to it."""
DIGEST_BYTES = 0.4e9
"""Assumption: SHA-256 a second, on a processor without instructions for it."""
GROUP_SECONDS = 5
"""Assumption: the hook is completed, and the group registers the instance."""


@dataclass(frozen=True)
class Image:
    """A machine image, in bytes.

    Attributes
    ----------
    name
        Of its column.
    base
        What of its snapshot is neither libraries nor weights: an assumption.
    boot
        What a boot reads of that: an assumption.
    rate
        MiB/s at which a volume is filled; None if that happens as it is read.
    """

    name: str
    base: float
    boot: float
    rate: int | None


IMAGES = (
    Image("before: deep learning image, lazily", 42e9, 0.8e9, None),
    Image("lean, lazily", 4e9, 0.5e9, None),
    Image("lean, filled", 4e9, 0.5e9, FILL_MIB),
)
"""Of the lean one's base, 1.8 GB are Amazon Linux, and the rest the driver, what builds its module,
and what that leaves behind."""

Step = tuple[str, Callable[[Image], float], str]


def weights(model: str) -> int:
    """Return the bytes of a model in half precision."""
    return 2 * sum(prod(shape) for shape in MODELS[model].shapes().values())


def snapshot(image: Image, libraries: float) -> float:
    """Return how much each instance's volume is filled with."""
    return image.base + libraries + sum(map(weights, MODELS))


def steps(libraries: float) -> list[Step]:
    """Return the steps, each with its seconds for an image, and how they are known.

    Parameters
    ----------
    libraries
        Bytes of the engine's libraries, unpacked.
    """
    first = weights("small")

    def boot(image: Image) -> float:
        return BOOT_SECONDS + image.boot / ((image.rate or LAZY_MIB) * MIB)

    def reading(image: Image) -> float:
        if image.rate is None:
            return (libraries + first) / (LAZY_MIB * MIB)
        # Read side by side from the beginning of the boot; at worst, what is wanted comes last.
        filling = snapshot(image, libraries) / (image.rate * MIB)
        return max(0.0, filling - boot(image) - CODE_SECONDS)

    counted = f"{libraries / GB:.2f} GB of libraries and {first / GB:.2f} GB of `small`"
    return [
        ("EC2 finds and starts a machine", lambda _: EC2_SECONDS, "assumption"),
        ("boot: kernel to user data", boot, "assumption, with 0.8 or 0.5 GB read"),
        ("code and key are fetched", lambda _: CODE_SECONDS, "assumption"),
        ("the rest of what is read", reading, f"counted: {counted}, over the rate"),
        (
            "process, CUDA, model and proof",
            lambda _: PROCESS_SECONDS + CUDA_SECONDS + first / DIGEST_BYTES,
            "`bench.start`, and assumptions of CUDA and the digest",
        ),
        (
            "watcher and group",
            lambda _: WATCHER_SECONDS + GROUP_SECONDS,
            "the watcher's second, and an assumption",
        ),
        ("two health checks", lambda _: HEALTH_SECONDS, "template"),
    ]


def seconds(image: Image, libraries: float) -> float:
    """Return how long an instance takes from being asked for to being ready."""
    return sum(taken(image) for _, taken, _ in steps(libraries))


def dollars(image: Image, libraries: float) -> float:
    """Return what a wake costs until the instance is ready: its time, and the filling."""
    hour = PRICES["hour"]
    running: float = (hour["g4dn_xlarge_spot"] + hour["public_address"]) / 3600
    filled = snapshot(image, libraries) / GB if image.rate else 0.0
    price: float = PRICES["gigabyte"]["initialization"]
    return seconds(image, libraries) * running + filled * price


def report(libraries: float) -> str:
    """Return the account as a Markdown table."""
    rows = [
        (name, *(f"{taken(image):.0f} s" for image in IMAGES), known)
        for name, taken, known in steps(libraries)
    ]
    sums = [f"**{seconds(image, libraries):.0f} s**" for image in IMAGES]
    held = [f"{snapshot(image, libraries) / GB:.1f} GB" for image in IMAGES]
    costs = [f"{dollars(image, libraries):.3f} $" for image in IMAGES]
    rows += [
        ("**together**", *sums, f"wanted: less than {TARGET_SECONDS} s"),
        ("the image's snapshot", *held, "libraries and weights counted, the rest an assumption"),
        ("a wake costs, until it is ready", *costs, "`stacks/prices.toml`"),
    ]
    heads = ["step", *(image.name for image in IMAGES), "how it is known"]
    lines = ["|".join(("", *heads, "")), "|---|---:|---:|---:|---|"]
    return "\n".join([*lines, *("|".join(("", *row, "")) for row in rows)])


def count_libraries() -> float:
    """Return the bytes of what the default engine's lock installs."""
    options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", *INSTANCE.options]
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", *options, f"--dest={folder}"]
        lock = lock_file(Settings().running_engine)
        subprocess.run([*pip, f"--requirement={lock}"], check=True, stderr=subprocess.DEVNULL)
        wheels = [zipfile.ZipFile(file) for file in Path(folder).glob("*.whl")]
        return float(sum(member.file_size for wheel in wheels for member in wheel.infolist()))


if __name__ == "__main__":
    print(report(count_libraries()))
