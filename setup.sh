#!/bin/sh
# What the Makefile needs before it can do its work: system packages, and the virtual environment.
#   setup.sh packages NAME…   Debian packages, each with a command of the same name
#   setup.sh environment      .venv with hush in it, and all that it wants
#   setup.sh lock             constraints.txt anew, from the newest versions that fit
set -eu

torch=2.13.0

fail() {
    echo "$*" >&2
    exit 1
}

install_packages() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing Debian packages: $*"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
    else
        fail "please install these packages first, for example: sudo apt-get install $*"
    fi
}

packages() {
    missing=
    for name in "$@"; do
        command -v "$name" >/dev/null || missing="$missing $name"
    done
    # shellcheck disable=SC2086 # a list of names
    [ -z "$missing" ] || install_packages $missing
}

environment() {
    python=${PYTHON:-python3}
    command -v "$python" >/dev/null || install_packages python3 python3-venv
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "hush needs Python 3.11 or newer; PYTHON=python3.12 make … takes another one"
    "$python" -c 'import ensurepip' 2>/dev/null || install_packages python3-venv

    echo "setting up .venv (once; some minutes)"
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    pip="$PWD/.venv/bin/pip --disable-pip-version-check"

    # Without an NVIDIA GPU, the CPU build saves gigabytes of CUDA libraries.
    case ${TORCH:-$(command -v nvidia-smi >/dev/null && echo cuda || echo cpu)} in
    cpu)
        $pip install -qq "torch==$torch+cpu" 2>/dev/null ||
            $pip install -qq "torch==$torch" --index-url https://download.pytorch.org/whl/cpu 2>/dev/null ||
            $pip install -qq "torch==$torch"
        ;;
    cuda) $pip install -qq "torch==$torch" ;;
    *) fail "TORCH has to be cpu or cuda" ;;
    esac
    $pip install -qq --constraint constraints.txt --editable '.[bridge,dev,service,show]'
}

lock() {
    scratch=$(mktemp -d)
    .venv/bin/python -m venv "$scratch"
    "$scratch/bin/pip" install -qq "torch==$torch+cpu" || "$scratch/bin/pip" install -qq "torch==$torch"
    "$scratch/bin/pip" install -qq '.[bridge,dev,service,show]'
    {
        echo "# Every version that CI uses; \`make lock\` renews them."
        "$scratch/bin/pip" freeze --exclude hush --exclude setuptools | sed 's/+cpu$//'
    } >constraints.txt
    rm -rf "$scratch"
}

case ${1:-} in
packages) shift && packages "$@" ;;
environment) environment ;;
lock) lock ;;
*) fail "usage: setup.sh packages NAME… | environment | lock" ;;
esac
