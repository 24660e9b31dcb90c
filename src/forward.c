/* forward.c: the graph, from token ids to logits, to be read from top to bottom.
 *
 *   x = embedding[token] * embd_scale
 *   for each layer:  x = x + post_norm(attention(norm(x)))
 *                    x = x + post_norm(down(activation(gate(norm(x))) * up(norm(x))))
 *   logits = cap(head(norm(x)))
 *
 * Norms are RMS norms; the post norms exist in gemma3 alone. The unit of work is one layer over one slice of tokens,
 * whose residual stream x stays in the session between the units. */
#include "mathf.h"
#include "session.h"

static const float *vector(const struct tensor *tensor) { return (const float *)tensor->data; }

static float *residual_of(const struct sotto_session *session, size_t position) {
  return session->residual + (position - session->wave_begin) * session->model->config.n_embd;
}

/* ---- tokens -> x ---- */

/* base^(-2 i / dims), divided by the file's factor where it has one (Llama 3), and scaled (linear scaling). */
static void find_frequencies(struct sotto_session *session) {
  const struct config *config = &session->model->config;
  const struct tensor *divisors = &session->model->weights.rope_freqs;
  const uint32_t half = config->rope_dims / 2;
  for (uint32_t kind = 0; kind < 2; kind++)
    for (uint32_t i = 0; i < half; i++) {
      double frequency = math_pow(config->rope_base[kind], -2.0 * i / config->rope_dims) * config->rope_scale[kind];
      session->frequencies[kind * half + i] = tensor_exists(divisors) ? frequency / vector(divisors)[i] : frequency;
    }
  session->has_frequencies = true;
}

static void find_rope(struct sotto_session *session, size_t position) {
  const struct config *config = &session->model->config;
  const uint32_t half = config->rope_dims / 2;
  float *out = session->rope + (position - session->wave_begin) * 2 * config->rope_dims;
  for (uint32_t kind = 0; kind < 2; kind++, out += config->rope_dims)
    for (uint32_t i = 0; i < half; i++) {
      const double angle = (double)position * session->frequencies[kind * half + i];
      out[i] = (float)math_cos(angle);
      out[half + i] = (float)math_sin(angle);
    }
}

static void embed(struct sotto_session *session, size_t position) {
  const struct config *config = &session->model->config;
  const struct tensor *embedding = &session->model->weights.embedding;
  const uint32_t token = (uint32_t)session->tokens[position];
  float *x = residual_of(session, position);
  layout_unpack_row(embedding->layout, x, embedding->data + token / TILE_ROWS * embedding->group_bytes, token % TILE_ROWS,
                    (int)config->n_embd);
  if (config->embd_scale != 1) vec_scale(x, config->embd_scale, (int)config->n_embd);
}

bool forward_can_begin(const struct sotto_session *session, size_t from, size_t to) {
  const struct weights *weights = &session->model->weights;
  const struct ranges *arrived = &session->model->arrived;
  for (size_t p = from; p < to; p++)
    if (!row_is_ready(&weights->embedding, (uint32_t)session->tokens[p], arrived)) return false;
  return tensor_is_ready(&weights->rope_freqs, arrived);
}

void forward_begin_wave(struct sotto_session *session) {
  if (!session->has_frequencies) find_frequencies(session);
  for (size_t p = session->wave_begin; p < session->wave_end; p++) {
    embed(session, p);
    find_rope(session, p);
  }
}

/* ---- one layer ---- */

/* What happens to each token by itself between two products, so that a slice is one loop over tokens. */
struct token_job {
  struct sotto_session *session;
  const struct layer *layer;
  float *x; /* (n, n_embd) the residual stream of the slice */
};

static void norm_attention_input(void *argument, int token, int thread) {
  (void)thread;
  const struct token_job *job = argument;
  const struct config *config = &job->session->model->config;
  const size_t at = (size_t)token * config->n_embd;
  vec_rms_norm(job->session->normed + at, job->x + at, vector(&job->layer->attn_norm), (int)config->n_embd, config->norm_epsilon);
}

/* x = x + post_norm(out) */
static void add_output(const struct token_job *job, const struct tensor *post_norm, size_t token) {
  const struct config *config = &job->session->model->config;
  float *out = job->session->out + token * round_up(config->n_embd, TILE_ROWS);
  if (tensor_exists(post_norm)) vec_rms_norm(out, out, vector(post_norm), (int)config->n_embd, config->norm_epsilon);
  vec_add(job->x + token * config->n_embd, out, (int)config->n_embd);
}

