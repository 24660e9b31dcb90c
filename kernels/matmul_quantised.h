/* matmul_quantised.h: gemv and gemm over quantised layouts for one SIMD level. The including file has defined how the
 * level multiplies 32 columns of 8 rows:
 *
 *   dot_tile(constants, layout, tile, act, sums)    one token: sums->v[half][rows] are i32 sums of quant * activation, zero point inside
 *   dot_panel(constants, layout, q, act, sums)      the same for the four tokens of an act4 or wide4
 *
 * `layout` is a constant wherever these are inlined, so each instance is straight-line code. */
#include "ops.h"
#include "simd.h"

/* i32x4 sums of 32 columns: [half of 16 columns][rows 0-3, rows 4-7]. Layouts without half scales use half 0 alone. */
struct sums { v128_t v[2][2]; };

/* Scales of 32 columns of 8 rows: d and m as floats (8); s: integer scales of the halves (2, 8). Q2_K: s[0] has those, s[1]
 * integer minima, of both halves in a 32-bit lane. NVFP4: s is float, and there is no d. */
struct scales { v128_t d[2], m[2], s[2][2]; };

/* Properties of a layout, constants all. */
INLINE bool has_halves(enum layout layout) {
  return layouts[layout].scales == SCALES_HALVES || layouts[layout].scales == SCALES_Q2_K || layouts[layout].scales == SCALES_E5M3;
}
INLINE bool is_wide(enum layout layout) { return layouts[layout].act == ACT_WIDE; }
INLINE int zero_point(enum layout layout) { return layouts[layout].zero; }
INLINE int tile_columns(enum layout layout) { return layouts[layout].columns; }
INLINE int quants_bytes(enum layout layout) { return layouts[layout].planes; }
INLINE int tile_scale_bytes(enum layout layout) {
  return layouts[layout].tile_bytes - tile_columns(layout) / BLOCK * quants_bytes(layout);
}

/* What the quants of chunk c are made of, of rows 0-3 and of rows 4-7 (pack.c draws the layouts). */
struct planes { v128_t low[2], high[2]; };

/* Where the planes of chunk c begin; high: those above the lowest plane, none if below 0. */
INLINE int low_at(enum layout layout, int c) {
  switch (quants_bytes(layout)) {
    case BITS1: return 0;
    case BITS2: case BITS3: return 32 * (c / 4);
    case BYTES: return 32 * c;
    default: return 32 * (c & 3);
  }
}
INLINE int high_at(enum layout layout, int c) {
  switch (quants_bytes(layout)) {
    case BITS3: return BITS2;
    case BITS5: return NIBBLES;
    case BITS6: return NIBBLES + 32 * (c / 4);
    default: return -1;
  }
}

/* The order of chunks in which a tile is gone through: those that share their bytes of nibbles follow each other, unless
 * their halves have scales of their own. */
INLINE int chunk_at(enum layout layout, int i) {
  return quants_bytes(layout) < NIBBLES || quants_bytes(layout) == BYTES || has_halves(layout) ? i : i / 2 + 4 * (i % 2);
}

/* Loads what chunk c has and `last`, the chunk before it or -1, had not: a PIN lets no load be taken over from before. */
INLINE void load_planes(enum layout layout, struct planes *planes, const uint8_t *tile, int c, int last) {
  const int low = low_at(layout, c), high = high_at(layout, c);
  for (int h = 0; h < 2; h++) {
    if (last < 0 || low != low_at(layout, last)) planes->low[h] = wasm_v128_load(tile + low + 16 * h);
    if (high >= 0 && (last < 0 || high != high_at(layout, last))) planes->high[h] = wasm_v128_load(tile + high + 16 * h);
  }
}

/* Bits of each byte that `mask` picks once they are moved down by n, or up by -n. */
INLINE v128_t pick(v128_t bytes, int n, v128_t mask) {
  return wasm_v128_and(n > 0 ? wasm_u16x8_shr(bytes, n) : n < 0 ? wasm_i16x8_shl(bytes, -n) : bytes, mask);
}

