/* matmul_float_simd128.c: gemv and gemm over F32, F16 and BF16 weights. A tile is one column of 8 rows, so the lanes are
 * rows; within a block of 32 columns the products are added in turn (kernels.h). */
#include "ops.h"
#include "simd.h"

/* Rows 4 h to 4 h + 3 of one column. */
INLINE v128_t load_rows(const struct constants *constants, enum layout layout, const uint8_t *column, int h) {
  switch (layout) {
    case LAYOUT_F32: return wasm_v128_load(column + 16 * h);
    case LAYOUT_F16: return load_f16x4(constants, column + 8 * h);
    default: return load_bf16x4(column + 8 * h);
  }
}

INLINE int column_bytes(enum layout layout) { return layout == LAYOUT_F32 ? 32 : 16; }

/* n_wide (1 or 2) groups side by side, so that a decode is not bound by the latency of one chain of additions. */
INLINE void gemv_groups(enum layout layout, int n_wide, float *y, const uint8_t *w, const float *x, int k) {
  const struct constants constants = load_constants();
  const size_t group_bytes = (size_t)k * (size_t)column_bytes(layout);
  v128_t acc[4] = {wasm_f32x4_splat(0), wasm_f32x4_splat(0), wasm_f32x4_splat(0), wasm_f32x4_splat(0)};
  for (int from = 0; from < k; from += BLOCK) {
    v128_t sum[4] = {wasm_f32x4_splat(0), wasm_f32x4_splat(0), wasm_f32x4_splat(0), wasm_f32x4_splat(0)};
    const int to = from + BLOCK < k ? from + BLOCK : k;
    /* F32 has so few instructions a byte that it is far ahead by itself. */
    for (int i = 0; layout != LAYOUT_F32 && kernels_load_ahead && i < n_wide; i++)
      touch_next_page(w + (size_t)i * group_bytes + from * column_bytes(layout), (to - from) * column_bytes(layout));
    for (int i = from; i < to; i++) {
      const v128_t splat = wasm_v128_load32_splat(x + i);
      for (int r = 0; r < 2 * n_wide; r++) {
        const uint8_t *column = w + (size_t)(r / 2) * group_bytes + (size_t)i * (size_t)column_bytes(layout);
        sum[r] = wasm_f32x4_add(sum[r], wasm_f32x4_mul(load_rows(&constants, layout, column, r % 2), splat));
      }
    }
    for (int r = 0; r < 2 * n_wide; r++) acc[r] = wasm_f32x4_add(acc[r], sum[r]);
  }
  for (int r = 0; r < 2 * n_wide; r++) wasm_v128_store(y + 4 * r, acc[r]);
}

INLINE void gemv(enum layout layout, float *y, const uint8_t *w, const float *x, int k, int n_groups) {
  const size_t group_bytes = (size_t)k * (size_t)column_bytes(layout);
  int g = 0;
  for (; g + 2 <= n_groups; g += 2) gemv_groups(layout, 2, y + g * TILE_ROWS, w + (size_t)g * group_bytes, x, k);
  if (g < n_groups) gemv_groups(layout, 1, y + g * TILE_ROWS, w + (size_t)g * group_bytes, x, k);
}

/* Adds the products of one column, and gives where the next one's activations are: V8 has no constant offset for a load that
 * spreads, but keeps four addresses beside one register that counts. */
INLINE const float *add_column(v128_t sum[TILE_TOKENS][2], const uint8_t *w, const float *x) {
  const v128_t w0 = wasm_v128_load(w), w1 = wasm_v128_load(w + 16);
  UNROLL
  for (int t = 0; t < TILE_TOKENS; t++) {
    const v128_t splat = wasm_v128_load32_splat(x + t);
    sum[t][0] = wasm_f32x4_add(sum[t][0], wasm_f32x4_mul(w0, splat));
    PIN(sum[t][0]);
    sum[t][1] = wasm_f32x4_add(sum[t][1], wasm_f32x4_mul(w1, splat));
    PIN(sum[t][1]);
  }
  x += TILE_TOKENS;
  PIN(x);
  return x;
}

/* Adds the products of n columns to acc. */
INLINE void add_block(v128_t acc[TILE_TOKENS][2], const uint8_t *w, const float *x, int n, int n_at_once) {
  v128_t sum[TILE_TOKENS][2];
  UNROLL
  for (int t = 0; t < TILE_TOKENS; t++) sum[t][0] = sum[t][1] = wasm_f32x4_splat(0);
  for (int i = 0; i < n; i += n_at_once, w += 32 * n_at_once) {
    UNROLL
    for (int j = 0; j < n_at_once; j++) x = add_column(sum, w + 32 * j, x);
  }
  UNROLL
  for (int t = 0; t < TILE_TOKENS; t++)
    for (int h = 0; h < 2; h++) acc[t][h] = wasm_f32x4_add(acc[t][h], sum[t][h]);
}

static void gemm_tile(float *y, int y_stride, const uint8_t *w, const float *x, int k) {
  v128_t sums[TILE_TOKENS][2], (*acc)[2] = sums;
  PIN(acc); /* keeps them in memory: there are no registers for them beside those of a block */
  UNROLL
  for (int t = 0; t < TILE_TOKENS; t++) acc[t][0] = acc[t][1] = wasm_f32x4_splat(0);
  const int n_whole = k / BLOCK * BLOCK;
  for (int i = 0; i < n_whole; i += BLOCK) add_block(acc, w + 32 * i, x + TILE_TOKENS * i, BLOCK, 8);
  if (n_whole < k) add_block(acc, w + 32 * n_whole, x + TILE_TOKENS * n_whole, k - n_whole, 1);
  for (int t = 0; t < TILE_TOKENS; t++)
    for (int h = 0; h < 2; h++) wasm_v128_store(y + (size_t)t * (size_t)y_stride + 4 * h, acc[t][h]);
}

/* A group's weights as F32, once for all tiles. */
INLINE const uint8_t *unpack(enum layout layout, uint8_t *panel, const uint8_t *w, int k) {
  if (layout == LAYOUT_F32) return w;
  const struct constants constants = load_constants();
  for (int i = 0; i < k; i++)
    for (int h = 0; h < 2; h++)
      wasm_v128_store(panel + 32 * i + 16 * h, load_rows(&constants, layout, w + (size_t)i * (size_t)column_bytes(layout), h));
  return panel;
}

INLINE void gemm(enum layout layout, float *y, int y_stride, const uint8_t *w, const float *x, int k, int n_groups,
                 int n_tiles, uint8_t *panel) {
  for (int g = 0; g < n_groups; g++, w += (size_t)k * (size_t)column_bytes(layout), y += TILE_ROWS) {
    const uint8_t *group = unpack(layout, panel, w, k);
    for (int t = 0; t < n_tiles; t++)
      gemm_tile(y + (size_t)(t * TILE_TOKENS) * (size_t)y_stride, y_stride, group, x + (size_t)t * (size_t)k * TILE_TOKENS, k);
  }
}

#define ANY(layout)
#define FLOATING(layout)                                                                                    \
  void gemv_##layout##_simd128(float *y, const void *w, const void *x, int k, int n_groups) {               \
    gemv(LAYOUT_##layout, y, w, x, k, n_groups);                                                            \
  }                                                                                                         \
  void gemm_##layout##_simd128(float *y, int y_stride, const void *w, const void *x, int k, int n_groups,   \
                               int n_tiles, void *panel) {                                                  \
    gemm(LAYOUT_##layout, y, y_stride, w, x, k, n_groups, n_tiles, panel);                                  \
  }
#include "kernels.inc"
