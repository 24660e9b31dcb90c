/* test_kernels.c: every packed layout against independent arithmetic, and every level against the scalar bits. */
#include "test.h"

#include "../kernels/kernels.h"

#include <math.h>

static const char *const names[LAYOUT_COUNT] = {
#define ANY(layout) [LAYOUT_##layout] = #layout,
#include "../kernels/kernels.inc"
};

enum { MAX_K = 768, MAX_GROUPS = 9, MAX_TOKENS = 8, GUARD = 64 };

static uint32_t seed = 20261123;

/* Rows as a file has them: random bits everywhere, but scales that are ordinary numbers, or subnormal in f16. */
static void fill_rows(enum layout layout, uint8_t *rows, int n_rows, int k) {
  const size_t n = (size_t)n_rows * layout_row_bytes(layout, k), block = (size_t)layouts[layout].row_block_bytes;
  for (size_t i = 0; i < n; i++) rows[i] = (uint8_t)(test_random(&seed) >> 9);
  for (size_t at = 0; at < n; at += block) {
    const float scale = (test_random_float(&seed) * 0.1f + 0.001f) * (test_random(&seed) >> 9 & 3 ? 1 : 1e-4f);
    const uint16_t d = f16_from_f32(scale), m = f16_from_f32(scale * -3);
    if (layout == LAYOUT_F32) memcpy(rows + at, &scale, 4);
    else if (layout == LAYOUT_F16) memcpy(rows + at, &d, 2);
    else if (layout == LAYOUT_BF16) rows[at + 1] = (uint8_t)(0x3d | (rows[at + 1] & 0x80));
    else if (layout == LAYOUT_IQ1_M) /* in the upper halves of four bytes */
      for (int i = 0; i < 4; i++) rows[at + 49 + 2 * i] = (uint8_t)((rows[at + 49 + 2 * i] & 15) | (d >> 4 * i & 15) << 4);
    else if (layout == LAYOUT_MXFP4) rows[at] = (uint8_t)(rows[at] % 3 ? 116 + rows[at] % 8 : rows[at + 1] % 3); /* or subnormal */
    else if (layout != LAYOUT_NVFP4) memcpy(rows + at + layouts[layout].d_at, &d, 2);
    if (layout_has_minima(layout)) memcpy(rows + at + layouts[layout].d_at + 2, &m, 2);
  }
}

static float half_at(const uint8_t *p) {
  const uint16_t h = (uint16_t)(p[0] | p[1] << 8);
  const int exponent = h >> 10 & 31, mantissa = h & 1023;
  const float magnitude = exponent ? ldexpf((float)(1024 + mantissa), exponent - 25) : ldexpf((float)mantissa, -24);
  return h & 0x8000 ? -magnitude : magnitude;
}

static uint8_t rows[MAX_GROUPS * 8 * MAX_K * 4], packed[MAX_GROUPS * 8 * MAX_K * 4];

static void pack_all(enum layout layout, int n_rows, int k) {
  for (int row = 0; row < n_rows; row += 8)
    layout_pack(layout, packed + (size_t)(row / 8) * layout_group_bytes(layout, k),
                rows + (size_t)row * layout_row_bytes(layout, k), n_rows - row < 8 ? n_rows - row : 8, k);
}

/* What the bytes of quantised types mean is tests/test_types.c's business. */
static float float_at(enum layout layout, const uint8_t *p) {
  const uint32_t wide = (uint32_t)(p[0] | p[1] << 8) << 16;
  float f;
  memcpy(&f, layout == LAYOUT_BF16 ? (const uint8_t *)&wide : p, 4);
  return layout == LAYOUT_F16 ? half_at(p) : f;
}

static void packing_keeps_floats_and_pads_with_zeros(void) {
  for (int layout = 0; layout < LAYOUT_COUNT; layout++) {
    const int k = 512, n_rows = 13;
    const size_t item_bytes = layouts[layout].row_block_bytes;
    fill_rows((enum layout)layout, rows, n_rows, k);
    pack_all((enum layout)layout, n_rows, k);
    for (int row = 0; row < 16; row++) {
      float out[512];
      layout_unpack_row((enum layout)layout, out, packed + (size_t)(row / 8) * layout_group_bytes((enum layout)layout, k), row % 8, k);
      for (int i = 0; i < k && (row >= n_rows || layout <= LAYOUT_BF16); i++) {
        const float expected = row < n_rows ? float_at((enum layout)layout, rows + (size_t)(row * k + i) * item_bytes) : 0;
        if (!CHECK(out[i] == expected)) {
          printf("%s row %d column %d: %g, not %g\n", names[layout], row, i, (double)out[i], (double)expected);
          return;
        }
      }
    }
  }
}

