/* test_grid.c: the types whose columns are points of a grid, against what llama.cpp says of the same random blocks
 * (tests/golden/grid.vec). That the levels agree on them is tests/test_kernels.c's business. */
#include "golden/grid_case.h"

#include "../kernels/kernels.h"

#include <inttypes.h>

static const struct { const char *name; enum layout layout; } types[] = {
    {"iq1_s", LAYOUT_IQ1_S}, {"iq1_m", LAYOUT_IQ1_M}, {"iq2_xxs", LAYOUT_IQ2_XXS}, {"iq2_xs", LAYOUT_IQ2_XS},
    {"iq2_s", LAYOUT_IQ2_S}, {"iq3_xxs", LAYOUT_IQ3_XXS}, {"iq3_s", LAYOUT_IQ3_S},
};
enum { N_TYPES = sizeof types / sizeof *types };

static uint8_t rows[CASE_BLOCKS * CASE_BLOCK_BYTES_MAX], group[CASE_BLOCKS * CASE_COLUMNS];

/* The weights of all blocks, read back out of groups of 8 rows that are packed. */
static uint64_t digest_of(enum layout layout, uint32_t seed) {
  enum { K = CASE_BLOCKS / 8 * CASE_COLUMNS };
  static float weights[K];
  const size_t block_bytes = layout_row_bytes(layout, CASE_COLUMNS);
  for (size_t i = 0; i < CASE_BLOCKS; i++)
    case_fill_block(rows + i * block_bytes, block_bytes, layout == LAYOUT_IQ1_M, &seed);
  layout_pack(layout, group, rows, 8, K);
  uint64_t digest = CASE_DIGEST_BEGIN;
  for (int row = 0; row < 8; row++) {
    layout_unpack_row(layout, weights, group, row, K);
    digest = case_digest(digest, weights, K);
  }
  return digest;
}

static void weights_are_llama_cpps(void) {
  FILE *file = fopen("tests/golden/grid.vec", "r");
  REQUIRE(file != NULL);
  char name[16];
  uint32_t seed;
  uint64_t expected;
  int n_lines = 0;
  for (; fscanf(file, "%15s %" SCNu32 " %" SCNx64, name, &seed, &expected) == 3; n_lines++) {
    int i = 0;
    while (i < N_TYPES && strcmp(types[i].name, name)) i++;
    REQUIRE(i < N_TYPES);
    if (!CHECK(digest_of(types[i].layout, seed) == expected)) printf("%s\n", name);
  }
  fclose(file);
  CHECK(n_lines == N_TYPES);
}

static void packing_grows_by_at_most_25_percent(void) {
  for (int i = 0; i < N_TYPES; i++) {
    const size_t packed = layout_group_bytes(types[i].layout, 512), in_file = 8 * layout_row_bytes(types[i].layout, 512);
    CHECK(packed >= in_file && packed * 100 <= in_file * 125); /* not smaller: weights.c lets file bytes wait there */
  }
}

int main(void) {
  RUN(weights_are_llama_cpps);
  RUN(packing_grows_by_at_most_25_percent);
  return test_end();
}
