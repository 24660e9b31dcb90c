#!/bin/sh
# Builds llama.cpp's own WebAssembly as build/bench/llama-wasm/speed.js, for make bench: the fair rival, with the SIMD
# kernels that npm's wllama is built without. Takes the oracle's program that times, its llama.cpp (in $SOTTO_ORACLE or
# ~/.cache/sotto-oracle) and the Emscripten of make emscripten. usage: llama-wasm.sh speed.cpp
set -eu
exec 1>&2
speed=$(realpath "$1")
cd "$(dirname "$0")/../.."
sources=${SOTTO_ORACLE:-$HOME/.cache/sotto-oracle}
into=build/bench/llama-wasm
bin=build/emscripten/bin
flags="-msimd128 -pthread -fwasm-exceptions"

# EMSCRIPTEN_SYSTEM_PROCESSOR: by default Emscripten says x86, and ggml then takes its plain C.
$bin/emcmake cmake -S "$sources/llama.cpp" -B $into -G Ninja -DCMAKE_BUILD_TYPE=Release -DEMSCRIPTEN_SYSTEM_PROCESSOR=wasm \
  -DCMAKE_C_FLAGS="$flags" -DCMAKE_CXX_FLAGS="$flags" -DCMAKE_EXE_LINKER_FLAGS=-sWASM_BIGINT -DBUILD_SHARED_LIBS=OFF \
  -DGGML_NATIVE=OFF -DGGML_OPENMP=OFF -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_WASM_MEM64=OFF \
  -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_TOOLS=OFF
$bin/emmake ninja -C $into llama
$bin/em++ -O3 $flags -sWASM_BIGINT -sNODERAWFS -sEXIT_RUNTIME -sALLOW_MEMORY_GROWTH -sINITIAL_MEMORY=1gb -sMAXIMUM_MEMORY=4gb \
  -sSTACK_SIZE=4mb -I"$sources/llama.cpp/include" -I"$sources/llama.cpp/ggml/include" "$speed" \
  $(find $into -name '*.a' | sort) -o $into/speed.js
echo '{ "type": "commonjs" }' > $into/package.json
