/* experts.c: the feed-forward of a mixture of experts (Shazeer et al., 2017; Fedus et al., 2021): a router scores the
 * experts, a token goes to the best few, and their outputs are added up with the router's weights.
 *
 *   p = softmax(router(y))                              chosen: the largest of p + choice_bias
 *   out = sum over the chosen of weight * down(activation(gate(y)) * up(y))  +  shared(y) * sigmoid(shared_router(y))
 *
 * The tokens of a slice are gathered expert by expert, so that each expert's weights are read once. Experts go in the order
 * of their numbers, whatever else is in the slice, so that a token's sum has the same bits in any slice. */
#include "mathf.h"
#include "session.h"

#include <string.h>

#define LEAST_WEIGHT_SUM 6.103515625e-5f /* what a sum of weights is taken for when it is less: 2^-14 */

struct ffn {
  struct affine gate, up, down;
};

/* What becomes of tokens, or of an expert's rows, one by one. */
struct row_job {
  struct sotto_session *session;
  const struct layer *layer;
  const struct ffn *ffn; /* NULL while tokens are routed */
  size_t n_ff;
};

/* ---- which experts a token goes to ---- */

static size_t score_stride(const struct config *config) { return round_up(config->n_experts, TILE_ROWS); }

static float sigmoid(float x) { return (float)(1 / (1 + math_exp(-x))); }

static void find_probabilities(const struct config *config, float *scores) {
  const int n = (int)config->n_experts, n_padded = (int)score_stride(config);
  if (config->graph.gating == GATING_SOFTMAX)
    vec_scale(scores, 1 / vec_softmax(scores, 0, n_padded, 0, n, 1, NO_SINK), n);
}

/* The largest of scores (+ bias) that is not chosen yet; the first one of equals, and of no numbers. */
static uint32_t find_best(const struct config *config, const float *scores, const float *bias, const struct choice *chosen,
                          uint32_t n_chosen) {
  uint32_t best = UINT32_MAX;
  float best_score = 0;
  for (uint32_t i = 0; i < config->n_experts; i++) {
    const float score = bias ? scores[i] + bias[i] : scores[i];
    bool is_free = true;
    for (uint32_t j = 0; j < n_chosen; j++) is_free = is_free && chosen[j].expert != i;
    if (!is_free || (best != UINT32_MAX && !(score > best_score))) continue;
    best = i;
    best_score = score;
  }
  return best;
}

static void weigh(const struct config *config, struct choice *chosen) {
  const uint32_t n = config->n_experts_used;
  float sum = 0, max = chosen[0].weight;
  if (config->graph.gating == GATING_SOFTMAX_CHOSEN) {
    for (uint32_t i = 1; i < n; i++) max = chosen[i].weight > max ? chosen[i].weight : max;
    for (uint32_t i = 0; i < n; i++) chosen[i].weight = (float)math_exp(chosen[i].weight - max);
  }
  for (uint32_t i = 0; i < n; i++) sum += chosen[i].weight;
  if (sum < LEAST_WEIGHT_SUM) sum = LEAST_WEIGHT_SUM;
  const bool adds_up = config->graph.norms_expert_weights || config->graph.gating == GATING_SOFTMAX_CHOSEN;
  for (uint32_t i = 0; i < n; i++) chosen[i].weight *= (adds_up ? 1 / sum : 1) * config->expert_scale;
}

static void route(void *argument, int token, int thread) {
  (void)thread;
  const struct row_job *job = argument;
  const struct config *config = &job->session->model->config;
  float *scores = job->session->expert_scores + (size_t)token * score_stride(config);
  struct choice *chosen = job->session->choices + (size_t)token * config->n_experts_used;
  finish_product(&job->layer->router, scores);
  find_probabilities(config, scores);
  for (uint32_t i = 0; i < config->n_experts_used; i++) {
    const uint32_t best = find_best(config, scores, vector(&job->layer->choice_bias), chosen, i);
    chosen[i] = (struct choice){best, 0, scores[best]};
  }
  weigh(config, chosen);
  memset(job->session->out + (size_t)token * round_up(config->n_embd, TILE_ROWS), 0, config->n_embd * sizeof(float));
}

/* ---- one expert ---- */

/* Its rows of a matrix of all experts. */
static struct affine part_of(const struct affine *all, uint32_t expert, uint32_t n_rows) {
  struct affine part = *all;
  part.weight.n_rows = n_rows;
  part.weight.data += (size_t)expert * (n_rows / TILE_ROWS) * all->weight.group_bytes;
  if (tensor_exists(&all->scale)) part.scale.data += expert * sizeof(float);
  if (tensor_exists(&all->bias)) part.bias.data += (size_t)expert * n_rows * sizeof(float);
  part.bias.k = n_rows;
  return part;
}

static struct ffn expert_of(const struct config *config, const struct layer *layer, uint32_t expert) {
  struct ffn ffn = {.up = part_of(&layer->up, expert, config->n_ff_expert), .down = part_of(&layer->down, expert, config->n_embd)};
  if (config->graph.ffn != FFN_PLAIN) ffn.gate = part_of(&layer->gate, expert, config->n_ff_expert);
  return ffn;
}

