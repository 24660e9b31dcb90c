/* matmul_grid_simd128.c: gemv and gemm over the types whose columns are points of a grid (grid.h). A point is looked up
 * row by row; from then on eight rows share a vector. Codes and signs of four columns are nibbles of 16 bits, and a
 * swizzle makes signed bytes of 16 nibbles at once. A tile is unpacked to these bytes and then multiplied with
 * activations of 12 bits, in a gemv for one token and in a gemm for all of them. */
#include "grid.h"
#include "ops.h"
#include "simd.h"

/* 32 columns of 8 rows, unpacked. */
struct grid_panel {
  int8_t q[8][2][TILE_ROWS][2]; /* [c][0]: columns 4 c and 4 c + 2 of each row, [c][1]: the two others */
  v128_t d[2], scale[2][2];     /* d * factor (8); 2 s + 1 of the halves (2, 8) */
};
_Static_assert(sizeof(struct grid_panel) <= PANEL_BLOCK_BYTES, "gemm_panel_bytes is too small");

struct masks { v128_t codes, signs, high; };

/* As load_constants does. */
INLINE struct masks load_masks(enum layout layout) {
  static const uint32_t table[] = {0x33333333, 0x88888888, 0, 0x01000100, 0x03000300, 0x07000700};
  const uint32_t *p = table;
  __asm__("" : "+r"(p));
  return (struct masks){wasm_v128_load32_splat(p), wasm_v128_load32_splat(p + 1),
                        wasm_v128_load32_splat(p + 2 + grid_high_bits(layout))};
}

/* points[index] of 8 rows. */
INLINE v128_t look_up(const uint16_t *points, v128_t index) {
  v128_t out = index; /* each lane is replaced */
#define LANE(r) out = wasm_v128_load16_lane(points + wasm_u16x8_extract_lane(index, r), out, r);
  LANE(0) LANE(1) LANE(2) LANE(3) LANE(4) LANE(5) LANE(6) LANE(7)
#undef LANE
  return out;
}

INLINE v128_t load_high(enum layout layout, const uint8_t *block) {
  if (!grid_high_bits(layout)) return wasm_i16x8_splat(0);
  const uint8_t *p = block + grid_high_at(layout);
  return is_iq1(layout) ? wasm_v128_load(p) : wasm_u16x8_load8x8(p);
}

/* Of 8 rows: what the group has whose low bytes are at p and which is the i-th in its half. high: the half's, in 16 bits. */
INLINE v128_t load_points(enum layout layout, const struct masks *masks, const uint16_t *points, const uint8_t *p, v128_t high,
                          int i) {
  const v128_t low = wasm_u16x8_load8x8(p);
  if (!grid_high_bits(layout)) return look_up(points, low);
  high = wasm_i16x8_shl(high, 8 - grid_high_bits(layout) * i);
  return look_up(points, wasm_v128_or(low, wasm_v128_and(high, masks->high)));
}

/* Signs of the c-th four columns of a half, in the upper bits of nibbles; other bits are anything. */
INLINE v128_t load_signs(enum layout layout, const uint8_t *p, v128_t high, int c) {
  if (is_iq1(layout)) return wasm_i16x8_shr(wasm_i16x8_shl(high, 9 - c / 2), 15);
  return wasm_i16x8_shl(wasm_v128_load(p), c);
}

