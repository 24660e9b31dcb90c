/* attention.c: scaled dot-product attention of one layer over the KV cache, with grouped queries (Ainslie et al., 2023)
 * and, where the layer says so, a sliding window: position p sees [max(0, p - window + 1), p]. */
#include "session.h"

struct job {
  struct sotto_session *session;
  uint32_t layer;
  size_t from, to; /* positions */
};

/* The first position that a token sees in a layer. */
static int first_seen(const struct sotto_session *session, uint32_t layer, int position) {
  const struct config *config = &session->model->config;
  const int first = position + 1 - (int)config->window;
  return config->is_sliding[layer] && first > 0 ? first : 0;
}

/* Norms and turns the heads of one token; for an int8 cache, rotates them by the Walsh-Hadamard transform, which leaves
 * the products of queries and keys (but for a factor) and spreads channels that stand out over all the others, as QuaRot
 * does (Ashkboos et al., 2024). x: (n_heads, head_dim). */
static void prepare_heads(const struct sotto_session *session, const struct tensor *norm, const float *cos_sin, float *x,
                          uint32_t n_heads) {
  const struct config *config = &session->model->config;
  for (uint32_t i = 0; i < n_heads; i++, x += config->head_dim) {
    if (tensor_exists(norm)) vec_rms_norm(x, x, (const float *)norm->data, (int)config->head_dim, config->norm_epsilon);
    if (config->rope_neox) vec_rope_neox(x, cos_sin, (int)config->rope_dims);
    else vec_rope_normal(x, cos_sin, (int)config->rope_dims);
    if (session->kv_type == KV_INT8) vec_hadamard(x, (int)config->head_dim);
  }
}

/* One token: q and k get their norm and position, k and v go into the cache. */
static void write_token(void *argument, int task, int thread) {
  (void)thread;
  const struct job *job = argument;
  struct sotto_session *session = job->session;
  const struct config *config = &session->model->config;
  const struct layer *layer = &session->model->weights.layers[job->layer];
  const size_t position = job->from + (size_t)task, n_q = config->n_heads * config->head_dim;
  const size_t n_kv = config->n_kv_heads * config->head_dim;
  const float *cos_sin = session->rope + ((position - session->wave_begin) * 2 + config->is_sliding[job->layer]) * config->rope_dims;
  float *k = session->k + (size_t)task * n_kv;
  prepare_heads(session, &layer->q_norm, cos_sin, session->q + (size_t)task * n_q, config->n_heads);
  prepare_heads(session, &layer->k_norm, cos_sin, k, config->n_kv_heads);
  kv_write(session, &session->kv[job->layer], position, k, session->v + (size_t)task * n_kv);
}

/* A few tokens and one KV head: all the query heads that share it. The tokens see the same positions but for a few at both
 * ends, which are masked. */
static void attend(void *argument, int task, int thread) {
  const struct job *job = argument;
  struct sotto_session *session = job->session;
  const struct config *config = &session->model->config;
  const size_t head = (size_t)task % config->n_kv_heads, dim = config->head_dim;
  const int first = task / (int)config->n_kv_heads * TILE_TOKENS, left = (int)(job->to - job->from) - first;
  const struct attn_rows rows = {(int)(config->n_heads / config->n_kv_heads), left < TILE_TOKENS ? left : TILE_TOKENS,
                                 (int)(config->n_heads * dim)};
  const size_t at = ((size_t)first * config->n_heads + head * (size_t)rows.n_heads) * dim;
  const int position = (int)job->from + first, end = position + rows.n_tokens, stride = (int)session->score_stride;
  const int begin = first_seen(session, job->layer, position), from = begin & ~7, to = (end + 7) & ~7;
  const struct kv_head kv = kv_head(session, &session->kv[job->layer], head);
  const float scale = session->kv_type == KV_INT8 ? config->attn_scale / (float)hadamard_size((int)dim) : config->attn_scale;
  const struct kernels *kernels = session->model->kernels;
  float *scores = session->scores + (size_t)thread * TILE_TOKENS * (size_t)rows.n_heads * session->score_stride;
  float sums[TILE_TOKENS * MAX_QUERIES], *out = session->mixed + at;
  kernels->attn_scores[session->kv_type](scores, stride, session->q + at, rows, &kv, (int)dim, begin, end);
  for (int r = 0; r < rows.n_heads * rows.n_tokens; r++) {
    const int p = position + r / rows.n_heads;
    sums[r] = vec_softmax(scores + r * stride, from, to, first_seen(session, job->layer, p), p + 1, scale);
  }
  kernels->attn_mix[session->kv_type](out, scores, stride, rows, &kv, (int)dim, begin, end);
  for (int r = 0; r < rows.n_heads * rows.n_tokens; r++) vec_scale(out + attn_row_at(rows, r, (int)dim), 1.0f / sums[r], (int)dim);
}

void attention(struct sotto_session *session, uint32_t layer, size_t from, size_t to) {
  struct job job = {session, layer, from, to};
  const int n_tiles = ((int)(to - from) + TILE_TOKENS - 1) / TILE_TOKENS;
  pool_run(session->pool, write_token, &job, (int)(to - from));
  kv_clear_after(session, &session->kv[layer], to - 1);
  pool_run(session->pool, attend, &job, n_tiles * (int)session->model->config.n_kv_heads);
}
