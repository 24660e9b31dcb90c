/* matmul_dot_relaxed.c: gemv and gemm with i32x4.relaxed_dot_add, which multiplies 16 signed bytes by 16 bytes of 0 to 127 and
 * adds four at a time to 32-bit sums: one instruction where the processor has it (ARM's SDOT, x64's AVX-VNNI), five elsewhere.
 * The sums are those of matmul_relaxed.c, exact. */
#include "matmul_quantised.h"

INLINE void dot_tile(const struct constants *constants, enum layout layout, const uint8_t *tile, const void *act,
                     struct sums *sums) {
  const struct act1 *x = act;
  struct planes planes;
  for (int half = 0; half < 2; half++) sums->v[half][0] = sums->v[half][1] = wasm_i32x4_splat(0);
  UNROLL
  for (int i = 0; i < 8; i++) {
    const int c = chunk_at(layout, i);
    load_planes(layout, &planes, tile, c, i ? chunk_at(layout, i - 1) : -1);
    const v128_t splat = wasm_v128_load(x->q[c]);
    v128_t *sum = sums->v[has_halves(layout) ? c / 4 : 0];
    for (int h = 0; h < 2; h++) {
      sum[h] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(splat, take_quants(constants, layout, &planes, c, h), sum[h]);
      PIN(sum[h]);
    }
  }
}

INLINE void dot_panel(const struct constants *constants, enum layout layout, const uint8_t *q, const void *act,
                      struct sums out[TILE_TOKENS]) {
  (void)constants;
  const struct act4 *x = act;
  for (int i = 0; i < TILE_TOKENS; i++)
    for (int half = 0; half < 2; half++) out[i].v[half][0] = out[i].v[half][1] = wasm_i32x4_splat(0);
  UNROLL
  for (int c = 0; c < 8; c++) {
    const v128_t quants[2] = {wasm_v128_load(q + 32 * c), wasm_v128_load(q + 32 * c + 16)};
    for (int i = 0; i < TILE_TOKENS; i++) {
      const v128_t splat = wasm_v128_load(x->q[c][i]);
      v128_t *sum = out[i].v[has_halves(layout) ? c / 4 : 0];
      for (int h = 0; h < 2; h++) {
        sum[h] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(splat, quants[h], sum[h]);
        PIN(sum[h]);
      }
    }
  }
}

#define ANY(layout)
#define NARROW(layout) INSTANCE(layout, dot)
#include "kernels.inc"

/* As kernels_test_relaxed does it. */
bool kernels_test_dot(void) {
  for (int b = 0; b < 128; b++)
    for (int a = -128; a < 128; a++) {
      int x = (a & 0xff) | 0x0100 * ((a ^ 0x55) & 0xff);
      PIN(x);
      const v128_t w = wasm_i16x8_splat((int16_t)(b | 0x0100 * (127 - b)));
      const int expected = 2 * (a * b + (int8_t)(a ^ 0x55) * (127 - b)) + 1000 * a;
      const v128_t dot = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(wasm_i16x8_splat((int16_t)x), w, wasm_i32x4_splat(1000 * a));
      if (!wasm_i32x4_all_true(wasm_i32x4_eq(dot, wasm_i32x4_splat(expected)))) return false;
    }
  return true;
}
