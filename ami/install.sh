#!/bin/bash
# Makes a machine image: a system with a GPU's driver, an engine with the few libraries that it opens,
# models, and everything else but hush's own code, which each instance fetches at boot. What is
# different for each make of GPU is in base.sh, driver.sh, hush.conf and prefetch.conf.
#   install.sh ENGINE MODEL…   ctranslate2, reference or onnx, and OpenAI's models for it
set -euo pipefail
cd "$(dirname "$0")"
engine=$1
shift

# What was ever written to the volume is in its snapshot, deleted or not, and fills every instance's
# volume: what does not stay is in memory.
scratch=/dev/shm/hush
mkdir -m 700 "$scratch"
bash base.sh "$scratch"

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
install -m 644 driver.sh leftovers.sh prove.py prove.conf person-80.png person-128.png /opt/hush/prove/

install -m 755 fetch-code.sh prefetch.sh start-agent.sh /opt/hush/
install -m 644 amazon-cloudwatch-agent.json /etc/hush/
install -m 644 hush-code.service hush-agent.service hush.service hush-watcher.service \
    hush-drain.path hush-drain.service hush-prefetch.service /etc/systemd/system/
install -D -m 644 hush.conf /etc/systemd/system/hush.service.d/accelerator.conf
install -D -m 644 prefetch.conf /etc/systemd/system/hush-prefetch.service.d/accelerator.conf
install -D -m 644 journald.conf /etc/systemd/journald.conf.d/hush.conf
install -D -m 644 logrotate.conf /etc/logrotate.d/hush
rm -rf "$scratch"
systemctl daemon-reload
systemctl enable logrotate.timer hush-prefetch.service
