/* forward.c: the graph, from token ids to logits, to be read from top to bottom.
 *
 *   x = embedding[token] * embd_scale + positions[position]
 *   for each layer:  x = x + post_norm(attention(norm(x))) * residual_scale
 *                    x = x + post_norm(feed_forward(norm(x))) * residual_scale
 *   logits = cap(head(norm(x)) * logit_scale)
 *
 *   feed_forward(y) = down(activation(gate(y)) * up(y))  or  down(activation(up(y)))
 *
 * Every matrix may have a bias. Which of the norms there are, and what else a family leaves out, is for config->graph
 * (model.h); in parallel blocks the feed-forward reads the x that attention read. The unit of work is one layer over one
 * slice of tokens, whose residual stream x stays in the session between the units. */
#include "mathf.h"
#include "session.h"

#include <string.h>

static float *residual_of(const struct sotto_session *session, size_t position) {
  return session->residual + (position - session->wave_begin) * session->model->config.n_embd;
}

/* ---- tokens -> x ---- */

/* What divides the frequencies (Llama 3, LongRoPE); NULL: nothing does. */
static const float *rope_divisors(const struct sotto_session *session) {
  const struct weights *weights = &session->model->weights;
  if (tensor_exists(&weights->rope_freqs)) return vector(&weights->rope_freqs);
  return vector(session->n_ctx > session->model->config.n_ctx_rope ? &weights->rope_long : &weights->rope_short);
}

/* How much of the scaling dimension pair i gets: YaRN spares the fast ones. */
static double scale_of_pair(const struct rope *rope, uint32_t i) {
  if (!rope->is_yarn) return rope->scale;
  const float width = rope->ramp_end - rope->ramp_begin;
  const float along = ((float)i - rope->ramp_begin) / (width > 0.001f ? width : 0.001f);
  const double share = along < 0 ? 0 : along < 1 ? along : 1;
  return rope->scale * share + (1 - share);
}

static void find_frequencies(struct sotto_session *session) {
  const struct config *config = &session->model->config;
  const float *divisors = rope_divisors(session);
  const uint32_t half = config->rope_dims / 2;
  for (uint32_t kind = 0; kind < 2; kind++)
    for (uint32_t i = 0; i < half; i++) {
      const struct rope *rope = &config->rope[kind];
      const double frequency = math_pow(rope->base, -2.0 * i / config->rope_dims) * scale_of_pair(rope, i);
      session->frequencies[kind * half + i] = divisors ? frequency / divisors[i] : frequency;
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
      out[i] = (float)math_cos(angle) * config->rope[kind].magnitude;
      out[half + i] = (float)math_sin(angle) * config->rope[kind].magnitude;
    }
}

static void read_row(const struct tensor *tensor, size_t row, float *out) {
  layout_unpack_row(tensor->layout, out, tensor->data + row / TILE_ROWS * tensor->group_bytes, (int)(row % TILE_ROWS), (int)tensor->k);
}

static void embed(struct sotto_session *session, size_t position) {
  const struct config *config = &session->model->config;
  const struct weights *weights = &session->model->weights;
  float *x = residual_of(session, position);
  read_row(&weights->embedding, (size_t)session->tokens[position], x);
  if (config->embd_scale != 1) vec_scale(x, config->embd_scale, (int)config->n_embd);
  if (tensor_exists(&weights->token_types)) {
    read_row(&weights->token_types, 0, session->normed);
    vec_add(x, session->normed, (int)config->n_embd);
  }
  if (config->graph.has_positions) {
    read_row(&weights->positions, position, session->normed);
    vec_add(x, session->normed, (int)config->n_embd);
  }
  if (config->graph.has_embedding_norm) norm(config, x, x, &weights->embedding_norm, config->n_embd);
}

