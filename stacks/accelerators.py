"""The two makes of GPU that a fleet may be of, and all that is different between them.

What is installed for each is in a folder of `ami/` that is called as it is: `base.sh` brings the
driver, `driver.sh` proves it, and `hush.conf` and `prefetch.conf` complete the units.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

EngineName = Literal["ctranslate2", "reference", "onnx"]


@dataclass(frozen=True)
class Accelerator:
    """A make of GPU.

    Attributes
    ----------
    name
        Of its maker, in small letters; its folder in `ami/` is called so.
    families
        Of instance types that have it.
    engines
        What runs models on it, the usual one first.
    base_image
        SSM parameter in which the newest base image is told.
    base_image_name
        With what the names of such images begin.
    system
        How people call that system.
    root_device
        By which name that image knows its volume.
    components
        Image Builder's own components, which bring what the base image lacks.
    collected
        What CloudWatch's agent measures of it beside what it measures everywhere.
    gpu_percent
        Metrics in percent, the GPU's use first.
    gpu_memory
        The metric of its memory in use, in MiB.
    """

    name: str
    families: tuple[str, ...]
    engines: tuple[EngineName, ...]
    base_image: str
    base_image_name: str
    system: str
    root_device: str
    gpu_percent: tuple[str, ...]
    gpu_memory: str
    components: tuple[str, ...] = ()
    collected: Mapping[str, Any] = field(default_factory=dict)

    def has(self, instance_type: str) -> bool:
        """Tell whether instances of a type have it."""
        return re.fullmatch(rf"({'|'.join(self.families)})\.\d*x?large", instance_type) is not None


NVIDIA = Accelerator(
    name="nvidia",
    families=("g4dn", "g5", "g6"),
    engines=("ctranslate2", "reference"),
    # Amazon Linux 2023 and no more: AWS's images that have the driver hold 30 GB and more.
    base_image="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.12-x86_64",
    base_image_name="al2023-ami-2023",
    system="Amazon Linux 2023",
    root_device="/dev/xvda",
    gpu_percent=("nvidia_smi_utilization_gpu", "nvidia_smi_utilization_memory"),
    gpu_memory="nvidia_smi_memory_used",
    collected={
        "nvidia_gpu": {
            "measurement": ["utilization_gpu", "utilization_memory", "memory_used"],
            "metrics_collection_interval": 60,
        }
    },
)
AMD = Accelerator(
    name="amd",
    families=("g4ad",),
    engines=("onnx",),
    # docs/deploy.md says why it is not Amazon Linux.
    base_image="/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
    base_image_name="ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-",
    system="Ubuntu 24.04",
    root_device="/dev/sda1",
    components=("aws-cli-version-2-linux", "amazon-cloudwatch-agent-linux"),
    # The agent knows none of AMD's: the watcher publishes them (`hush_service/instance/gpu.py`).
    gpu_percent=("GpuUse",),
    gpu_memory="GpuMemory",
)
ACCELERATORS = (NVIDIA, AMD)
