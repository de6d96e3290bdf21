from pathlib import Path

import pytest

from hush_service.instance.gpu import GpuUse, gpu_use


def card(devices: Path, number: int, **told: str) -> None:
    """Put up what the driver tells of a card."""
    device = devices / f"card{number}" / "device"
    device.mkdir(parents=True)
    for name, text in told.items():
        (device / name).write_text(f"{text}\n", encoding="ascii")


def test_the_use_of_amds_gpu_is_what_its_driver_tells(tmp_path: Path) -> None:
    card(tmp_path, 0, gpu_busy_percent="37", mem_info_vram_used=str(3 << 30))
    assert gpu_use(tmp_path) == GpuUse(37.0, 3072.0)
    card(tmp_path, 1, gpu_busy_percent="63", mem_info_vram_used=str(1 << 30))
    assert gpu_use(tmp_path) == GpuUse(50.0, 3072.0)


@pytest.mark.parametrize("told", [{}, {"mem_info_vram_used": "1"}, {"gpu_busy_percent": ""}])
def test_of_another_gpu_nothing_is_told(tmp_path: Path, told: dict[str, str]) -> None:
    card(tmp_path, 0, **told)
    assert gpu_use(tmp_path) is None
    assert gpu_use(tmp_path / "none") is None