/* 16 quants as bytes: columns 4 c to 4 c + 3 of rows 4 h to 4 h + 3. */
INLINE v128_t take_quants(const struct constants *constants, enum layout layout, const struct planes *planes, int c, int h) {
  const v128_t low = planes->low[h], high = planes->high[h];
  const v128_t nibbles = pick(low, 4 * (c / 4), constants->nibbles), bits2 = pick(low, 2 * (c & 3), constants->bits2);
  switch (quants_bytes(layout)) {
    case BITS1: return pick(low, c - 1, constants->bit2); /* 0 or 2 */
    case BITS2: return bits2;
    case BITS3: return wasm_v128_or(bits2, pick(high, c - 2, constants->bit3));
    case BITS5: return wasm_v128_or(nibbles, pick(high, c - 4, constants->bit5));
    case BITS6: return wasm_v128_or(nibbles, pick(high, 2 * (c & 3) - 4, constants->bits6));
    case BYTES: return low;
    default: return layouts[layout].codebook ? wasm_i8x16_swizzle(constants->codebooks[layouts[layout].codebook], nibbles) : nibbles;
  }
}

/* Eight bytes at p as two vectors of 32-bit integers. */
INLINE void widen8(v128_t out[2], v128_t i16x8) {
  out[0] = wasm_i32x4_extend_low_i16x8(i16x8);
  out[1] = wasm_i32x4_extend_high_i16x8(i16x8);
}

/* Four scales of 8 bits at p, as integers, as powers of two (e8m0_to_f32_half), as small floats (e5m3_to_f32). */
INLINE v128_t load_u8x4(const uint8_t *p) {
  return wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(p)));
}
INLINE v128_t load_e8m0x4(const uint8_t *p) {
  const v128_t e = load_u8x4(p), one = wasm_i32x4_splat(1);
  return wasm_i32x4_max(wasm_i32x4_shl(wasm_i32x4_sub(e, one), 23), wasm_i32x4_shl(wasm_i32x4_add(e, one), 21));
}
INLINE v128_t load_e5m3x4(const uint8_t *p) {
  return wasm_f32x4_mul(wasm_i32x4_shl(load_u8x4(p), 20), wasm_f32x4_splat(0x1p116f));
}

INLINE void multiply(v128_t scales[2], v128_t i16x8) {
  v128_t factors[2];
  widen8(factors, i16x8);
  for (int h = 0; h < 2; h++) scales[h] = wasm_f32x4_mul(scales[h], wasm_f32x4_convert_i32x4(factors[h]));
}

/* Scales of block j of a tile; p: where its scales begin. */
INLINE void load_scales(const struct constants *constants, enum layout layout, struct scales *out, const uint8_t *p, int j) {
  const int form = layouts[layout].scales;
  const uint8_t *d = p + tile_scale_bytes(layout) - (layout_has_minima(layout) ? 32 : 16);
  for (int h = 0; h < 2; h++) {
    if (form == SCALES_E8M0) out->d[h] = load_e8m0x4(p + 4 * h);
    else if (form != SCALES_E5M3) out->d[h] = load_f16x4(constants, d + 8 * h);
    if (layout_has_minima(layout)) out->m[h] = load_f16x4(constants, d + 16 + 8 * h);
    if (form == SCALES_K || form == SCALES_Q2_K) out->m[h] = wasm_f32x4_neg(out->m[h]);
  }
  switch (form) {
    case SCALES_BLOCKS: multiply(out->d, wasm_i16x8_load8x8(p + 8 * j)); break;
    case SCALES_K:
      multiply(out->d, wasm_u16x8_load8x8(p + 8 * j));
      multiply(out->m, wasm_u16x8_load8x8(p + 64 + 8 * j));
      break;
    case SCALES_HALVES: for (int half = 0; half < 2; half++) widen8(out->s[half], wasm_i16x8_load8x8(p + 16 * j + 8 * half)); break;
    case SCALES_Q2_K: { /* scales, then minima, as pairs of 16 bits */
      const v128_t bytes = wasm_v128_load(p + 16 * j);
      for (int i = 0; i < 2; i++) {
        const v128_t pairs = pick(bytes, 4 * i, constants->nibbles);
        out->s[i][0] = wasm_u16x8_extend_low_u8x16(pairs);
        out->s[i][1] = wasm_u16x8_extend_high_u8x16(pairs);
      }
      break;
    }
    case SCALES_E5M3:
      for (int half = 0; half < 2; half++)
        for (int h = 0; h < 2; h++) out->s[half][h] = load_e5m3x4(p + 16 * j + 8 * half + 4 * h);
      break;
    default: break;
  }
}

INLINE void dot_tile(const struct constants *constants, enum layout layout, const uint8_t *tile, const void *act,
                     struct sums *sums);
INLINE void dot_panel(const struct constants *constants, enum layout layout, const uint8_t *q, const void *act,
                      struct sums out[TILE_TOKENS]);

