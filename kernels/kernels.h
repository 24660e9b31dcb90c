/* kernels.h: arithmetic on packed weights. Knows no model; calls nothing outside kernels/.
 *
 * Packed weights. A matrix of (n_rows, k) is cut into groups of 8 rows, the last one padded with zero weights, and a
 * group into tiles of `columns` columns (pack.c, planes.h). In a tile, four consecutive columns of
 * one row share a 32-bit lane and the rows lie beside each other, so a kernel never adds across lanes:
 *
 *     16 bytes = rows 0-3 | 16 bytes = rows 4-7, and byte 4 r + j of each holds row r, column 4 c + j
 *
 * Quants of 1 to 6 bits meet activations that are quantised to 8 bits in blocks of 32 columns (struct act1, act4). The
 * bytes of Q8_0, and those that the codes of IQ4 and grid points (grid.h) stand for, meet activations of 12 bits (struct wide1,
 * wide4, or in two halves split1, split4): they are widened for the multiplication anyway, so the precision is free. Plain
 * SIMD128, which multiplies nothing but shorts, takes the 8 bits as wide1 and wide4, too. F32, F16 and BF16 meet float
 * activations.
 *
 * The bits. Every level computes the same: integer sums are exact, and floats are added in the order of the scalar
 * kernels, which are the specification. For a row, blocks b = 0, 1, ... of 32 columns:
 *
 *     quantised   acc = acc + (float)I_b * (d_b * act.d);  with minima also  acc = acc + m_b * act.ds
 *                 I_b = sum q * act.q, or the two halves of 16 columns by their integer scales (Q2_K, Q3_K, Q6_K, IQ1 to IQ3)
 *     Q2_K        its minima likewise:  acc = acc + (float)(min_0 * act.sum_0 + min_1 * act.sum_1) * (m_b * act.d)
 *     NVFP4       halves with float scales:  acc = acc + (float)I_0 * (d_0 * act.d);  acc = acc + (float)I_1 * (d_1 * act.d)
 *     float       s = 0; for each column in turn s = s + w * x;  then  acc = acc + s
 *
 * No fused multiply-add anywhere: builds use -ffp-contract=off and no relaxed_madd. */
#ifndef SOTTO_KERNELS_H
#define SOTTO_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TILE_ROWS 8   /* rows of a group */
#define TILE_TOKENS 4 /* tokens of an activation tile in a gemm */
#define BLOCK 32      /* columns of a quantisation block */

/* How weights are read (simd.h): a gemv goes through so many groups in turn, 1 or STREAMS; whether kernels load ahead. They may
 * then read as many bytes behind the weights that they multiply. */
extern volatile int kernels_streams;
extern volatile bool kernels_load_ahead;
#define STREAMS 4
#define READ_AHEAD 8704
#define CACHE_LINE 64

#define UNROLL _Pragma("clang loop unroll(full)")
#define INLINE static inline __attribute__((always_inline))

enum layout {
  LAYOUT_F32, LAYOUT_F16, LAYOUT_BF16,
  LAYOUT_Q4_0, LAYOUT_Q4_1, LAYOUT_Q5_0, LAYOUT_Q5_1, LAYOUT_Q8_0, LAYOUT_Q2_K, LAYOUT_Q3_K, LAYOUT_Q4_K, LAYOUT_Q5_K,
  LAYOUT_Q6_K, LAYOUT_IQ4_NL, LAYOUT_IQ4_XS, LAYOUT_MXFP4, LAYOUT_NVFP4, LAYOUT_Q1_0, LAYOUT_Q2_0, LAYOUT_TQ1_0, LAYOUT_TQ2_0,
  LAYOUT_IQ1_S, LAYOUT_IQ1_M, LAYOUT_IQ2_XXS, LAYOUT_IQ2_XS, LAYOUT_IQ2_S, LAYOUT_IQ3_XXS, LAYOUT_IQ3_S, /* grid.h */
  LAYOUT_COUNT
};

