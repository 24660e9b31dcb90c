/* attn_int8.h: attention over an int8 cache, for one SIMD level. Queries of 14 bits, or weights of 7, are multiplied with bytes
 * of keys or values. Where scores speak of columns, of a key, the mix has positions. The including file defines QUERIES, the rows
 * of a pass, and struct shared before it is included; then how factors look and are multiplied, and SCORES_INT8(level) or
 * MIX_INT8(level) or both. */
#ifndef SOTTO_ATTN_INT8_H
#define SOTTO_ATTN_INT8_H

#include "ops.h"
#include "simd.h"

#define KEYS_AHEAD 32 /* positions */
#define VALUES_AHEAD 128
#define MOST_ROWS 16  /* that share what is made of the bytes once; QUERIES of more than MAX_HEAD_DIM / 4 dimensions */
#define PADDED_ROWS ((MOST_ROWS + QUERIES - 1) / QUERIES * QUERIES)

enum factor_kind { OF_QUERIES, OF_WEIGHTS }; /* the former have a sign */

/* Four columns of a row, in every lane: in one vector, or what is multiplied apart in two. They lie in panels
 * (rows / QUERIES, n, QUERIES) of n times four columns. */
struct factors { v128_t v[2]; };

/* What rows share of the bytes that they are multiplied with: `n` times 32 bytes, each `step` behind the one before, are four
 * columns of 8 lanes. */
INLINE void share(struct shared *shared, enum factor_kind kind, int n_rows, const int8_t *bytes, size_t step, int n);

/* Eight integers, in the low halves of 32-bit lanes whatever is above, as the factors of two times four columns. */
INLINE void store_factors(struct factors *out, enum factor_kind kind, v128_t first, v128_t second);

/* sum = bytes * factors of n_rows (1 to QUERIES) rows. n is even. is_only: there are no other rows. */
INLINE void dot_rows(enum factor_kind kind, int n_rows, v128_t sum[QUERIES][2], const struct shared *shared, bool is_only,
                     const int8_t *bytes, size_t step, const struct factors *factors, int n);

/* Eight weights as bytes, in the first vectors. */
INLINE void store_bytes(struct factors *out, v128_t first, v128_t second) {
  const v128_t bits7 = wasm_i32x4_splat(127);
  const v128_t shorts = wasm_i16x8_narrow_i32x4(wasm_v128_and(first, bits7), wasm_v128_and(second, bits7));
  const v128_t bytes = wasm_u8x16_narrow_i16x8(shorts, shorts);
  out[0].v[0] = wasm_i32x4_shuffle(bytes, bytes, 0, 0, 0, 0);
  out[QUERIES].v[0] = wasm_i32x4_shuffle(bytes, bytes, 1, 1, 1, 1);
}

INLINE struct factors *factors_of(struct factors *panels, int row, int n) {
  return panels + row / QUERIES * QUERIES * n + row % QUERIES;
}

/* Calls PASS(n, is_only) for rows i to i + n - 1, n and is_only constants. */
#define IN_PASSES(n_rows, PASS)                                                           \
  int i = 0;                                                                              \
  if (n_rows > QUERIES) for (; i + QUERIES <= n_rows; i += QUERIES) PASS(QUERIES, false)  \
  const int left = n_rows - i;                                                            \
  if (left == QUERIES) PASS(QUERIES, true)                                                \
  else if (QUERIES > 3 && left == 3) PASS(3, true)                                        \
  else if (left == 2) PASS(2, true)                                                       \
  else if (left == 1) PASS(1, true)

/* ---- scores ---- */

/* A query as integers. Returns its scale. */
INLINE float quantise_query(struct factors *out, const float *x, int head_dim) {
  int32_t q[MAX_HEAD_DIM];
  const float scale = vec_quantise(q, x, head_dim, QUERY_LIMIT);
  for (int d = 0; d < head_dim; d += 8)
    store_factors(out + d / 4 * QUERIES, OF_QUERIES, wasm_v128_load(q + d), wasm_v128_load(q + d + 4));
  return scale;
}

