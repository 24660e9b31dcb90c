/* matmul_relaxed.c: gemv and gemm with i16x8.relaxed_dot, which multiplies 16 signed bytes by 16 bytes of 0 to 127 and
 * adds them in pairs. With the activations (-127 to 127) first and unsigned quants second every engine computes the
 * same. Eight dots, or the four of a half that has a scale of its own, are added up in 16 bits. Those wrap around, so what needs
 * room is the final sum alone, and it is that of quants less their zero point, which goes off with the first dot:
 *
 *   8 dots    up to 4 bits: 16 * 15 * 127 = 30,480    5 bits, -16 to 15: 16 * 16 * 127 = 32,512
 *   4 dots    5 bits, 0 to 31: 8 * 31 * 127 = 31,496    6 bits, -32 to 31: 8 * 32 * 127 = 32,512 */
#define LEVEL relaxed
#define SHORT_SUMS 1
#define NARROW1 struct act1
#define NARROW4 struct act4
#define WIDE1 struct wide1
#define WIDE4 struct wide4
#include "matmul_quantised.h"

/* sums + dot; of the first dot of a part: what the quants' zero point adds is taken off. */
INLINE v128_t add_dot(enum layout layout, int c, v128_t sums, v128_t dot, v128_t offset) {
  if (c % (has_parts(layout) ? CHUNKS / 2 : CHUNKS)) return wasm_i16x8_add(sums, dot);
  return zero_point(layout) ? wasm_i16x8_sub(dot, offset) : dot;
}

INLINE void dot_tile(const struct constants *constants, enum layout layout, const uint8_t *tile, const void *act,
                     struct sums *sums) {
  const struct act1 *x = act;
  const struct offsets offsets = load_offsets(layout, 1, act, wasm_i16x8_splat(zero_point(layout)));
  struct loaded last = {.plane = {-1, -1}};
  UNROLL
  for (int c = 0; c < CHUNKS; c++) {
    const int part = part_of(layout, c);
    const v128_t splat = wasm_v128_load(x->q[c]);
    v128_t *sum = sums->v[part];
    const v128_t dot0 = wasm_i16x8_relaxed_dot_i8x16_i7x16(splat, take_quants(constants, layout, tile, c, 0, &last));
    const v128_t dot1 = wasm_i16x8_relaxed_dot_i8x16_i7x16(splat, take_quants(constants, layout, tile, c, 1, &last));
    sum[0] = add_dot(layout, c, sum[0], dot0, offsets.v[part]);
    sum[1] = add_dot(layout, c, sum[1], dot1, offsets.v[part]);
    PIN(sum[0]);
    PIN(sum[1]);
  }
}

INLINE void dot_panel(const struct constants *constants, enum layout layout, const struct panel_block *panel, const void *act,
                      v128_t zero, struct sums out[TILE_TOKENS]) {
  (void)constants;
  const uint8_t *q = panel->q;
  const struct act4 *x = act;
  const struct offsets offsets = load_offsets(layout, TILE_TOKENS, act, zero);
  UNROLL
  for (int c = 0; c < CHUNKS; c++) {
    const int part = part_of(layout, c);
    const v128_t q0 = wasm_v128_load(q + 32 * c), q1 = wasm_v128_load(q + 32 * c + 16);
    for (int i = 0; i < TILE_TOKENS; i++) {
      const v128_t splat = wasm_v128_load(x->q[c][i]), offset = spread(offsets.v[part], i);
      v128_t *sum = out[i].v[part];
      sum[0] = add_dot(layout, c, sum[0], wasm_i16x8_relaxed_dot_i8x16_i7x16(splat, q0), offset);
      sum[1] = add_dot(layout, c, sum[1], wasm_i16x8_relaxed_dot_i8x16_i7x16(splat, q1), offset);
      PIN(sum[0]);
      PIN(sum[1]);
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
