/* session.c: one timeline of tokens. Tokens are queued by sync and append; step takes them through the layers, wave by
 * wave, slice by slice; logits end it. */
#include "session.h"

#include <string.h>

#define DEFAULT_CTX_MOST 4096
#define DEFAULT_BATCH 128
#define MAX_CTX (1u << 21)
#define MAX_THREADS 64

/* ---- open ---- */

static enum sotto_status read_options(struct sotto_session *session, const struct sotto_model *model,
                                      const struct sotto_session_options *options, struct sotto_error *error) {
  const struct sotto_session_options none = {sizeof none, 0, 0, 0, 0, 0};
  if (!options) options = &none;
  if (options->sizeof_options != sizeof *options)
    return error_set(error, SOTTO_INVALID_ARGUMENT, NOWHERE, "sizeof_options is %u", options->sizeof_options);
  if (options->n_ctx > MAX_CTX || options->n_threads > MAX_THREADS || options->n_batch > MAX_CTX || options->n_wave > MAX_CTX ||
      options->kv_type > SOTTO_KV_INT8)
    return error_set(error, SOTTO_INVALID_ARGUMENT, NOWHERE, "a context of %u tokens, batches of %u, waves of %u, %u threads or KV type %u is out of range",
                     options->n_ctx, options->n_batch, options->n_wave, options->n_threads, options->kv_type);
  if (model->weights.n_tensors == 0)
    return error_set(error, SOTTO_MISSING_TENSOR, NOWHERE, "the file holds a vocabulary without weights: it gives tokens and no answers");
  const uint32_t n_ctx_train = model->config.n_ctx_train;
  session->model = model;
  session->n_ctx = options->n_ctx ? options->n_ctx : n_ctx_train < DEFAULT_CTX_MOST ? n_ctx_train : DEFAULT_CTX_MOST;
  if (model->config.graph.has_positions && session->n_ctx > n_ctx_train) session->n_ctx = n_ctx_train;
  session->n_batch = options->n_batch ? options->n_batch : DEFAULT_BATCH;
  session->n_wave = options->n_wave ? options->n_wave : SOTTO_DEFAULT_WAVE;
  if (session->n_wave > session->n_ctx) session->n_wave = session->n_ctx;
  const bool is_encoder = model->config.graph.is_encoder;
  if (is_encoder || model->config.pooling == POOLING_MEAN) session->n_wave = session->n_ctx; /* all of a text at once */
  if (session->n_batch > session->n_wave) session->n_batch = session->n_wave;
  session->n_threads = options->n_threads ? options->n_threads : 1;
  static const enum kv_type kv_types[] = {[SOTTO_KV_DEFAULT] = KV_INT8, [SOTTO_KV_F16] = KV_F16, [SOTTO_KV_F32] = KV_F32,
                                          [SOTTO_KV_INT8] = KV_INT8};
  session->kv_type = is_encoder && options->kv_type == SOTTO_KV_DEFAULT ? KV_F32 : kv_types[options->kv_type];
  if (model->config.n_queries > MAX_QUERIES)
    return error_set(error, SOTTO_UNSUPPORTED_ARCHITECTURE, NOWHERE, "%u query heads share a key head; at most %u can",
                     model->config.n_queries, (uint32_t)MAX_QUERIES);
  return SOTTO_OK;
}

/* Slices shorter than their tiles read, and throw away, rows that nothing has been written to yet. */
static float *carve_rows(struct arena *arena, uint64_t n_items) {
  float *rows = arena_carve(arena, n_items, sizeof *rows);
  if (rows) memset(rows, 0, (size_t)n_items * sizeof *rows);
  return rows;
}

static void carve_experts(struct sotto_session *session, struct arena *arena) {
  const struct config *config = &session->model->config;
  const uint64_t rows = config->n_experts ? round_up(session->n_batch, TILE_TOKENS) : 0, embd = round_up(config->n_embd, TILE_ROWS);
  session->expert_scores = carve_rows(arena, rows * round_up(config->n_experts, TILE_ROWS));
  session->choices = arena_carve(arena, rows * config->n_experts_used, sizeof(struct choice));
  session->expert_in = carve_rows(arena, rows * embd);
  session->expert_out = carve_rows(arena, rows * embd);
  session->shared_scores = carve_rows(arena, rows * TILE_ROWS);
}

