/* matmul_scalar.c: the specification of activation quantisation, gemv and gemm, in plain loops (formulas: kernels.h). */
#include "ops.h"

/* d = max |x| / 127, q = x / d to the nearest even. A block too small to matter, or with no number in it, is zero. */
void quantize1_scalar(struct act1 *out, const float *x, int k) {
  for (int b = 0; b < k / BLOCK; b++, out++, x += BLOCK) {
    float max = 0;
    for (int i = 0; i < BLOCK; i++) {
      float magnitude = __builtin_fabsf(x[i]);
      max = max < magnitude ? magnitude : max;
    }
    bool is_zero = max < ACT_TINY;
    float inverse = is_zero ? 0 : 127.0f / max;
    out->sum[0] = out->sum[1] = 0;
    for (int i = 0; i < BLOCK; i++) {
      float scaled = x[i] * inverse;
      out->q[i] = scaled == scaled ? (int8_t)__builtin_rintf(scaled) : 0;
      out->sum[i / 16] += out->q[i];
    }
    out->d = is_zero ? 0 : max * (1 / 127.0f);
    out->ds = out->d * (float)(out->sum[0] + out->sum[1]);
  }
}

void quantize4_scalar(struct act4 *out, const float *x, int x_stride, int k) {
  for (int b = 0; b < k / BLOCK; b++)
    for (int t = 0; t < TILE_TOKENS; t++) {
      struct act1 one;
      quantize1_scalar(&one, x + t * x_stride + b * BLOCK, BLOCK);
      for (int i = 0; i < BLOCK; i++) out[b].q[i / 4][t][i % 4] = one.q[i];
      out[b].d[t] = one.d;
      out[b].ds[t] = one.ds;
      for (int h = 0; h < 2; h++) out[b].sum[h][t] = one.sum[h];
    }
}

/* ---- quantised weights ---- */

static float add_block(float acc, const struct row_block *w, const int8_t *x, int x_step, float d, float ds, bool minima) {
  int32_t sum[2] = {0, 0};
  for (int i = 0; i < BLOCK; i++) sum[i / 16] += w->q[i] * x[i / 4 * x_step + i % 4];
  acc = acc + (float)(sum[0] * w->half_scale[0] + sum[1] * w->half_scale[1]) * (w->d * d);
  return minima ? acc + w->m * ds : acc;
}

static void gemv_quantised(enum layout layout, float *y, const void *w, const struct act1 *x, int k, int n_groups) {
  const bool minima = layout_has_minima(layout);
  for (int row = 0; row < n_groups * TILE_ROWS; row++) {
    const uint8_t *group = (const uint8_t *)w + (size_t)(row / TILE_ROWS) * layout_group_bytes(layout, k);
    float acc = 0;
    for (int b = 0; b < k / BLOCK; b++) {
      struct row_block block;
      layout_unpack_block(layout, &block, group, row % TILE_ROWS, b);
      acc = add_block(acc, &block, x[b].q, 4, x[b].d, x[b].ds, minima);
    }
    y[row] = acc;
  }
}

static void gemm_quantised(enum layout layout, float *y, int y_stride, const void *w, const struct act4 *x, int k,
                           int n_groups, int n_tiles) {
  const bool minima = layout_has_minima(layout);
  const int n_blocks = k / BLOCK;
  for (int row = 0; row < n_groups * TILE_ROWS; row++) {
    const uint8_t *group = (const uint8_t *)w + (size_t)(row / TILE_ROWS) * layout_group_bytes(layout, k);
    for (int t = 0; t < n_tiles * TILE_TOKENS; t++) y[(size_t)t * (size_t)y_stride + (size_t)row] = 0;
    for (int b = 0; b < n_blocks; b++) {
      struct row_block block;
      layout_unpack_block(layout, &block, group, row % TILE_ROWS, b);
      for (int t = 0; t < n_tiles * TILE_TOKENS; t++) {
        const struct act4 *act = x + t / TILE_TOKENS * n_blocks + b;
        const int i = t % TILE_TOKENS;
        float *acc = y + (size_t)t * (size_t)y_stride + row;
        *acc = add_block(*acc, &block, act->q[0][i], 4 * TILE_TOKENS, act->d[i], act->ds[i], minima);
      }
    }
  }
}

/* ---- float weights ---- */

static float weight_at(enum layout layout, const void *group, int k, int row) {
  const uint8_t *p = (const uint8_t *)group + (size_t)k * (size_t)layouts[layout].tile_bytes;
  switch (layout) {
    case LAYOUT_F32: return ((const float *)p)[row];
    case LAYOUT_F16: return f16_to_f32(((const uint16_t *)p)[row]);
    default: return bf16_to_f32(((const uint16_t *)p)[row]);
  }
}

/* x_step: distance between a token's columns. */
static float dot_float(enum layout layout, const void *group, int row, const float *x, int x_step, int k) {
  float acc = 0;
  for (int from = 0; from < k; from += BLOCK) {
    float sum = 0;
    for (int i = from; i < k && i < from + BLOCK; i++) sum = sum + weight_at(layout, group, i, row) * x[i * x_step];
    acc = acc + sum;
  }
  return acc;
}

static void gemv_float(enum layout layout, float *y, const void *w, const float *x, int k, int n_groups) {
  for (int row = 0; row < n_groups * TILE_ROWS; row++) {
    const uint8_t *group = (const uint8_t *)w + (size_t)(row / TILE_ROWS) * layout_group_bytes(layout, k);
    y[row] = dot_float(layout, group, row % TILE_ROWS, x, 1, k);
  }
}

static void gemm_float(enum layout layout, float *y, int y_stride, const void *w, const float *x, int k, int n_groups,
                       int n_tiles) {
  for (int row = 0; row < n_groups * TILE_ROWS; row++) {
    const uint8_t *group = (const uint8_t *)w + (size_t)(row / TILE_ROWS) * layout_group_bytes(layout, k);
    for (int t = 0; t < n_tiles * TILE_TOKENS; t++) {
      const float *token = x + (size_t)(t / TILE_TOKENS) * (size_t)k * TILE_TOKENS + t % TILE_TOKENS;
      y[(size_t)t * (size_t)y_stride + (size_t)row] = dot_float(layout, group, row % TILE_ROWS, token, TILE_TOKENS, k);
    }
  }
}

/* ---- one function a layout ---- */

#define NARROW(layout)                                                                              \
  void gemv_##layout##_scalar(float *y, const void *w, const void *x, int k, int n_groups) {           \
    gemv_quantised(LAYOUT_##layout, y, w, x, k, n_groups);                                             \
  }                                                                                                    \
  void gemm_##layout##_scalar(float *y, int y_stride, const void *w, const void *x, int k,             \
                              int n_groups, int n_tiles, void *panel) {                                \
    (void)panel;                                                                                       \
    gemm_quantised(LAYOUT_##layout, y, y_stride, w, x, k, n_groups, n_tiles);                          \
  }
#define FLOATING(layout)                                                                               \
  void gemv_##layout##_scalar(float *y, const void *w, const void *x, int k, int n_groups) {           \
    gemv_float(LAYOUT_##layout, y, w, x, k, n_groups);                                                 \
  }                                                                                                    \
  void gemm_##layout##_scalar(float *y, int y_stride, const void *w, const void *x, int k,             \
                              int n_groups, int n_tiles, void *panel) {                                \
    (void)panel;                                                                                       \
    gemm_float(LAYOUT_##layout, y, y_stride, w, x, k, n_groups, n_tiles);                              \
  }
#define BYTES(layout) NARROW(layout)
#include "kernels.inc"
