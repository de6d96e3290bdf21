#!/bin/bash
# Ends with an error if the driver does not find its GPU; says which Vulkan there is, and what the
# watcher can read of the GPU's use.
set -euo pipefail
ls -l /dev/dri/renderD*
modinfo --field filename amdgpu
dpkg-query --show mesa-vulkan-drivers
grep --with-filename . /sys/class/drm/card*/device/{gpu_busy_percent,mem_info_vram_total} || true
