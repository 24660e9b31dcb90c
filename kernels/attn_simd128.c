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

/* Row by row of a float cache: passes of four heads, then one by one. */
#define FLOAT_ATTN(type, f16)                                                                                    \
  void attn_scores_##type##_simd128(float *out, int stride, const float *q, struct attn_rows rows,               \
                                    const struct kv_head *kv, int head_dim, int p_begin, int p_end) {            \
    for (int t = 0; t < rows.n_tokens; t++, q += rows.stride, out += rows.n_heads * stride) {                    \
      int i = 0;                                                                                                 \
      for (; i + QUERIES <= rows.n_heads; i += QUERIES)                                                          \
        scores_of(f16, QUERIES, out + i * stride, stride, q + i * head_dim, kv->keys, head_dim, p_begin, p_end); \
      for (; i < rows.n_heads; i++)                                                                              \
        scores_of(f16, 1, out + i * stride, stride, q + i * head_dim, kv->keys, head_dim, p_begin, p_end);       \
    }                                                                                                            \
  }                                                                                                              \
  void attn_mix_##type##_simd128(float *out, const float *scores, int stride, struct attn_rows rows,             \
                                 const struct kv_head *kv, int head_dim, int p_begin, int p_end) {               \
    for (int t = 0; t < rows.n_tokens; t++, out += rows.stride, scores += rows.n_heads * stride) {               \
      int i = 0;                                                                                                 \
      for (; i + QUERIES <= rows.n_heads; i += QUERIES)                                                          \
        mix_of(f16, QUERIES, out + i * head_dim, scores + i * stride, stride, kv->values, head_dim, p_begin, p_end); \
      for (; i < rows.n_heads; i++)                                                                              \
        mix_of(f16, 1, out + i * head_dim, scores + i * stride, stride, kv->values, head_dim, p_begin, p_end);   \
    }                                                                                                            \
  }
FLOAT_ATTN(f32, false)
FLOAT_ATTN(f16, true)

/* ---- int8: bytes are widened to 16 bits, as in matmul_simd128.c, and dot_i16x8 adds two columns of a lane. What many rows
 * share is widened once: a group of 8 keys, or 8 dimensions of a block of values. Where scores speak of columns, of a key,
 * the mix has positions. ---- */

#define KEYS_AHEAD 32 /* positions */
#define MOST_ROWS 16 /* rows that share what was widened; fewer of more than 256 dimensions */

/* 32 bytes of four columns of 8 positions, as the even and the odd columns of their lanes. */
struct widened { v128_t even[2], odd[2]; };

/* Four columns of a row of 16-bit queries or weights, the even ones and the odd ones in every lane. They lie in panels
 * (rows / QUERIES, n, QUERIES) of n times four columns. */
struct factors { v128_t even, odd; };

INLINE struct factors *factors_of(struct factors *panels, int row, int n) {
  return panels + row / QUERIES * QUERIES * n + row % QUERIES;
}

INLINE struct widened load_bytes(const int8_t *p) {
  struct widened out;
  for (int h = 0; h < 2; h++) {
    const v128_t bytes = wasm_v128_load(p + 16 * h);
    out.even[h] = wasm_i16x8_shr(wasm_i16x8_shl(bytes, 8), 8);
    out.odd[h] = wasm_i16x8_shr(bytes, 8);
  }
  return out;
}

INLINE void dot_add(v128_t sum[2], const struct widened *w, const struct factors *x) {
  for (int h = 0; h < 2; h++) sum[h] = wasm_i32x4_add(sum[h], wasm_i32x4_dot_i16x8(w->even[h], x->even));
  for (int h = 0; h < 2; h++) sum[h] = wasm_i32x4_add(sum[h], wasm_i32x4_dot_i16x8(w->odd[h], x->odd));
  PIN(sum[0]);
  PIN(sum[1]);
}

/* n times four columns, an even number: of what was widened or, where that is NULL, of what lies at `bytes` and every
 * `step` bytes on. */
INLINE void dot_rows(int n_rows, v128_t sum[QUERIES][2], const struct widened *widened, const int8_t *bytes, size_t step,
                     const struct factors *factors, int n) {
  for (int i = 0; i < n_rows; i++) sum[i][0] = sum[i][1] = wasm_i32x4_splat(0);
  for (int c = 0; c < n; c += 2, factors += 2 * QUERIES) {
    UNROLL
    for (int j = 0; j < 2; j++, bytes += step) {
      const struct widened w = widened ? widened[c + j] : load_bytes(bytes);
      for (int i = 0; i < n_rows; i++) dot_add(sum[i], &w, &factors[j * QUERIES + i]);
    }
  }
}

