/* attn_simd128.c: attention over one KV head. Lanes are positions in the scores and dimensions in the mix; a key or value
 * is loaded once for up to four queries of its group. */
#include "ops.h"
#include "simd.h"

#define QUERIES 4 /* queries a pass: 8 accumulators and 2 loaded vectors stay in registers */

/* Elements i to i + 3 of a cache of f32 or f16. */
INLINE v128_t load4(bool f16, const void *p, size_t i) {
  return f16 ? load_f16x4((const uint16_t *)p + i) : wasm_v128_load((const float *)p + i);
}

INLINE void scores_of_group(bool f16, int n_q, float *out, int stride, const float *q, const void *keys, size_t at,
                            int head_dim) {
  v128_t sum[QUERIES][2];
  for (int i = 0; i < n_q; i++) sum[i][0] = sum[i][1] = wasm_f32x4_splat(0);
  for (int d = 0; d < head_dim; d++, at += 8) {
    const v128_t k0 = load4(f16, keys, at), k1 = load4(f16, keys, at + 4);
    for (int i = 0; i < n_q; i++) {
      const v128_t splat = wasm_v128_load32_splat(q + i * head_dim + d);
      sum[i][0] = wasm_f32x4_add(sum[i][0], wasm_f32x4_mul(splat, k0));
      sum[i][1] = wasm_f32x4_add(sum[i][1], wasm_f32x4_mul(splat, k1));
    }
  }
  for (int i = 0; i < n_q; i++) {
    wasm_v128_store(out + i * stride, sum[i][0]);
    wasm_v128_store(out + i * stride + 4, sum[i][1]);
  }
}

INLINE void scores_of(bool f16, int n_q, float *out, int stride, const float *q, const void *keys, int head_dim,
                      int p_begin, int p_end) {
  for (int p = p_begin & ~7; p < p_end; p += 8)
    scores_of_group(f16, n_q, out + p, stride, q, keys, (size_t)p * (size_t)head_dim, head_dim);
}

/* The dimensions d to d + 3 of eight positions, added up in turn, then added to out. */
INLINE void mix_group(bool f16, int n_q, float *out, const float *scores, int stride, const void *values, size_t at,
                      int head_dim, int d) {
  v128_t sum[QUERIES];
  for (int i = 0; i < n_q; i++) sum[i] = wasm_f32x4_splat(0);
  for (int p = 0; p < 8; p++) {
    const v128_t v = load4(f16, values, at + (size_t)(p * head_dim + d));
    for (int i = 0; i < n_q; i++)
      sum[i] = wasm_f32x4_add(sum[i], wasm_f32x4_mul(wasm_v128_load32_splat(scores + i * stride + p), v));
  }
  for (int i = 0; i < n_q; i++) {
    float *acc = out + i * head_dim + d;
    wasm_v128_store(acc, wasm_f32x4_add(wasm_v128_load(acc), sum[i]));
  }
}

INLINE void mix_of(bool f16, int n_q, float *out, const float *scores, int stride, const void *values, int head_dim,
                   int p_begin, int p_end) {
  for (int i = 0; i < n_q * head_dim; i++) out[i] = 0;
  for (int p = p_begin & ~7; p < p_end; p += 8)
    for (int d = 0; d < head_dim; d += 4)
      mix_group(f16, n_q, out, scores + p, stride, values, (size_t)p * (size_t)head_dim, head_dim, d);
}

/* Passes of four queries, then the rest, each with its number as a constant. */
#define IN_PASSES(n_q, CALL)                                \
  int i = 0;                                                \
  for (; i + QUERIES <= n_q; i += QUERIES) CALL(QUERIES, i) \
  switch (n_q - i) {                                        \
    case 3: CALL(3, i) break;                               \
    case 2: CALL(2, i) break;                               \
    case 1: CALL(1, i) break;                               \
    default: break;                                         \
  }

#define ATTN(type)                                                                                                 \
  void attn_scores_##type##_simd128(float *out, int stride, const float *q, int n_q, const void *keys,             \
                                    int head_dim, int p_begin, int p_end) {                                        \
    IN_PASSES(n_q, SCORES_##type)                                                                                  \
  }                                                                                                                \
  void attn_mix_##type##_simd128(float *out, const float *scores, int stride, int n_q, const void *values,         \
                                 int head_dim, int p_begin, int p_end) {                                           \
    IN_PASSES(n_q, MIX_##type)                                                                                     \
  }
#define SCORES(f16, n, i) { scores_of(f16, n, out + i * stride, stride, q + i * head_dim, keys, head_dim, p_begin, p_end); }
#define MIX(f16, n, i) { mix_of(f16, n, out + i * head_dim, scores + i * stride, stride, values, head_dim, p_begin, p_end); }
#define SCORES_f32(n, i) SCORES(false, n, i)
#define SCORES_f16(n, i) SCORES(true, n, i)
#define MIX_f32(n, i) MIX(false, n, i)
#define MIX_f16(n, i) MIX(true, n, i)

ATTN(f32)
ATTN(f16)