bool forward_can_begin(const struct sotto_session *session, size_t from, size_t to) {
  const struct weights *weights = &session->model->weights;
  const struct ranges *arrived = &session->model->arrived;
  for (size_t p = from; p < to; p++)
    if (!row_is_ready(&weights->embedding, (uint32_t)session->tokens[p], arrived)) return false;
  return input_is_ready(weights, arrived);
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

/* normed = norm(x) of a token; without a norm of its own: x. */
static void norm_input(const struct token_job *job, const struct affine *with, size_t token) {
  const struct config *config = &job->session->model->config;
  const size_t n = config->n_embd;
  float *out = job->session->normed + token * n;
  const float *x = job->x + token * n;
  const bool has_norm = config->graph.norm == NORM_LAYER_PLAIN || tensor_exists(&with->weight);
  if (has_norm) norm(config, out, x, with, n);
  else memcpy(out, x, n * sizeof *x);
}

/* x = x + post_norm(out) * residual_scale, or post_norm(x + out) */
static void add_output(const struct token_job *job, const struct affine *matrix, const struct affine *post_norm, size_t token) {
  const struct config *config = &job->session->model->config;
  const size_t n = config->n_embd;
  float *out = job->session->out + token * round_up(n, TILE_ROWS);
  finish_product(matrix, out);
  const bool is_of_sum = config->graph.norms == NORMS_OF_SUM;
  float *x = job->x + token * n;
  if (config->graph.norms != NORMS_BEFORE && !is_of_sum) norm(config, out, out, post_norm, n);
  if (config->residual_scale != 1) vec_scale(out, config->residual_scale, (int)n);
  vec_add(x, out, (int)n);
  if (is_of_sum) norm(config, x, x, post_norm, n);
}

/* x = norm(x + what attention read), which is x as it was, without a norm. */
static void add_input_again(const struct token_job *job, size_t token) {
  const struct config *config = &job->session->model->config;
  const size_t n = config->n_embd;
  float *x = job->x + token * n;
  vec_add(x, job->session->normed + token * n, (int)n);
  norm(config, x, x, &job->layer->attn_sum_norm, n);
}

static void norm_attention_input(void *argument, int token, int thread) {
  (void)thread;
  const struct token_job *job = argument;
  norm_input(job, &job->layer->attn_norm, (size_t)token);
}

/* And the feed-forward's input: in a parallel block from x as it was; with one norm it is what attention's was. */
static void add_attention_output(void *argument, int token, int thread) {
  (void)thread;
  const struct token_job *job = argument;
  const struct layer *layer = job->layer;
  const enum block_kind block = job->session->model->config.graph.block;
  if (block == BLOCK_PARALLEL) norm_input(job, &layer->ffn_norm, (size_t)token);
  add_output(job, &layer->attn_out, &layer->attn_post_norm, (size_t)token);
  if (tensor_exists(&layer->attn_sum_norm.weight)) add_input_again(job, (size_t)token);
  if (block == BLOCK_SEQUENTIAL) norm_input(job, &layer->ffn_norm, (size_t)token);
}

void activate_row(const struct config *config, const struct affine *gate_matrix, const struct affine *up_matrix, float *gate,
                  float *up, size_t n_ff) {
  const int n = (int)n_ff;
  const bool is_plain = config->graph.ffn == FFN_PLAIN;
  finish_product(is_plain ? up_matrix : gate_matrix, gate);
  if (!is_plain) finish_product(up_matrix, up);
  switch (config->graph.activation) {
    case ACTIVATION_SILU: vec_silu_mul(gate, up, n); break;
    case ACTIVATION_GELU: is_plain ? vec_gelu(gate, n) : vec_gelu_mul(gate, up, n); break;
    case ACTIVATION_RELU_SQUARED: vec_relu_squared(gate, n); break;
    case ACTIVATION_SWIGLU_CLAMPED: vec_swiglu_clamped(gate, up, n); break;
  }
}

static void activate(void *argument, int token, int thread) {
  (void)thread;
  const struct token_job *job = argument;
  const struct config *config = &job->session->model->config;
  const struct layer *layer = job->layer;
  const size_t n = layer->up.weight.n_rows, at = (size_t)token * round_up(n, TILE_ROWS);
  float *gate = job->session->gate + at;
  activate_row(config, &layer->gate, &layer->up, gate, job->session->up + at, n);
  if (tensor_exists(&layer->act_scales)) vec_divide(gate, vector(&layer->act_scales), (int)n);
}

static void add_ffn_output(void *argument, int token, int thread) {
  (void)thread;
  const struct token_job *job = argument;
  static const struct affine finished = {0}; /* what comes from experts is */
  const struct affine *down = tensor_exists(&job->layer->router.weight) ? &finished : &job->layer->down;
  add_output(job, down, &job->layer->ffn_post_norm, (size_t)token);
}

/* normed (n, n_embd) -> out, but for what finish_product adds. */
static void feed_forward(struct token_job *job, int n) {
  struct sotto_session *session = job->session;
  const struct config *config = &session->model->config;
  const struct layer *layer = job->layer;
  const size_t embd_stride = round_up(config->n_embd, TILE_ROWS), ff_stride = round_up(layer->up.weight.n_rows, TILE_ROWS);
  const struct product gate_up[] = {{&layer->gate.weight, session->gate, ff_stride}, {&layer->up.weight, session->up, ff_stride}};
  const struct product up[] = {{&layer->up.weight, session->gate, ff_stride}};
  const bool is_plain = config->graph.ffn == FFN_PLAIN;
  matmul_prepare(session, session->normed, config->n_embd, n, is_plain ? up : gate_up, is_plain ? 1 : 2);
  matmul_run(session, n, is_plain ? up : gate_up, is_plain ? 1 : 2);
  pool_run(session->pool, activate, job, n);
  const struct product down[] = {{&layer->down.weight, session->out, embd_stride}};
  matmul_prepare(session, session->gate, ff_stride, n, down, 1);
  matmul_run(session, n, down, 1);
}

/* x -> q, or k and v in the cache, or both. */
static void run_inputs(struct token_job *job, uint32_t index, size_t from, size_t to, unsigned parts) {
  struct sotto_session *session = job->session;
  const struct config *config = &session->model->config;
  const struct layer *layer = job->layer;
  const int n = (int)(to - from);
  const size_t n_q = config->heads_of[index] * config->head_stride, n_kv = config->kv_heads_of[index] * config->head_stride;
  pool_run(session->pool, norm_attention_input, job, n);
  const struct product qkv[] = {{&layer->q.weight, session->q, n_q}, {&layer->k.weight, session->k, n_kv},
                                {&layer->v.weight, session->v, n_kv}};
  const struct product *first = parts & QUERIES ? qkv : qkv + 1;
  const int n_products = (parts & QUERIES ? 1 : 0) + (parts & KEYS_VALUES ? 2 : 0);
  matmul_prepare(session, session->normed, config->n_embd, n, first, n_products);
  matmul_run(session, n, first, n_products);
  attention_prepare(session, index, from, to, parts);
}

/* q and the cache -> attention and feed-forward, added to x. */
static void run_outputs(struct token_job *job, uint32_t index, size_t from, size_t to) {
  struct sotto_session *session = job->session;
  const struct config *config = &session->model->config;
  const struct layer *layer = job->layer;
  const int n = (int)(to - from);
  const size_t embd_stride = round_up(config->n_embd, TILE_ROWS);

  attention(session, index, from, to);
  const struct product attn_out[] = {{&layer->attn_out.weight, session->out, embd_stride}};
  matmul_prepare(session, session->mixed, config->heads_of[index] * config->head_stride, n, attn_out, 1);
  matmul_run(session, n, attn_out, 1);
  pool_run(session->pool, add_attention_output, job, n);
  if (tensor_exists(&layer->router.weight)) experts(session, layer, n);
  else feed_forward(job, n);
  pool_run(session->pool, add_ffn_output, job, n);
}

/* A layer of an encoder over one slice. Its tokens see those of later slices, too: all keys and values come first. */
static void encode_layer(struct sotto_session *session, uint32_t index, size_t from, size_t to) {
  const struct layer *layer = &session->model->weights.layers[index];
  struct token_job job = {session, layer, residual_of(session, from)};
  for (size_t at = session->wave_begin; from == session->wave_begin && at < session->wave_end; at += session->n_batch) {
    struct token_job slice = {session, layer, residual_of(session, at)};
    const size_t left = session->wave_end - at;
    run_inputs(&slice, index, at, at + (left < session->n_batch ? left : session->n_batch), KEYS_VALUES);
  }
  run_inputs(&job, index, from, to, QUERIES);
  run_outputs(&job, index, from, to);
}

/* The last layer's outputs serve the logits alone, so they wait until somebody asks for those. */
enum sotto_status forward_layer(struct sotto_session *session, uint32_t index, size_t from, size_t to) {
  const struct layer *layer = &session->model->weights.layers[index];
  struct token_job job = {session, layer, residual_of(session, from)};
  const bool is_last = index + 1 == session->model->config.n_layers;
  RETURN_IF(!layer_is_ready(layer, &session->model->arrived), SOTTO_NOT_READY);
  if (session->model->config.graph.is_encoder) {
    encode_layer(session, index, from, to);
    return SOTTO_OK;
  }
  run_inputs(&job, index, from, to, is_last ? KEYS_VALUES : QUERIES | KEYS_VALUES);
  if (!is_last) run_outputs(&job, index, from, to);
  return SOTTO_OK;
}

/* ---- x -> logits ---- */

/* Takes tokens from `position` on, as many as fit into a slice, through the rest of the last layer: whoever reads the logits
 * of one mostly reads those of the next. */
static void finish_last_layer(struct sotto_session *session, size_t position) {
  const uint32_t index = session->model->config.n_layers - 1;
  struct token_job job = {session, &session->model->weights.layers[index], residual_of(session, position)};
  bool *is_finished = session->is_finished + (position - session->wave_begin);
  size_t n = 0;
  while (position + n < session->wave_end && n < session->n_batch && !is_finished[n]) is_finished[n++] = true;
  run_inputs(&job, index, position, position + n, QUERIES);
  run_outputs(&job, index, position, position + n);
}

/* A tile of tokens reads the head once: guesses are checked in one go. */
enum sotto_status forward_head(struct sotto_session *session, size_t position) {
  const struct config *config = &session->model->config;
  const struct weights *weights = &session->model->weights;
  const struct tensor *head = weights_head(weights);
  const size_t left = session->wave_end - position, n = left < TILE_TOKENS ? left : TILE_TOKENS;
  RETURN_IF(!tensor_is_ready(head, &session->model->arrived), SOTTO_NOT_READY);
  RETURN_IF(!affine_is_ready(&weights->output_norm, &session->model->arrived), SOTTO_NOT_READY);
  RETURN_IF(!affine_is_ready(&weights->output, &session->model->arrived), SOTTO_NOT_READY);
  for (size_t i = 0; i < n; i++)
    if (!session->is_finished[position + i - session->wave_begin]) finish_last_layer(session, position + i);
  for (size_t i = 0; i < n; i++)
    norm(config, session->normed + i * config->n_embd, residual_of(session, position + i), &weights->output_norm, config->n_embd);
  const struct product logits[] = {{head, session->logits, session->logits_stride}};
  matmul_prepare(session, session->normed, config->n_embd, (int)n, logits, 1);
  matmul_run(session, (int)n, logits, 1);
  for (size_t i = 0; i < n; i++) {
    float *row = session->logits + i * session->logits_stride;
    finish_product(&weights->output, row);
    if (config->logit_scale != 1) vec_scale(row, config->logit_scale, (int)config->n_vocab);
    if (config->logit_cap > 0) vec_soft_cap(row, config->logit_cap, (int)config->n_vocab);
  }
  session->logits_begin = position;
  session->n_logits = n;
  return SOTTO_OK;
}

/* ---- x -> embedding ---- */

static void finish_all(struct sotto_session *session, size_t from) {
  if (session->model->config.graph.is_encoder) return; /* it has gone through all layers to their ends */
  for (size_t p = from; p < session->wave_end; p++)
    if (!session->is_finished[p - session->wave_begin]) finish_last_layer(session, p);
}

/* out (n_embd): the residual stream of a token, with the last norm. */
static void read_token(const struct sotto_session *session, size_t position, float *out) {
  const struct config *config = &session->model->config;
  const struct affine *output_norm = &session->model->weights.output_norm;
  if (config->graph.norms == NORMS_OF_SUM) memcpy(out, residual_of(session, position), config->n_embd * sizeof *out);
  else norm(config, out, residual_of(session, position), output_norm, config->n_embd);
}

/* session->embedding = mean, or one token's. */
static void pool_tokens(struct sotto_session *session, enum pooling pooling) {
  const int n = (int)session->model->config.n_embd;
  float *out = session->embedding;
  finish_all(session, pooling == POOLING_LAST ? session->wave_end - 1 : session->wave_begin);
  if (pooling != POOLING_MEAN) {
    read_token(session, pooling == POOLING_LAST ? session->wave_end - 1 : session->wave_begin, out);
    return;
  }
  memset(out, 0, (size_t)n * sizeof *out);
  for (size_t p = session->wave_begin; p < session->wave_end; p++) {
    read_token(session, p, session->normed);
    vec_add(out, session->normed, n);
  }
  vec_scale(out, 1 / (float)(session->wave_end - session->wave_begin), n);
}

/* session->embedding = matrix(session->embedding) */
static void apply(struct sotto_session *session, const struct affine *matrix) {
  const struct product product[] = {{&matrix->weight, session->embedding, 0}};
  memcpy(session->pooled, session->embedding, matrix->weight.k * sizeof(float));
  matmul_prepare(session, session->pooled, matrix->weight.k, 1, product, 1);
  matmul_run(session, 1, product, 1);
  finish_product(matrix, session->embedding);
}

static void classify(struct sotto_session *session) {
  const struct config *config = &session->model->config;
  const struct weights *weights = &session->model->weights;
  const int n = (int)config->n_embd, n_labels = (int)config->n_labels;
  float *x = session->embedding;
  if (tensor_exists(&weights->class_inner.weight)) {
    apply(session, &weights->class_inner);
    if (config->graph.norms == NORMS_OF_SUM) vec_soft_cap(x, 1, n); /* tanh */
    else vec_gelu(x, n);
  }
  if (tensor_exists(&weights->class_norm.weight)) norm(config, x, x, &weights->class_norm, config->n_embd);
  if (tensor_exists(&weights->class_output.weight)) apply(session, &weights->class_output);
  if (config->graph.is_encoder || n_labels == 1) return;
  const float sum = vec_softmax(x, 0, (int)round_up(config->n_labels, TILE_ROWS), 0, n_labels, 1, NO_SINK); /* Qwen 3: yes and no */
  vec_scale(x, 1 / sum, n_labels);
}

enum sotto_status forward_embedding(struct sotto_session *session, enum pooling pooling) {
  const struct config *config = &session->model->config;
  const struct weights *weights = &session->model->weights;
  RETURN_IF(!affine_is_ready(&weights->output_norm, &session->model->arrived), SOTTO_NOT_READY);
  RETURN_IF(!classifier_is_ready(weights, &session->model->arrived), SOTTO_NOT_READY);
  pool_tokens(session, pooling == POOLING_RANK ? config->rank_pooling : pooling);
  if (pooling == POOLING_RANK) classify(session);
  else if (tensor_exists(&weights->dense[0].weight)) {
    apply(session, &weights->dense[0]);
    apply(session, &weights->dense[1]);
  }
  return SOTTO_OK;
}