/* One block of 32 columns of one token, quantised: x = d * q, |q| <= NARROW_LIMIT. q[c] holds columns 4 c to 4 c + 3 four times
 * over, as the four rows of a vector meet them: a plain load is an instruction less than one that spreads four bytes. */
#define NARROW_LIMIT 127
struct act1 {
  int8_t q[BLOCK / 4][4][4];
  float d, ds;        /* scale; scale times the sum of q */
  int16_t sums[2][2]; /* of q over columns 0-15 and 16-31: of columns 4 c and 4 c + 1, of 4 c + 2 and 4 c + 3 */
};

/* The same of four tokens. */
struct act4 {
  int8_t q[BLOCK / 4][TILE_TOKENS][4][4];
  float d[TILE_TOKENS], ds[TILE_TOKENS];
  int16_t sums[2][TILE_TOKENS][2];
};

/* The same as shorts, of 12 bits, |q| <= WIDE_LIMIT, or of 8. q[c][0] holds columns 4 c and 4 c + 2, q[c][1] the two others: as
 * the even and the odd bytes of a packed lane meet them; of a single token four times over. */
struct wide1 {
  int16_t q[BLOCK / 4][2][4][2];
  float d, ds;        /* ds, sums: of 8 bits alone */
  int16_t sums[2][2]; /* as act1's */
};
struct wide4 {
  int16_t q[BLOCK / 4][TILE_TOKENS][2][2];
  float d[TILE_TOKENS], ds[TILE_TOKENS];
  int16_t sums[2][TILE_TOKENS][2];
};

/* The 12 bits in two parts, for a dot that takes 7 bits without a sign: x = d * (128 * high + low - 2048), where high is
 * halves[c][0], low halves[c][1], and both are spread as in act1. */
#define WIDE_LIMIT 2047
struct split1 {
  uint8_t halves[BLOCK / 4][2][4][4];
  float d, unused[3];
};
struct split4 {
  uint8_t halves[2][BLOCK / 4][TILE_TOKENS][4][4]; /* halves[0]: all that is high */
  float d[TILE_TOKENS];
};

/* What a layout multiplies with: 8 bits as act1 or, ACT_WIDENED, as wide1; 12 bits as wide1 or split1. A level has kernels for one
 * of either. */
enum act_form { ACT_NARROW, ACT_WIDENED, ACT_WIDE, ACT_SPLIT, ACT_FLOAT, ACT_FORM_COUNT };

/* Activations in one of the forms: of a token, act1, wide1 or split1 (k / 32) or float (k); of a tile of four, whose rows are
 * x (4, x_stride), act4, wide4 or split4 (k / 32) or float (k, 4). */
typedef void prepare1_fn(void *out, const float *x, int k);
typedef void prepare4_fn(void *out, const float *x, int x_stride, int k);

static inline size_t act_tile_bytes(enum act_form form, int k) {
  const size_t n_blocks = (size_t)(k / BLOCK);
  switch (form) {
    case ACT_NARROW: return n_blocks * sizeof(struct act4);
    case ACT_WIDENED: case ACT_WIDE: return n_blocks * sizeof(struct wide4);
    case ACT_SPLIT: return n_blocks * sizeof(struct split4);
    default: return (size_t)k * TILE_TOKENS * sizeof(float);
  }
}

/* y (8 n_groups) = W (8 n_groups, k) x, x of one token. */
typedef void gemv_fn(float *y, const void *w, const void *x, int k, int n_groups);

/* y (4 n_tiles, y_stride) = X (4 n_tiles, k) transposed W. x: n_tiles tiles.
 * panel: scratch of gemm_panel_bytes(k). */
typedef void gemm_fn(float *y, int y_stride, const void *w, const void *x, int k, int n_groups, int n_tiles, void *panel);

