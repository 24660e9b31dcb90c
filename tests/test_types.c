/* test_types.c: every quantised type against what llama.cpp says of the same random blocks (tests/golden/types.vec). That the
 * levels agree on them is tests/test_kernels.c's business. */
#include "golden/types_case.h"

#include "../kernels/kernels.h"

#include <inttypes.h>

static const char *const names[LAYOUT_COUNT] = {
#define ANY(layout) [LAYOUT_##layout] = #layout,
#include "../kernels/kernels.inc"
};

static enum layout layout_of(const char *name) {
  int layout = 0;
  while (layout < LAYOUT_COUNT && strcmp(names[layout], name)) layout++;
  return (enum layout)layout;
}

static const struct case_type *type_of(const char *name) {
  for (int i = 0; i < N_CASE_TYPES; i++)
    if (!strcmp(case_types[i].name, name)) return &case_types[i];
  return NULL;
}

/* The weights of all blocks, read back out of groups of 8 rows that are packed. */
static uint64_t digest_of(const struct case_type *type, enum layout layout, uint32_t seed) {
  static uint8_t rows[CASE_BLOCKS * CASE_BLOCK_BYTES_MAX], group[CASE_BLOCKS * CASE_COLUMNS_MAX];
  static float weights[CASE_BLOCKS / 8 * CASE_COLUMNS_MAX];
  const int k = CASE_BLOCKS / 8 * (int)type->columns;
  for (size_t i = 0; i < CASE_BLOCKS; i++) case_fill_block(type, rows + i * type->block_bytes, &seed);
  layout_pack(layout, group, rows, 8, k);
  uint64_t digest = CASE_DIGEST_BEGIN;
  for (int row = 0; row < 8; row++) {
    layout_unpack_row(layout, weights, group, row, k);
    digest = case_digest(digest, weights, (size_t)k);
  }
  return digest;
}

static void weights_are_llama_cpps(void) {
  FILE *file = fopen("tests/golden/types.vec", "r");
  REQUIRE(file != NULL);
  char name[16];
  uint32_t seed;
  uint64_t expected;
  int n_lines = 0;
  for (; fscanf(file, "%15s %" SCNu32 " %" SCNx64, name, &seed, &expected) == 3; n_lines++) {
    const struct case_type *type = type_of(name);
    const enum layout layout = layout_of(name);
    REQUIRE(type && layout < LAYOUT_COUNT);
    CHECK(layouts[layout].columns == type->columns && layouts[layout].row_block_bytes == type->block_bytes);
    if (!CHECK(digest_of(type, layout, seed) == expected)) printf("%s\n", name);
  }
  fclose(file);
  CHECK(n_lines == LAYOUT_COUNT - 3); /* all but the floats */
}

/* 5 percent from 4 bits a weight up, 25 below; never smaller: weights.c lets file bytes wait in a group's place. */
static void packing_grows_little(void) {
  for (int layout = 0; layout < LAYOUT_COUNT; layout++) {
    const size_t packed = layout_group_bytes((enum layout)layout, 512), in_file = 8 * layout_row_bytes((enum layout)layout, 512);
    const bool is_narrow = in_file * 8 < 8 * 512 * 4;
    if (!CHECK(packed >= in_file && packed * 100 <= in_file * (is_narrow ? 125 : 105))) printf("%s\n", names[layout]);
  }
}

int main(void) {
  RUN(weights_are_llama_cpps);
  RUN(packing_grows_little);
  return test_end();
}
