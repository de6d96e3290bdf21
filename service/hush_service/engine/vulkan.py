"""Which devices Vulkan reaches, as its loader says."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

Kind = Literal["other", "integrated GPU", "discrete GPU", "virtual GPU", "software"]

_LOADER = "libvulkan.so.1"
_KINDS: tuple[Kind, ...] = ("other", "integrated GPU", "discrete GPU", "virtual GPU", "software")
_PROPERTIES_SIZE = 4096
"""Bytes; `VkPhysicalDeviceProperties` has 824."""
_KIND_OFFSET, _NAME_OFFSET, _NAME_SIZE = 16, 20, 256
"""In `VkPhysicalDeviceProperties`, after four numbers of 32 bits."""
_CREATE_INSTANCE = 1
"""`VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO`."""


@dataclass(frozen=True)
class VulkanDevice:
    """What shaders run on.

    Attributes
    ----------
    name
        As its driver calls it.
    kind
        "software" is a processor that plays a GPU.
    """

    name: str
    kind: Kind

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU."""
        return self.kind.endswith("GPU")


class _InstanceCreateInfo(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("application", ctypes.c_void_p),
        ("layers", ctypes.c_uint32),
        ("layer_names", ctypes.c_void_p),
        ("extensions", ctypes.c_uint32),
        ("extension_names", ctypes.c_void_p),
    )


def vulkan_devices() -> list[VulkanDevice]:
    """Return the devices that Vulkan reaches; none where it is not installed."""
    try:
        vulkan = ctypes.CDLL(_LOADER)
    except OSError:
        return []
    with _instance(vulkan) as instance:
        if instance is None:
            return []
        count = ctypes.c_uint32()
        vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), None)
        handles = (ctypes.c_void_p * count.value)()
        vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), handles)
        return [_described(vulkan, handle) for handle in handles if handle]


@contextmanager
def _instance(vulkan: ctypes.CDLL) -> Iterator[ctypes.c_void_p | None]:
    wanted, instance = _InstanceCreateInfo(type=_CREATE_INSTANCE), ctypes.c_void_p()
    if vulkan.vkCreateInstance(ctypes.byref(wanted), None, ctypes.byref(instance)) != 0:
        yield None
        return
    try:
        yield instance
    finally:
        vulkan.vkDestroyInstance(instance, None)


def _described(vulkan: ctypes.CDLL, handle: int) -> VulkanDevice:
    properties = ctypes.create_string_buffer(_PROPERTIES_SIZE)
    vulkan.vkGetPhysicalDeviceProperties(ctypes.c_void_p(handle), properties)
    data = properties.raw
    kind = int.from_bytes(data[_KIND_OFFSET:_NAME_OFFSET], "little")
    name = data[_NAME_OFFSET : _NAME_OFFSET + _NAME_SIZE].split(b"\0")[0].decode(errors="replace")
    return VulkanDevice(name, _KINDS[kind] if kind < len(_KINDS) else "other")