/* What the cache of keys and values holds. */
enum kv_type { KV_F32, KV_F16, KV_INT8, KV_TYPE_COUNT };

/* One KV head's part of the cache.
 *   f32, f16  keys (n_ctx / 8, head_dim, 8): 8 positions beside each other; values (n_ctx, head_dim)
 *   int8      keys (n_ctx / 8, head_dim / 4, 8, 4), values (n_ctx / 4, head_dim, 4): four columns of a key, four
 *             positions of a value, share a 32-bit lane; x = scale of the position * byte */
struct kv_head {
  const void *keys, *values;
  const float *key_scales, *value_scales; /* (n_ctx), of int8 */
};

#define MAX_HEAD_DIM 1024
#define MIX_BLOCK 64 /* positions whose products with int8 values are added up as integers; aligned to multiples of it */

/* The query heads of one KV head, for a few tokens: head i of token t is row r = t * n_heads + i, and lies at
 * first + t * stride + i * head_dim. */
struct attn_rows {
  int n_heads, n_tokens;
  int stride; /* floats from token to token */
};

/* q and out hold rows; scores (rows, score_stride) are indexed by absolute position.
 *   scores, for whole groups of 8 positions from p_begin to p_end:
 *     float  scores[p] = sum over d in turn of q[d] * key[d][p]
 *     int8   q becomes 14 bits, of one scale; scores[p] = (float)I * (its scale * key_scale[p]),  I = sum q * key
 *   mix, of scores that are 0 or more, and 0 where a row sees nothing:
 *     float  out[d] = sum over groups of 8 positions of (sum in turn of scores[p] * value[p][d])
 *     int8   in each MIX_BLOCK scores[p] * value_scale[p] becomes 7 bits, of one scale; out[d] = sum over blocks in turn
 *            of (float)I * that scale,  I = sum weight * value */
typedef void attn_scores_fn(float *scores, int score_stride, const float *q, struct attn_rows rows, const struct kv_head *kv,
                            int head_dim, int p_begin, int p_end);
typedef void attn_mix_fn(float *out, const float *scores, int score_stride, struct attn_rows rows, const struct kv_head *kv,
                         int head_dim, int p_begin, int p_end);

static inline size_t attn_row_at(struct attn_rows rows, int row, int head_dim) {
  return (size_t)(row / rows.n_heads) * (size_t)rows.stride + (size_t)(row % rows.n_heads) * (size_t)head_dim;
}

/* One level's kernels. */
struct kernels {
  const char *name; /* "scalar" */
  enum act_form narrow_form, wide_form; /* ACT_NARROW or ACT_WIDENED, ACT_WIDE or ACT_SPLIT */
  prepare1_fn *prepare1[ACT_FORM_COUNT];
  prepare4_fn *prepare4[ACT_FORM_COUNT];
  gemv_fn *gemv[LAYOUT_COUNT];
  gemm_fn *gemm[LAYOUT_COUNT];
  attn_scores_fn *attn_scores[KV_TYPE_COUNT];
  attn_mix_fn *attn_mix[KV_TYPE_COUNT];
};

enum { LEVEL_SCALAR = 1, LEVEL_SIMD128, LEVEL_RELAXED, LEVEL_DOT }; /* as enum sotto_level */

/* The table of a level. NULL: this module lacks it, or its self-test failed in this engine (select.c).
 * level 0: the best there is. *chosen gets the level. */
const struct kernels *kernels_select(int level, int *chosen);
bool kernels_test_relaxed(void); /* does this engine compute the relaxed dot as the kernels need it? */
bool kernels_test_dot(void);     /* and the one that adds to 32 bits? */
bool kernels_try(int level, int n_times); /* computes, for the caller to time; false: there is no such level */

/* ---- pack.c: rows as they lie in a GGUF file <-> packed groups, for every level alike ---- */

