#!/bin/bash
# Brings to Amazon Linux 2023 what hush wants of it: NVIDIA's driver without CUDA's toolkits, Python,
# and the agents.
#   base.sh SCRATCH   a folder in memory
set -euo pipefail
scratch=$1
dnf="dnf install -y -q --setopt=install_weak_deps=False --setopt=cachedir=$scratch/dnf"

# The driver, from Amazon Linux's own repository. Its module is built for the kernel that runs, and
# nothing on an instance brings another.
kernel=$(uname -r)
package=$(rpm --query --queryformat '%{NAME}' --file "/boot/vmlinuz-$kernel")
$dnf nvidia-release
$dnf dkms "$package-devel-$kernel" "$package-modules-extra-$kernel"
$dnf kmod-nvidia-open-dkms nvidia-driver-cuda nvidia-modprobe nvidia-persistenced
modinfo --set-version "$kernel" --field version nvidia
# With it, the GPU is ready while the system still boots.
systemctl enable nvidia-persistenced

$dnf amazon-cloudwatch-agent logrotate python3.12 unzip
