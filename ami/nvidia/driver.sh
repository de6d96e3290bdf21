#!/bin/bash
# Ends with an error if the driver does not find its GPU.
set -euo pipefail
nvidia-smi