/* Whether a level takes activations in this form. */
static bool has_form(const struct kernels *kernels, enum act_form form) {
  for (int layout = 0; layout < LAYOUT_COUNT; layout++)
    if (act_form(kernels, (enum layout)layout) == form) return true;
  return false;
}

static void carve_scratch(struct sotto_session *session, struct arena *arena) {
  const struct config *config = &session->model->config;
  const uint64_t n_q = config->n_heads * config->head_stride, n_kv = config->n_kv_heads * config->head_stride;
  const uint64_t rows = round_up(session->n_batch, TILE_TOKENS), embd = round_up(config->n_embd, TILE_ROWS);
  uint64_t ff = round_up(config->n_ff, TILE_ROWS);
  if (config->n_ff_expert > ff) ff = config->n_ff_expert;
  if (config->n_ff_shared > ff) ff = round_up(config->n_ff_shared, TILE_ROWS);
  uint64_t widest = ff > n_q ? ff : n_q, embedding = embd;
  if (embd > widest) widest = embd;
  if (config->n_dense > embedding) embedding = round_up(config->n_dense, TILE_ROWS);
  if (config->n_labels > embedding) embedding = round_up(config->n_labels, TILE_ROWS);
  if (embedding > widest) widest = embedding;
  session->embedding = carve_rows(arena, embedding);
  session->pooled = carve_rows(arena, embedding);
  session->normed = carve_rows(arena, rows * embd);
  session->q = carve_rows(arena, rows * n_q);
  session->k = carve_rows(arena, rows * n_kv);
  session->v = carve_rows(arena, rows * n_kv);
  session->mixed = carve_rows(arena, rows * n_q);
  session->out = carve_rows(arena, rows * embd);
  session->gate = carve_rows(arena, rows * ff);
  session->up = carve_rows(arena, rows * ff);
  carve_experts(session, arena);
  for (enum act_form form = 0; form < ACT_FORM_COUNT; form++)
    session->acts.forms[form] = arena_carve(arena, has_form(session->model->kernels, form) ? rows / TILE_TOKENS : 0,
                                            act_tile_bytes(form, (int)round_up(widest, BLOCK)));
  session->panel_bytes = round_up(gemm_panel_bytes((int)widest), 64);
  session->panels = arena_carve(arena, session->n_threads, session->panel_bytes);
  session->score_stride = round_up(session->n_ctx, 16) + 16; /* an odd number of cache lines: rows share no set */
  session->scores = arena_carve(arena, (uint64_t)session->n_threads * TILE_TOKENS * config->n_queries,
                                session->score_stride * sizeof(float));
  session->logits_stride = round_up(config->n_vocab, TILE_ROWS);
  session->logits = arena_carve(arena, TILE_TOKENS * (uint64_t)session->logits_stride, sizeof(float));
}

static struct kv_layer carve_kv(const struct sotto_session *session, struct arena *arena, uint32_t n_heads) {
  const struct config *config = &session->model->config;
  const uint64_t item = kv_item_bytes(session->kv_type), n_rows = round_up(session->n_ctx, 8) * n_heads;
  const uint64_t n_scales = session->kv_type == KV_INT8 ? n_rows : 0;
  struct kv_layer layer = {.keys = arena_carve(arena, n_rows * config->head_stride, item)};
  layer.values = arena_carve(arena, n_rows * config->head_stride, item);
  layer.key_scales = arena_carve(arena, n_scales, sizeof(float));
  layer.value_scales = arena_carve(arena, n_scales, sizeof(float));
  return layer;
}

static void carve(struct sotto_session *session, struct arena *arena) {
  const struct config *config = &session->model->config;
  session->tokens = arena_carve(arena, session->n_ctx, sizeof(int32_t));
  session->residual = arena_carve(arena, (uint64_t)session->n_wave * config->n_embd, sizeof(float));
  session->is_finished = arena_carve(arena, session->n_wave, sizeof(bool));
  session->rope = arena_carve(arena, (uint64_t)session->n_wave * 2 * config->rope_dims, sizeof(float));
  session->frequencies = arena_carve(arena, config->rope_dims, sizeof(double));
  session->wanted.marks = arena_carve(arena, round_up(config->n_vocab, TILE_ROWS) / TILE_ROWS, 1);
  session->kv = arena_carve(arena, config->n_layers, sizeof(struct kv_layer));
  struct kv_layer layer = {0};
  for (uint32_t i = 0; i < config->n_layers; i++) {
    const bool is_shared = i > 0 && config->graph.is_encoder; /* each layer is done before the next one begins */
    if (!is_shared) layer = carve_kv(session, arena, config->graph.is_encoder ? config->n_kv_heads : config->kv_heads_of[i]);
    layer.n_heads = config->kv_heads_of[i];
    if (session->kv && !arena_overflows(arena)) session->kv[i] = layer;
  }
  carve_scratch(session, arena);
}