/* The planes of bits that hold the quants of a layout (planes.h); the value is the bytes of 32 columns of 8 rows. */
enum plane_bytes { BITS1 = 32, BITS2 = 64, BITS3 = 96, NIBBLES = 128, BITS5 = 160, BITS6 = 192, BYTES = 256 };

/* What quants of 4 bits stand for: themselves, or values of a table. */
enum codebook { CODES_PLAIN, CODES_IQ4, CODES_FP4, CODEBOOK_COUNT };

/* The scales before the quants of a tile of n blocks of 32 columns: each an array over the 8 rows (d, m, dmin: f16). */
enum scales_form {
  SCALES_D,      /* d */
  SCALES_DM,     /* d, m: a minimum is added */
  SCALES_BLOCKS, /* n times scale (i8), d */
  SCALES_K,      /* n times scale (u8), n times min (u8), d, dmin: min * dmin is subtracted */
  SCALES_HALVES, /* 2 n times scale (i8), one for 16 columns, d */
  SCALES_Q2_K,   /* n times 8 x 2 bytes, one for 16 columns: scale and min of 4 bits each; d, dmin */
  SCALES_E8M0,   /* a power of two */
  SCALES_E5M3    /* 2 n times a float of 8 bits, one for 16 columns */
};

struct layout_info {
  uint16_t columns;         /* of a tile */
  uint16_t tile_bytes;      /* of 8 rows */
  uint16_t row_block_bytes; /* of the same columns of one row in the file */
  uint8_t d_at;             /* where that has its scale, f16 (IQ1_M, MXFP4, NVFP4: elsewhere or otherwise) */
  uint8_t act;              /* enum act_form */
  uint16_t planes;          /* enum plane_bytes, and so on; not of floats and grids */
  uint8_t scales, zero;     /* zero: the quant that stands for 0 */
  uint8_t codebook;
};

