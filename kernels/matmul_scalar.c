/* matmul_scalar.c: the specification of activation quantisation, gemv and gemm, in plain loops (formulas: kernels.h). */
#include "ops.h"

/* Sets the sums of a block (struct act1) and returns their sum. */
static int32_t sum_up(int16_t sums[2][2], const int32_t q[BLOCK]) {
  int32_t total = 0;
  __builtin_memset(sums, 0, 2 * sizeof *sums);
  for (int i = 0; i < BLOCK; i++) {
    sums[i / 16][i % 4 / 2] = (int16_t)(sums[i / 16][i % 4 / 2] + q[i]);
    total += q[i];
  }
  return total;
}

void narrow1_scalar(void *acts, const float *x, int k) {
  struct act1 *out = acts;
  for (int b = 0; b < k / BLOCK; b++, out++, x += BLOCK) {
    int32_t q[BLOCK];
    out->d = vec_quantise(q, x, BLOCK, NARROW_LIMIT);
    for (int i = 0; i < BLOCK; i++)
      for (int c = 0; c < 4; c++) out->q[i / 4][c][i % 4] = (int8_t)q[i];
    out->ds = out->d * (float)sum_up(out->sums, q);
  }
}

void narrow4_scalar(void *acts, const float *x, int x_stride, int k) {
  struct act4 *out = acts;
  for (int b = 0; b < k / BLOCK; b++, out++)
    for (int t = 0; t < TILE_TOKENS; t++) {
      struct act1 one;
      narrow1_scalar(&one, x + t * x_stride + b * BLOCK, BLOCK);
      for (int c = 0; c < BLOCK / 4; c++) __builtin_memcpy(out->q[c][t], one.q[c], sizeof one.q[c]);
      out->d[t] = one.d;
      out->ds[t] = one.ds;
      for (int h = 0; h < 2; h++) __builtin_memcpy(out->sums[h][t], one.sums[h], sizeof one.sums[h]);
    }
}

static void shorts1(int limit, void *acts, const float *x, int k) {
  struct wide1 *out = acts;
  for (int b = 0; b < k / BLOCK; b++, out++, x += BLOCK) {
    int32_t q[BLOCK];
    out->d = vec_quantise(q, x, BLOCK, (float)limit);
    for (int i = 0; i < BLOCK; i++)
      for (int c = 0; c < 4; c++) out->q[i / 4][i % 2][c][i % 4 / 2] = (int16_t)q[i];
    out->ds = out->d * (float)sum_up(out->sums, q);
  }
}

static void shorts4(int limit, void *acts, const float *x, int x_stride, int k) {
  struct wide4 *out = acts;
  for (int b = 0; b < k / BLOCK; b++, out++)
    for (int t = 0; t < TILE_TOKENS; t++) {
      struct wide1 one;
      shorts1(limit, &one, x + t * x_stride + b * BLOCK, BLOCK);
      for (int c = 0; c < BLOCK / 4; c++)
        for (int i = 0; i < 2; i++) __builtin_memcpy(out->q[c][t][i], one.q[c][i][0], sizeof one.q[c][i][0]);
      out->d[t] = one.d;
      out->ds[t] = one.ds;
      for (int h = 0; h < 2; h++) __builtin_memcpy(out->sums[h][t], one.sums[h], sizeof one.sums[h]);
    }
}

void widened1_scalar(void *acts, const float *x, int k) { shorts1(NARROW_LIMIT, acts, x, k); }
void widened4_scalar(void *acts, const float *x, int x_stride, int k) { shorts4(NARROW_LIMIT, acts, x, x_stride, k); }
void wide1_scalar(void *acts, const float *x, int k) { shorts1(WIDE_LIMIT, acts, x, k); }
void wide4_scalar(void *acts, const float *x, int x_stride, int k) { shorts4(WIDE_LIMIT, acts, x, x_stride, k); }

void split1_scalar(void *acts, const float *x, int k) {
  struct split1 *out = acts;
  for (int b = 0; b < k / BLOCK; b++, out++, x += BLOCK) {
    int32_t q[BLOCK];
    out->d = vec_quantise(q, x, BLOCK, WIDE_LIMIT);
    for (int i = 0; i < BLOCK; i++)
      for (int c = 0; c < 4; c++) {
        out->halves[i / 4][0][c][i % 4] = (uint8_t)((q[i] + WIDE_LIMIT + 1) >> 7);
        out->halves[i / 4][1][c][i % 4] = (uint8_t)(q[i] & 127);
      }
  }
}

void split4_scalar(void *acts, const float *x, int x_stride, int k) {
  struct split4 *out = acts;
  for (int b = 0; b < k / BLOCK; b++, out++)
    for (int t = 0; t < TILE_TOKENS; t++) {
      struct split1 one;
      split1_scalar(&one, x + t * x_stride + b * BLOCK, BLOCK);
      for (int c = 0; c < BLOCK / 4; c++)
        for (int i = 0; i < 2; i++) __builtin_memcpy(out->halves[i][c][t], one.halves[c][i], sizeof one.halves[c][i]);
      out->d[t] = one.d;
    }
}

