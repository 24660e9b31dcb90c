/* matmul_grid_simd128.c: gemv and gemm over the types whose columns are points of a grid (grid.h). A point is looked up
 * row by row; from then on eight rows share a vector. Codes and signs of four columns are nibbles of 16 bits, and a
 * swizzle makes signed bytes of 16 nibbles at once. A tile is unpacked to these bytes and then multiplied with 16-bit
 * activations, in a gemv for one token and in a gemm for all of them. */
#include "grid.h"
#include "ops.h"
#include "simd.h"

/* 32 columns of 8 rows, unpacked. */
struct grid_panel {
  int8_t q[8][2][TILE_ROWS][2]; /* [c][0]: columns 4 c and 4 c + 2 of each row, [c][1]: the two others */
  v128_t d[2], scale[2][2];     /* d * factor (8); 2 s + 1 of the halves (2, 8) */
};

struct masks { v128_t nibbles, codes, signs; };

/* As load_constants does. */
INLINE struct masks load_masks(void) {
  static const uint32_t table[] = {0x0f0f0f0f, 0x33333333, 0x88888888};
  const uint32_t *p = table;
  __asm__("" : "+r"(p));
  return (struct masks){wasm_v128_load32_splat(p), wasm_v128_load32_splat(p + 1), wasm_v128_load32_splat(p + 2)};
}

/* points[index] of 8 rows. */
INLINE v128_t look_up(const uint16_t *points, v128_t index) {
  v128_t out = index; /* each lane is replaced */
#define LANE(r) out = wasm_v128_load16_lane(points + wasm_u16x8_extract_lane(index, r), out, r);
  LANE(0) LANE(1) LANE(2) LANE(3) LANE(4) LANE(5) LANE(6) LANE(7)
#undef LANE
  return out;
}

/* Indices of group i of 8 rows. high: the block's, in 16-bit lanes. */
INLINE v128_t load_index(enum layout layout, const uint8_t *block, v128_t high, int i) {
  const v128_t low = wasm_u16x8_load8x8(block + 8 * i);
  if (!grid_high_mask(layout)) return low;
  const int left = 8 - grid_high_step(layout) * i;
  high = left >= 0 ? wasm_i16x8_shl(high, left) : wasm_u16x8_shr(high, -left);
  return wasm_v128_or(low, wasm_v128_and(high, wasm_i16x8_splat((int16_t)grid_high_mask(layout))));
}

INLINE v128_t load_high(enum layout layout, const uint8_t *block) {
  const uint8_t *p = block + grid_high_at(layout);
  return is_iq1(layout) ? wasm_v128_load(p) : wasm_u16x8_load8x8(p);
}

/* Signs of columns 4 c to 4 c + 3 of 8 rows, in the upper bits of their nibbles; other bits are anything. */
INLINE v128_t load_signs(enum layout layout, const uint8_t *block, v128_t high, int c) {
  if (is_iq1(layout)) return wasm_i16x8_shr(wasm_i16x8_shl(high, 3 - c / 2), 15);
  return wasm_i16x8_shl(wasm_v128_load(block + grid_signs_at(layout) + 16 * (c / 4)), c % 4);
}

INLINE void unpack_block(enum layout layout, struct grid_panel *out, const struct masks *masks, const struct grid *grid,
                         const uint8_t *block) {
  const v128_t values = wasm_v128_load(grid->values), high = load_high(layout, block);
  v128_t points = high;
  UNROLL
  for (int c = 0; c < 8; c++) {
    if (is_iq3(layout) || c % 2 == 0)
      points = look_up(grid->points, load_index(layout, block, high, is_iq3(layout) ? c : c / 2));
    v128_t nibbles = points;
    if (!is_iq3(layout)) nibbles = wasm_v128_and(c % 2 ? wasm_u16x8_shr(points, 2) : points, masks->codes);
    nibbles = wasm_v128_or(nibbles, wasm_v128_and(load_signs(layout, block, high, c), masks->signs));
    wasm_v128_store(out->q[c][0], wasm_i8x16_swizzle(values, wasm_v128_and(nibbles, masks->nibbles)));
    wasm_v128_store(out->q[c][1], wasm_i8x16_swizzle(values, wasm_v128_and(wasm_u16x8_shr(nibbles, 4), masks->nibbles)));
  }
  const v128_t s = wasm_u16x8_load8x8(block + grid_scale_at(layout)), one = wasm_i16x8_splat(1);
  for (int h = 0; h < 2; h++) {
    const v128_t half = h ? wasm_u16x8_shr(s, 4) : wasm_v128_and(s, wasm_i16x8_splat(15));
    const v128_t odd = wasm_v128_or(wasm_i16x8_shl(half, 1), one);
    out->scale[h][0] = wasm_i32x4_extend_low_i16x8(odd);
    out->scale[h][1] = wasm_i32x4_extend_high_i16x8(odd);
  }
}

/* The 8 blocks of a tile. */
INLINE void unpack_tile(enum layout layout, struct grid_panel *out, const uint8_t *tile) {
  const struct constants constants = load_constants();
  const struct masks masks = load_masks();
  const struct grid *grid = grid_of(layout);
  const uint8_t *d = tile + GRID_BLOCKS * grid_block_bytes(layout);
  for (int j = 0; j < GRID_BLOCKS; j++, out++) {
    unpack_block(layout, out, &masks, grid, tile + j * grid_block_bytes(layout));
    for (int h = 0; h < 2; h++)
      out->d[h] = wasm_f32x4_mul(load_f16x4(&constants, d + 8 * h), wasm_f32x4_splat(grid->factor));
  }
}

/* Columns 4 c and 4 c + 2 (part 0) or the two others of token t, in every 32-bit lane; and the token's scale. */
INLINE v128_t load_act(int n_tokens, const void *act, int c, int t, int part) {
  return wasm_v128_load32_splat(n_tokens == 1 ? ((const struct wide1 *)act)->q[c][part] : ((const struct wide4 *)act)->q[c][t][part]);
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

#define FLOATING(layout)
#define NARROW(layout)
#define BYTES(layout)
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
