/* matmul_simd128.c: activation quantisation, gemv and gemm with plain SIMD128. A vector of 16 quants is taken as eight
 * 16-bit lanes whose low and high bytes are the even and the odd columns: two cheap widenings instead of extends, and
 * dot_i16x8 adds the two columns of a row without crossing lanes. */
#define LEVEL simd128
#define SHORT_SUMS 0
#define NARROW1 struct wide1
#define NARROW4 struct wide4
#define WIDE1 struct wide1
#define WIDE4 struct wide4
#include "matmul_quantised.h"

/* Even or odd bytes of each 16-bit lane, widened: quants of up to 6 bits, which are never negative, or signed ones times 256,
 * whose sums with 12 bits just fit: 32 * 128 * 2,047 * 256 < 2^31. */
INLINE v128_t even_bytes(const struct constants *constants, bool is_signed, v128_t bytes) {
  return is_signed ? wasm_i16x8_shl(bytes, 8) : wasm_v128_and(bytes, constants->low_bytes);
}
INLINE v128_t odd_bytes(const struct constants *constants, bool is_signed, v128_t bytes) {
  return is_signed ? wasm_v128_andnot(bytes, constants->low_bytes) : wasm_u16x8_shr(bytes, 8);
}

/* The even and odd columns of chunk c of token t, in every 32-bit lane. */
struct act_chunk { v128_t even, odd; };

INLINE struct act_chunk load_chunk(int n_tokens, const void *act, int c, int t) {
  if (n_tokens == 1) {
    const int16_t(*q)[4][2] = ((const struct wide1 *)act)->q[c];
    return (struct act_chunk){wasm_v128_load(q[0]), wasm_v128_load(q[1])};
  }
  const int16_t(*q)[2] = ((const struct wide4 *)act)->q[c][t];
  return (struct act_chunk){wasm_v128_load32_splat(q[0]), wasm_v128_load32_splat(q[1])};
}

INLINE v128_t dot_add(v128_t sum, v128_t even, v128_t odd, struct act_chunk x) {
  sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(even, x.even));
  return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(odd, x.odd));
}

INLINE void dot_tile(const struct constants *constants, enum layout layout, const uint8_t *tile, const void *act,
                     struct sums *sums) {
  const bool is_signed = is_wide(layout);
  start_sums(constants, layout, 1, act, wasm_i16x8_splat(zero_point(layout)), sums);
  struct loaded last = {.plane = {-1, -1}};
  UNROLL
  for (int c = 0; c < CHUNKS; c++) {
    const struct act_chunk x = load_chunk(1, act, c, 0);
    for (int h = 0; h < 2; h++) {
      const v128_t q = take_quants(constants, layout, tile, c, h, &last);
      v128_t *sum = &sums->v[part_of(layout, c)][h];
      *sum = dot_add(*sum, even_bytes(constants, is_signed, q), odd_bytes(constants, is_signed, q), x);
      PIN(*sum);
    }
  }
  for (int h = 0; is_signed && h < 2; h++) sums->v[0][h] = wasm_i32x4_shr(sums->v[0][h], 8);
}

INLINE void dot_panel(const struct constants *constants, enum layout layout, const struct panel_block *panel, const void *act,
                      v128_t zero, struct sums out[TILE_TOKENS]) {
  const uint8_t *q = panel->q;
  const bool is_signed = is_wide(layout);
  start_sums(constants, layout, TILE_TOKENS, act, zero, out);
  UNROLL
  for (int c = 0; c < 8; c++) {
    const v128_t q0 = wasm_v128_load(q + 32 * c), q1 = wasm_v128_load(q + 32 * c + 16);
    const v128_t even0 = even_bytes(constants, is_signed, q0), odd0 = odd_bytes(constants, is_signed, q0);
    const v128_t even1 = even_bytes(constants, is_signed, q1), odd1 = odd_bytes(constants, is_signed, q1);
    for (int i = 0; i < TILE_TOKENS; i++) {
      const struct act_chunk x = load_chunk(TILE_TOKENS, act, c, i);
      v128_t *sum = out[i].v[part_of(layout, c)];
      sum[0] = dot_add(sum[0], even0, odd0, x);
      sum[1] = dot_add(sum[1], even1, odd1, x);
      PIN(sum[0]);
      PIN(sum[1]);
    }
  }
  for (int i = 0; is_signed && i < TILE_TOKENS; i++)
    for (int h = 0; h < 2; h++) out[i].v[0][h] = wasm_i32x4_shr(out[i].v[0][h], 8);
}

