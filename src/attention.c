/* attention.c: scaled dot-product attention of one layer over the KV cache, with grouped queries (Ainslie et al., 2023)
 * and, where the layer says so, a sliding window: position p sees [max(0, p - window + 1), p]. */
#include "mathf.h"
#include "session.h"

#include <string.h>

struct job {
  struct sotto_session *session;
  uint32_t layer;
  size_t from, to; /* positions */
  unsigned parts;  /* enum attention_parts */
};

/* The first position that a token sees in a layer. An encoder's window lies around it. */
static int first_seen(const struct sotto_session *session, uint32_t layer, int position) {
  const struct config *config = &session->model->config;
  const int first = config->graph.is_encoder ? position - (int)config->window / 2 : position + 1 - (int)config->window;
  return config->is_sliding[layer] && first > 0 ? first : 0;
}

/* And what comes after the last one. */
static int end_seen(const struct sotto_session *session, uint32_t layer, int position) {
  const struct config *config = &session->model->config;
  const int all = (int)session->wave_end, end = position + (int)config->window / 2 + 1;
  if (!config->graph.is_encoder) return position + 1;
  return config->is_sliding[layer] && end < all ? end : all;
}

/* x (n_heads, head_dim): the norm of each head, or of all as one row, which may have a bias. */
static void norm_heads(const struct config *config, const struct affine *with, float *x, size_t n_heads) {
  const bool is_row = config->graph.qk_norm == QK_NORM_ROW;
  const size_t n = is_row ? n_heads * config->head_dim : config->head_dim;
  const size_t step = config->graph.qk_norm == QK_NORM_HEADS ? n : 0;
  const float *weight = vector(&with->weight), *bias = vector(&with->bias);
  for (size_t i = 0; i < (is_row ? 1 : n_heads); i++, x += n, weight += step) norm_row(config, x, x, weight, bias, n);
}

static void turn_heads(const struct config *config, const float *cos_sin, float *x, size_t n_heads) {
  for (size_t i = 0; i < n_heads; i++, x += config->head_dim)
    if (config->graph.rope == ROPE_NEOX) vec_rope_neox(x, cos_sin, (int)config->rope_dims);
    else vec_rope_normal(x, cos_sin, (int)config->rope_dims);
}

/* x (n_heads, head_dim) -> (n_heads, head_stride), in place. */
static void spread_heads(const struct config *config, float *x, size_t n_heads) {
  const size_t dim = config->head_dim, stride = config->head_stride;
  if (stride == dim) return;
  for (size_t i = n_heads; i-- > 0;) {
    memmove(x + i * stride, x + i * dim, dim * sizeof *x);
    memset(x + i * stride + dim, 0, (stride - dim) * sizeof *x);
  }
}

/* And back, of one token's mixed values. */
static void close_heads(void *argument, int task, int thread) {
  (void)thread;
  const struct job *job = argument;
  const struct config *config = &job->session->model->config;
  const size_t n_heads = config->heads_of[job->layer];
  float *x = job->session->mixed + (size_t)task * n_heads * config->head_stride;
  for (size_t i = 1; i < n_heads; i++)
    memmove(x + i * config->head_dim, x + i * config->head_stride, config->head_dim * sizeof *x);
}

/* Queries or keys of one token, x (n_heads, head_dim), get their norms and are turned (cos_sin NULL: are not), and the heads
 * are spread; for an int8 cache they are rotated by the Walsh-Hadamard transform, which leaves the products of queries and
 * keys (but for a factor) and spreads channels that stand out over all the others, as QuaRot does (Ashkboos et al., 2024). */
static void prepare_heads(const struct sotto_session *session, const struct affine *with, const float *cos_sin, float *x,
                          size_t n_heads) {
  const struct config *config = &session->model->config;
  const struct graph *graph = &config->graph;
  if (cos_sin && graph->turns_before_norm) turn_heads(config, cos_sin, x, n_heads);
  if (graph->qk_norm != QK_NORM_NONE) norm_heads(config, with, x, n_heads);
  if (cos_sin && !graph->turns_before_norm) turn_heads(config, cos_sin, x, n_heads);
  spread_heads(config, x, n_heads);
  if (session->kv_type != KV_INT8) return;
  for (size_t i = 0; i < n_heads; i++, x += config->head_stride) vec_hadamard(x, (int)config->head_stride);
}

/* One token: q and k get their norms and positions, k and v go into the cache. */
static void prepare_token(void *argument, int task, int thread) {
  (void)thread;
  const struct job *job = argument;
  struct sotto_session *session = job->session;
  const struct config *config = &session->model->config;
  const struct layer *layer = &session->model->weights.layers[job->layer];
  const size_t position = job->from + (size_t)task;
  const size_t n_heads = config->heads_of[job->layer], n_kv_heads = config->kv_heads_of[job->layer];
  const size_t rope_at = ((position - session->wave_begin) * 2 + config->is_sliding[job->layer]) * config->rope_dims;
  const float *cos_sin = config->has_rope[job->layer] ? session->rope + rope_at : NULL;
  if (job->parts & QUERIES) {
    float *q = session->q + (size_t)task * n_heads * config->head_stride;
    finish_product(&layer->q, q);
    if (config->qkv_limit > 0) vec_clamp(q, config->qkv_limit, (int)(n_heads * config->head_dim));
    prepare_heads(session, &layer->q_norm, cos_sin, q, n_heads);
  }
  if (job->parts & KEYS_VALUES) {
    const size_t at = (size_t)task * n_kv_heads * config->head_stride;
    float *k = session->k + at, *v = session->v + at;
    finish_product(&layer->k, k);
    finish_product(&layer->v, v);
    if (config->qkv_limit > 0) {
      vec_clamp(k, config->qkv_limit, (int)(n_kv_heads * config->head_dim));
      vec_clamp(v, config->qkv_limit, (int)(n_kv_heads * config->head_dim));
    }
    prepare_heads(session, &layer->k_norm, cos_sin, k, n_kv_heads);
    spread_heads(config, v, n_kv_heads);
    kv_write(session, &session->kv[job->layer], position, k, v);
  }
}

