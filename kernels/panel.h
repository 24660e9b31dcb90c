/* panel.h: what SIMD kernels take out of the tiles of a quantised layout (pack.c draws them): 32 columns of 8 rows at a time,
 * their quants and their scales. `layout` is a constant wherever these are inlined. */
#ifndef SOTTO_PANEL_H
#define SOTTO_PANEL_H

#include "ops.h"
#include "simd.h"

/* Scales of 32 columns of 8 rows: d and m as floats (8); s: integer scales of the halves (2, 8). Q2_K: s[0] has those, s[1]
 * integer minima, of both halves in a 32-bit lane. NVFP4: s is float, and there is no d. Layouts that meet
 * 14 bits: s[0] is 64 times the sum of the quants, in a panel. */
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

/* 32 columns of a group, unpacked once for all tokens of a gemm. */
struct panel_block {
  uint8_t q[BLOCK * TILE_ROWS]; /* as the bytes of pack.c */
  struct scales scales;
};
_Static_assert(sizeof(struct panel_block) <= PANEL_BLOCK_BYTES, "gemm_panel_bytes is too small");

/* A group of k columns, unpacked (panel_simd128.c): for every level alike. */
void unpack_panel(enum layout layout, struct panel_block *panel, const uint8_t *group, int k);

#endif
