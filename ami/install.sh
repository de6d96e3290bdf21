#!/bin/bash
# Makes a machine image of Amazon Linux 2023: NVIDIA's driver without CUDA's toolkits, an engine with
# the few libraries of CUDA that it opens, models, and everything else but hush's own code, which each
# instance fetches at boot.
#   install.sh ENGINE MODEL…   ctranslate2 or reference, and OpenAI's models for it
set -euo pipefail
cd "$(dirname "$0")"
engine=$1
shift

# What was ever written to the volume is in its snapshot, deleted or not, and fills every instance's
# volume: what does not stay is in memory.
scratch=/dev/shm/hush
mkdir -m 700 "$scratch"
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

# The service, its watcher, and what fetches their code: none may change what is another's.
for user in hush hush-watcher hush-code; do
    useradd --system --user-group --home-dir /opt/hush --shell /sbin/nologin "$user"
done
install -d -m 755 /opt/hush
install -d -m 755 -o hush-code -g hush-code /opt/hush/code
# Systemd reads and writes here for them, as root.
install -d -m 700 /etc/hush /var/log/hush

/usr/bin/python3.12 -m venv /opt/hush/venv
export TMPDIR="$scratch"
pip="/opt/hush/venv/bin/pip install --quiet --no-cache-dir --require-hashes --no-deps"
$pip --only-binary=:all: --requirement requirements.txt
# Built with the setuptools among the former.
if [ -s sources.txt ]; then
    $pip --no-build-isolation --requirement sources.txt
fi

# CTranslate2 opens CUDA 12's cuBLAS by name, where the system looks; torch finds its own libraries.
if [ "$engine" = ctranslate2 ]; then
    libraries=/opt/hush/venv/lib/python3.12/site-packages/nvidia/cublas/lib
    test -e "$libraries/libcublas.so.12"
    echo "$libraries" >/etc/ld.so.conf.d/hush.conf
    ldconfig
fi

# The part of hush that fetches, checks and converts models.
PYTHONPATH=code /opt/hush/venv/bin/python fetch_models.py "$engine" "$scratch" "$@"
install -m 644 leftovers.sh prove.py prove.conf person-80.png person-128.png /opt/hush/prove/

install -m 755 fetch-code.sh prefetch.sh start-agent.sh /opt/hush/
install -m 644 amazon-cloudwatch-agent.json /etc/hush/
install -m 644 hush-code.service hush-agent.service hush.service hush-watcher.service \
    hush-drain.path hush-drain.service hush-prefetch.service /etc/systemd/system/
install -D -m 644 journald.conf /etc/systemd/journald.conf.d/hush.conf
install -D -m 644 logrotate.conf /etc/logrotate.d/hush
rm -rf "$scratch"
systemctl daemon-reload
systemctl enable logrotate.timer hush-prefetch.service
