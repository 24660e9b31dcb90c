/* matmul_dot_relaxed.c: gemv and gemm with i32x4.relaxed_dot_add, which multiplies 16 signed bytes by 16 bytes of 0 to 127 and
 * adds four at a time to 32-bit sums: one instruction where the processor has it (ARM's SDOT, x64's AVX-VNNI), five elsewhere.
 * The sums are those of matmul_relaxed.c, exact. Activations of 12 bits come in two parts:
 *
 *   sum of q * x  =  128 * (sum of q * high - sum of q * 16)  +  sum of q * low */
#define LEVEL dot
#define SHORT_SUMS 0
#define NARROW1 struct act1
#define NARROW4 struct act4
#define WIDE1 struct split1
#define WIDE4 struct split4
#include "matmul_quantised.h"

INLINE void dot_wide_tile(const struct constants *constants, enum layout layout, const uint8_t *tile, const struct split1 *x,
                          v128_t out[2]) {
  v128_t high[2] = {out[0], out[1]}, offset[2] = {out[0], out[1]};
  struct loaded last = {.plane = {-1, -1}};
  UNROLL
  for (int c = 0; c < CHUNKS; c++) {
    const v128_t x_high = wasm_v128_load(x->halves[c][0]), x_low = wasm_v128_load(x->halves[c][1]);
    for (int h = 0; h < 2; h++) {
      const v128_t q = take_quants(constants, layout, tile, c, h, &last);
      ADD_DOT(high[h], q, x_high);
      ADD_DOT(offset[h], q, constants->masks[16]);
      ADD_DOT(out[h], q, x_low);
    }
  }
  for (int h = 0; h < 2; h++) out[h] = wasm_i32x4_add(out[h], wasm_i32x4_shl(wasm_i32x4_sub(high[h], offset[h]), 7));
}

INLINE void dot_tile(const struct constants *constants, enum layout layout, const uint8_t *tile, const void *act,
                     struct sums *sums) {
  const struct act1 *x = act;
  start_sums(constants, layout, 1, act, wasm_i16x8_splat(zero_point(layout)), sums);
  if (is_wide(layout)) {
    dot_wide_tile(constants, layout, tile, act, sums->v[0]);
    return;
  }
  struct loaded last = {.plane = {-1, -1}};
  UNROLL
  for (int c = 0; c < CHUNKS; c++) {
    const v128_t splat = wasm_v128_load(x->q[c]);
    v128_t *sum = sums->v[part_of(layout, c)];
    for (int h = 0; h < 2; h++) ADD_DOT(sum[h], splat, take_quants(constants, layout, tile, c, h, &last));
  }
}

/* The high halves, all of them, then the low ones: so the sums of four tokens stay in registers. */
INLINE void dot_wide_panel(const struct panel_block *panel, const struct split4 *x, struct sums out[TILE_TOKENS]) {
  for (int half = 0; half < 2; half++) {
    UNROLL
    for (int c = 0; c < 8; c++) {
      const v128_t quants[2] = {wasm_v128_load(panel->q + 32 * c), wasm_v128_load(panel->q + 32 * c + 16)};
      for (int i = 0; i < TILE_TOKENS; i++) {
        const v128_t splat = wasm_v128_load(x->halves[half][c][i]);
        for (int h = 0; h < 2; h++) ADD_DOT(out[i].v[0][h], quants[h], splat);
      }
    }
    for (int i = 0; half == 0 && i < TILE_TOKENS; i++)
      for (int h = 0; h < 2; h++)
        out[i].v[0][h] = wasm_i32x4_shl(wasm_i32x4_sub(out[i].v[0][h], panel->scales.s[0][h]), 7);
  }
}

INLINE void dot_panel(const struct constants *constants, enum layout layout, const struct panel_block *panel, const void *act,
                      v128_t zero, struct sums out[TILE_TOKENS]) {
  const uint8_t *q = panel->q;
  const struct act4 *x = act;
  start_sums(constants, layout, TILE_TOKENS, act, zero, out);
  if (is_wide(layout)) {
    dot_wide_panel(panel, act, out);
    return;
  }
  UNROLL
  for (int c = 0; c < 8; c++) {
    const v128_t quants[2] = {wasm_v128_load(q + 32 * c), wasm_v128_load(q + 32 * c + 16)};
    for (int i = 0; i < TILE_TOKENS; i++) {
      const v128_t splat = wasm_v128_load(x->q[c][i]);
      v128_t *sum = out[i].v[part_of(layout, c)];
      for (int h = 0; h < 2; h++) ADD_DOT(sum[h], splat, quants[h]);
    }
  }
}

NARROW_KINDS(PANEL) WIDE_KINDS(PANEL)
static panel_fn *const panels[LAYOUT_COUNT] = {NARROW_KINDS(PANEL_ROW) WIDE_KINDS(PANEL_ROW)};

#define ANY(layout)
#define NARROW(layout) INSTANCE(layout)
#define WIDE(layout) INSTANCE(layout)
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
