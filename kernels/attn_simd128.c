/* attn_simd128.c: attention over one KV head. Lanes are positions in the scores and dimensions in the mix; a key or value
 * is loaded once for up to four queries of its group. */
#include "simd.h"

#define QUERIES 4 /* 8 accumulators and 2 loaded vectors stay in registers */
#define MOST_COLUMNS (MAX_HEAD_DIM > MIX_BLOCK ? MAX_HEAD_DIM : MIX_BLOCK)

/* The even and the odd columns of each lane, widened. */
struct widened { v128_t even[2], odd[2]; };
struct shared { struct widened columns[MOST_COLUMNS / 4]; };

#include "attn_int8.h"

/* Elements i to i + 3 of a cache of f32 or f16. */
INLINE v128_t load4(const struct constants *constants, bool f16, const void *p, size_t i) {
  return f16 ? load_f16x4(constants, (const uint16_t *)p + i) : wasm_v128_load((const float *)p + i);
}

/* sum += factor * v, eight lanes. */
INLINE void add_product(v128_t sum[2], const float *factor, v128_t v0, v128_t v1) {
  const v128_t splat = wasm_v128_load32_splat(factor);
  sum[0] = wasm_f32x4_add(sum[0], wasm_f32x4_mul(splat, v0));
  sum[1] = wasm_f32x4_add(sum[1], wasm_f32x4_mul(splat, v1));
}

/* n rows of a cache of f32 or f16 side by side; their scores lie a stride apart. */
INLINE void scores_of(bool f16, int n, float *out, int stride, const float *const q[QUERIES], const void *keys, int head_dim,
                      int p_begin, int p_end) {
  const struct constants constants = load_constants();
  for (int p = p_begin & ~7; p < p_end; p += 8) {
    v128_t sum[QUERIES][2];
    UNROLL
    for (int i = 0; i < n; i++) sum[i][0] = sum[i][1] = wasm_f32x4_splat(0);
    size_t at = (size_t)p * (size_t)head_dim;
    for (int d = 0; d < head_dim; d++, at += 8) {
      const v128_t k0 = load4(&constants, f16, keys, at), k1 = load4(&constants, f16, keys, at + 4);
      UNROLL
      for (int i = 0; i < n; i++) add_product(sum[i], q[i] + d, k0, k1);
    }
    UNROLL
    for (int i = 0; i < n; i++)
      for (int h = 0; h < 2; h++) wasm_v128_store(out + i * stride + p + 4 * h, sum[i][h]);
  }
}

/* Of eight positions at a time, eight dimensions are added up in turn, then added to out. */
INLINE void mix_of(bool f16, int n, float *const out[QUERIES], const float *scores, int stride, const void *values, int head_dim,
                   int p_begin, int p_end) {
  const struct constants constants = load_constants();
  for (int i = 0; i < n; i++)
    for (int d = 0; d < head_dim; d += 4) wasm_v128_store(out[i] + d, wasm_f32x4_splat(0));
  for (int p = p_begin & ~7; p < p_end; p += 8)
    for (int d = 0; d < head_dim; d += 8) {
      v128_t sum[QUERIES][2];
      UNROLL
      for (int i = 0; i < n; i++) sum[i][0] = sum[i][1] = wasm_f32x4_splat(0);
      for (int j = p; j < p + 8; j++) {
        const size_t at = (size_t)j * (size_t)head_dim + (size_t)d;
        const v128_t v0 = load4(&constants, f16, values, at), v1 = load4(&constants, f16, values, at + 4);
        UNROLL
        for (int i = 0; i < n; i++) add_product(sum[i], scores + i * stride + j, v0, v1);
      }
      UNROLL
      for (int i = 0; i < n; i++)
        for (int h = 0; h < 2; h++) {
          float *acc = out[i] + d + 4 * h;
          wasm_v128_store(acc, wasm_f32x4_add(wasm_v128_load(acc), sum[i][h]));
        }
    }
}

