# Sotto. `make` alone prints help.
#
# Everything that is generated lies below build/, but for node_modules/ and the models in models/cache/.
#   build/obj/<variant>/   objects          build/wasm/   the four browser modules     build/wasi/   the WASI program
#   build/sotto/           the npm package  build/app/    the chat page, a static site build/test/   native test programs

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
# Speed for the kernels, size for the engine around them and for the scalar level, which is a specification.
optimise = $(if $(filter src/% %_scalar.c,$1),-Os,-O3)
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
WASI_FLAGS := --target=wasm32-wasi -Wno-deprecated --sysroot=$(SYSROOT) -O3 $(COMMON) -msimd128 -Isrc

build/wasi/abi.wasm: wasm/abi.c src/sotto.h Makefile
	@mkdir -p $(@D)
	@$(CLANG) $(WASI_FLAGS) --no-wasm-opt $< -o $@

build/wasi/abi.js: build/wasi/abi.wasm wasm/run-wasi.mjs
	@$(NODE) --no-warnings wasm/run-wasi.mjs $< > $@

build/obj/wasi/%.o: %.c Makefile
	@mkdir -p $(@D)
	@$(CLANG) $(WASI_FLAGS) -c $< -o $@

build/wasi/sotto.wasm: $(patsubst %.c,build/obj/wasi/%.o,$(PLAIN) wasm/cli.c)
	@mkdir -p $(@D)
	@$(CLANG) $(WASI_FLAGS) --no-wasm-opt $^ -o $@
	@$(SAY) "  $@  $$(wc -c < $@) bytes"
-include $(patsubst %.c,build/obj/wasi/%.d,$(PLAIN) wasm/cli.c)

# ---- the package and the page ----

LIBRARY := $(shell find web/lib -type f)
APP     := $(shell find web/app -type f)

build/sotto/.done: $(WASM) build/wasi/abi.js $(LIBRARY) models/catalog.json LICENSE node_modules/.done
	@rm -rf $(@D) && mkdir -p $(@D)/vendor
	@cp -R web/lib/. $(@D)/
	@cp $(WASM) build/wasi/abi.js models/catalog.json LICENSE $(@D)/
	@cp node_modules/@huggingface/jinja/dist/index.js $(@D)/vendor/jinja.js
	@cp node_modules/@huggingface/jinja/package.json $(@D)/vendor/jinja.package.json
	@touch $@

build/app/.done: build/sotto/.done $(APP)
	@rm -rf $(@D) && mkdir -p $(@D)/vendor
	@cp -R web/app/. $(@D)/
	@cp -R build/sotto $(@D)/sotto
	@cp models/catalog.json $(@D)/
	@cp node_modules/marked/lib/marked.esm.js node_modules/dompurify/dist/purify.es.mjs $(@D)/vendor/
	@touch $@

# ---- what people call ----

.PHONY: help all setup setup-run setup-test model run test test-c test-types test-node test-browser test-isa fuzz fidelity \
        golden dist format clean

help:
	@echo "Sotto: small language models in a browser tab."
	@echo
	@echo "  make run                 build all, fetch the default model, serve the chat page on 127.0.0.1"
	@echo "  make run PROMPT='...'    answer in the terminal instead"
	@echo "  make test                set up what is missing and run every test"
	@echo
	@echo "  make all                 build the modules, the package (build/sotto) and the page (build/app)"
	@echo "  make setup               install compiler, npm packages and test browsers (Debian)"
	@echo "  make model MODEL=name    fetch a model of models/catalog.json into models/cache"
	@echo "  make test-c | test-types | test-node | test-browser    one part of the tests"
	@echo "  make test-isa            the same words under an ARM64 engine and an x64 one without AVX"
	@echo "  make fidelity            token ids and distance from the exact weights, against llama.cpp (needs the oracle)"
	@echo "  make fuzz                fuzz the readers of hostile bytes, a minute each"
	@echo "  make dist                the npm package as a file"
	@echo "  make clean               remove build/ (models and npm packages stay)"

all: build/app/.done build/wasi/sotto.wasm

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
	@$(MAKE) --no-print-directory -j2 all build/test/all
	@$(MAKE) --no-print-directory model MODEL=smollm2-135m-instruct-q4_1
	@$(NODE) tests/run.mjs

test-c: build/test/all
	@$(NODE) tests/run.mjs c
test-types: build/sotto/.done
	@$(NODE) tests/run.mjs types
test-node: all
	@$(NODE) tests/run.mjs node
test-browser: all
	@$(NODE) tests/run.mjs browser
test-isa: all
	@tests/isa/run.sh
fidelity: all
	@$(NODE) tests/fidelity/tokens.mjs && $(NODE) tests/fidelity/fidelity.mjs
golden:
	@$(NODE) tests/golden/make-logits.mjs && $(NODE) tests/golden/make-golden-tokens.mjs

dist: build/sotto/.done
	@cd build && npm pack --silent ./sotto

format:
	clang-format -i src/*.[ch] kernels/*.[ch] wasm/*.c tests/*.[ch]

clean:
	rm -rf build

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

build/test/all: $(TESTS)
	@touch $@
-include $(patsubst %.c,build/obj/native/%.d,$(SOURCES) $(wildcard tests/test_*.c))

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
	@for fuzzer in $(FUZZERS); do \
	  corpus=build/corpus/$$(basename $$fuzzer); mkdir -p $$corpus; \
	  $$fuzzer -max_total_time=60 -max_len=65536 -timeout=10 -artifact_prefix=build/ \
	    $$corpus tests/corpus/$$(basename $$fuzzer) || exit 1; \
	done

.PRECIOUS: build/obj/native/%.o build/obj/fuzz/%.o
