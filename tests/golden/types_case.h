/* types_case.h: the random blocks of types.vec, shared by what makes it (make-types.cpp) and what checks it
 * (tests/test_types.c). Blocks follow from a seed; a line of the file is
 *
 *   type seed digest        of the bits of all weights of CASE_BLOCKS blocks, in order */
#ifndef TYPES_CASE_H
#define TYPES_CASE_H

#include "../test.h"

enum { CASE_BLOCKS = 1024 /* so that each point of each grid occurs */, CASE_COLUMNS_MAX = 256, CASE_BLOCK_BYTES_MAX = 210 };

struct case_type {
  const char *name;
  size_t columns, block_bytes;
  int d_at;       /* where f16 scales begin; 0 or more */
  int n_d;        /* how many; 0: the scales are bytes, all of which are good; -1: IQ1_M's, in four nibbles */
};
static const struct case_type case_types[] = {
    {"Q4_0", 32, 18, 0, 1},    {"Q4_1", 32, 20, 0, 2},     {"Q5_0", 32, 22, 0, 1},      {"Q5_1", 32, 24, 0, 2},
    {"Q8_0", 32, 34, 0, 1},    {"Q2_K", 256, 84, 80, 2},   {"Q3_K", 256, 110, 108, 1},  {"Q4_K", 256, 144, 0, 2},
    {"Q5_K", 256, 176, 0, 2},  {"Q6_K", 256, 210, 208, 1}, {"IQ4_NL", 32, 18, 0, 1},    {"IQ4_XS", 256, 136, 0, 1},
    {"MXFP4", 32, 17, 0, 0},   {"NVFP4", 64, 36, 0, 0},    {"Q1_0", 128, 18, 0, 1},     {"Q2_0", 64, 18, 0, 1},
    {"TQ1_0", 256, 54, 52, 1}, {"TQ2_0", 256, 66, 64, 1},  {"IQ1_S", 256, 50, 0, 1},    {"IQ1_M", 256, 56, 0, -1},
    {"IQ2_XXS", 256, 66, 0, 1}, {"IQ2_XS", 256, 74, 0, 1}, {"IQ2_S", 256, 82, 0, 1},    {"IQ3_XXS", 256, 98, 0, 1},
    {"IQ3_S", 256, 110, 0, 1},
};
enum { N_CASE_TYPES = sizeof case_types / sizeof *case_types };

/* Scales are f16 from 2^-7 to 2, of 4 bits where a minimum is added: no sum is rounded, so a fused addition changes nothing. */
static inline void case_fill_block(const struct case_type *type, uint8_t *block, uint32_t *state) {
  for (size_t i = 0; i < type->block_bytes; i++) block[i] = (uint8_t)(test_random(state) >> 9);
  uint32_t d = 0;
  for (int i = 0; i < (type->n_d < 0 ? 1 : type->n_d); i++) {
    d = (test_random(state) & (type->n_d == 2 ? 0x8380u : 0x83ffu)) | (8 + test_random(state) % 8) << 10;
    if (type->n_d > 0) memcpy(block + type->d_at + 2 * i, &d, 2);
  }
  for (int i = 0; type->n_d < 0 && i < 4; i++) block[49 + 2 * i] = (uint8_t)((block[49 + 2 * i] & 15) | (d >> 4 * i & 15) << 4);
}

/* FNV-1a of 64 bits, on words; a zero has no sign. */
static inline uint64_t case_digest(uint64_t digest, const float *weights, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const float weight = weights[i] + 0.0f;
    uint32_t bits;
    memcpy(&bits, &weight, 4);
    digest = (digest ^ bits) * 0x100000001b3u;
  }
  return digest;
}

#define CASE_DIGEST_BEGIN 0xcbf29ce484222325u

#endif