INLINE void unpack_block(enum layout layout, struct grid_panel *out, const struct constants *constants,
                         const struct masks *masks, const uint16_t *points, v128_t values, const uint8_t *block) {
  const int n_groups = grid_half_groups(layout);
  v128_t high = load_high(layout, block), scale = wasm_u16x8_load8x8(block + grid_scale_at(layout)), found = high;
  _Pragma("clang loop unroll(disable)")
  for (int h = 0; h < 2; h++) {
    UNROLL
    for (int c = 0; c < 4; c++) {
      const int i = c * n_groups / 4; /* the group */
      if (c == i * 4 / n_groups) found = load_points(layout, masks, points, block + 8 * (h * n_groups + i), high, i);
      v128_t nibbles = is_iq3(layout) ? found : wasm_v128_and(c % 2 ? wasm_u16x8_shr(found, 2) : found, masks->codes);
      const v128_t signs = load_signs(layout, block + grid_signs_at(layout) + 16 * h, high, c);
      nibbles = wasm_v128_or(nibbles, wasm_v128_and(signs, masks->signs));
      const v128_t even = wasm_v128_and(nibbles, constants->masks[15]);
      const v128_t odd = wasm_v128_and(wasm_u16x8_shr(nibbles, 4), constants->masks[15]);
      wasm_v128_store(out->q[4 * h + c][0], wasm_i8x16_swizzle(values, even));
      wasm_v128_store(out->q[4 * h + c][1], wasm_i8x16_swizzle(values, odd));
    }
    const v128_t s = wasm_v128_and(scale, constants->masks[15]);
    const v128_t factor = wasm_v128_or(wasm_i16x8_add(s, s), constants->ones);
    out->scale[h][0] = wasm_i32x4_extend_low_i16x8(factor);
    out->scale[h][1] = wasm_i32x4_extend_high_i16x8(factor);
    high = wasm_u16x8_shr(high, grid_half_bits(layout));
    scale = wasm_u16x8_shr(scale, 4);
  }
}

/* The 8 blocks of a tile. */
INLINE void unpack_tile(enum layout layout, struct grid_panel *out, const uint8_t *tile) {
  const struct constants constants = load_constants();
  const struct masks masks = load_masks(layout);
  const struct grid *grid = grid_of(layout);
  const uint16_t *points = grid->points;
  const v128_t values = wasm_v128_load(grid->values);
  v128_t d[2];
  for (int r = 0; r < 2; r++)
    d[r] = wasm_f32x4_mul(load_small_f16x4(&constants, tile + GRID_BLOCKS * grid_block_bytes(layout) + 8 * r),
                          wasm_v128_load32_splat(&grid->factor));
  for (int j = 0; j < GRID_BLOCKS; j++, out++, tile += grid_block_bytes(layout)) {
    unpack_block(layout, out, &constants, &masks, points, values, tile);
    out->d[0] = d[0];
    out->d[1] = d[1];
  }
}

/* Columns 4 c and 4 c + 2 (part 0) or the two others of token t, in every 32-bit lane; and the token's scale. */
INLINE v128_t load_act(int n_tokens, const void *act, int c, int t, int part) {
  return n_tokens == 1 ? wasm_v128_load(((const struct wide1 *)act)->q[c][part])
                       : wasm_v128_load32_splat(((const struct wide4 *)act)->q[c][t][part]);
}
INLINE v128_t load_act_scale(int n_tokens, const void *act, int t) {
  return wasm_v128_load32_splat(n_tokens == 1 ? &((const struct wide1 *)act)->d : &((const struct wide4 *)act)->d[t]);
}

/* sums[token][rows 0-3, rows 4-7] of the 16 columns of a half. */
INLINE void dot_half(int n_tokens, v128_t sums[][2], const struct grid_panel *panel, const void *act, int half) {
  for (int t = 0; t < n_tokens; t++) sums[t][0] = sums[t][1] = wasm_i32x4_splat(0);
  UNROLL
  for (int c = 4 * half; c < 4 * half + 4; c++)
    for (int part = 0; part < 2; part++) {
      const v128_t q0 = wasm_i16x8_load8x8(panel->q[c][part]), q1 = wasm_i16x8_load8x8(panel->q[c][part] + 4);
      for (int t = 0; t < n_tokens; t++) {
        const v128_t x = load_act(n_tokens, act, c, t, part);
        sums[t][0] = wasm_i32x4_add(sums[t][0], wasm_i32x4_dot_i16x8(q0, x));
        sums[t][1] = wasm_i32x4_add(sums[t][1], wasm_i32x4_dot_i16x8(q1, x));
        PIN(sums[t][0]);
        PIN(sums[t][1]);
      }
    }
}

