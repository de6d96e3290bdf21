#!/bin/bash
# At boot: brings hush's own code, about a megabyte, and the gateway's key to this instance.
# HUSH_CODE and HUSH_GATEWAY_KEY_SECRET come from the launch template.
set -euo pipefail

archive=$(mktemp --suffix=.zip)
trap 'rm -f "$archive"' EXIT
aws s3 cp --only-show-errors "$HUSH_CODE" "$archive"
unzip -q -o "$archive" -d /opt/hush/code

umask 077
key=$(aws secretsmanager get-secret-value --secret-id "$HUSH_GATEWAY_KEY_SECRET" \
    --query SecretString --output text)
printf 'HUSH_API_KEY=%s\n' "$key" >/run/hush/key