enum sotto_status sotto_session_measure(const sotto_model *model, const struct sotto_session_options *options,
                                        size_t *n_bytes, struct sotto_error *error) {
  struct sotto_session session = {0};
  struct arena arena = {0};
  TRY(read_options(&session, model, options, error));
  arena_carve(&arena, 1, sizeof session);
  carve(&session, &arena);
  if (arena_overflows(&arena))
    return error_set(error, SOTTO_OUT_OF_MEMORY, NOWHERE, "a context of %u tokens needs %U bytes of memory", session.n_ctx, arena.used);
  *n_bytes = (size_t)arena.used;
  return SOTTO_OK;
}

enum sotto_status sotto_session_open(void *block, size_t block_bytes, const sotto_model *model, sotto_pool *pool,
                                     const struct sotto_session_options *options, sotto_session **session,
                                     struct sotto_error *error) {
  struct arena arena = {block, 0, block_bytes};
  struct sotto_session *opened = arena_carve(&arena, 1, sizeof *opened);
  if (!opened) return error_set(error, SOTTO_OUT_OF_MEMORY, NOWHERE, "the block is smaller than sotto_session_measure asked for");
  memset(opened, 0, sizeof *opened);
  TRY(read_options(opened, model, options, error));
  carve(opened, &arena);
  if (arena_overflows(&arena))
    return error_set(error, SOTTO_OUT_OF_MEMORY, NOWHERE, "a context of %u tokens needs %U bytes of memory", opened->n_ctx, arena.used);
  opened->pool = pool;
  *session = opened;
  return SOTTO_OK;
}

/* ---- the timeline ---- */

size_t sotto_session_n_tokens(const sotto_session *session) { return session->n_tokens; }
size_t sotto_session_n_ctx(const sotto_session *session) { return session->n_ctx; }

/* What an encoder has computed of a text is of no use for another. */
static void forget_all(struct sotto_session *session) {
  session->is_running = false;
  session->n_computed = session->wave_begin = session->wave_end = 0;
}

enum sotto_status sotto_session_rewind(sotto_session *session, size_t n_tokens) {
  RETURN_IF(n_tokens > session->n_tokens, SOTTO_INVALID_ARGUMENT);
  if (session->model->config.graph.is_encoder && n_tokens < session->n_tokens) forget_all(session);
  session->n_tokens = n_tokens;
  if (session->n_computed > n_tokens) session->n_computed = n_tokens;
  if (session->wave_end > n_tokens) {
    session->is_running = false; /* a wave that runs is given up, a finished one loses its end */
    session->wave_end = session->wave_begin > session->n_computed ? session->wave_begin : session->n_computed;
  }
  session->n_logits = 0;
  return SOTTO_OK;
}

enum sotto_status sotto_session_append(sotto_session *session, const int32_t *tokens, size_t n_tokens) {
  RETURN_IF(n_tokens > session->n_ctx - session->n_tokens, SOTTO_CONTEXT_FULL);
  for (size_t i = 0; i < n_tokens; i++)
    RETURN_IF(tokens[i] < 0 || (uint32_t)tokens[i] >= session->model->config.n_vocab, SOTTO_INVALID_ARGUMENT);
  if (session->model->config.graph.is_encoder && n_tokens > 0) forget_all(session);
  memcpy(session->tokens + session->n_tokens, tokens, n_tokens * sizeof *tokens);
  session->n_tokens += n_tokens;
  return SOTTO_OK;
}

enum sotto_status sotto_session_sync(sotto_session *session, const int32_t *tokens, size_t n_tokens, size_t *n_reused) {
  RETURN_IF(n_tokens == 0, SOTTO_INVALID_ARGUMENT);
  RETURN_IF(n_tokens > session->n_ctx, SOTTO_CONTEXT_FULL);
  for (size_t i = 0; i < n_tokens; i++)
    RETURN_IF(tokens[i] < 0 || (uint32_t)tokens[i] >= session->model->config.n_vocab, SOTTO_INVALID_ARGUMENT);
  size_t common = 0;
  while (common < session->n_tokens && common < n_tokens - 1 && session->tokens[common] == tokens[common]) common++;
  TRY(sotto_session_rewind(session, common));
  *n_reused = session->n_computed;
  return sotto_session_append(session, tokens + common, n_tokens - common);
}

