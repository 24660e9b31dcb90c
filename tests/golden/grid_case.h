/* grid_case.h: the random blocks of grid.vec, shared by what makes it (make-grid.cpp) and what checks it
 * (tests/test_grid.c). Blocks follow from a seed; a line of the file is
 *
 *   type seed digest        of the bits of all weights of CASE_BLOCKS blocks, in order */
#ifndef GRID_CASE_H
#define GRID_CASE_H

#include "../test.h"

enum { CASE_BLOCKS = 1024 /* so that each point of each grid occurs */, CASE_COLUMNS = 256, CASE_BLOCK_BYTES_MAX = 110 };

static inline void case_fill_block(uint8_t *block, size_t block_bytes, bool is_iq1_m, uint32_t *state) {
  for (size_t i = 0; i < block_bytes; i++) block[i] = (uint8_t)(test_random(state) >> 9);
  const uint32_t d = (test_random(state) & 0x83ff) | (8 + test_random(state) % 8) << 10; /* f16, 2^-7 to 2 */
  if (!is_iq1_m) memcpy(block, &d, 2);
  for (size_t i = 0; is_iq1_m && i < 4; i++) block[49 + 2 * i] = (uint8_t)((block[49 + 2 * i] & 15) | (d >> 4 * i & 15) << 4);
}

/* FNV-1a of 64 bits, on words. */
static inline uint64_t case_digest(uint64_t digest, const float *weights, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, weights + i, 4);
    digest = (digest ^ bits) * 0x100000001b3u;
  }
  return digest;
}

#define CASE_DIGEST_BEGIN 0xcbf29ce484222325u

#endif