/* Here, so that kernels whose layout is a constant see constants. */
static const struct layout_info layouts[LAYOUT_COUNT] = {
    [LAYOUT_F32] = {1, 32, 4, 0, ACT_FLOAT, 0, SCALES_D, 0, CODES_PLAIN},
    [LAYOUT_F16] = {1, 16, 2, 0, ACT_FLOAT, 0, SCALES_D, 0, CODES_PLAIN},
    [LAYOUT_BF16] = {1, 16, 2, 0, ACT_FLOAT, 0, SCALES_D, 0, CODES_PLAIN},
    [LAYOUT_Q4_0] = {32, 144, 18, 0, ACT_NARROW, NIBBLES, SCALES_D, 8, CODES_PLAIN},
    [LAYOUT_Q4_1] = {32, 160, 20, 0, ACT_NARROW, NIBBLES, SCALES_DM, 0, CODES_PLAIN},
    [LAYOUT_Q5_0] = {32, 176, 22, 0, ACT_NARROW, BITS5, SCALES_D, 16, CODES_PLAIN},
    [LAYOUT_Q5_1] = {32, 192, 24, 0, ACT_NARROW, BITS5, SCALES_DM, 0, CODES_PLAIN},
    [LAYOUT_Q8_0] = {32, 272, 34, 0, ACT_WIDE, BYTES, SCALES_D, 0, CODES_PLAIN},
    [LAYOUT_Q2_K] = {256, 672, 84, 80, ACT_NARROW, BITS2, SCALES_Q2_K, 0, CODES_PLAIN},
    [LAYOUT_Q3_K] = {256, 912, 110, 108, ACT_NARROW, BITS3, SCALES_HALVES, 4, CODES_PLAIN},
    [LAYOUT_Q4_K] = {256, 1184, 144, 0, ACT_NARROW, NIBBLES, SCALES_K, 0, CODES_PLAIN},
    [LAYOUT_Q5_K] = {256, 1440, 176, 0, ACT_NARROW, BITS5, SCALES_K, 0, CODES_PLAIN},
    [LAYOUT_Q6_K] = {256, 1680, 210, 208, ACT_NARROW, BITS6, SCALES_HALVES, 32, CODES_PLAIN},
    [LAYOUT_IQ4_NL] = {32, 144, 18, 0, ACT_WIDE, NIBBLES, SCALES_D, 0, CODES_IQ4},
    [LAYOUT_IQ4_XS] = {256, 1104, 136, 0, ACT_WIDE, NIBBLES, SCALES_BLOCKS, 0, CODES_IQ4},
    [LAYOUT_MXFP4] = {32, 136, 17, 0, ACT_NARROW, NIBBLES, SCALES_E8M0, 12, CODES_FP4},
    [LAYOUT_NVFP4] = {64, 288, 36, 0, ACT_NARROW, NIBBLES, SCALES_E5M3, 12, CODES_FP4},
    [LAYOUT_Q1_0] = {128, 144, 18, 0, ACT_NARROW, BITS1, SCALES_D, 1, CODES_PLAIN},
    [LAYOUT_Q2_0] = {64, 144, 18, 0, ACT_NARROW, BITS2, SCALES_D, 1, CODES_PLAIN},
    [LAYOUT_TQ1_0] = {256, 528, 54, 52, ACT_NARROW, BITS2, SCALES_D, 1, CODES_PLAIN},
    [LAYOUT_TQ2_0] = {256, 528, 66, 64, ACT_NARROW, BITS2, SCALES_D, 1, CODES_PLAIN},
    [LAYOUT_IQ1_S] = {256, 464, 50, 0, ACT_WIDE, 0, SCALES_D, 0, CODES_PLAIN},
    [LAYOUT_IQ1_M] = {256, 464, 56, 0, ACT_WIDE, 0, SCALES_D, 0, CODES_PLAIN},
    [LAYOUT_IQ2_XXS] = {256, 592, 66, 0, ACT_WIDE, 0, SCALES_D, 0, CODES_PLAIN},
    [LAYOUT_IQ2_XS] = {256, 656, 74, 0, ACT_WIDE, 0, SCALES_D, 0, CODES_PLAIN},
    [LAYOUT_IQ2_S] = {256, 656, 82, 0, ACT_WIDE, 0, SCALES_D, 0, CODES_PLAIN},
    [LAYOUT_IQ3_XXS] = {256, 848, 98, 0, ACT_WIDE, 0, SCALES_D, 0, CODES_PLAIN},
    [LAYOUT_IQ3_S] = {256, 912, 110, 0, ACT_WIDE, 0, SCALES_D, 0, CODES_PLAIN},
};

/* What a layout multiplies with at a level. Grid points, which are in no planes, know no halves. */
static inline enum act_form act_form(const struct kernels *kernels, enum layout layout) {
  if (layouts[layout].act == ACT_NARROW) return kernels->narrow_form;
  return layouts[layout].act == ACT_WIDE && layouts[layout].planes ? kernels->wide_form : layouts[layout].act;
}

static inline bool layout_has_minima(enum layout layout) {
  const int form = layouts[layout].scales;
  return form == SCALES_DM || form == SCALES_K || form == SCALES_Q2_K;
}

static const int8_t codebooks[CODEBOOK_COUNT][16] = {
    [CODES_IQ4] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113},
    [CODES_FP4] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0}, /* E2M1 doubled, and 12 more */
};

size_t layout_group_bytes(enum layout layout, int k); /* bytes of 8 packed rows */
size_t layout_row_bytes(enum layout layout, int k);   /* bytes of one row in the file */
/* Packs n_rows (1 to 8) consecutive file rows of k columns; the rows that lack are zero. group must not overlap rows. */
void layout_pack(enum layout layout, void *group, const void *rows, int n_rows, int k);
/* Row `row` (0 to 7) of a packed group as floats (k). */
void layout_unpack_row(enum layout layout, float *out, const void *group, int row, int k);

