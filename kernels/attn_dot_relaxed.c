/* attn_dot_relaxed.c: attention over an int8 cache with i32x4.relaxed_dot_add (matmul_dot_relaxed.c). Queries of 14 bits come
 * in two halves of 7, without a sign; what they are too large by, the sums of a group of keys take back. */
#include "simd.h"

#define QUERIES 3 /* 12 accumulators: as many chains of dots as their latency wants, and as there are registers for */
struct shared { v128_t offset[2]; }; /* 64 times the sums of the columns */

#include "attn_int8.h"

INLINE void share(struct shared *shared, enum factor_kind kind, int n_rows, const int8_t *bytes, size_t step, int n) {
  (void)n_rows;
  v128_t sum[2] = {wasm_i32x4_splat(0), wasm_i32x4_splat(0)};
  const v128_t sixty_four = wasm_i8x16_splat(64);
  for (int c = 0; kind == OF_QUERIES && c < n; c++, bytes += step)
    for (int h = 0; h < 2; h++) ADD_DOT(sum[h], wasm_v128_load(bytes + 16 * h), sixty_four);
  shared->offset[0] = sum[0];
  shared->offset[1] = sum[1];
}

/* Queries: the upper halves, the lower ones. */
INLINE void store_factors(struct factors *out, enum factor_kind kind, v128_t first, v128_t second) {
  if (kind == OF_WEIGHTS) {
    store_bytes(out, first, second);
    return;
  }
  const v128_t shorts = wasm_i16x8_add(wasm_i16x8_narrow_i32x4(first, second), wasm_i16x8_splat(QUERY_LIMIT + 1));
  const v128_t bytes = wasm_u8x16_narrow_i16x8(wasm_u16x8_shr(shorts, 7), wasm_v128_and(shorts, wasm_i16x8_splat(127)));
  out[0] = (struct factors){{wasm_i32x4_shuffle(bytes, bytes, 0, 0, 0, 0), wasm_i32x4_shuffle(bytes, bytes, 2, 2, 2, 2)}};
  out[QUERIES] = (struct factors){{wasm_i32x4_shuffle(bytes, bytes, 1, 1, 1, 1), wasm_i32x4_shuffle(bytes, bytes, 3, 3, 3, 3)}};
}

/* Two sums of each row: of the halves of its query, or of every second of its weights. */
INLINE void dot_rows(enum factor_kind kind, int n_rows, v128_t sum[QUERIES][2], const struct shared *shared, bool is_only,
                     const int8_t *bytes, size_t step, const struct factors *factors, int n) {
  (void)is_only;
  v128_t sums[QUERIES][2][2];
  for (int i = 0; i < 4 * n_rows; i++) sums[i / 4][i / 2 % 2][i % 2] = wasm_i32x4_splat(0);
  for (int c = 0; c < n; c += 2, factors += 2 * QUERIES) {
    UNROLL
    for (int j = 0; j < 2; j++, bytes += step) {
      const v128_t lanes[2] = {wasm_v128_load(bytes), wasm_v128_load(bytes + 16)};
      for (int i = 0; i < n_rows; i++)
        for (int half = 0; half < (kind == OF_QUERIES ? 2 : 1); half++) {
          const v128_t splat = factors[j * QUERIES + i].v[half];
          for (int h = 0; h < 2; h++) ADD_DOT(sums[i][kind == OF_QUERIES ? half : j][h], lanes[h], splat);
        }
    }
  }
  for (int i = 0; i < n_rows; i++)
    for (int h = 0; h < 2; h++) {
      const v128_t first = kind == OF_QUERIES ? wasm_i32x4_shl(wasm_i32x4_sub(sums[i][0][h], shared->offset[h]), 7) : sums[i][0][h];
      sum[i][h] = wasm_i32x4_add(first, sums[i][1][h]);
    }
}

SCORES_INT8(dot)
MIX_INT8(dot)
