#!/bin/sh
# Makes build/emscripten/bin: emcc and its like of an Emscripten that is 3.1.69 or newer. It is the one on PATH, or on
# Debian 12 one of our own below build/emscripten. Where neither can be, this says where to get one, on stderr as all.
#
# Our own is a set that fits together. Debian 13's package of Emscripten, with its libraries built, is fetched and
# verified by apt, with lists and a cache of its own, and unpacked, not installed; clang-19, lld-19 and llvm-19 are
# Debian 12's; acorn and binaryen are npm's. The last lacks wasm-emscripten-finalize: -sWASM_BIGINT does without.
set -eu
exec 1>&2
cd "$(dirname "$0")/.."
oldest=3.1.69
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
into=$PWD/build/emscripten
ours=$into/debian/usr/share/emscripten

give_up() {
  echo "sotto: Emscripten $oldest or newer is missing$1."
  echo "Get it with emsdk (https://emscripten.org), put its emcc on PATH, and try again."
  exit 1
}

is_new_enough() {
  version=$(emcc --version 2>/dev/null | sed -n '1s/.*) \([0-9.]*\).*/\1/p')
  [ -n "$version" ] && printf '%s\n' "$oldest" "$version" | sort -V -C
}

# link WHERE [VARIABLE=VALUE]: the tools of WHERE (a folder and a slash, or nothing for PATH) as build/emscripten/bin.
# They and what they make are CommonJS, which this repository's package.json denies.
link() {
  mkdir -p "$into/bin"
  echo '{ "type": "commonjs" }' > "$into/package.json"
  for tool in emar emnm emcc em++ emcmake emmake; do
    printf '#!/bin/sh\n%s exec "%s" "$@"\n' "${2:-}" "$1$tool" > "$into/bin/$tool"
    chmod +x "$into/bin/$tool"
  done
}

if is_new_enough; then
  link ""
  exit
fi

# A mirror that this machine has its own Debian 12 from has Debian 13 as well.
mirrors=$(apt-get update --print-uris 2>/dev/null | sed -n "s|^'\(.*\)/dists/bookworm/main/binary-.*|\1|p" | sort -u)
[ -n "$mirrors" ] || give_up ", and only on Debian 12 can Sotto get it by itself"
[ -f "$keyring" ] || give_up ", and so is $keyring of the package debian-archive-keyring"
wasm/setup.sh emscripten

apt=$into/apt
rm -rf "$apt" "$into/debian"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$into/debian"
debian13() {
  apt-get -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" -o Acquire::Languages=none \
    -o APT::Sandbox::User="$(id -un)" "$@"
}
fetch() {
  for mirror in $mirrors; do
    echo "deb [signed-by=$keyring] $mirror trixie main" > "$apt/sources.list"
    debian13 -qq update && (cd "$apt" && debian13 -q download emscripten) && return
  done
  return 1
}
echo "Fetching Emscripten (240 MB, from Debian 13) ..."
fetch || give_up ", and fetching it failed"
echo "Unpacking Emscripten ..."
# Without its tests, and without its libraries for link-time optimisation and dynamic linking: 0.4 GB instead of 1.6.
dpkg-deb --fsys-tarfile "$apt"/emscripten_*.deb | tar -x -C "$into/debian" --exclude='*/wasm32-emscripten/lto*' \
  --exclude='*/wasm32-emscripten/pic' --exclude='./usr/share/emscripten/test'
rm -rf "$apt"

cat > "$into/config.py" <<END
LLVM_ROOT = '/usr/lib/llvm-19/bin'
BINARYEN_ROOT = '$PWD/node_modules/binaryen'
NODE_JS = '$PWD/node_modules/.bin/node'
FROZEN_CACHE = True
END
link "$ours/" "EM_CONFIG='$into/config.py'"