static void half_floats_survive(void) {
  for (uint32_t h = 0; h < 0x10000; h++) {
    if ((h & 0x7c00) == 0x7c00) continue; /* no weight is infinite */
    const uint8_t bytes[2] = {(uint8_t)h, (uint8_t)(h >> 8)};
    CHECK(f16_to_f32((uint16_t)h) == half_at(bytes));
    CHECK(f16_from_f32(f16_to_f32((uint16_t)h)) == h);
  }
  CHECK(f16_from_f32(1e9f) == 0x7bff && f16_from_f32(-1e9f) == 0xfbff);
  CHECK(f16_from_f32(1.0f + 1.0f / 2048) == 0x3c00 && f16_from_f32(1.0f + 3.0f / 2048) == 0x3c02); /* ties to even */
}

/* ---- levels against each other ---- */

struct buffers {
  float x[MAX_TOKENS * MAX_K];
  _Alignas(16) uint8_t acts[MAX_TOKENS * MAX_K * 17];
  _Alignas(16) uint8_t panel[1 << 16];
  float y[MAX_TOKENS * MAX_GROUPS * 8 + GUARD];
};
static struct buffers ours, theirs;

static void prepare(const struct kernels *kernels, struct buffers *b, enum layout layout, int n_tokens, int k) {
  const enum act_form form = act_form(kernels, layout);
  if (n_tokens == 1) kernels->prepare1[form](b->acts, b->x, k);
  for (int t = 0; t < n_tokens / 4; t++) kernels->prepare4[form](b->acts + (size_t)t * act_tile_bytes(form, k), b->x + 4 * t * k, k, k);
}

static void multiply(const struct kernels *kernels, struct buffers *b, enum layout layout, int n_tokens, int k, int n_groups) {
  for (size_t i = 0; i < sizeof b->y / 4; i++) b->y[i] = 12345; /* the guard behind what may be written */
  prepare(kernels, b, layout, n_tokens, k);
  if (n_tokens == 1) kernels->gemv[layout](b->y, packed, b->acts, k, n_groups);
  else kernels->gemm[layout](b->y, n_groups * 8, packed, b->acts, k, n_groups, n_tokens / 4, b->panel);
}

/* The product by doubles, within what rounding activations can do: half a step, max |x| / limit of each block, a weight. */
static void check_values(enum layout layout, int n_tokens, int k, int n_groups) {
  const double steps = layouts[layout].act == ACT_NARROW ? 127 : layouts[layout].act == ACT_WIDE ? WIDE_LIMIT : 1e9;
  for (int t = 0; t < n_tokens; t++)
    for (int row = 0; row < n_groups * 8; row++) {
      double exact = 0, budget = 1e-6, size = 0;
      float weights[MAX_K];
      layout_unpack_row(layout, weights, packed + (size_t)(row / 8) * layout_group_bytes(layout, k), row % 8, k);
      for (int b = 0; b < k; b += 32) {
        double max = 0, sum = 0;
        for (int i = b; i < b + 32 && i < k; i++) {
          const double w = weights[i], x = ours.x[t * k + i];
          exact += w * x;
          size += fabs(w * x);
          sum += fabs(w);
          max = fmax(max, fabs(x));
        }
        budget += sum * max / steps / 2;
      }
      budget += size * 1e-5; /* float sums */
      if (!CHECK(fabs(ours.y[t * n_groups * 8 + row] - exact) < budget)) {
        printf("%s token %d row %d: %g, not %g\n", names[layout], t, row, (double)ours.y[t * n_groups * 8 + row], exact);
        return;
      }
    }
}

