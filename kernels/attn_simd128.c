/* attn_simd128.c: attention over one KV head. Lanes are positions in the scores and dimensions in the mix; a key or value
 * is loaded once for up to four queries of its group. */
#include "ops.h"
#include "simd.h"

#define QUERIES 4 /* queries a pass: 8 accumulators and 2 loaded vectors stay in registers */

/* Elements i to i + 3 of a cache of f32 or f16. */
INLINE v128_t load4(const struct constants *constants, bool f16, const void *p, size_t i) {
  return f16 ? load_f16x4(constants, (const uint16_t *)p + i) : wasm_v128_load((const float *)p + i);
}

INLINE void scores_of_group(const struct constants *constants, bool f16, int n_q, float *out, int stride, const float *q, const void *keys, size_t at,
                            int head_dim) {
  v128_t sum[QUERIES][2];
  for (int i = 0; i < n_q; i++) sum[i][0] = sum[i][1] = wasm_f32x4_splat(0);
  for (int d = 0; d < head_dim; d++, at += 8) {
    const v128_t k0 = load4(constants, f16, keys, at), k1 = load4(constants, f16, keys, at + 4);
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
  const struct constants constants = load_constants();
  for (int p = p_begin & ~7; p < p_end; p += 8)
    scores_of_group(&constants, f16, n_q, out + p, stride, q, keys, (size_t)p * (size_t)head_dim, head_dim);
}

/* The dimensions d to d + 3 of eight positions, added up in turn, then added to out. */
INLINE void mix_group(const struct constants *constants, bool f16, int n_q, float *out, const float *scores, int stride, const void *values, size_t at,
                      int head_dim, int d) {
  v128_t sum[QUERIES];
  for (int i = 0; i < n_q; i++) sum[i] = wasm_f32x4_splat(0);
  for (int p = 0; p < 8; p++) {
    const v128_t v = load4(constants, f16, values, at + (size_t)(p * head_dim + d));
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
  const struct constants constants = load_constants();
  for (int i = 0; i < n_q * head_dim; i++) out[i] = 0;
  for (int p = p_begin & ~7; p < p_end; p += 8)
    for (int d = 0; d < head_dim; d += 4)
      mix_group(&constants, f16, n_q, out, scores + p, stride, values, (size_t)p * (size_t)head_dim, head_dim, d);
}

/* Passes of four queries, then the rest, each with its number as a constant: at once for int8, which is what most run
 * with, one by one for the others. */
#define IN_PASSES(n_q, REST, CALL)                          \
  int i = 0;                                                \
  for (; i + QUERIES <= n_q; i += QUERIES) CALL(QUERIES, i) \
  REST(n_q, CALL)
#define AT_ONCE(n_q, CALL)    \
  switch (n_q - i) {          \
    case 3: CALL(3, i) break; \
    case 2: CALL(2, i) break; \
    case 1: CALL(1, i) break; \
    default: break;           \
  }
#define ONE_BY_ONE(n_q, CALL) for (; i < n_q; i++) CALL(1, i)

#define ATTN(type, REST)                                                                                           \
  void attn_scores_##type##_simd128(float *out, int stride, const float *q, int n_q, const struct kv_head *kv,     \
                                    int head_dim, int p_begin, int p_end) {                                        \
    IN_PASSES(n_q, REST, SCORES_##type)                                                                            \
  }                                                                                                                \
  void attn_mix_##type##_simd128(float *out, const float *scores, int stride, int n_q, const struct kv_head *kv,   \
                                 int head_dim, int p_begin, int p_end) {                                           \
    IN_PASSES(n_q, REST, MIX_##type)                                                                               \
  }
#define SCORES(f16, n, i) { scores_of(f16, n, out + i * stride, stride, q + i * head_dim, kv->keys, head_dim, p_begin, p_end); }
#define MIX(f16, n, i) { mix_of(f16, n, out + i * head_dim, scores + i * stride, stride, kv->values, head_dim, p_begin, p_end); }
#define SCORES_f32(n, i) SCORES(false, n, i)
#define SCORES_f16(n, i) SCORES(true, n, i)
#define MIX_f32(n, i) MIX(false, n, i)
#define MIX_f16(n, i) MIX(true, n, i)

/* ---- int8: bytes are widened to 16 bits, as in matmul_simd128.c, and dot_i16x8 adds two columns of a lane ---- */

/* 16 bytes as the even and the odd columns, or positions, of their 32-bit lanes. */
struct widened { v128_t even, odd; };

INLINE struct widened load_bytes(const int8_t *p) {
  const v128_t bytes = wasm_v128_load(p);
  return (struct widened){wasm_i16x8_shr(wasm_i16x8_shl(bytes, 8), 8), wasm_i16x8_shr(bytes, 8)};
}

INLINE v128_t dot_add(v128_t sum, struct widened bytes, v128_t even, v128_t odd) {
  sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(bytes.even, even));
  return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(bytes.odd, odd));
}