/* ---- compute ---- */

/* Units of (layer, slice) still to do, those of later waves included. */
static size_t units_left(const struct sotto_session *session) {
  const size_t n_layers = session->model->config.n_layers, batch = session->n_batch;
  size_t units = 0, at = session->n_computed;
  if (session->is_running) {
    const size_t n_slices = (session->wave_end - session->wave_begin + batch - 1) / batch;
    units = (n_layers - session->layer) * n_slices - (session->slice_begin - session->wave_begin) / batch;
    at = session->wave_end;
  }
  for (size_t n; at < session->n_tokens; at += n) {
    n = session->n_tokens - at < session->n_wave ? session->n_tokens - at : session->n_wave;
    units += n_layers * ((n + batch - 1) / batch);
  }
  return units;
}

static enum sotto_status begin_wave(struct sotto_session *session) {
  const size_t begin = session->n_computed, left = session->n_tokens - begin;
  const size_t end = begin + (left < session->n_wave ? left : session->n_wave);
  RETURN_IF(!forward_can_begin(session, begin, end), SOTTO_NOT_READY);
  session->wave_begin = session->slice_begin = begin;
  session->wave_end = end;
  session->layer = 0;
  session->is_running = true;
  session->n_logits = 0;
  memset(session->is_finished, 0, end - begin);
  forward_begin_wave(session);
  return SOTTO_OK;
}

enum sotto_status sotto_session_step(sotto_session *session, size_t *n_left) {
  *n_left = units_left(session);
  if (*n_left == 0) return SOTTO_OK;
  if (!session->is_running) TRY(begin_wave(session));
  const size_t left = session->wave_end - session->slice_begin;
  const size_t end = session->slice_begin + (left < session->n_batch ? left : session->n_batch);
  TRY(forward_layer(session, session->layer, session->slice_begin, end));
  session->slice_begin = end;
  if (end == session->wave_end) {
    session->slice_begin = session->wave_begin;
    if (++session->layer == session->model->config.n_layers) {
      session->is_running = false;
      session->n_computed = session->wave_end;
    }
  }
  *n_left -= 1;
  return SOTTO_OK;
}

enum sotto_status sotto_session_embedding(sotto_session *session, uint32_t pooling, const float **embedding, size_t *n_items) {
  const struct config *config = &session->model->config;
  const struct weights *weights = &session->model->weights;
  if (pooling == SOTTO_POOLING_DEFAULT) pooling = config->pooling;
  const bool has_head = tensor_exists(&weights->class_inner.weight) || tensor_exists(&weights->class_output.weight);
  const bool is_whole = session->wave_begin == 0 && session->wave_end == session->n_tokens && session->n_tokens > 0;
  RETURN_IF(session->is_running || pooling > SOTTO_POOLING_RANK, SOTTO_INVALID_ARGUMENT);
  RETURN_IF(pooling == SOTTO_POOLING_DEFAULT || (pooling == SOTTO_POOLING_RANK && !has_head), SOTTO_NO_POOLING);
  RETURN_IF(session->wave_end == session->wave_begin || session->wave_end != session->n_tokens, SOTTO_INVALID_ARGUMENT);
  RETURN_IF(!is_whole && pooling != SOTTO_POOLING_LAST && pooling != SOTTO_POOLING_RANK, SOTTO_INVALID_ARGUMENT);
  TRY(forward_embedding(session, (enum pooling)pooling));
  *embedding = session->embedding;
  *n_items = pooling == SOTTO_POOLING_RANK ? config->n_labels : config->n_embd;
  return SOTTO_OK;
}

enum sotto_status sotto_session_logits(sotto_session *session, size_t position, const float **logits) {
  RETURN_IF(session->is_running || position < session->wave_begin || position >= session->wave_end, SOTTO_INVALID_ARGUMENT);
  RETURN_IF(session->model->config.graph.is_encoder, SOTTO_NO_LOGITS);
  if (position - session->logits_begin >= session->n_logits) TRY(forward_head(session, position)); /* the difference may wrap */
  *logits = session->logits + (position - session->logits_begin) * session->logits_stride;
  return SOTTO_OK;
}