static void activate(void *argument, int row, int thread) {
  (void)thread;
  const struct row_job *job = argument;
  const struct config *config = &job->session->model->config;
  const size_t at = (size_t)row * round_up(job->n_ff, TILE_ROWS);
  activate_row(config, &job->ffn->gate, &job->ffn->up, job->session->gate + at, job->session->up + at, job->n_ff);
}

/* x (n, n_embd) -> session->expert_out (n, n_embd), but for what finish_product adds. */
static void run(struct row_job *job, const float *x, int n) {
  struct sotto_session *session = job->session;
  const struct config *config = &session->model->config;
  const size_t ff_stride = round_up(job->n_ff, TILE_ROWS), embd_stride = round_up(config->n_embd, TILE_ROWS);
  const struct ffn *ffn = job->ffn;
  const bool is_plain = config->graph.ffn == FFN_PLAIN;
  const struct product gate_up[] = {{&ffn->gate.weight, session->gate, ff_stride}, {&ffn->up.weight, session->up, ff_stride}};
  const struct product up[] = {{&ffn->up.weight, session->gate, ff_stride}};
  matmul_prepare(session, x, config->n_embd, n, is_plain ? up : gate_up, is_plain ? 1 : 2);
  matmul_run(session, n, is_plain ? up : gate_up, is_plain ? 1 : 2);
  pool_run(session->pool, activate, job, n);
  const struct product down[] = {{&ffn->down.weight, session->expert_out, embd_stride}};
  matmul_prepare(session, session->gate, ff_stride, n, down, 1);
  matmul_run(session, n, down, 1);
}

/* out of a token += weight * expert_out of a row. */
static void add_row(struct sotto_session *session, const struct affine *down, size_t row, size_t token, float weight) {
  const size_t n = session->model->config.n_embd, stride = round_up(n, TILE_ROWS);
  float *from = session->expert_out + row * stride;
  finish_product(down, from);
  vec_scale(from, weight, (int)n);
  vec_add(session->out + token * stride, from, (int)n);
}

/* Gathers the tokens that go to an expert; each knows its row. Returns how many they are. */
static int gather(struct sotto_session *session, uint32_t expert, size_t n_tokens) {
  const struct config *config = &session->model->config;
  const size_t n = config->n_embd;
  uint32_t n_rows = 0;
  for (size_t i = 0; i < n_tokens * config->n_experts_used; i++) {
    if (session->choices[i].expert != expert) continue;
    memcpy(session->expert_in + n_rows * n, session->normed + i / config->n_experts_used * n, n * sizeof(float));
    session->choices[i].row = n_rows++;
  }
  return (int)n_rows;
}

static void add_expert_output(const struct row_job *job, uint32_t expert, size_t n_tokens) {
  struct sotto_session *session = job->session;
  const size_t n_used = session->model->config.n_experts_used;
  for (size_t i = 0; i < n_tokens * n_used; i++) {
    const struct choice *choice = &session->choices[i];
    if (choice->expert == expert) add_row(session, &job->ffn->down, choice->row, i / n_used, choice->weight);
  }
}

/* ---- the expert that every token goes to ---- */

static void add_shared_output(void *argument, int token, int thread) {
  (void)thread;
  const struct row_job *job = argument;
  const bool is_weighed = tensor_exists(&job->layer->shared_router);
  const float weight = is_weighed ? sigmoid(job->session->shared_scores[(size_t)token * TILE_ROWS]) : 1;
  add_row(job->session, &job->ffn->down, (size_t)token, (size_t)token, weight);
}

static void run_shared(struct sotto_session *session, const struct layer *layer, int n_tokens) {
  const struct config *config = &session->model->config;
  const struct ffn ffn = {layer->shared_gate, layer->shared_up, layer->shared_down};
  struct row_job job = {session, layer, &ffn, config->n_ff_shared};
  const struct product score[] = {{&layer->shared_router, session->shared_scores, TILE_ROWS}};
  if (tensor_exists(&layer->shared_router)) {
    matmul_prepare(session, session->normed, config->n_embd, n_tokens, score, 1);
    matmul_run(session, n_tokens, score, 1);
  }
  run(&job, session->normed, n_tokens);
  pool_run(session->pool, add_shared_output, &job, n_tokens);
}

void experts(struct sotto_session *session, const struct layer *layer, int n_tokens) {
  const struct config *config = &session->model->config;
  struct row_job job = {session, layer, NULL, 0};
  const struct product scores[] = {{&layer->router.weight, session->expert_scores, score_stride(config)}};
  matmul_prepare(session, session->normed, config->n_embd, n_tokens, scores, 1);
  matmul_run(session, n_tokens, scores, 1);
  pool_run(session->pool, route, &job, n_tokens);
  for (uint32_t expert = 0; expert < config->n_experts; expert++) {
    const int n_rows = gather(session, expert, (size_t)n_tokens);
    if (n_rows == 0) continue;
    const struct ffn ffn = expert_of(config, layer, expert);
    struct row_job row_job = {session, layer, &ffn, config->n_ff_expert};
    run(&row_job, session->expert_in, n_rows);
    add_expert_output(&row_job, expert, (size_t)n_tokens);
  }
  if (config->n_ff_shared) run_shared(session, layer, n_tokens);
}