/* Quantises n floats, a multiple of 4, to 16 bits in the order 0 2 1 3 of each four. */
static float quantise16(int16_t *out, const float *x, int n, float limit) {
  int32_t q[MAX_HEAD_DIM];
  const float scale = vec_quantise(q, x, n, limit);
  for (int i = 0; i < n; i += 4) {
    const v128_t four = wasm_v128_load(q + i), shorts = wasm_i16x8_narrow_i32x4(four, four);
    wasm_v128_store64_lane(out + i, wasm_i16x8_shuffle(shorts, shorts, 0, 2, 1, 3, 0, 2, 1, 3), 0);
  }
  return scale;
}

INLINE void scores_int8_of(int n_q, float *out, int stride, const float *q, const struct kv_head *kv, int head_dim,
                           int p_begin, int p_end) {
  int16_t query[QUERIES][MAX_HEAD_DIM];
  float scales[QUERIES];
  for (int i = 0; i < n_q; i++) scales[i] = quantise16(query[i], q + i * head_dim, head_dim, attn_query_limit(head_dim));
  for (int p = p_begin & ~7; p < p_end; p += 8) {
    const int8_t *keys = (const int8_t *)kv->keys + (size_t)p * (size_t)head_dim;
    v128_t sum[QUERIES][2];
    for (int i = 0; i < n_q; i++) sum[i][0] = sum[i][1] = wasm_i32x4_splat(0);
    for (int d = 0; d < head_dim; d += 4, keys += 32) {
      const struct widened k0 = load_bytes(keys), k1 = load_bytes(keys + 16);
      for (int i = 0; i < n_q; i++) {
        const v128_t even = wasm_v128_load32_splat(query[i] + d), odd = wasm_v128_load32_splat(query[i] + d + 2);
        sum[i][0] = dot_add(sum[i][0], k0, even, odd);
        sum[i][1] = dot_add(sum[i][1], k1, even, odd);
        PIN(sum[i][0]);
        PIN(sum[i][1]);
      }
    }
    for (int i = 0; i < n_q; i++)
      for (int h = 0; h < 2; h++) {
        const v128_t scale = wasm_f32x4_mul(wasm_f32x4_splat(scales[i]), wasm_v128_load(kv->key_scales + p + 4 * h));
        wasm_v128_store(out + i * stride + p + 4 * h, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum[i][h]), scale));
      }
  }
}

/* Positions from `from`, a multiple of 4, on: n of them, all in one MIX_BLOCK. */
INLINE void mix_int8_block(int n_q, float *out, const float *scores, int stride, const struct kv_head *kv, int head_dim,
                           int from, int n) {
  int16_t weights[QUERIES][MIX_BLOCK];
  v128_t scales[QUERIES];
  for (int i = 0; i < n_q; i++) {
    float weight[MIX_BLOCK];
    for (int p = 0; p < n; p++) weight[p] = scores[i * stride + from + p] * kv->value_scales[from + p];
    for (int p = n; p % 4; p++) weight[p] = 0;
    scales[i] = wasm_f32x4_splat(quantise16(weights[i], weight, (n + 3) & ~3, 32767));
  }
  for (int d = 0; d < head_dim; d += 8) {
    const int8_t *values = (const int8_t *)kv->values + (size_t)from * (size_t)head_dim + 4 * d;
    v128_t sum[QUERIES][2];
    for (int i = 0; i < n_q; i++) sum[i][0] = sum[i][1] = wasm_i32x4_splat(0);
    for (int p = 0; p < n; p += 4, values += 4 * head_dim) {
      const struct widened v0 = load_bytes(values), v1 = load_bytes(values + 16);
      for (int i = 0; i < n_q; i++) {
        const v128_t even = wasm_v128_load32_splat(weights[i] + p), odd = wasm_v128_load32_splat(weights[i] + p + 2);
        sum[i][0] = dot_add(sum[i][0], v0, even, odd);
        sum[i][1] = dot_add(sum[i][1], v1, even, odd);
        PIN(sum[i][0]);
        PIN(sum[i][1]);
      }
    }
    for (int i = 0; i < n_q; i++)
      for (int h = 0; h < 2; h++) {
        float *acc = out + i * head_dim + d + 4 * h;
        const v128_t part = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum[i][h]), scales[i]);
        wasm_v128_store(acc, wasm_f32x4_add(wasm_v128_load(acc), part));
      }
  }
}

INLINE void mix_int8_of(int n_q, float *out, const float *scores, int stride, const struct kv_head *kv, int head_dim,
                        int p_begin, int p_end) {
  for (int i = 0; i < n_q * head_dim; i++) out[i] = 0;
  for (int from = p_begin & ~3, to; from < p_end; from = to) { /* what is before p_begin has weight 0 (vec_softmax) */
    to = from / MIX_BLOCK * MIX_BLOCK + MIX_BLOCK;
    if (to > p_end) to = p_end;
    mix_int8_block(n_q, out, scores, stride, kv, head_dim, from, to - from);
  }
}

#define SCORES_int8(n, i) { scores_int8_of(n, out + i * stride, stride, q + i * head_dim, kv, head_dim, p_begin, p_end); }
#define MIX_int8(n, i) { mix_int8_of(n, out + i * head_dim, scores + i * stride, stride, kv, head_dim, p_begin, p_end); }

ATTN(f32, ONE_BY_ONE)
ATTN(f16, ONE_BY_ONE)
ATTN(int8, AT_ONCE)