INLINE void scores_of_rows(int n_rows, float *out, int stride, const struct factors *queries, const float *query_scales,
                           const float *key_scales, const int8_t *keys, const struct shared *shared, bool is_only, int head_dim) {
  v128_t sum[QUERIES][2];
  dot_rows(OF_QUERIES, n_rows, sum, shared, is_only, keys, 32, queries, head_dim / 4);
  for (int i = 0; i < n_rows; i++)
    for (int h = 0; h < 2; h++) {
      const v128_t scale = wasm_f32x4_mul(wasm_f32x4_splat(query_scales[i]), wasm_v128_load(key_scales + 4 * h));
      wasm_v128_store(out + i * stride + 4 * h, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum[i][h]), scale));
    }
}

INLINE void scores_int8(float *out, int stride, const struct factors *queries, const float *query_scales, int n_rows,
                        const struct kv_head *kv, int head_dim, int p_begin, int p_end) {
  struct shared shared;
  for (int p = p_begin & ~7; p < p_end; p += 8) {
    const int8_t *keys = (const int8_t *)kv->keys + (size_t)p * (size_t)head_dim;
    if (kernels_load_ahead && p + KEYS_AHEAD < p_end) touch(keys + KEYS_AHEAD * head_dim, 8 * head_dim);
    share(&shared, OF_QUERIES, n_rows, keys, 32, head_dim / 4);
#define PASS(n, is_only)                                                                                                       \
  {                                                                                                                           \
    scores_of_rows(n, out + i * stride + p, stride, queries + i * (head_dim / 4), query_scales + i, kv->key_scales + p, keys, \
                   &shared, is_only, head_dim);                                                                                \
  }
    IN_PASSES(n_rows, PASS)
#undef PASS
  }
}

/* ---- mix ---- */

/* scores * value_scales as integers, to the nearest even as vec_quantise does it: what is 0 to MIX_LIMIT stands in the low bits
 * once 2^23 is added. n is a multiple of 8. Returns the scale. */
INLINE float quantise_weights(struct factors *out, const float *scores, const float *value_scales, int n) {
  v128_t weights[MIX_BLOCK / 4], most = wasm_f32x4_splat(0);
  for (int i = 0; i < n / 4; i++) {
    weights[i] = wasm_f32x4_mul(wasm_v128_load(scores + 4 * i), wasm_v128_load(value_scales + 4 * i));
    most = wasm_f32x4_pmax(most, weights[i]);
  }
  most = wasm_f32x4_pmax(most, wasm_i32x4_shuffle(most, most, 2, 3, 0, 1));
  most = wasm_f32x4_pmax(most, wasm_i32x4_shuffle(most, most, 1, 0, 3, 2));
  const float max = wasm_f32x4_extract_lane(most, 0);
  const bool is_zero = max < ACT_TINY;
  const v128_t inverse = wasm_f32x4_splat(is_zero ? 0 : MIX_LIMIT / max), rounder = wasm_f32x4_splat(0x1p23f);
  for (int i = 0; i < n / 4; i += 2)
    store_factors(out + i * QUERIES, OF_WEIGHTS, wasm_f32x4_add(wasm_f32x4_mul(weights[i], inverse), rounder),
                  wasm_f32x4_add(wasm_f32x4_mul(weights[i + 1], inverse), rounder));
  return is_zero ? 0 : max * (1.0f / MIX_LIMIT);
}

INLINE void mix_rows(int n_rows, float *const *out, int d, const struct factors *weights, const float *weight_scales,
                     const int8_t *values, size_t step, const struct shared *shared, bool is_only, int n) {
  v128_t sum[QUERIES][2];
  dot_rows(OF_WEIGHTS, n_rows, sum, shared, is_only, values, step, weights, n / 4);
  for (int i = 0; i < n_rows; i++)
    for (int h = 0; h < 2; h++) {
      float *acc = out[i] + d + 4 * h;
      const v128_t part = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum[i][h]), wasm_f32x4_splat(weight_scales[i]));
      wasm_v128_store(acc, wasm_f32x4_add(wasm_v128_load(acc), part));
    }
}

