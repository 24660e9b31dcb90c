/* attn_scalar.c: the specification of attention over one KV head, in plain loops (formulas: kernels.h). */
#include "ops.h"

static float value_f32(const void *p, size_t i) { return ((const float *)p)[i]; }
static float value_f16(const void *p, size_t i) { return f16_to_f32(((const uint16_t *)p)[i]); }

static void scores(float (*value)(const void *, size_t), float *out, int stride, const float *q, struct attn_rows rows,
                   const void *keys, int head_dim, int p_begin, int p_end) {
  p_begin &= ~7;
  p_end = (p_end + 7) & ~7;
  for (int r = 0; r < rows.n_heads * rows.n_tokens; r++)
    for (int p = p_begin; p < p_end; p++) {
      const float *query = q + attn_row_at(rows, r, head_dim);
      float sum = 0;
      for (int d = 0; d < head_dim; d++)
        sum = sum + query[d] * value(keys, (size_t)(p & ~7) * (size_t)head_dim + (size_t)(d * 8 + (p & 7)));
      out[r * stride + p] = sum;
    }
}

static void mix(float (*value)(const void *, size_t), float *out, const float *scores, int stride, struct attn_rows rows,
                const void *values, int head_dim, int p_begin, int p_end) {
  for (int r = 0; r < rows.n_heads * rows.n_tokens; r++)
    for (int d = 0; d < head_dim; d++) {
      float acc = 0;
      for (int from = p_begin & ~7; from < p_end; from += 8) {
        float sum = 0;
        for (int p = from; p < from + 8; p++)
          sum = sum + scores[r * stride + p] * value(values, (size_t)p * (size_t)head_dim + (size_t)d);
        acc = acc + sum;
      }
      out[attn_row_at(rows, r, head_dim) + (size_t)d] = acc;
    }
}

#define ATTN(type)                                                                                              \
  void attn_scores_##type##_scalar(float *out, int stride, const float *q, struct attn_rows rows,               \
                                   const struct kv_head *kv, int head_dim, int p_begin, int p_end) {            \
    scores(value_##type, out, stride, q, rows, kv->keys, head_dim, p_begin, p_end);                             \
  }                                                                                                             \
  void attn_mix_##type##_scalar(float *out, const float *scores, int stride, struct attn_rows rows,             \
                                const struct kv_head *kv, int head_dim, int p_begin, int p_end) {               \
    mix(value_##type, out, scores, stride, rows, kv->values, head_dim, p_begin, p_end);                         \
  }
ATTN(f32)
ATTN(f16)

/* ---- int8 ---- */

static int key_at(const struct kv_head *kv, int head_dim, int p, int d) {
  return ((const int8_t *)kv->keys)[(size_t)(p & ~7) * (size_t)head_dim + (size_t)((d & ~3) * 8 + (p & 7) * 4 + (d & 3))];
}
static int value_at(const struct kv_head *kv, int head_dim, int p, int d) {
  return ((const int8_t *)kv->values)[(size_t)(p & ~3) * (size_t)head_dim + (size_t)(d * 4 + (p & 3))];
}

void attn_scores_int8_scalar(float *out, int stride, const float *q, struct attn_rows rows, const struct kv_head *kv,
                             int head_dim, int p_begin, int p_end) {
  for (int r = 0; r < rows.n_heads * rows.n_tokens; r++, out += stride) {
    int32_t query[MAX_HEAD_DIM];
    const float scale = vec_quantise(query, q + attn_row_at(rows, r, head_dim), head_dim, QUERY_LIMIT);
    for (int p = p_begin & ~7; p < ((p_end + 7) & ~7); p++) {
      int32_t sum = 0;
      for (int d = 0; d < head_dim; d++) sum += query[d] * key_at(kv, head_dim, p, d);
      out[p] = (float)sum * (scale * kv->key_scales[p]);
    }
  }
}

void attn_mix_int8_scalar(float *out, const float *scores, int stride, struct attn_rows rows, const struct kv_head *kv,
                          int head_dim, int p_begin, int p_end) {
  for (int r = 0; r < rows.n_heads * rows.n_tokens; r++, scores += stride) {
    float *row = out + attn_row_at(rows, r, head_dim);
    for (int d = 0; d < head_dim; d++) row[d] = 0;
    for (int block = p_begin / MIX_BLOCK * MIX_BLOCK; block < p_end; block += MIX_BLOCK) {
      const int from = block < p_begin ? p_begin : block, to = block + MIX_BLOCK < p_end ? block + MIX_BLOCK : p_end;
      float weights[MIX_BLOCK] = {0};
      int32_t quants[MIX_BLOCK];
      for (int p = from; p < to; p++) weights[p - from] = scores[p] * kv->value_scales[p];
      const float scale = vec_quantise(quants, weights, MIX_BLOCK, MIX_LIMIT);
      for (int d = 0; d < head_dim; d++) {
        int32_t sum = 0;
        for (int p = from; p < to; p++) sum += quants[p - from] * value_at(kv, head_dim, p, d);
        row[d] = row[d] + (float)sum * scale;
      }
    }
  }
}
