/* matmul_simd128.c: activation quantisation, gemv and gemm with plain SIMD128. A vector of 16 quants is taken as eight
 * 16-bit lanes whose low and high bytes are the even and the odd columns: two cheap widenings instead of extends, and
 * dot_i16x8 adds the two columns of a row without crossing lanes. */
#include "matmul_quantised.h"

/* Even or odd bytes of each 16-bit lane, widened. Quants of up to 6 bits are never negative. */
INLINE v128_t even_bytes(bool is_signed, v128_t bytes) {
  return is_signed ? wasm_i16x8_shr(wasm_i16x8_shl(bytes, 8), 8) : wasm_v128_and(bytes, wasm_i16x8_splat(0xff));
}
INLINE v128_t odd_bytes(bool is_signed, v128_t bytes) {
  return is_signed ? wasm_i16x8_shr(bytes, 8) : wasm_u16x8_shr(bytes, 8);
}

INLINE v128_t dot_add(v128_t sum, v128_t even, v128_t odd, v128_t x_even, v128_t x_odd) {
  sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(even, x_even));
  return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(odd, x_odd));
}

INLINE void dot_tile(enum layout layout, const uint8_t *tile, const int8_t *x, int x_step, struct sums *sums) {
  const bool is_signed = layout == LAYOUT_Q8_0;
  for (int half = 0; half < 2; half++) sums->v[half][0] = sums->v[half][1] = wasm_i32x4_splat(0);
  UNROLL
  for (int c = 0; c < 8; c++) {
    const v128_t splat = wasm_v128_load32_splat(x + x_step * c);
    const v128_t x_even = even_bytes(true, splat), x_odd = odd_bytes(true, splat);
    for (int h = 0; h < 2; h++) {
      const v128_t q = load_quants(layout, tile, c, h);
      v128_t *sum = &sums->v[has_halves(layout) ? c / 4 : 0][h];
      *sum = dot_add(*sum, even_bytes(is_signed, q), odd_bytes(is_signed, q), x_even, x_odd);
    }
  }
}

INLINE void dot_panel(enum layout layout, const uint8_t *q, const struct act4 *x, struct sums out[TILE_TOKENS]) {
  const bool is_signed = layout == LAYOUT_Q8_0;
  for (int i = 0; i < TILE_TOKENS; i++)
    for (int half = 0; half < 2; half++) out[i].v[half][0] = out[i].v[half][1] = wasm_i32x4_splat(0);
  UNROLL
  for (int c = 0; c < 8; c++) {
    const v128_t q0 = wasm_v128_load(q + 32 * c), q1 = wasm_v128_load(q + 32 * c + 16);
    const v128_t even0 = even_bytes(is_signed, q0), odd0 = odd_bytes(is_signed, q0);
    const v128_t even1 = even_bytes(is_signed, q1), odd1 = odd_bytes(is_signed, q1);
    for (int i = 0; i < TILE_TOKENS; i++) {
      const v128_t splat = wasm_v128_load32_splat(x->q[c][i]);
      const v128_t x_even = even_bytes(true, splat), x_odd = odd_bytes(true, splat);
      v128_t *sum = out[i].v[has_halves(layout) ? c / 4 : 0];
      sum[0] = dot_add(sum[0], even0, odd0, x_even, x_odd);
      sum[1] = dot_add(sum[1], even1, odd1, x_even, x_odd);
    }
  }
}

#define LEVEL simd128
#define FLOATING(layout)
#define NARROW(layout) INSTANCE(layout, LEVEL)
#define BYTES(layout) INSTANCE(layout, LEVEL)
#include "kernels.inc"

/* ---- activations ---- */

/* 32 floats -> 32 quants, the scales and the sums of the halves. */
void quantize1_simd128(struct act1 *out, const float *x, int k) {
  for (int b = 0; b < k / BLOCK; b++, out++, x += BLOCK) {
    v128_t max4 = wasm_f32x4_splat(0);
    for (int i = 0; i < BLOCK; i += 4) max4 = wasm_f32x4_pmax(max4, wasm_f32x4_abs(wasm_v128_load(x + i)));
    max4 = wasm_f32x4_pmax(max4, wasm_i32x4_shuffle(max4, max4, 2, 3, 0, 1));
    max4 = wasm_f32x4_pmax(max4, wasm_i32x4_shuffle(max4, max4, 1, 0, 3, 2));
    const float max = wasm_f32x4_extract_lane(max4, 0);
    const bool is_zero = max < ACT_TINY;
    const v128_t inverse = wasm_f32x4_splat(is_zero ? 0 : 127.0f / max);
    for (int half = 0; half < 2; half++) {
      v128_t q[4], total = wasm_i32x4_splat(0);
      for (int i = 0; i < 4; i++) {
        v128_t scaled = wasm_f32x4_mul(wasm_v128_load(x + 16 * half + 4 * i), inverse);
        q[i] = wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(scaled)); /* NaN: 0 */
        total = wasm_i32x4_add(total, q[i]);
      }
      wasm_v128_store(out->q + 16 * half, wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(q[0], q[1]),
                                                                  wasm_i16x8_narrow_i32x4(q[2], q[3])));
      total = wasm_i32x4_add(total, wasm_i32x4_shuffle(total, total, 2, 3, 0, 1));
      out->sum[half] = wasm_i32x4_extract_lane(total, 0) + wasm_i32x4_extract_lane(total, 1);
    }
    out->d = is_zero ? 0 : max * (1 / 127.0f);
    out->ds = out->d * (float)(out->sum[0] + out->sum[1]);
  }
}

void quantize4_simd128(struct act4 *out, const float *x, int x_stride, int k) {
  for (int b = 0; b < k / BLOCK; b++, out++)
    for (int t = 0; t < TILE_TOKENS; t++) {
      struct act1 one;
      quantize1_simd128(&one, x + (size_t)t * (size_t)x_stride + b * BLOCK, BLOCK);
      for (int c = 0; c < BLOCK / 4; c++) __builtin_memcpy(out->q[c][t], one.q + 4 * c, 4);
      out->d[t] = one.d;
      out->ds[t] = one.ds;
      out->sum[0][t] = one.sum[0];
      out->sum[1][t] = one.sum[1];
    }
}

size_t gemm_panel_bytes(int k) { return (size_t)(k / BLOCK + 1) * sizeof(struct panel_block); }
