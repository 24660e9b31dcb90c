/* attn_relaxed.c: the mix of int8 values with i16x8.relaxed_dot (matmul_relaxed.c). Two products of 7 bits and bytes just fit into
 * 16 bits, so each dot is widened; queries of 14 bits are multiplied faster by the plain dot (attn_simd128.c). */
#include "simd.h"

#define QUERIES 4
struct shared { v128_t ones; };

#include "attn_int8.h"

INLINE void share(struct shared *shared, enum factor_kind kind, int n_rows, const int8_t *bytes, size_t step, int n) {
  (void)kind, (void)n_rows, (void)bytes, (void)step, (void)n;
  shared->ones = load_constants().ones;
}

INLINE void store_factors(struct factors *out, enum factor_kind kind, v128_t first, v128_t second) {
  (void)kind;
  store_bytes(out, first, second);
}

INLINE void dot_rows(enum factor_kind kind, int n_rows, v128_t sum[QUERIES][2], const struct shared *shared, bool is_only,
                     const int8_t *bytes, size_t step, const struct factors *factors, int n) {
  (void)kind, (void)is_only;
  for (int i = 0; i < n_rows; i++) sum[i][0] = sum[i][1] = wasm_i32x4_splat(0);
  for (int c = 0; c < n; c += 2, factors += 2 * QUERIES) {
    UNROLL
    for (int j = 0; j < 2; j++, bytes += step) {
      const v128_t lanes[2] = {wasm_v128_load(bytes), wasm_v128_load(bytes + 16)};
      for (int i = 0; i < n_rows; i++)
        for (int h = 0; h < 2; h++) {
          const v128_t dot = wasm_i16x8_relaxed_dot_i8x16_i7x16(lanes[h], factors[j * QUERIES + i].v[0]);
          sum[i][h] = wasm_i32x4_add(sum[i][h], wasm_i32x4_dot_i16x8(dot, shared->ones));
          PIN(sum[i][h]);
        }
    }
  }
}

MIX_INT8(relaxed)