NARROW_KINDS(PANEL) WIDE_KINDS(PANEL)
static panel_fn *const panels[LAYOUT_COUNT] = {NARROW_KINDS(PANEL_ROW) WIDE_KINDS(PANEL_ROW)};

#define ANY(layout)
#define NARROW(layout) INSTANCE(layout)
#define WIDE(layout) INSTANCE(layout)
#include "kernels.inc"

/* ---- activations ---- */

/* 32 floats to -limit..limit: q[i] holds columns 4 i to 4 i + 3. Returns the scale. */
INLINE float quantise_block(v128_t q[8], const float *x, float limit) {
  v128_t max4 = wasm_f32x4_splat(0);
  for (int i = 0; i < 8; i++) max4 = wasm_f32x4_pmax(max4, wasm_f32x4_abs(wasm_v128_load(x + 4 * i)));
  max4 = wasm_f32x4_pmax(max4, wasm_i32x4_shuffle(max4, max4, 2, 3, 0, 1));
  max4 = wasm_f32x4_pmax(max4, wasm_i32x4_shuffle(max4, max4, 1, 0, 3, 2));
  const float max = wasm_f32x4_extract_lane(max4, 0);
  const bool is_zero = max < ACT_TINY;
  const v128_t inverse = wasm_f32x4_splat(is_zero ? 0 : limit / max);
  for (int i = 0; i < 8; i++) /* NaN becomes 0 */
    q[i] = wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(wasm_f32x4_mul(wasm_v128_load(x + 4 * i), inverse)));
  return is_zero ? 0 : max * (1 / limit);
}

/* Each four bytes of 16, four times over, at out and then every `step` bytes. */
INLINE void store_spread(void *out, size_t step, v128_t bytes) {
  uint8_t *p = out;
  wasm_v128_store(p, wasm_i32x4_shuffle(bytes, bytes, 0, 0, 0, 0));
  wasm_v128_store(p + step, wasm_i32x4_shuffle(bytes, bytes, 1, 1, 1, 1));
  wasm_v128_store(p + 2 * step, wasm_i32x4_shuffle(bytes, bytes, 2, 2, 2, 2));
  wasm_v128_store(p + 3 * step, wasm_i32x4_shuffle(bytes, bytes, 3, 3, 3, 3));
}

/* What minima and zero points are multiplied by: the sums (struct act1), and the scale times all of them. */
INLINE void sum_up(int16_t sums[2][2], float *ds, float d, const v128_t q[8]) {
  v128_t halves[2]; /* a column of each four in each lane */
  for (int h = 0; h < 2; h++)
    halves[h] = wasm_i32x4_add(wasm_i32x4_add(q[4 * h], q[4 * h + 1]), wasm_i32x4_add(q[4 * h + 2], q[4 * h + 3]));
  const v128_t pairs = wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_narrow_i32x4(halves[0], halves[1]));
  wasm_v128_store64_lane(sums, wasm_i16x8_narrow_i32x4(pairs, pairs), 0);
  *ds = d * (float)(sums[0][0] + sums[0][1] + sums[1][0] + sums[1][1]);
}

void narrow1_simd128(void *acts, const float *x, int k) {
  struct act1 *out = acts;
  for (int b = 0; b < k / BLOCK; b++, out++, x += BLOCK) {
    v128_t q[8];
    out->d = quantise_block(q, x, NARROW_LIMIT);
    for (int c = 0; c < 8; c += 4) {
      const v128_t shorts0 = wasm_i16x8_narrow_i32x4(q[c], q[c + 1]), shorts1 = wasm_i16x8_narrow_i32x4(q[c + 2], q[c + 3]);
      store_spread(out->q[c], sizeof out->q[c], wasm_i8x16_narrow_i16x8(shorts0, shorts1));
    }
    sum_up(out->sums, &out->ds, out->d, q);
  }
}

void narrow4_simd128(void *acts, const float *x, int x_stride, int k) {
  struct act4 *out = acts;
  for (int b = 0; b < k / BLOCK; b++, out++)
    for (int t = 0; t < TILE_TOKENS; t++) {
      struct act1 one;
      narrow1_simd128(&one, x + (size_t)t * (size_t)x_stride + b * BLOCK, BLOCK);
      for (int c = 0; c < BLOCK / 4; c++) wasm_v128_store(out->q[c][t], wasm_v128_load(one.q[c]));
      out->d[t] = one.d;
      out->ds[t] = one.ds;
      for (int h = 0; h < 2; h++) __builtin_memcpy(out->sums[h][t], one.sums[h], sizeof one.sums[h]);
    }
}

