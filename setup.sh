#!/bin/sh
# What the Makefile needs before it can do its work: system packages, virtual environment, web page.
#   setup.sh packages NAME…   Debian packages, by the name of a command; COMMAND=PACKAGE where they differ
#   setup.sh environment WHAT .venv with hush in it, and what the demo wants, or everything: demo, all
#   setup.sh libraries WHAT   from npm, what the web page is built with, or its tests too: page, all
#   setup.sh page             the web page, where it is not built or older than its sources
#   setup.sh webgpu           build/webgpu: the engine on WebGPU, with a Vulkan that plays a GPU
#   setup.sh cdk              the AWS CDK's command line, in node_modules
#   setup.sh lock             constraints.txt and all locks anew, from the newest versions that fit
set -eu

torch=2.13.0
triton=3.7.1 # what torch's CUDA build wants; its CPU build wants none
demo_extras='.[bridge,service]'
extras='.[bridge,cloud,dev,instance,listen,model,onnx,redis,reference,service,show,traces,wyoming]'

fail() {
    echo "$*" >&2
    exit 1
}

install_packages() {
    command -v apt-get >/dev/null || fail "please install first: $*"
    [ "$(id -u)" = 0 ] || fail "please install first: sudo apt-get install $*"
    echo "installing Debian packages: $*"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

packages() {
    missing=
    for name in "$@"; do
        command -v "${name%%=*}" >/dev/null || missing="$missing ${name#*=}"
    done
    # shellcheck disable=SC2086 # a list of names
    [ -z "$missing" ] || install_packages $missing
}

pip() {
    "$environment/bin/python" -m pip --disable-pip-version-check -qq "$@"
}

# Most modules are never imported: those that are, Python compiles then.
pip_install() {
    pip install --no-compile "$@"
}

# Without an NVIDIA GPU, the CPU build saves gigabytes of CUDA libraries. Elsewhere than on Linux,
# there is only one build.
install_torch() {
    [ "$(uname -s)" = Linux ] || TORCH=cuda
    case ${TORCH:-$(command -v nvidia-smi >/dev/null && echo cuda || echo cpu)} in
    cpu)
        pip_install "torch==$torch+cpu" 2>/dev/null ||
            pip_install "torch==$torch" --index-url https://download.pytorch.org/whl/cpu ||
            fail "torch's CPU build cannot be fetched; try again, or take the CUDA build: TORCH=cuda"
        ;;
    cuda) pip_install "torch==$torch" ;;
    *) fail "TORCH has to be cpu or cuda" ;;
    esac
}

make_environment() {
    environment=.venv
    python=${PYTHON:-python3}
    command -v "$python" >/dev/null || install_packages python3 python3-venv
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "hush needs Python 3.11 or newer; PYTHON=python3.12 make … takes another one"
    "$python" -c 'import ensurepip' 2>/dev/null || install_packages python3-venv

    [ "$1" = demo ] && time="about a minute" || time="some minutes"
    echo "setting up .venv (once; $time)"
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    if [ "$1" = demo ]; then
        pip_install --constraint constraints.txt --editable "$demo_extras"
    else
        install_torch
        pip_install --constraint constraints.txt --editable "$extras"
    fi
}

need_node() {
    new_enough='const [a, b] = process.versions.node.split("."); process.exit(Number(a < 20 || (a == 20 && b < 19)))'
    if ! node -e "$new_enough" 2>/dev/null || ! command -v npm >/dev/null; then
        fail "$1 wants Node 20.19 or newer with npm: https://nodejs.org"
    fi
}

# What the page is built with are its dependencies; devDependencies check and test it.
libraries() {
    need_node "the web page"
    if [ "$1" = page ]; then
        tool=vite tools="built with" omitted=--omit=dev
    else
        tool=vitest tools="built and tested with" omitted=
    fi
    [ -e "ui/node_modules/.bin/$tool" ] &&
        [ -n "$(find ui/node_modules/.package-lock.json -newer ui/package-lock.json)" ] && return
    echo "fetching what the web page is $tools (once)"
    npm --prefix ui ci --silent $omitted ||
        fail "npm cannot fetch what the web page is $tools: \`npm --prefix ui ci\` says why"
}