static void levels_agree(int k) {
  int level;
  const struct kernels *scalar = kernels_select(LEVEL_SCALAR, &level);
  for (int layout = 0; layout < LAYOUT_COUNT; layout++) {
    if (k % layouts[layout].columns) continue;
    fill_rows((enum layout)layout, rows, MAX_GROUPS * 8, k);
    pack_all((enum layout)layout, MAX_GROUPS * 8, k);
    for (int n_tokens = 1; n_tokens <= MAX_TOKENS; n_tokens = n_tokens == 1 ? 4 : n_tokens + 4)
      for (int n_groups = 1; n_groups <= MAX_GROUPS; n_groups = n_groups < 3 ? n_groups + 1 : 3 * n_groups) {
        for (int i = 0; i < MAX_TOKENS * MAX_K; i++) ours.x[i] = theirs.x[i] = test_random_float(&seed) * (i % 97 == 0 ? 40 : 1);
        multiply(scalar, &theirs, (enum layout)layout, n_tokens, k, n_groups);
        for (int other = LEVEL_SIMD128; other <= LEVEL_DOT; other++)
          for (int n_streams = 1; n_streams <= (n_tokens == 1 ? STREAMS : 1); n_streams += STREAMS - 1) { /* a gemm has none */
            kernels_streams = n_streams;
            multiply(kernels_select(other, &level), &ours, (enum layout)layout, n_tokens, k, n_groups);
            if (!CHECK(memcmp(ours.y, theirs.y, sizeof ours.y) == 0))
              printf("%s level %d, %d tokens, %d groups, %d streams, k %d\n", names[layout], other, n_tokens, n_groups, n_streams, k);
          }
        for (int t = 0; t < n_tokens && n_tokens > 1; t++) { /* a gemm's token is a gemv's */
          memcpy(theirs.x, ours.x + t * k, (size_t)k * 4);
          multiply(scalar, &theirs, (enum layout)layout, 1, k, n_groups);
          CHECK(memcmp(ours.y + t * n_groups * 8, theirs.y, (size_t)n_groups * 32) == 0);
        }
        check_values((enum layout)layout, n_tokens, k, n_groups);
      }
  }
}

static void levels_agree_on_one_block(void) { levels_agree(32); }
static void levels_agree_on_one_super_block(void) { levels_agree(256); }
static void levels_agree_on_many_blocks(void) { levels_agree(768); }
static void levels_agree_on_a_ragged_float_row(void) { levels_agree(37); }

/* All quants the least or the most, all activations as large as they get: the sums of 16 bits have no room for more. */
static void the_largest_sums_agree(void) {
  enum { K = 256, N_GROUPS = 2 };
  static const uint8_t patterns[] = {0x00, 0xff, 0x77 /* FP4's most */};
  int level;
  const struct kernels *scalar = kernels_select(LEVEL_SCALAR, &level);
  for (int layout = 0; layout < LAYOUT_COUNT; layout++) {
    const struct layout_info *info = &layouts[layout];
    if (!info->planes) continue;
    const size_t n_bytes = N_GROUPS * layout_group_bytes((enum layout)layout, K);
    fill_rows((enum layout)layout, rows, N_GROUPS * 8, K);
    pack_all((enum layout)layout, N_GROUPS * 8, K);
    for (int i = 0; i < 6; i++) {
      for (size_t at = 0; at < n_bytes; at += info->tile_bytes) {
        const size_t n_quants = (size_t)info->columns / 32 * info->planes;
        memset(packed + at + info->tile_bytes - n_quants, patterns[i / 2], n_quants);
      }
      for (int j = 0; j < 4 * K; j++) ours.x[j] = theirs.x[j] = i % 2 ? -1 : 1;
      for (int n_tokens = 1; n_tokens <= 4; n_tokens += 3) {
        multiply(scalar, &theirs, (enum layout)layout, n_tokens, K, N_GROUPS);
        for (int other = LEVEL_SIMD128; other <= LEVEL_DOT; other++) {
          multiply(kernels_select(other, &level), &ours, (enum layout)layout, n_tokens, K, N_GROUPS);
          if (!CHECK(memcmp(ours.y, theirs.y, sizeof ours.y) == 0))
            printf("%s level %d, %d tokens, quants of %02x\n", names[layout], other, n_tokens, patterns[i / 2]);
        }
      }
    }
  }
}

static bool is_same(float a, float b) { return a == b || (a != a && b != b); }

