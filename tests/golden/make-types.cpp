// make-types.cpp: what random blocks of each type mean to llama.cpp, as lines for tests/test_types.c.
//   g++ -O2 -I$LLAMA/ggml/include make-types.cpp -L$BIN -lggml -lggml-base -lggml-cpu -Wl,-rpath,$BIN
//   ./a.out > types.vec
#include "ggml.h"
#include "ggml-cpu.h"
#include "types_case.h"

#include <strings.h>

static const ggml_type_traits *traits_of(const char *name) {
  for (int type = 0; type < GGML_TYPE_COUNT; type++) {
    const ggml_type_traits *traits = ggml_get_type_traits((ggml_type)type);
    if (traits->type_name && strcasecmp(traits->type_name, name) == 0) return traits;
  }
  return nullptr;
}

int main() {
  ggml_cpu_init(); // fills the table of half floats
  for (const case_type &type : case_types) {
    const ggml_type_traits *traits = traits_of(type.name);
    if (!traits || traits->type_size != type.block_bytes || (size_t)traits->blck_size != type.columns) return 1;
    const uint32_t seed = 20261126 + (uint32_t)(&type - case_types);
    uint32_t state = seed;
    uint64_t digest = CASE_DIGEST_BEGIN;
    for (int i = 0; i < CASE_BLOCKS; i++) {
      uint8_t block[CASE_BLOCK_BYTES_MAX];
      float weights[CASE_COLUMNS_MAX];
      case_fill_block(&type, block, &state);
      traits->to_float(block, weights, (int64_t)type.columns);
      digest = case_digest(digest, weights, type.columns);
    }
    printf("%s %u %016llx\n", type.name, seed, (unsigned long long)digest);
  }
}
