#!/bin/sh
# Makes build/emscripten/bin, with emcc, emar and emnm of an Emscripten that is 3.1.69 or newer: the one on PATH, else on
# Debian 12 one of our own below build/emscripten. Where it can do neither, it says where to get one. Everything it says
# goes to stderr.
#
# Our own is a set that fits together: Debian 13's package of Emscripten, libraries built, which apt fetches and verifies
# with lists and a cache of its own, and which is unpacked, not installed; Debian 12's clang-19, lld-19 and llvm-19; npm's
# binaryen, which lacks wasm-emscripten-finalize (-sWASM_BIGINT does without), and acorn.
set -eu
exec 1>&2
cd "$(dirname "$0")/.."
oldest=3.1.69
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
into=$PWD/build/emscripten
ours=$into/debian/usr/share/emscripten

give_up() {
  echo "sotto: Emscripten $oldest or newer is missing$1. Get it by emsdk (https://emscripten.org), with emcc on PATH."
  exit 1
}

is_new_enough() {
  version=$(emcc --version 2>/dev/null | sed -n '1s/.*) \([0-9.]*\).*/\1/p')
  [ -n "$version" ] && printf '%s\n' "$oldest" "$version" | sort -V -C
}

# link WHERE [VARIABLE=VALUE]: the tools of WHERE (a folder and a slash, or nothing for PATH) as build/emscripten/bin. They
# and the programs that they make are CommonJS, which the package.json of this repository's root denies.
link() {
  mkdir -p "$into/bin"
  echo '{ "type": "commonjs" }' > "$into/package.json"
  for tool in emar emnm emcc; do
    printf '#!/bin/sh\n%s exec "%s" "$@"\n' "${2:-}" "$1$tool" > "$into/bin/$tool"
    chmod +x "$into/bin/$tool"
  done
}

if is_new_enough; then
  link ""
  exit
fi

# The mirror that the machine has its own Debian 12 from has Debian 13 as well.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' 'Release: bookworm' 2>/dev/null | head -n 1)
[ -n "$mirror" ] || give_up ", and only on Debian 12 can Sotto get it by itself"
[ -f "$keyring" ] || give_up ", and so is $keyring of the package debian-archive-keyring"
wasm/setup.sh emscripten

apt=$into/apt
rm -rf "$apt" "$into/debian"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$into/debian"
echo "deb [signed-by=$keyring] $mirror trixie main" > "$apt/sources.list"
debian13() {
  apt-get -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$apt/lists" \
    -o Dir::Cache="$apt/cache" -o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)" "$@"
}
echo "Fetching Emscripten (240 MB, from Debian 13) ..."
{ debian13 -qq update && (cd "$apt" && debian13 -q download emscripten); } || give_up ", and fetching it failed"
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