static void hostile_activations_agree(void) {
  static const float strange[] = {0, -0.0f, 1e-40f, 1e-31f, 3e38f, -3e38f, NAN, INFINITY, -INFINITY, 1, -1};
  int level;
  for (int round = 0; round < 200; round++) {
    float x[128];
    for (int i = 0; i < 128; i++) x[i] = round % 4 == 3 ? test_random_float(&seed) * 1e-30f : strange[test_random(&seed) % 11];
    struct {
      struct act1 narrow1[4];
      struct wide1 widened1[4], wide1[4];
      struct split1 split1[4];
      struct act4 narrow4[1];
      struct wide4 widened4[1], wide4[1];
      struct split4 split4[1];
    } a, b;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    const struct kernels *levels[2] = {kernels_select(LEVEL_SCALAR, &level), kernels_select(LEVEL_DOT, &level)};
    for (int i = 0; i < 2; i++) {
      void *const ones[] = {i ? b.narrow1 : a.narrow1, i ? b.widened1 : a.widened1, i ? b.wide1 : a.wide1, i ? b.split1 : a.split1};
      void *const tiles[] = {i ? b.narrow4 : a.narrow4, i ? b.widened4 : a.widened4, i ? b.wide4 : a.wide4, i ? b.split4 : a.split4};
      for (int form = 0; form < ACT_FLOAT; form++) {
        levels[i]->prepare1[form](ones[form], x, 128);
        levels[i]->prepare4[form](tiles[form], x, 32, 32);
      }
    }
#define SAME_BYTES(member) CHECK(memcmp(&a.member, &b.member, sizeof a.member) == 0)
    for (int i = 0; i < 4; i++) { /* the bits of a NaN scale may differ */
      SAME_BYTES(narrow1[i].q);
      SAME_BYTES(narrow1[i].sums);
      SAME_BYTES(widened1[i].q);
      SAME_BYTES(widened1[i].sums);
      SAME_BYTES(wide1[i].q);
      SAME_BYTES(split1[i].halves);
      CHECK(a.narrow1[i].d == b.narrow1[i].d && is_same(a.narrow1[i].ds, b.narrow1[i].ds));
      CHECK(a.widened1[i].d == a.narrow1[i].d && b.widened1[i].d == a.narrow1[i].d && is_same(b.widened1[i].ds, a.narrow1[i].ds));
      CHECK(a.wide1[i].d == b.wide1[i].d && a.split1[i].d == a.wide1[i].d);
      for (int c = 0; c < 32; c++) { /* the forms hold the same: the halves those of the whole, shorts the bytes */
        CHECK(128 * a.split1[i].halves[c / 4][0][0][c % 4] + a.split1[i].halves[c / 4][1][0][c % 4] - 2048 == a.wide1[i].q[c / 4][c % 2][0][c % 4 / 2]);
        CHECK(a.widened1[i].q[c / 4][c % 2][0][c % 4 / 2] == a.narrow1[i].q[c / 4][0][c % 4]);
      }
    }
    SAME_BYTES(narrow4[0].q);
    SAME_BYTES(narrow4[0].sums);
    SAME_BYTES(widened4[0].q);
    SAME_BYTES(widened4[0].sums);
    SAME_BYTES(wide4[0].q);
    SAME_BYTES(split4[0].halves);
#undef SAME_BYTES
  }
}

/* ---- attention ---- */

enum { DIM = 64, SLOTS = 384, MAX_ROWS = 21, N_LEVELS = 4 };
_Static_assert(SLOTS >= 3 * MIX_BLOCK, "too few to have a block in the middle");
static float keys[SLOTS * DIM], values[SLOTS * DIM], q[MAX_ROWS * DIM];
static uint16_t keys16[SLOTS * DIM], values16[SLOTS * DIM];
static int8_t keys8[SLOTS * DIM], values8[SLOTS * DIM];
static float key_scales[SLOTS], value_scales[SLOTS];
static const struct kv_head caches[KV_TYPE_COUNT] = {
    [KV_F32] = {.keys = keys, .values = values}, [KV_F16] = {.keys = keys16, .values = values16},
    [KV_INT8] = {keys8, values8, key_scales, value_scales}};
static float scores[N_LEVELS][MAX_ROWS * SLOTS], mixed[N_LEVELS][MAX_ROWS * DIM];

/* The same numbers in each type, as kv.c writes them. The first query and the first values give the largest products: all weights
 * of their block are the largest, all bytes the least. */
