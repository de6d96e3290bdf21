#!/bin/bash
# Makes a machine image of a Deep Learning Base GPU AMI (Amazon Linux 2023): everything but hush's
# own code, which each instance fetches at boot.
#   install.sh MODEL…   OpenAI's models whose weights belong into the image
set -euo pipefail
cd "$(dirname "$0")"

dnf install -y -q amazon-cloudwatch-agent unzip

useradd --system --home-dir /opt/hush --shell /sbin/nologin hush
install -d -m 755 /opt/hush /etc/hush
install -d -m 755 -o hush -g hush /opt/hush/code /var/log/hush

/usr/bin/python3.12 -m venv /opt/hush/venv
/opt/hush/venv/bin/pip install --quiet --no-cache-dir \
    --requirement requirements.txt --constraint constraints.txt

# openai-whisper verifies each file's SHA-256.
for model in "$@"; do
    /opt/hush/venv/bin/python -c \
        'import sys, whisper; whisper.load_model(sys.argv[1], "cpu", "/opt/hush/weights")' "$model"
done

install -m 755 fetch-code.sh /opt/hush/fetch-code.sh
install -m 644 amazon-cloudwatch-agent.json /etc/hush/
install -m 644 hush-code.service hush.service hush-watcher.service /etc/systemd/system/
systemctl daemon-reload