INLINE void shorts1(float limit, void *acts, const float *x, int k) {
  struct wide1 *out = acts;
  for (int b = 0; b < k / BLOCK; b++, out++, x += BLOCK) {
    v128_t q[8];
    out->d = quantise_block(q, x, limit);
    for (int c = 0; c < 8; c += 2) { /* columns 0 1 2 3 | 4 5 6 7 -> 0 2 1 3 | 4 6 5 7 */
      const v128_t shorts = wasm_i16x8_narrow_i32x4(q[c], q[c + 1]);
      store_spread(out->q[c][0], sizeof out->q[c][0], wasm_i16x8_shuffle(shorts, shorts, 0, 2, 1, 3, 4, 6, 5, 7));
    }
    if (limit == NARROW_LIMIT) sum_up(out->sums, &out->ds, out->d, q);
  }
}

INLINE void shorts4(float limit, void *acts, const float *x, int x_stride, int k) {
  struct wide4 *out = acts;
  for (int b = 0; b < k / BLOCK; b++, out++)
    for (int t = 0; t < TILE_TOKENS; t++) {
      struct wide1 one;
      shorts1(limit, &one, x + (size_t)t * (size_t)x_stride + b * BLOCK, BLOCK);
      for (int c = 0; c < BLOCK / 4; c++)
        for (int i = 0; i < 2; i++) __builtin_memcpy(out->q[c][t][i], one.q[c][i][0], sizeof one.q[c][i][0]);
      out->d[t] = one.d;
      if (limit != NARROW_LIMIT) continue;
      out->ds[t] = one.ds;
      for (int h = 0; h < 2; h++) __builtin_memcpy(out->sums[h][t], one.sums[h], sizeof one.sums[h]);
    }
}

void widened1_simd128(void *acts, const float *x, int k) { shorts1(NARROW_LIMIT, acts, x, k); }
void widened4_simd128(void *acts, const float *x, int x_stride, int k) { shorts4(NARROW_LIMIT, acts, x, x_stride, k); }
void wide1_simd128(void *acts, const float *x, int k) { shorts1(WIDE_LIMIT, acts, x, k); }
void wide4_simd128(void *acts, const float *x, int x_stride, int k) { shorts4(WIDE_LIMIT, acts, x, x_stride, k); }

void split1_simd128(void *acts, const float *x, int k) {
  struct split1 *out = acts;
  const v128_t offset = wasm_i16x8_splat(WIDE_LIMIT + 1), bits7 = wasm_i16x8_splat(127);
  for (int b = 0; b < k / BLOCK; b++, out++, x += BLOCK) {
    v128_t q[8];
    out->d = quantise_block(q, x, WIDE_LIMIT);
    for (int c = 0; c < 8; c += 4) {
      const v128_t shorts0 = wasm_i16x8_add(wasm_i16x8_narrow_i32x4(q[c], q[c + 1]), offset);
      const v128_t shorts1 = wasm_i16x8_add(wasm_i16x8_narrow_i32x4(q[c + 2], q[c + 3]), offset);
      const v128_t high = wasm_u8x16_narrow_i16x8(wasm_u16x8_shr(shorts0, 7), wasm_u16x8_shr(shorts1, 7));
      const v128_t low = wasm_u8x16_narrow_i16x8(wasm_v128_and(shorts0, bits7), wasm_v128_and(shorts1, bits7));
      store_spread(out->halves[c][0], sizeof out->halves[c], high);
      store_spread(out->halves[c][1], sizeof out->halves[c], low);
    }
  }
}

void split4_simd128(void *acts, const float *x, int x_stride, int k) {
  struct split4 *out = acts;
  for (int b = 0; b < k / BLOCK; b++, out++)
    for (int t = 0; t < TILE_TOKENS; t++) {
      struct split1 one;
      split1_simd128(&one, x + (size_t)t * (size_t)x_stride + b * BLOCK, BLOCK);
      for (int c = 0; c < BLOCK / 4; c++)
        for (int i = 0; i < 2; i++) wasm_v128_store(out->halves[i][c][t], wasm_v128_load(one.halves[c][i]));
      out->d[t] = one.d;
    }
}

size_t gemm_panel_bytes(int k) { return (size_t)(k / BLOCK + 1) * PANEL_BLOCK_BYTES; }
