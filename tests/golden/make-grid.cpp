// make-grid.cpp: what random blocks of the grid types mean to llama.cpp, as lines for tests/test_grid.c.
//   g++ -O2 -I$LLAMA/ggml/include make-grid.cpp -L$BIN -lggml -lggml-base -lggml-cpu -Wl,-rpath,$BIN
//   ./a.out > grid.vec
#include "ggml.h"
#include "ggml-cpu.h"
#include "grid_case.h"

static const ggml_type TYPES[] = {GGML_TYPE_IQ1_S,   GGML_TYPE_IQ1_M,   GGML_TYPE_IQ2_XXS, GGML_TYPE_IQ2_XS,
                                  GGML_TYPE_IQ2_S,   GGML_TYPE_IQ3_XXS, GGML_TYPE_IQ3_S};

static uint64_t digest_of(ggml_type type, uint32_t seed) {
  const ggml_type_traits *traits = ggml_get_type_traits(type);
  uint64_t digest = CASE_DIGEST_BEGIN;
  for (int i = 0; i < CASE_BLOCKS; i++) {
    uint8_t block[CASE_BLOCK_BYTES_MAX];
    float weights[CASE_COLUMNS];
    case_fill_block(block, traits->type_size, type == GGML_TYPE_IQ1_M, &seed);
    traits->to_float(block, weights, CASE_COLUMNS);
    digest = case_digest(digest, weights, CASE_COLUMNS);
  }
  return digest;
}

int main() {
  ggml_cpu_init(); // fills the table of half floats
  for (ggml_type type : TYPES) {
    const uint32_t seed = 20261126 + type;
    printf("%s %u %016llx\n", ggml_type_name(type), seed, (unsigned long long)digest_of(type, seed));
  }
}
