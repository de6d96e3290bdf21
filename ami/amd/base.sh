#!/bin/bash
# Brings to Ubuntu 24.04 what hush wants of it: the driver of AMD's GPUs that is its kernel's own, the
# GPU's firmware, Mesa's Vulkan, and what Python lacks. AWS's agents come from Image Builder.
#   base.sh SCRATCH   a folder in memory
set -euo pipefail
scratch=$1
export DEBIAN_FRONTEND=noninteractive

# No instance lives for long: what updates a system would only read its volume while it starts.
systemctl disable --now apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service

mkdir -p "$scratch/lists/partial" "$scratch/apt/archives/partial"
apt=(
    apt-get --quiet --yes --no-install-recommends
    -o "Dir::State::lists=$scratch/lists" -o "Dir::Cache=$scratch/apt"
    -o APT::Sandbox::User=root -o DPkg::Lock::Timeout=600
)
"${apt[@]}" update
# The module is that of the kernel that runs, and nothing on an instance brings another.
kernel=$(uname -r)
"${apt[@]}" install "linux-modules-extra-$kernel" mesa-vulkan-drivers python3.12-venv logrotate unzip
modinfo --set-version "$kernel" --field filename amdgpu
# Dawn, by which ONNX Runtime reaches Vulkan, takes no older one.
mesa=$(dpkg-query --show --showformat='${Version}' mesa-vulkan-drivers)
dpkg --compare-versions "$mesa" ge 25

# Of all firmware that there is, half a gigabyte, that of the Radeon Pro V520, which is a Navi 12.
(cd "$scratch" && "${apt[@]}" download linux-firmware)
dpkg-deb --fsys-tarfile "$scratch"/linux-firmware_*.deb |
    tar --extract --directory=/ --keep-directory-symlink --wildcards \
        '*/amdgpu/navi12_*' '*/linux-firmware/copyright'

# Where the GPU is missing, no processor is to play one.
find /usr/share/vulkan/icd.d -name '*.json' ! -name 'radeon_icd*' -delete