/* Passes of four rows, then one by one; row: where those of a pass lie. */
#define FLOAT_ATTN(type, f16)                                                                                 \
  void attn_scores_##type##_simd128(float *out, int stride, const float *q, struct attn_rows rows,            \
                                    const struct kv_head *kv, int head_dim, int p_begin, int p_end) {         \
    const int n_rows = rows.n_heads * rows.n_tokens;                                                          \
    const float *row[QUERIES];                                                                                \
    for (int r = 0, n; r < n_rows; r += n, out += n * stride) {                                               \
      n = n_rows - r < QUERIES ? 1 : QUERIES;                                                                 \
      for (int i = 0; i < n; i++) row[i] = q + attn_row_at(rows, r + i, head_dim);                            \
      if (n == 1) scores_of(f16, 1, out, stride, row, kv->keys, head_dim, p_begin, p_end);                    \
      else scores_of(f16, QUERIES, out, stride, row, kv->keys, head_dim, p_begin, p_end);                     \
    }                                                                                                         \
  }                                                                                                           \
  void attn_mix_##type##_simd128(float *out, const float *scores, int stride, struct attn_rows rows,          \
                                 const struct kv_head *kv, int head_dim, int p_begin, int p_end) {            \
    const int n_rows = rows.n_heads * rows.n_tokens;                                                          \
    float *row[QUERIES];                                                                                      \
    for (int r = 0, n; r < n_rows; r += n, scores += n * stride) {                                            \
      n = n_rows - r < QUERIES ? 1 : QUERIES;                                                                 \
      for (int i = 0; i < n; i++) row[i] = out + attn_row_at(rows, r + i, head_dim);                          \
      if (n == 1) mix_of(f16, 1, row, scores, stride, kv->values, head_dim, p_begin, p_end);                  \
      else mix_of(f16, QUERIES, row, scores, stride, kv->values, head_dim, p_begin, p_end);                   \
    }                                                                                                         \
  }
FLOAT_ATTN(f32, false)
FLOAT_ATTN(f16, true)

/* ---- int8: bytes are widened to 16 bits, as in matmul_simd128.c, and dot_i16x8 adds two columns of a lane. What many rows
 * share is widened once: a group of 8 keys, or 8 dimensions of a block of values. ---- */

INLINE struct widened load_bytes(const int8_t *p) {
  struct widened out;
  for (int h = 0; h < 2; h++) {
    const v128_t bytes = wasm_v128_load(p + 16 * h);
    out.even[h] = wasm_i16x8_shr(wasm_i16x8_shl(bytes, 8), 8);
    out.odd[h] = wasm_i16x8_shr(bytes, 8);
  }
  return out;
}

INLINE void share(struct shared *shared, enum factor_kind kind, int n_rows, const int8_t *bytes, size_t step, int n) {
  (void)kind;
  if (n_rows > QUERIES) for (int c = 0; c < n; c++) shared->columns[c] = load_bytes(bytes + (size_t)c * step);
}

/* Factors: the even columns, the odd ones. */
INLINE void store_factors(struct factors *out, enum factor_kind kind, v128_t first, v128_t second) {
  (void)kind;
  const v128_t low = wasm_i32x4_shuffle(first, second, 0, 1, 4, 5), high = wasm_i32x4_shuffle(first, second, 2, 3, 6, 7);
  const v128_t pairs = wasm_v128_or(wasm_v128_and(low, wasm_i32x4_splat(0xffff)), wasm_i32x4_shl(high, 16));
  out[0] = (struct factors){{wasm_i32x4_shuffle(pairs, pairs, 0, 0, 0, 0), wasm_i32x4_shuffle(pairs, pairs, 1, 1, 1, 1)}};
  out[QUERIES] = (struct factors){{wasm_i32x4_shuffle(pairs, pairs, 2, 2, 2, 2), wasm_i32x4_shuffle(pairs, pairs, 3, 3, 3, 3)}};
}

INLINE void dot_add(v128_t sum[2], const struct widened *w, const struct factors *x) {
  for (int h = 0; h < 2; h++) sum[h] = wasm_i32x4_add(sum[h], wasm_i32x4_dot_i16x8(w->even[h], x->v[0]));
  for (int h = 0; h < 2; h++) sum[h] = wasm_i32x4_add(sum[h], wasm_i32x4_dot_i16x8(w->odd[h], x->v[1]));
  PIN(sum[0]);
  PIN(sum[1]);
}

INLINE void dot_rows(enum factor_kind kind, int n_rows, v128_t sum[QUERIES][2], const struct shared *shared, bool is_only,
                     const int8_t *bytes, size_t step, const struct factors *factors, int n) {
  (void)kind;
  for (int i = 0; i < n_rows; i++) sum[i][0] = sum[i][1] = wasm_i32x4_splat(0);
  for (int c = 0; c < n; c += 2, factors += 2 * QUERIES) {
    UNROLL
    for (int j = 0; j < 2; j++, bytes += step) {
      const struct widened w = is_only ? load_bytes(bytes) : shared->columns[c + j];
      for (int i = 0; i < n_rows; i++) dot_add(sum[i], &w, &factors[j * QUERIES + i]);
    }
  }
}

SCORES_INT8(simd128)
MIX_INT8(simd128)