/* The positions [from, from + n) of one MIX_BLOCK; both are multiples of 8. */
INLINE void mix_block(float *const *out, const struct factors *weights, const float *weight_scales, int n_rows,
                      const struct kv_head *kv, int head_dim, int from, int n) {
  struct shared shared;
  const size_t step = 4 * (size_t)head_dim;
  for (int d = 0; d < head_dim; d += 8) {
    const int8_t *values = (const int8_t *)kv->values + (size_t)from * (size_t)head_dim + 4 * d;
    share(&shared, OF_WEIGHTS, n_rows, values, step, n / 4);
#define PASS(n_now, is_only) \
  { mix_rows(n_now, out + i, d, weights + i * (n / 4), weight_scales + i, values, step, &shared, is_only, n); }
    IN_PASSES(n_rows, PASS)
#undef PASS
  }
}

#define SCORES_INT8(level)                                                                                                      \
  void attn_scores_int8_##level(float *out, int stride, const float *q, struct attn_rows rows, const struct kv_head *kv,        \
                                int head_dim, int p_begin, int p_end) {                                                         \
    struct factors queries[MAX_HEAD_DIM / 4 * PADDED_ROWS / 4];                                                                 \
    float scales[MOST_ROWS];                                                                                                    \
    const int most = head_dim <= MAX_HEAD_DIM / 4 ? MOST_ROWS : QUERIES;                                                        \
    for (int first = 0, n_rows = rows.n_heads * rows.n_tokens; first < n_rows; first += most) {                                 \
      const int n = n_rows - first < most ? n_rows - first : most;                                                              \
      for (int i = 0; i < n; i++)                                                                                               \
        scales[i] = quantise_query(factors_of(queries, i, head_dim / 4), q + attn_row_at(rows, first + i, head_dim), head_dim); \
      scores_int8(out + first * stride, stride, queries, scales, n, kv, head_dim, p_begin, p_end);                              \
    }                                                                                                                           \
  }

#define MIX_INT8(level)                                                                                                         \
  void attn_mix_int8_##level(float *out, const float *scores, int stride, struct attn_rows rows, const struct kv_head *kv,      \
                             int head_dim, int p_begin, int p_end) {                                                            \
    struct factors weights[MIX_BLOCK / 4 * PADDED_ROWS];                                                                        \
    float scales[MOST_ROWS], *places[MOST_ROWS];                                                                                \
    const int end = (p_end + 7) & ~7; /* a row has weights of 0 where it sees nothing */                                        \
    for (int first = 0, n_rows = rows.n_heads * rows.n_tokens; first < n_rows; first += MOST_ROWS) {                            \
      const int n = n_rows - first < MOST_ROWS ? n_rows - first : MOST_ROWS;                                                    \
      for (int i = 0; i < n; i++) {                                                                                             \
        places[i] = out + attn_row_at(rows, first + i, head_dim);                                                               \
        for (int d = 0; d < head_dim; d++) places[i][d] = 0;                                                                    \
      }                                                                                                                         \
      for (int from = p_begin & ~7, to; from < end; from = to) {                                                                \
        to = from / MIX_BLOCK * MIX_BLOCK + MIX_BLOCK < end ? from / MIX_BLOCK * MIX_BLOCK + MIX_BLOCK : end;                   \
        const int ahead = from + VALUES_AHEAD, n_ahead = end - ahead < MIX_BLOCK ? end - ahead : MIX_BLOCK;                     \
        if (kernels_load_ahead && n_ahead > 0)                                                                                  \
          touch((const int8_t *)kv->values + (size_t)ahead * (size_t)head_dim, n_ahead * head_dim);                             \
        for (int i = 0; i < n; i++)                                                                                             \
          scales[i] = quantise_weights(factors_of(weights, i, (to - from) / 4), scores + (first + i) * stride + from,           \
                                       kv->value_scales + from, to - from);                                                     \
        mix_block(places, weights, scales, n, kv, head_dim, from, to - from);                                                   \
      }                                                                                                                         \
    }                                                                                                                           \
  }

#endif