void float1(void *acts, const float *x, int k) { __builtin_memcpy(acts, x, (size_t)k * sizeof *x); }

void float4(void *acts, const float *x, int x_stride, int k) {
  float *out = acts;
  for (int i = 0; i < k; i++)
    for (int t = 0; t < TILE_TOKENS; t++) *out++ = x[(size_t)t * (size_t)x_stride + (size_t)i];
}

/* ---- quantised weights ---- */

/* What token t of a tile holds in one block, whatever the form: values by column, scales. */
struct act_view {
  int32_t q[BLOCK];
  float d, ds;
};

static void view_narrow(struct act_view *out, const void *acts, size_t n_tokens, size_t block, size_t t) {
  if (n_tokens == 1) {
    const struct act1 *act = (const struct act1 *)acts + block;
    for (int i = 0; i < BLOCK; i++) out->q[i] = act->q[i / 4][0][i % 4];
    out->d = act->d;
    out->ds = act->ds;
  } else {
    const struct act4 *act = (const struct act4 *)acts + block;
    for (int i = 0; i < BLOCK; i++) out->q[i] = act->q[i / 4][t][0][i % 4];
    out->d = act->d[t];
    out->ds = act->ds[t];
  }
}

static void view_wide(struct act_view *out, const void *acts, size_t n_tokens, size_t block, size_t t) {
  out->ds = 0;
  if (n_tokens == 1) {
    const struct wide1 *act = (const struct wide1 *)acts + block;
    for (int i = 0; i < BLOCK; i++) out->q[i] = act->q[i / 4][i % 2][0][i % 4 / 2];
    out->d = act->d;
  } else {
    const struct wide4 *act = (const struct wide4 *)acts + block;
    for (int i = 0; i < BLOCK; i++) out->q[i] = act->q[i / 4][t][i % 2][i % 4 / 2];
    out->d = act->d[t];
  }
}

static float add_block(enum layout layout, float acc, const struct row_block *w, const struct act_view *x) {
  int32_t sum[2] = {0, 0}, act_sum[2] = {0, 0};
  for (int i = 0; i < BLOCK; i++) {
    sum[i / 16] += w->q[i] * x->q[i];
    act_sum[i / 16] += x->q[i];
  }
  if (layouts[layout].scales == SCALES_E5M3) {
    for (int h = 0; h < 2; h++) acc = acc + (float)sum[h] * (w->d[h] * x->d);
    return acc;
  }
  acc = acc + (float)(sum[0] * w->scale[0] + sum[1] * w->scale[1]) * (w->d[0] * x->d);
  switch (layouts[layout].scales) {
    case SCALES_DM: case SCALES_K: return acc + w->m * x->ds;
    case SCALES_Q2_K: return acc + (float)(act_sum[0] * w->min[0] + act_sum[1] * w->min[1]) * (w->m * x->d);
    default: return acc;
  }
}

/* n_tokens: 1 for a gemv, else a multiple of 4. */
static void multiply_quantised(enum layout layout, float *y, size_t y_stride, const void *w, const void *x, int k,
                               int n_groups, size_t n_tokens) {
  const size_t n_blocks = (size_t)(k / BLOCK);
  for (size_t row = 0; row < (size_t)n_groups * TILE_ROWS; row++) {
    const uint8_t *group = (const uint8_t *)w + row / TILE_ROWS * layout_group_bytes(layout, k);
    for (size_t t = 0; t < n_tokens; t++) y[t * y_stride + row] = 0;
    for (size_t b = 0; b < n_blocks; b++) {
      struct row_block block;
      layout_unpack_block(layout, &block, group, (int)(row % TILE_ROWS), (int)b);
      for (size_t t = 0; t < n_tokens; t++) {
        struct act_view view;
        const size_t at = t / TILE_TOKENS * n_blocks + b;
        if (layouts[layout].act == ACT_WIDE) view_wide(&view, x, n_tokens, at, t % TILE_TOKENS);
        else view_narrow(&view, x, n_tokens, at, t % TILE_TOKENS);
        y[t * y_stride + row] = add_block(layout, y[t * y_stride + row], &block, &view);
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

#define ANY(layout)                                                                                 \
  void gemv_##layout##_scalar(float *y, const void *w, const void *x, int k, int n_groups) {           \
    multiply_quantised(LAYOUT_##layout, y, 0, w, x, k, n_groups, 1);                                   \
  }                                                                                                    \
  void gemm_##layout##_scalar(float *y, int y_stride, const void *w, const void *x, int k,             \
                              int n_groups, int n_tiles, void *panel) {                                \
    (void)panel;                                                                                       \
    multiply_quantised(LAYOUT_##layout, y, (size_t)y_stride, w, x, k, n_groups, (size_t)n_tiles * TILE_TOKENS); \
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
#define SAME(layout, as)
#include "kernels.inc"