/* Eight integers of 16 bits, in the low halves of 32-bit lanes, as the factors of two times four columns of a row. */
INLINE void store_factors(struct factors *out, v128_t first, v128_t second) {
  const v128_t low = wasm_i32x4_shuffle(first, second, 0, 1, 4, 5), high = wasm_i32x4_shuffle(first, second, 2, 3, 6, 7);
  const v128_t pairs = wasm_v128_or(wasm_v128_and(low, wasm_i32x4_splat(0xffff)), wasm_i32x4_shl(high, 16));
  out[0] = (struct factors){wasm_i32x4_shuffle(pairs, pairs, 0, 0, 0, 0), wasm_i32x4_shuffle(pairs, pairs, 1, 1, 1, 1)};
  out[QUERIES] = (struct factors){wasm_i32x4_shuffle(pairs, pairs, 2, 2, 2, 2), wasm_i32x4_shuffle(pairs, pairs, 3, 3, 3, 3)};
}

/* Calls PASS(n, i, widened) for rows i to i + n - 1, n a constant: by four, of what was widened, then what is left. */
#define IN_PASSES(n_rows, widened, PASS)                                              \
  int i = 0;                                                                          \
  if (n_rows > QUERIES) for (; i + QUERIES <= n_rows; i += QUERIES) PASS(4, widened)  \
  switch (n_rows - i) {                                                               \
    case 4: PASS(4, NULL) break;                                                      \
    case 3: PASS(3, NULL) break;                                                      \
    case 2: PASS(2, NULL) break;                                                      \
    case 1: PASS(1, NULL) break;                                                      \
    default: break;                                                                   \
  }

/* A query as 16 bits. Returns its scale. */
static float quantise_query(struct factors *out, const float *x, int head_dim) {
  int32_t q[MAX_HEAD_DIM];
  const float scale = vec_quantise(q, x, head_dim, attn_query_limit(head_dim));
  for (int d = 0; d < head_dim; d += 8) store_factors(out + d / 4 * QUERIES, wasm_v128_load(q + d), wasm_v128_load(q + d + 4));
  return scale;
}

INLINE void scores_of_rows(int n_rows, float *out, int stride, const struct factors *queries, const float *query_scales,
                           const float *key_scales, const int8_t *keys, const struct widened *widened, int head_dim) {
  v128_t sum[QUERIES][2];
  dot_rows(n_rows, sum, widened, keys, 32, queries, head_dim / 4);
  for (int i = 0; i < n_rows; i++)
    for (int h = 0; h < 2; h++) {
      const v128_t scale = wasm_f32x4_mul(wasm_f32x4_splat(query_scales[i]), wasm_v128_load(key_scales + 4 * h));
      wasm_v128_store(out + i * stride + 4 * h, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum[i][h]), scale));
    }
}

static void scores_int8(float *out, int stride, const struct factors *queries, const float *query_scales, int n_rows,
                        const struct kv_head *kv, int head_dim, int p_begin, int p_end) {
  struct widened widened[MAX_HEAD_DIM / 4];
  for (int p = p_begin & ~7; p < p_end; p += 8) {
    const int8_t *keys = (const int8_t *)kv->keys + (size_t)p * (size_t)head_dim;
    if (p + KEYS_AHEAD < p_end) touch(keys + KEYS_AHEAD * head_dim, 8 * head_dim);
    if (n_rows > QUERIES) for (int c = 0; c < head_dim / 4; c++) widened[c] = load_bytes(keys + 32 * c);
#define PASS(n, widened) \
  scores_of_rows(n, out + i * stride + p, stride, queries + i * (head_dim / 4), query_scales + i, kv->key_scales + p, keys, widened, \
                 head_dim);
    IN_PASSES(n_rows, widened, PASS)
#undef PASS
  }
}

void attn_scores_int8_simd128(float *out, int stride, const float *q, struct attn_rows rows, const struct kv_head *kv,
                              int head_dim, int p_begin, int p_end) {
  struct factors queries[MAX_HEAD_DIM / 4 * QUERIES];
  float scales[MOST_ROWS];
  const int most = head_dim <= MAX_HEAD_DIM * QUERIES / MOST_ROWS ? MOST_ROWS : QUERIES;
  for (int first = 0, n_rows = rows.n_heads * rows.n_tokens; first < n_rows; first += most) {
    const int n = n_rows - first < most ? n_rows - first : most;
    for (int i = 0; i < n; i++)
      scales[i] = quantise_query(factors_of(queries, i, head_dim / 4), q + attn_row_at(rows, first + i, head_dim), head_dim);
    scores_int8(out + first * stride, stride, queries, scales, n, kv, head_dim, p_begin, p_end);
  }
}