static void fill_caches(void) {
  for (int i = 0; i < SLOTS * DIM; i++) {
    keys16[i] = f16_from_f32(keys[i] = test_random_float(&seed));
    values16[i] = f16_from_f32(values[i] = i < MIX_BLOCK * DIM ? -1 : test_random_float(&seed));
  }
  for (int p = 0; p < SLOTS; p++) {
    float k[DIM], v[DIM];
    int32_t quants[2][DIM];
    for (int d = 0; d < DIM; d++) k[d] = keys[p / 8 * 8 * DIM + d * 8 + p % 8], v[d] = values[p * DIM + d];
    key_scales[p] = vec_quantise(quants[0], k, DIM, 127);
    value_scales[p] = vec_quantise(quants[1], v, DIM, 127);
    for (int d = 0; d < DIM; d++) {
      keys8[p / 8 * 8 * DIM + d / 4 * 32 + p % 8 * 4 + d % 4] = (int8_t)quants[0][d];
      values8[p / 4 * 4 * DIM + 4 * d + p % 4] = (int8_t)quants[1][d];
    }
  }
  for (int i = 0; i < MAX_ROWS * DIM; i++) q[i] = i < DIM ? 0 : test_random_float(&seed);
}

static void attention_levels_agree(void) {
  int level;
  const struct kernels *levels[N_LEVELS] = {kernels_select(LEVEL_SCALAR, &level), kernels_select(LEVEL_SIMD128, &level),
                                            kernels_select(LEVEL_RELAXED, &level), kernels_select(LEVEL_DOT, &level)};
  fill_caches();
  for (int type = 0; type < KV_TYPE_COUNT; type++)
    for (int n_rows = 1; n_rows <= MAX_ROWS; n_rows += n_rows < 6 ? 1 : 5)
      for (int begin = 0; begin < SLOTS - 6; begin += 43)
        for (int end = begin + 9; end <= SLOTS - 6; end += 29) {
          const struct attn_rows rows = {n_rows % 2 ? n_rows : n_rows / 2, n_rows % 2 ? 1 : 2, n_rows / 2 * DIM};
          for (int i = 0; i < N_LEVELS; i++) {
            levels[i]->attn_scores[type](scores[i], SLOTS, q, rows, &caches[type], DIM, begin, end);
            for (int r = 0; r < rows.n_heads * rows.n_tokens; r++)
              vec_softmax(scores[i] + r * SLOTS, begin & ~7, (end + 7) & ~7, begin, end - r / rows.n_heads, 0.125f, NO_SINK);
            levels[i]->attn_mix[type](mixed[i], scores[i], SLOTS, rows, &caches[type], DIM, begin, end);
          }
          for (int i = 1; i < N_LEVELS; i++)
            if (!CHECK(memcmp(mixed[0], mixed[i], (size_t)(n_rows * DIM) * 4) == 0)) return;
        }
}

static void attention_computes_what_it_says(void) {
  int level;
  const struct kernels *kernels = kernels_select(LEVEL_SIMD128, &level);
  const int begin = 5, end = 277;
  double weight[SLOTS], total = 0;
  for (int p = begin; p < end; p++) {
    double dot = 0;
    for (int d = 0; d < DIM; d++) dot += (double)q[DIM + d] * keys[p / 8 * 8 * DIM + d * 8 + p % 8];
    total += weight[p] = exp(dot * 0.125);
  }
  static const double error_budgets[KV_TYPE_COUNT] = {[KV_F32] = 1e-6, [KV_F16] = 2e-4, [KV_INT8] = 5e-3};
  for (int type = 0; type < KV_TYPE_COUNT; type++) {
    const struct attn_rows one = {1, 1, DIM};
    kernels->attn_scores[type](scores[0], SLOTS, q + DIM, one, &caches[type], DIM, begin, end);
    const float sum = vec_softmax(scores[0], begin & ~7, (end + 7) & ~7, begin, end, 0.125f, NO_SINK);
    kernels->attn_mix[type](mixed[0], scores[0], SLOTS, one, &caches[type], DIM, begin, end);
    for (int d = 0; d < DIM; d++) {
      double exact = 0;
      for (int p = begin; p < end; p++) exact += weight[p] / total * values[p * DIM + d];
      CHECK(fabs(mixed[0][d] / sum - exact) < error_budgets[type]);
    }
  }
}

