"""What AMD's driver says of its GPUs; NVIDIA's are asked by CloudWatch's agent."""

from dataclasses import dataclass
from pathlib import Path

DEVICES = Path("/sys/class/drm")
_MEBIBYTE = 2**20


@dataclass(frozen=True)
class GpuUse:
    """How much of a GPU is in use.

    Attributes
    ----------
    percent
        Of its time.
    mebibytes
        Of its memory.
    """

    percent: float
    mebibytes: float


def gpu_use(devices: Path = DEVICES) -> GpuUse | None:
    """Return the use of the machine's GPUs: the mean of their time, and the fullest memory.

    None if the driver tells nothing of it: that of NVIDIA does not, nor need that of a GPU which
    others share.
    """
    percents = _numbers(devices, "gpu_busy_percent")
    memory = _numbers(devices, "mem_info_vram_used")
    if not percents or not memory:
        return None
    return GpuUse(sum(percents) / len(percents), max(memory) / _MEBIBYTE)


def _numbers(devices: Path, name: str) -> list[float]:
    found = []
    for file in devices.glob(f"card*/device/{name}"):
        try:
            found.append(float(file.read_text(encoding="ascii")))
        except (OSError, ValueError):
            # Where the driver has the file and not what is in it.
            continue
    return found