static void add_attention_output(void *argument, int token, int thread) {
  (void)thread;
  const struct token_job *job = argument;
  const struct config *config = &job->session->model->config;
  const size_t at = (size_t)token * config->n_embd;
  add_output(job, &job->layer->attn_post_norm, (size_t)token);
  vec_rms_norm(job->session->normed + at, job->x + at, vector(&job->layer->ffn_norm), (int)config->n_embd, config->norm_epsilon);
}

static void activate(void *argument, int token, int thread) {
  (void)thread;
  const struct token_job *job = argument;
  const struct config *config = &job->session->model->config;
  const size_t at = (size_t)token * round_up(config->n_ff, TILE_ROWS);
  float *gate = job->session->gate + at;
  const float *up = job->session->up + at;
  if (config->activation == ACTIVATION_SILU) vec_silu_mul(gate, up, (int)config->n_ff);
  else vec_gelu_mul(gate, up, (int)config->n_ff);
}

static void add_ffn_output(void *argument, int token, int thread) {
  (void)thread;
  const struct token_job *job = argument;
  add_output(job, &job->layer->ffn_post_norm, (size_t)token);
}

enum sotto_status forward_layer(struct sotto_session *session, uint32_t index, size_t from, size_t to) {
  const struct config *config = &session->model->config;
  const struct layer *layer = &session->model->weights.layers[index];
  RETURN_IF(!layer_is_ready(layer, &session->model->arrived), SOTTO_NOT_READY);
  const int n = (int)(to - from);
  const size_t n_q = config->n_heads * config->head_dim, n_kv = config->n_kv_heads * config->head_dim;
  const size_t embd_stride = round_up(config->n_embd, TILE_ROWS), ff_stride = round_up(config->n_ff, TILE_ROWS);
  struct token_job job = {session, layer, residual_of(session, from)};

  pool_run(session->pool, norm_attention_input, &job, n);
  const struct product qkv[] = {{&layer->q, session->q, n_q}, {&layer->k, session->k, n_kv}, {&layer->v, session->v, n_kv}};
  matmul_prepare(session, session->normed, config->n_embd, n, qkv, 3);
  matmul_run(session, n, qkv, 3);

  attention(session, index, from, to);
  const struct product attn_out[] = {{&layer->attn_out, session->out, embd_stride}};
  matmul_prepare(session, session->mixed, n_q, n, attn_out, 1);
  matmul_run(session, n, attn_out, 1);
  pool_run(session->pool, add_attention_output, &job, n);

  const struct product gate_up[] = {{&layer->gate, session->gate, ff_stride}, {&layer->up, session->up, ff_stride}};
  matmul_prepare(session, session->normed, config->n_embd, n, gate_up, 2);
  matmul_run(session, n, gate_up, 2);
  pool_run(session->pool, activate, &job, n);

  const struct product down[] = {{&layer->down, session->out, embd_stride}};
  matmul_prepare(session, session->gate, ff_stride, n, down, 1);
  matmul_run(session, n, down, 1);
  pool_run(session->pool, add_ffn_output, &job, n);
  return SOTTO_OK;
}

/* ---- x -> logits ---- */

enum sotto_status forward_head(struct sotto_session *session, size_t position) {
  const struct config *config = &session->model->config;
  const struct weights *weights = &session->model->weights;
  const struct tensor *head = weights_head(weights);
  RETURN_IF(!tensor_is_ready(head, &session->model->arrived), SOTTO_NOT_READY);
  RETURN_IF(!tensor_is_ready(&weights->output_norm, &session->model->arrived), SOTTO_NOT_READY);
  vec_rms_norm(session->normed, residual_of(session, position), vector(&weights->output_norm), (int)config->n_embd,
               config->norm_epsilon);
  const struct product logits[] = {{head, session->logits, config->n_vocab}};
  matmul_prepare(session, session->normed, config->n_embd, 1, logits, 1);
  matmul_run(session, 1, logits, 1);
  if (config->logit_cap > 0) vec_soft_cap(session->logits, config->logit_cap, (int)config->n_vocab);
  session->logits_position = position;
  return SOTTO_OK;
}
