#!/bin/bash
# At boot: tells CloudWatch's agent where logs go, and starts it. HUSH_LOG_GROUP comes from the launch
# template. The service does without it.
set -euo pipefail

settings=/run/hush-agent/settings.json
sed "s|LOG_GROUP|$HUSH_LOG_GROUP|" /etc/hush/amazon-cloudwatch-agent.json >"$settings"
/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl \
    -a fetch-config -m ec2 -s -c "file:$settings"