/* How much a head's scores lose with each token of distance: a geometric series over the heads; where their number is no
 * power of two, the others take every second step of the series of twice as many (ALiBi, Press et al., 2021). */
static float slope_of(const struct config *config, uint32_t layer, size_t head) {
  size_t n = 1;
  while (2 * n <= config->heads_of[layer]) n *= 2;
  const double exponent = head < n ? (double)(head + 1) : (double)(head - n) + 0.5;
  return (float)math_pow(2, -config->alibi_bias * exponent / (double)n);
}

/* q k times this, at a position. */
static float scale_of(const struct sotto_session *session, size_t position) {
  const struct config *config = &session->model->config;
  float scale = config->attn_scale;
  if (session->kv_type == KV_INT8) scale /= (float)hadamard_size((int)config->head_stride);
  if (config->temperature > 0)
    scale *= 1 + config->temperature * (float)math_log(1.0 + (double)(position / config->temperature_length));
  return scale;
}

/* One query. */
struct row {
  const struct sotto_session *session;
  uint32_t layer;
  int position;
  size_t head;
};

/* Its scores become weights, what it does not see of [from, to) gets none. Returns their sum. */
static float weigh(const struct row *row, float *scores, int from, int to) {
  const struct config *config = &row->session->model->config;
  const struct tensor *sinks = &row->session->model->weights.layers[row->layer].sinks;
  const int begin = first_seen(row->session, row->layer, row->position);
  const int end = end_seen(row->session, row->layer, row->position);
  float scale = scale_of(row->session, (size_t)row->position);
  if (config->attn_cap > 0) {
    vec_scale(scores + begin, scale, end - begin);
    vec_soft_cap(scores + begin, config->attn_cap, end - begin);
    scale = 1;
  }
  if (config->alibi_bias > 0) vec_add_slope(scores, begin, end, row->position, slope_of(config, row->layer, row->head) / scale);
  return vec_softmax(scores, from, to, begin, end, scale, tensor_exists(sinks) ? vector(sinks)[row->head] : NO_SINK);
}

/* A few tokens and one KV head: all the query heads that share it. The tokens see the same positions but for a few at both
 * ends, which are masked. */
static void attend(void *argument, int task, int thread) {
  const struct job *job = argument;
  struct sotto_session *session = job->session;
  const struct config *config = &session->model->config;
  const size_t n_heads = config->heads_of[job->layer], n_kv_heads = config->kv_heads_of[job->layer];
  const size_t head = (size_t)task % n_kv_heads, dim = config->head_stride;
  const int first = task / (int)n_kv_heads * TILE_TOKENS, left = (int)(job->to - job->from) - first;
  const struct attn_rows rows = {(int)(n_heads / n_kv_heads), left < TILE_TOKENS ? left : TILE_TOKENS,
                                 (int)(n_heads * dim)};
  const size_t at = ((size_t)first * n_heads + head * (size_t)rows.n_heads) * dim;
  const int position = (int)job->from + first, end = end_seen(session, job->layer, position + rows.n_tokens - 1), stride = (int)session->score_stride;
  const int begin = first_seen(session, job->layer, position);
  const struct kv_head kv = kv_head(session, &session->kv[job->layer], head);
  const struct kernels *kernels = session->model->kernels;
  float *scores = session->scores + (size_t)thread * TILE_TOKENS * (size_t)rows.n_heads * session->score_stride;
  float sums[TILE_TOKENS * MAX_QUERIES], *out = session->mixed + at;
  kernels->attn_scores[session->kv_type](scores, stride, session->q + at, rows, &kv, (int)dim, begin, end);
  for (int r = 0; r < rows.n_heads * rows.n_tokens; r++) {
    const struct row row = {session, job->layer, position + r / rows.n_heads, head * (size_t)rows.n_heads + (size_t)(r % rows.n_heads)};
    sums[r] = weigh(&row, scores + r * stride, begin & ~7, (end + 7) & ~7);
  }
  kernels->attn_mix[session->kv_type](out, scores, stride, rows, &kv, (int)dim, begin, end);
  for (int r = 0; r < rows.n_heads * rows.n_tokens; r++) vec_scale(out + attn_row_at(rows, r, (int)dim), 1.0f / sums[r], (int)dim);
}

void attention_prepare(struct sotto_session *session, uint32_t layer, size_t from, size_t to, unsigned parts) {
  struct job job = {session, layer, from, to, parts};
  pool_run(session->pool, prepare_token, &job, (int)(to - from));
  if (parts & KEYS_VALUES) kv_clear_after(session, &session->kv[layer], to - 1);
}

void attention(struct sotto_session *session, uint32_t layer, size_t from, size_t to) {
  const struct config *config = &session->model->config;
  struct job job = {session, layer, from, to, 0};
  const int n_tiles = ((int)(to - from) + TILE_TOKENS - 1) / TILE_TOKENS;
  pool_run(session->pool, attend, &job, n_tiles * (int)config->kv_heads_of[layer]);
  if (config->head_stride != config->head_dim) pool_run(session->pool, close_heads, &job, (int)(to - from));
}