/* acc[token][rows 0-3, rows 4-7] + the products of n_blocks blocks. */
INLINE void add_blocks(int n_tokens, v128_t acc[][2], const struct grid_panel *panel, int n_blocks, const uint8_t *acts) {
  for (int b = 0; b < n_blocks; b++, panel++, acts += n_tokens == 1 ? sizeof(struct wide1) : sizeof(struct wide4)) {
    v128_t first[TILE_TOKENS][2], second[TILE_TOKENS][2];
    dot_half(n_tokens, first, panel, acts, 0);
    dot_half(n_tokens, second, panel, acts, 1);
    for (int t = 0; t < n_tokens; t++) {
      const v128_t act_scale = load_act_scale(n_tokens, acts, t);
      for (int r = 0; r < 2; r++) {
        const v128_t total = wasm_i32x4_add(wasm_i32x4_mul(first[t][r], panel->scale[0][r]),
                                            wasm_i32x4_mul(second[t][r], panel->scale[1][r]));
        const v128_t scale = wasm_f32x4_mul(panel->d[r], act_scale);
        acc[t][r] = wasm_f32x4_add(acc[t][r], wasm_f32x4_mul(wasm_f32x4_convert_i32x4(total), scale));
      }
    }
  }
}

typedef void unpack_fn(struct grid_panel *out, const uint8_t *tile);

static void gemv(unpack_fn *unpack, size_t tile_bytes, float *y, const uint8_t *tile, const struct wide1 *acts, int k,
                 int n_groups) {
  for (int g = 0; g < n_groups; g++, y += TILE_ROWS) {
    v128_t acc[1][2] = {{wasm_f32x4_splat(0), wasm_f32x4_splat(0)}};
    for (int b = 0; b < k / BLOCK; b += GRID_BLOCKS, tile += tile_bytes) {
      struct grid_panel panel[GRID_BLOCKS];
      unpack(panel, tile);
      add_blocks(1, acc, panel, GRID_BLOCKS, (const uint8_t *)(acts + b));
    }
    wasm_v128_store(y, acc[0][0]);
    wasm_v128_store(y + 4, acc[0][1]);
  }
}

static void gemm(unpack_fn *unpack, size_t tile_bytes, float *y, int y_stride, const uint8_t *tile, const struct wide4 *acts,
                 int k, int n_groups, int n_tiles, struct grid_panel *panel) {
  const int n_blocks = k / BLOCK;
  for (int g = 0; g < n_groups; g++, y += TILE_ROWS) {
    for (int b = 0; b < n_blocks; b += GRID_BLOCKS, tile += tile_bytes) unpack(panel + b, tile);
    for (int i = 0; i < n_tiles; i++) {
      v128_t acc[TILE_TOKENS][2];
      for (int t = 0; t < TILE_TOKENS; t++) acc[t][0] = acc[t][1] = wasm_f32x4_splat(0);
      add_blocks(TILE_TOKENS, acc, panel, n_blocks, (const uint8_t *)(acts + (size_t)i * (size_t)n_blocks));
      for (int t = 0; t < TILE_TOKENS; t++)
        for (int r = 0; r < 2; r++) wasm_v128_store(y + (size_t)(i * TILE_TOKENS + t) * (size_t)y_stride + 4 * r, acc[t][r]);
    }
  }
}

#define ANY(layout)
#define GRID(layout)                                                                                                 \
  static void unpack_##layout(struct grid_panel *out, const uint8_t *tile) { unpack_tile(LAYOUT_##layout, out, tile); } \
  void gemv_##layout##_simd128(float *y, const void *w, const void *x, int k, int n_groups) {                        \
    gemv(unpack_##layout, grid_tile_bytes(LAYOUT_##layout), y, w, x, k, n_groups);                                   \
  }                                                                                                                  \
  void gemm_##layout##_simd128(float *y, int y_stride, const void *w, const void *x, int k, int n_groups,            \
                               int n_tiles, void *panel) {                                                           \
    gemm(unpack_##layout, grid_tile_bytes(LAYOUT_##layout), y, y_stride, w, x, k, n_groups, n_tiles, panel);         \
  }
#include "kernels.inc"
