/* panel.h: what SIMD kernels take out of the tiles of a quantised layout (pack.c, planes.h): 32 columns of 8 rows at a time,
 * their quants and their scales. `layout` is a constant wherever these are inlined. */
#ifndef SOTTO_PANEL_H
#define SOTTO_PANEL_H

#include "ops.h"
#include "planes.h"
#include "simd.h"

/* Scales of 32 columns of 8 rows: d and m as floats (8); s: integer scales of the halves (2, 8), each twice in its 32-bit lane.
 * Q2_K: s[0] has those, s[1] integer minima, of both halves in a lane. NVFP4: s is float, and there is no d. Layouts that meet
 * 12 bits: s[0] is 16 times the sum of the quants, in a panel. */
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

/* Bits of each byte that `mask` picks once they are moved down by n, or up by -n. */
INLINE v128_t pick(v128_t bytes, int n, v128_t mask) {
  return wasm_v128_and(n > 0 ? wasm_u16x8_shr(bytes, n) : n < 0 ? wasm_i16x8_shl(bytes, -n) : bytes, mask);
}

/* What was loaded last of rows 4 h to 4 h + 3, for the next chunk: no load is taken over a PIN. */
struct loaded { int plane[2]; v128_t bytes[2]; };

INLINE v128_t take_piece(const struct constants *constants, struct piece piece, const uint8_t *tile, int h, struct loaded *last) {
  if (last->plane[h] != piece.plane) last->bytes[h] = wasm_v128_load(tile + piece.plane * PLANE_BYTES + 16 * h);
  last->plane[h] = piece.plane;
  if (piece.n == 8) return last->bytes[h];
  return pick(last->bytes[h], piece.at - piece.to, constants->masks[((1 << piece.n) - 1) << piece.to]);
}

/* 16 quants as bytes: columns 4 c to 4 c + 3 of rows 4 h to 4 h + 3. */
INLINE v128_t take_quants(const struct constants *constants, enum layout layout, const uint8_t *tile, int c, int h,
                          struct loaded *last) {
  const struct piece *piece = pieces[quants_bytes(layout) / PLANE_BYTES][c];
  v128_t q = take_piece(constants, piece[0], tile, h, last);
  for (int i = 1; i < MOST_PIECES && piece[i].n; i++) q = wasm_v128_or(q, take_piece(constants, piece[i], tile, h, last));
  const int codebook = layouts[layout].codebook;
  return codebook ? wasm_i8x16_swizzle(constants->codebooks[codebook], q) : q;
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

/* What a tile's scales hold for all its blocks: d and m of 8 rows. */
struct tile_scales { v128_t d[2], m[2]; };

/* p: where a tile's scales begin. */
INLINE struct tile_scales load_tile_scales(const struct constants *constants, enum layout layout, const uint8_t *p) {
  const int form = layouts[layout].scales, is_small = tile_columns(layout) > BLOCK; /* meant to be multiplied by integers */
  const uint8_t *d = p + tile_scale_bytes(layout) - (layout_has_minima(layout) ? 32 : 16), *m = d + 16;
  struct tile_scales out = {{wasm_f32x4_splat(0), wasm_f32x4_splat(0)}, {wasm_f32x4_splat(0), wasm_f32x4_splat(0)}};
  for (int h = 0; h < 2; h++) {
    if (form == SCALES_E8M0) out.d[h] = load_e8m0x4(p + 4 * h);
    else if (form != SCALES_E5M3) out.d[h] = is_small ? load_small_f16x4(constants, d + 8 * h) : load_f16x4(constants, d + 8 * h);
    if (layout_has_minima(layout)) out.m[h] = is_small ? load_small_f16x4(constants, m + 8 * h) : load_f16x4(constants, m + 8 * h);
    if (form == SCALES_K || form == SCALES_Q2_K) out.m[h] = wasm_f32x4_neg(out.m[h]);
  }
  return out;
}

/* Scales of block j of a tile. */
INLINE void load_scales(const struct constants *constants, enum layout layout, struct scales *out,
                        const struct tile_scales *tile, const uint8_t *p, int j) {
  const int form = layouts[layout].scales;
  for (int h = 0; h < 2; h++) {
    out->d[h] = tile->d[h];
    out->m[h] = tile->m[h];
  }
  switch (form) {
    case SCALES_BLOCKS: multiply(out->d, wasm_i16x8_load8x8(p + 8 * j)); break;
    case SCALES_K:
      multiply(out->d, wasm_u16x8_load8x8(p + 8 * j));
      multiply(out->m, wasm_u16x8_load8x8(p + 64 + 8 * j));
      break;
    case SCALES_HALVES:
      for (int half = 0; half < 2; half++) {
        const v128_t rows = wasm_i16x8_load8x8(p + 16 * j + 8 * half);
        out->s[half][0] = wasm_i16x8_shuffle(rows, rows, 0, 0, 1, 1, 2, 2, 3, 3);
        out->s[half][1] = wasm_i16x8_shuffle(rows, rows, 4, 4, 5, 5, 6, 6, 7, 7);
      }
      break;
    case SCALES_Q2_K: { /* scales, then minima, as pairs of 16 bits */
      const v128_t bytes = wasm_v128_load(p + 16 * j);
      for (int i = 0; i < 2; i++) {
        const v128_t pairs = pick(bytes, 4 * i, constants->masks[15]);
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
  uint8_t q[BLOCK * TILE_ROWS]; /* in planes of bytes (planes.h) */
  struct scales scales;
};
_Static_assert(sizeof(struct panel_block) <= PANEL_BLOCK_BYTES, "gemm_panel_bytes is too small");

/* A group of k columns, unpacked (panel_simd128.c): for every level alike. */
void unpack_panel(enum layout layout, struct panel_block *panel, const uint8_t *group, int k);

#endif