/* The activation's side of a block: scale, scale times sum, sums of the halves; each in all lanes. */
struct act_scales { v128_t d, ds, sum[2]; };

INLINE struct act_scales load_act(enum layout layout, int n_tokens, const void *act, int t) {
  struct act_scales out = {wasm_i32x4_splat(0), wasm_i32x4_splat(0), {wasm_i32x4_splat(0), wasm_i32x4_splat(0)}};
  if (is_wide(layout)) {
    out.d = wasm_v128_load32_splat(n_tokens == 1 ? &((const struct wide1 *)act)->d : &((const struct wide4 *)act)->d[t]);
  } else if (n_tokens == 1) {
    const struct act1 *a = act;
    out = (struct act_scales){wasm_v128_load32_splat(&a->d), wasm_v128_load32_splat(&a->ds),
                              {wasm_v128_load32_splat(&a->sum[0]), wasm_v128_load32_splat(&a->sum[1])}};
  } else {
    const struct act4 *a = act;
    out = (struct act_scales){wasm_v128_load32_splat(&a->d[t]), wasm_v128_load32_splat(&a->ds[t]),
                              {wasm_v128_load32_splat(&a->sum[0][t]), wasm_v128_load32_splat(&a->sum[1][t])}};
  }
  return out;
}

INLINE size_t act_bytes(enum layout layout, int n_tokens) {
  if (is_wide(layout)) return n_tokens == 1 ? sizeof(struct wide1) : sizeof(struct wide4);
  return n_tokens == 1 ? sizeof(struct act1) : sizeof(struct act4);
}

/* a and b, which fit into 16 bits, side by side in each 32-bit lane. */
INLINE v128_t pair(v128_t a, v128_t b) {
  return wasm_i16x8_shuffle(a, wasm_i32x4_shl(b, 16), 0, 9, 2, 11, 4, 13, 6, 15);
}

INLINE v128_t add_product(v128_t acc, v128_t i32x4, v128_t scale, v128_t act_scale) {
  return wasm_f32x4_add(acc, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(i32x4), wasm_f32x4_mul(scale, act_scale)));
}

/* acc + the block's contribution to rows 4 h to 4 h + 3. */
INLINE v128_t add_block(enum layout layout, v128_t acc, const struct sums *sums, const struct scales *scales, int h,
                        struct act_scales act) {
  const v128_t zero = wasm_i32x4_splat(zero_point(layout));
  v128_t total = sums->v[0][h], half1 = sums->v[1][h];
  if (zero_point(layout) && has_halves(layout)) {
    total = wasm_i32x4_sub(total, wasm_i32x4_mul(zero, act.sum[0]));
    half1 = wasm_i32x4_sub(half1, wasm_i32x4_mul(zero, act.sum[1]));
  } else if (zero_point(layout)) {
    total = wasm_i32x4_sub(total, wasm_i32x4_mul(zero, wasm_i32x4_add(act.sum[0], act.sum[1])));
  }
  switch (layouts[layout].scales) {
    case SCALES_HALVES:
      total = wasm_i32x4_add(wasm_i32x4_mul(total, scales->s[0][h]), wasm_i32x4_mul(half1, scales->s[1][h]));
      return add_product(acc, total, scales->d[h], act.d);
    case SCALES_Q2_K: {
      const v128_t minima = wasm_i32x4_dot_i16x8(pair(act.sum[0], act.sum[1]), scales->s[1][h]);
      acc = add_product(acc, wasm_i32x4_dot_i16x8(pair(total, half1), scales->s[0][h]), scales->d[h], act.d);
      return add_product(acc, minima, scales->m[h], act.d);
    }
    case SCALES_E5M3: return add_product(add_product(acc, total, scales->s[0][h], act.d), half1, scales->s[1][h], act.d);
    default: acc = add_product(acc, total, scales->d[h], act.d);
  }
  return layout_has_minima(layout) ? wasm_f32x4_add(acc, wasm_f32x4_mul(scales->m[h], act.ds)) : acc;
}