page() {
    sources='ui docs/operations.md docs/privacy.md hush/voice_network.json'
    # shellcheck disable=SC2086 # a list of names
    [ -f ui/dist/admin.html ] && [ -z "$(find $sources -newer ui/dist/admin.html -type f \
        -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/wasm/build/*')" ] && return
    libraries page
    echo "building the web page"
    npm --prefix ui run --silent build
}

# ONNX Runtime with WebGPU displaces the other one, and wants Mesa 25: both are kept apart from what
# is installed. Where either cannot be had, the tests that want them say so.
webgpu() {
    place=$PWD/build/webgpu
    environment=$place/environment
    [ "$(uname -sm)" = "Linux x86_64" ] && command -v apt-get >/dev/null || return 0
    wanted=$(.venv/bin/python -c 'import tomllib; print(tomllib.load(open("pyproject.toml", "rb"))
        ["project"]["optional-dependencies"]["webgpu"][-1])')
    [ "$(cat "$place/ready" 2>/dev/null)" = "$wanted" ] && return
    echo "setting up the engine on WebGPU, apart, in build/webgpu (once)"
    rm -rf "$place"
    mkdir -p "$place/lists/partial" "$place/cache/archives/partial"
    .venv/bin/python -m venv --without-pip "$environment"
    packages=$("$environment/bin/python" -c 'import site; print(site.getsitepackages()[0])')
    .venv/bin/python -c 'import site; print(*site.getsitepackages(), sep="\n")' >"$packages/hush.pth"
    printf '%s\n' "$PWD" "$PWD/service" >>"$packages/hush.pth"
    .venv/bin/python -m pip --disable-pip-version-check -qq install --no-deps --target "$packages" \
        "$wanted" && mesa && echo "$wanted" >"$place/ready" ||
        echo "the engine on WebGPU cannot be had here: its tests are skipped"
}

mesa() {
    # shellcheck source=/dev/null
    . /etc/os-release
    echo "deb http://deb.debian.org/debian $VERSION_CODENAME-backports main" >"$place/sources.list"
    apt="apt-get -qq -o Dir::Etc::SourceList=$place/sources.list -o Dir::Etc::SourceParts=-
        -o APT::Sandbox::User=root -o Dir::State::Lists=$place/lists -o Dir::Cache=$place/cache"
    $apt update && (cd "$place/cache" && $apt download mesa-vulkan-drivers libdrm2 libdrm-amdgpu1) ||
        return 1
    for package in "$place"/cache/*.deb; do
        dpkg -x "$package" "$place/mesa"
    done
    sed "s#\"library_path\": \"#&$place/mesa/usr/lib/x86_64-linux-gnu/#" \
        "$place/mesa/usr/share/vulkan/icd.d/lvp_icd.json" >"$place/lvp_icd.json"
    rm -rf "$place/cache" "$place/lists"
}

lock() {
    environment=$(mktemp -d)
    .venv/bin/python -m venv "$environment"
    install_torch
    pip install "triton==$triton" "$extras"
    {
        echo "# Every version that CI uses; \`make lock\` renews them."
        pip freeze --exclude hush --exclude setuptools | sed 's/+cpu$//'
    } >constraints.txt
    "$environment/bin/python" -m stacks.lock
    rm -rf "$environment"
}

install_cdk() {
    need_node "the AWS CDK"
    npm ci --silent --no-audit --no-fund
}

case ${1:-} in
packages) shift && packages "$@" ;;
environment) make_environment "${2:-all}" ;;
libraries) libraries "${2:-all}" ;;
page) page ;;
webgpu) webgpu ;;
cdk) install_cdk ;;
lock) lock ;;
*) fail "usage: setup.sh packages NAME… | environment WHAT | libraries WHAT | page | webgpu | cdk | lock" ;;
esac