/* scores * value_scales as 16 bits, to the nearest even as vec_quantise does it: what is 0 to 32,767 stands in the low bits
 * once 2^23 is added. n is a multiple of 8. Returns the scale. */
static float quantise_weights(struct factors *out, const float *scores, const float *value_scales, int n) {
  v128_t weights[MIX_BLOCK / 4], most = wasm_f32x4_splat(0);
  for (int i = 0; i < n / 4; i++) {
    weights[i] = wasm_f32x4_mul(wasm_v128_load(scores + 4 * i), wasm_v128_load(value_scales + 4 * i));
    most = wasm_f32x4_pmax(most, weights[i]);
  }
  most = wasm_f32x4_pmax(most, wasm_i32x4_shuffle(most, most, 2, 3, 0, 1));
  most = wasm_f32x4_pmax(most, wasm_i32x4_shuffle(most, most, 1, 0, 3, 2));
  const float max = wasm_f32x4_extract_lane(most, 0);
  const bool is_zero = max < ACT_TINY;
  const v128_t inverse = wasm_f32x4_splat(is_zero ? 0 : 32767 / max), rounder = wasm_f32x4_splat(0x1p23f);
  for (int i = 0; i < n / 4; i += 2)
    store_factors(out + i * QUERIES, wasm_f32x4_add(wasm_f32x4_mul(weights[i], inverse), rounder),
                  wasm_f32x4_add(wasm_f32x4_mul(weights[i + 1], inverse), rounder));
  return is_zero ? 0 : max * (1 / 32767.0f);
}

INLINE void mix_rows(int n_rows, float *const *out, int d, const struct factors *weights, const float *weight_scales,
                     const int8_t *values, size_t step, const struct widened *widened, int n) {
  v128_t sum[QUERIES][2];
  dot_rows(n_rows, sum, widened, values, step, weights, n / 4);
  for (int i = 0; i < n_rows; i++)
    for (int h = 0; h < 2; h++) {
      float *acc = out[i] + d + 4 * h;
      const v128_t part = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum[i][h]), wasm_f32x4_splat(weight_scales[i]));
      wasm_v128_store(acc, wasm_f32x4_add(wasm_v128_load(acc), part));
    }
}

/* The positions [from, from + n) of one MIX_BLOCK; both are multiples of 8. */
static void mix_int8_block(float *const *out, const struct factors *weights, const float *weight_scales, int n_rows,
                           const struct kv_head *kv, int head_dim, int from, int n) {
  struct widened widened[MIX_BLOCK / 4];
  const size_t step = 4 * (size_t)head_dim;
  for (int d = 0; d < head_dim; d += 8) {
    const int8_t *values = (const int8_t *)kv->values + (size_t)from * (size_t)head_dim + 4 * d;
    if (n_rows > QUERIES) for (int c = 0; c < n / 4; c++) widened[c] = load_bytes(values + (size_t)c * step);
#define PASS(n_now, widened) \
  mix_rows(n_now, out + i, d, weights + i * (n / 4), weight_scales + i, values, step, widened, n);
    IN_PASSES(n_rows, widened, PASS)
#undef PASS
  }
}

void attn_mix_int8_simd128(float *out, const float *scores, int stride, struct attn_rows rows, const struct kv_head *kv,
                           int head_dim, int p_begin, int p_end) {
  struct factors weights[MIX_BLOCK / 4 * MOST_ROWS];
  float scales[MOST_ROWS], *places[MOST_ROWS];
  const int end = (p_end + 7) & ~7; /* a row has weights of 0 where it sees nothing */
  for (int first = 0, n_rows = rows.n_heads * rows.n_tokens; first < n_rows; first += MOST_ROWS) {
    const int n = n_rows - first < MOST_ROWS ? n_rows - first : MOST_ROWS;
    for (int i = 0; i < n; i++) {
      places[i] = out + attn_row_at(rows, first + i, head_dim);
      for (int d = 0; d < head_dim; d++) places[i][d] = 0;
    }
    for (int from = p_begin & ~7, to; from < end; from = to) {
      to = from / MIX_BLOCK * MIX_BLOCK + MIX_BLOCK < end ? from / MIX_BLOCK * MIX_BLOCK + MIX_BLOCK : end;
      touch((const int8_t *)kv->values + (size_t)to * (size_t)head_dim, (end - to < MIX_BLOCK ? end - to : MIX_BLOCK) * head_dim);
      for (int i = 0; i < n; i++)
        scales[i] = quantise_weights(factors_of(weights, i, (to - from) / 4), scores + (first + i) * stride + from,
                                     kv->value_scales + from, to - from);
      mix_int8_block(places, weights, scales, n, kv, head_dim, from, to - from);
    }
  }
}
