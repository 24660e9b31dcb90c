/* matmul_relaxed.c: gemv and gemm with i16x8.relaxed_dot, which multiplies 16 signed bytes by 16 bytes of 0 to 127 and
 * adds them in pairs. With the activations (-127 to 127) first and unsigned quants second every engine computes the
 * same, as long as nothing leaves 16 bits: so many dots are added up before the sum is widened:
 *
 *   up to 4 bits: 8 dots, 8 * 2 * 15 * 127 = 30,480    5 bits: 4 dots, 31,496    6 bits: 2 dots, 32,004
 *
 * and no more than a half of 16 columns has, 4 dots, where halves have scales of their own. */
#define LEVEL relaxed
#define NARROW1 struct act1
#define NARROW4 struct act4
#define WIDE1 struct wide1
#define WIDE4 struct wide4
#include "matmul_quantised.h"

INLINE int dots_in_16_bits(enum layout layout) {
  const bool has_5_bits = quants_bytes(layout) == BITS5 || layouts[layout].codebook == CODES_FP4;
  return quants_bytes(layout) == BITS6 ? 2 : has_5_bits || has_halves(layout) ? 4 : 8;
}

INLINE v128_t widen_add(const struct constants *constants, v128_t sum, v128_t i16x8) {
  return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(i16x8, constants->ones));
}

INLINE void dot_tile(const struct constants *constants, enum layout layout, const uint8_t *tile, const void *act,
                     struct sums *sums) {
  const struct act1 *x = act;
  const int run = dots_in_16_bits(layout);
  for (int half = 0; half < 2; half++) sums->v[half][0] = sums->v[half][1] = wasm_i32x4_splat(0);
  v128_t short0 = wasm_i16x8_splat(0), short1 = short0;
  struct loaded last = {.plane = {-1, -1}};
  UNROLL
  for (int c = 0; c < CHUNKS; c++) {
    const v128_t splat = wasm_v128_load(x->q[c]);
    const v128_t dot0 = wasm_i16x8_relaxed_dot_i8x16_i7x16(splat, take_quants(constants, layout, tile, c, 0, &last));
    const v128_t dot1 = wasm_i16x8_relaxed_dot_i8x16_i7x16(splat, take_quants(constants, layout, tile, c, 1, &last));
    short0 = c % run ? wasm_i16x8_add(short0, dot0) : dot0;
    short1 = c % run ? wasm_i16x8_add(short1, dot1) : dot1;
    PIN(short0);
    PIN(short1);
    if (c % run == run - 1) {
      v128_t *sum = sums->v[has_halves(layout) ? c / 4 : 0];
      sum[0] = widen_add(constants, sum[0], short0);
      sum[1] = widen_add(constants, sum[1], short1);
    }
  }
}

INLINE void dot_panel(const struct constants *constants, enum layout layout, const struct panel_block *panel, const void *act,
                      struct sums out[TILE_TOKENS]) {
  const uint8_t *q = panel->q;
  const struct act4 *x = act;
  const int run = dots_in_16_bits(layout);
  v128_t shorts[TILE_TOKENS][2];
  for (int i = 0; i < TILE_TOKENS; i++)
    for (int half = 0; half < 2; half++) out[i].v[half][0] = out[i].v[half][1] = wasm_i32x4_splat(0);
  UNROLL
  for (int c = 0; c < 8; c++) {
    const v128_t q0 = wasm_v128_load(q + 32 * c), q1 = wasm_v128_load(q + 32 * c + 16);
    for (int i = 0; i < TILE_TOKENS; i++) {
      const v128_t splat = wasm_v128_load(x->q[c][i]);
      const v128_t dot0 = wasm_i16x8_relaxed_dot_i8x16_i7x16(splat, q0);
      const v128_t dot1 = wasm_i16x8_relaxed_dot_i8x16_i7x16(splat, q1);
      shorts[i][0] = c % run ? wasm_i16x8_add(shorts[i][0], dot0) : dot0;
      shorts[i][1] = c % run ? wasm_i16x8_add(shorts[i][1], dot1) : dot1;
      PIN(shorts[i][0]);
      PIN(shorts[i][1]);
    }
    if (c % run == run - 1)
      for (int i = 0; i < TILE_TOKENS; i++) {
        v128_t *sum = out[i].v[has_halves(layout) ? c / 4 : 0];
        sum[0] = widen_add(constants, sum[0], shorts[i][0]);
        sum[1] = widen_add(constants, sum[1], shorts[i][1]);
      }
  }
}

NARROW_KINDS(PANEL)
static panel_fn *const panels[LAYOUT_COUNT] = {NARROW_KINDS(PANEL_ROW)};

#define ANY(layout)
#define NARROW(layout) INSTANCE(layout)
#include "kernels.inc"

/* Every pair of a signed byte and a byte of 0 to 127, in every lane parity, against plain multiplication. An engine
 * that rounds, saturates or takes the signs otherwise is found out (Node 20 is one). So is V8 where AVX is missing:
 * its baseline compiler overwrites the first operand before use when nothing else needs it, as this splat. */
bool kernels_test_relaxed(void) {
  for (int b = 0; b < 128; b++)
    for (int a = -128; a < 128; a++) {
      int x = (a & 0xff) | 0x0100 * ((a ^ 0x55) & 0xff);
      PIN(x);
      const v128_t w = wasm_i16x8_splat((int16_t)(b | 0x0100 * (127 - b)));
      const int expected = a * b + (int8_t)(a ^ 0x55) * (127 - b);
      const v128_t dot = wasm_i16x8_relaxed_dot_i8x16_i7x16(wasm_i16x8_splat((int16_t)x), w);
      if (!wasm_i16x8_all_true(wasm_i16x8_eq(dot, wasm_i16x8_splat((int16_t)expected)))) return false;
    }
  return true;
}