/* 32 columns of one packed row, unpacked; of a column i in half h: weight = d[h] * scale[h] * q[i] + m * min[h]. */
struct row_block {
  int8_t q[BLOCK]; /* zero point removed */
  int32_t scale[2], min[2]; /* integers of SCALES_HALVES, SCALES_Q2_K and grids, else 1 */
  float d[2], m;
};
void layout_unpack_block(enum layout layout, struct row_block *out, const void *group, int row, int block);

size_t gemm_panel_bytes(int k);

float f16_to_f32(uint16_t h);
uint16_t f16_from_f32(float x); /* to nearest even; beyond 65,504 the largest finite value */
float bf16_to_f32(uint16_t h);
float e8m0_to_f32_half(uint8_t e);  /* 2^(e - 128): half of what MXFP4 says, as its codes are doubled */
float e5m3_to_f32(uint8_t e); /* 5 bits of exponent, which is 11 too high, 3 of fraction; nothing subnormal */

/* ---- vec.c: what is done element by element, one source for every level (the compiler may vectorise it) ---- */

void vec_rms_norm(float *out, const float *x, const float *weight, int n, float epsilon);
/* out = (x - mean) / deviation * weight + bias; weight and bias may be NULL. */
void vec_layer_norm(float *out, const float *x, const float *weight, const float *bias, int n, float epsilon);
float vec_max(const float *x, int n); /* n is a multiple of 8; what is no number is passed over */
void vec_add(float *x, const float *y, int n);
void vec_scale(float *x, float factor, int n);
void vec_divide(float *x, const float *by, int n);
void vec_clamp(float *x, float limit, int n);           /* to [-limit, limit] */
void vec_silu_mul(float *gate, const float *up, int n); /* gate = silu(gate) * up */
void vec_gelu_mul(float *gate, const float *up, int n); /* gate = gelu(gate) * up, tanh form */
void vec_gelu(float *x, int n);
void vec_swiglu_clamped(float *gate, const float *up, int n); /* gate = g sigmoid(1.702 g) (1 + u), g = min(gate, 7), u = up
                                                                  within [-7, 7]: gpt-oss */
void vec_relu_squared(float *x, int n); /* x = max(x, 0)^2 */
/* Pairs (i, i + n/2) or (2 i, 2 i + 1) of x (n) are turned; cos_sin (n): n/2 cosines, then n/2 sines. */
void vec_rope_neox(float *x, const float *cos_sin, int n);
void vec_rope_normal(float *x, const float *cos_sin, int n);
/* In place: scores [begin, end) times scale become exp(score - max), all others in [from, to) become 0; from and to are
 * multiples of 8. Returns their sum. sink: one more score, already scaled, that takes its part of the sum and has no value;
 * NO_SINK: there is none. */
#define NO_SINK -1e38f
float vec_softmax(float *scores, int from, int to, int begin, int end, float scale, float sink);
void vec_add_slope(float *scores, int begin, int end, int at, float slope); /* scores[p] -= slope * |p - at| */
void vec_soft_cap(float *x, float cap, int n); /* x = cap * tanh(x / cap) */
/* q (n, a multiple of 4) = x / d to the nearest even, where d = max |x| / limit, which is returned. What is too small to
 * matter, or holds no number, is zero. */
float vec_quantise(int32_t *q, const float *x, int n, float limit);
/* The Walsh-Hadamard transform, unscaled, of each hadamard_size(n) elements; n is a multiple of 8. Products of two vectors
 * grow by that factor. */
void vec_hadamard(float *x, int n);
int hadamard_size(int n); /* the largest power of two that divides n */

/* What queries and weights of attention over int8 are limited to: two halves of 7 bits, and a sign; 7 bits, as the relaxed dots
 * take them. As many products with bytes as a head has dimensions fit into 32 bits. */
#define QUERY_LIMIT 8191
#define MIX_LIMIT 127

#endif