/* One channel of the keys that is a hundred times the others: its scale would leave them nothing, were they not rotated. */
static void rotated_keys_survive_a_channel_that_stands_out(void) {
  double plain_error = 0, rotated_error = 0; /* of one draw they may be anything */
  for (int draw = 0; draw < 20; draw++) {
    float k[DIM], query[DIM];
    for (int i = 0; i < DIM; i++) k[i] = test_random_float(&seed), query[i] = test_random_float(&seed);
    k[17] *= 100;
    query[17] = 0; /* what remains is the product of the others */
    double exact = 0, rotated = 0, plain = 0;
    int32_t quants[DIM];
    for (int i = 0; i < DIM; i++) exact += (double)k[i] * query[i];
    float d = vec_quantise(quants, k, DIM, 127);
    for (int i = 0; i < DIM; i++) plain += (double)quants[i] * d * query[i];
    vec_hadamard(k, DIM);
    vec_hadamard(query, DIM);
    d = vec_quantise(quants, k, DIM, 127);
    for (int i = 0; i < DIM; i++) rotated += (double)quants[i] * d * query[i] / hadamard_size(DIM);
    plain_error += fabs(plain - exact);
    rotated_error += fabs(rotated - exact);
  }
  CHECK(hadamard_size(DIM) == DIM && hadamard_size(80) == 16);
  CHECK(rotated_error < plain_error / 3);
}

/* ---- vec.c ---- */

static void elementwise_functions_compute_what_they_say(void) {
  enum { N = 1001 };
  static float x[N], y[N], w[N], out[N], cos_sin[N];
  for (int i = 0; i < N; i++) {
    x[i] = (float)(i - 500) / 5; /* -100 to 100 */
    w[i] = test_random_float(&seed);
    y[i] = test_random_float(&seed);
  }
  memcpy(out, x, sizeof x);
  vec_silu_mul(out, y, N);
  for (int i = 0; i < N; i++) CHECK(fabs(out[i] - x[i] / (1 + exp(-(double)x[i])) * y[i]) <= 1e-6 * fabs(x[i] * y[i]) + 1e-9);
  memcpy(out, x, sizeof x);
  vec_gelu_mul(out, y, N);
  for (int i = 0; i < N; i++) {
    const double u = sqrt(2 / M_PI) * (x[i] + 0.044715 * pow(x[i], 3));
    CHECK(fabs(out[i] - 0.5 * x[i] * (1 + tanh(u)) * y[i]) <= 2e-6 * fabs(x[i] * y[i]) + 1e-9);
  }
  vec_rms_norm(out, x, w, N, 1e-5f);
  double squares = 0;
  for (int i = 0; i < N; i++) squares += (double)x[i] * x[i];
  for (int i = 0; i < N; i++) CHECK(fabs(out[i] - x[i] / sqrt(squares / N + 1e-5) * w[i]) < 1e-5);
  memcpy(out, x, sizeof x);
  vec_soft_cap(out, 30, N);
  for (int i = 0; i < N; i++) CHECK(fabs(out[i] - 30 * tanh(x[i] / 30.0)) < 1e-4);
  for (int i = 0; i < 32; i++) {
    cos_sin[i] = cosf((float)i);
    cos_sin[32 + i] = sinf((float)i);
  }
  memcpy(out, w, sizeof w);
  vec_rope_neox(out, cos_sin, 64);
  for (int i = 0; i < 32; i++) CHECK(fabsf(out[i] - (w[i] * cosf((float)i) - w[i + 32] * sinf((float)i))) < 1e-6f);
  memcpy(out, w, sizeof w);
  vec_rope_normal(out, cos_sin, 64);
  for (int i = 0; i < 32; i++) CHECK(fabsf(out[2 * i + 1] - (w[2 * i] * sinf((float)i) + w[2 * i + 1] * cosf((float)i))) < 1e-6f);
}

static void the_relaxed_dot_is_tested(void) { CHECK(kernels_test_relaxed()); }

int main(void) {
  RUN(half_floats_survive);
  RUN(packing_keeps_floats_and_pads_with_zeros);
  RUN(the_relaxed_dot_is_tested);
  RUN(levels_agree_on_one_block);
  RUN(levels_agree_on_one_super_block);
  RUN(levels_agree_on_many_blocks);
  RUN(levels_agree_on_a_ragged_float_row);
  RUN(the_largest_sums_agree);
  RUN(hostile_activations_agree);
  RUN(attention_levels_agree);
  RUN(attention_computes_what_it_says);
  RUN(rotated_keys_survive_a_channel_that_stands_out);
  RUN(elementwise_functions_compute_what_they_say);
  return test_end();
}