INLINE void gemv(enum layout layout, float *y, const uint8_t *tile, const uint8_t *acts, int k, int n_groups) {
  const struct constants constants = load_constants();
  const int n_blocks = tile_columns(layout) / BLOCK, scales_at = n_blocks * quants_bytes(layout);
  for (int g = 0; g < n_groups; g++) {
    v128_t acc[2] = {wasm_f32x4_splat(0), wasm_f32x4_splat(0)};
    const uint8_t *x = acts;
    for (int t = 0; t < k / tile_columns(layout); t++, tile += scales_at + tile_scale_bytes(layout))
      for (int j = 0; j < n_blocks; j++, x += act_bytes(layout, 1)) {
        struct sums sums;
        struct scales scales;
        dot_tile(&constants, layout, tile + j * quants_bytes(layout), x, &sums);
        load_scales(&constants, layout, &scales, tile + scales_at, j);
        for (int h = 0; h < 2; h++) acc[h] = add_block(layout, acc[h], &sums, &scales, h, load_act(layout, 1, x, 0));
      }
    wasm_v128_store(y + g * TILE_ROWS, acc[0]);
    wasm_v128_store(y + g * TILE_ROWS + 4, acc[1]);
  }
}

/* 32 columns of a group, unpacked once for all tokens of a gemm. */
struct panel_block {
  uint8_t q[BLOCK * TILE_ROWS]; /* as the bytes of pack.c */
  struct scales scales;
};
_Static_assert(sizeof(struct panel_block) <= PANEL_BLOCK_BYTES, "gemm_panel_bytes is too small");

INLINE void unpack_panel(const struct constants *constants, enum layout layout, struct panel_block *panel,
                         const uint8_t *tile, int k) {
  const int n_blocks = tile_columns(layout) / BLOCK, scales_at = n_blocks * quants_bytes(layout);
  for (int t = 0; t < k / tile_columns(layout); t++, tile += scales_at + tile_scale_bytes(layout))
    for (int j = 0; j < n_blocks; j++, panel++) {
      struct planes planes;
      for (int i = 0, last = -1; i < 8; last = chunk_at(layout, i++)) {
        const int c = chunk_at(layout, i);
        load_planes(layout, &planes, tile + j * quants_bytes(layout), c, last);
        for (int h = 0; h < 2; h++) wasm_v128_store(panel->q + 32 * c + 16 * h, take_quants(constants, layout, &planes, c, h));
      }
      load_scales(constants, layout, &panel->scales, tile + scales_at, j);
    }
}

INLINE void gemm(enum layout layout, float *y, int y_stride, const uint8_t *w, const uint8_t *acts, int k, int n_groups,
                 int n_tiles, struct panel_block *panel) {
  const struct constants constants = load_constants();
  const int n_blocks = k / BLOCK;
  const size_t group_bytes =
      (size_t)(k / tile_columns(layout)) *
      (size_t)(tile_columns(layout) / BLOCK * quants_bytes(layout) + tile_scale_bytes(layout));
  for (int g = 0; g < n_groups; g++, w += group_bytes, y += TILE_ROWS) {
    unpack_panel(&constants, layout, panel, w, k);
    for (int t = 0; t < n_tiles; t++) {
      const uint8_t *x = acts + (size_t)t * (size_t)n_blocks * act_bytes(layout, TILE_TOKENS);
      v128_t acc[TILE_TOKENS][2];
      for (int i = 0; i < TILE_TOKENS; i++) acc[i][0] = acc[i][1] = wasm_f32x4_splat(0);
      for (int b = 0; b < n_blocks; b++, x += act_bytes(layout, TILE_TOKENS)) {
        struct sums sums[TILE_TOKENS];
        dot_panel(&constants, layout, panel[b].q, x, sums);
        for (int i = 0; i < TILE_TOKENS; i++)
          for (int h = 0; h < 2; h++)
            acc[i][h] = add_block(layout, acc[i][h], &sums[i], &panel[b].scales, h, load_act(layout, TILE_TOKENS, x, i));
      }
      for (int i = 0; i < TILE_TOKENS; i++)
        for (int h = 0; h < 2; h++)
          wasm_v128_store(y + (size_t)(t * TILE_TOKENS + i) * (size_t)y_stride + 4 * h, acc[i][h]);
    }
  }
}

#define INSTANCE(layout, level)                                                                                 \
  void gemv_##layout##_##level(float *y, const void *w, const void *x, int k, int n_groups) {                   \
    gemv(LAYOUT_##layout, y, w, x, k, n_groups);                                                                \
  }                                                                                                             \
  void gemm_##layout##_##level(float *y, int y_stride, const void *w, const void *x, int k, int n_groups,       \
                               int n_tiles, void *panel) {                                                      \
    gemm(LAYOUT_##layout, y, y_stride, w, x, k, n_groups, n_tiles, panel);                                      \
  }
