/* model.c: opens a model from its directory and takes its bytes. */
#include "model.h"

/* A file with a tokenizer and no tensors turns text into tokens and back, and nothing else. */
static bool is_vocabulary(const sotto_gguf *gguf) {
  struct sotto_value tokens;
  return sotto_gguf_n_tensors(gguf) == 0 && sotto_gguf_find(gguf, "tokenizer.ggml.tokens", &tokens) == SOTTO_OK;
}

/* The same code measures and opens: with a measuring arena nothing is written but the caller's struct. */
static enum sotto_status open_in(struct arena *arena, struct sotto_model *model, const sotto_gguf *gguf,
                                 const struct sotto_model_options *options, struct sotto_error *error) {
  if (options && options->sizeof_options != sizeof *options)
    return error_set(error, SOTTO_INVALID_ARGUMENT, NOWHERE, "sizeof_options is %u", options->sizeof_options);
  const uint64_t file_bytes = options ? options->file_bytes : 0, needed = sotto_gguf_file_bytes(gguf);
  if (file_bytes && file_bytes < needed)
    return error_set(error, SOTTO_TRUNCATED, file_bytes, "the file has %U bytes, its tensors need %U", file_bytes, needed);
  model->gguf = gguf;
  model->kernels = kernels_select(options ? (int)options->level : 0, &model->level);
  if (!model->kernels)
    return error_set(error, SOTTO_INVALID_ARGUMENT, NOWHERE, "this engine does not run kernel level %u", options->level);
  if (is_vocabulary(gguf)) {
    TRY(vocab_open(&model->vocab, gguf, INT32_MAX, arena, error));
    model->config.n_vocab = model->vocab.tokens.n;
  } else {
    TRY(config_read(&model->config, gguf, error));
    TRY(vocab_open(&model->vocab, gguf, model->config.n_vocab, arena, error));
    TRY(weights_open(&model->weights, &model->config, gguf, arena, error));
  }
  if (arena_overflows(arena))
    return error_set(error, SOTTO_OUT_OF_MEMORY, NOWHERE, "the model needs %U bytes of memory", arena->used);
  return SOTTO_OK;
}

/* ---- what is unsupported ---- */

/* The tensors of a type that Sotto does not read, if this is the first one of them. */
static enum sotto_status check_type(const sotto_gguf *gguf, uint32_t index, struct sotto_error *error) {
  struct sotto_tensor_info info, other;
  uint32_t n = 1;
  TRY(sotto_gguf_tensor(gguf, index, &info));
  if (dtype_find(info.type)) return SOTTO_OK;
  for (uint32_t i = 0; sotto_gguf_tensor(gguf, i, &other) == SOTTO_OK; i++) {
    if (other.type == info.type && i < index) return SOTTO_OK;
    n += other.type == info.type && i > index;
  }
  return error_set(error, SOTTO_UNSUPPORTED_TYPE, info.file_offset, "%u of the tensors, %.*s the first, have the type %u", n,
                   (int)(info.name_bytes < 64 ? info.name_bytes : 64), info.name, info.type);
}

static enum sotto_status check_tokenizer(const struct vocab *vocab, const sotto_gguf *gguf, struct sotto_error *error) {
  struct sotto_value model, pre;
  if (vocab->can_tokenize) return SOTTO_OK;
  const bool has_model = sotto_gguf_find(gguf, "tokenizer.ggml.model", &model) == SOTTO_OK && model.type == SOTTO_VALUE_STRING;
  const bool has_pre = sotto_gguf_find(gguf, "tokenizer.ggml.pre", &pre) == SOTTO_OK && pre.type == SOTTO_VALUE_STRING;
  if (!has_model) return error_set(error, SOTTO_UNSUPPORTED_TOKENIZER, NOWHERE, "the file has no tokenizer");
  return error_set(error, SOTTO_UNSUPPORTED_TOKENIZER, gguf_value_offset(gguf, &model), "the tokenizer '%.*s'%s%.*s is not supported",
                   (int)(model.n_items < 40 ? model.n_items : 40), model.data, has_pre ? " with the pre-tokenizer " : "",
                   has_pre ? (int)(pre.n_items < 40 ? pre.n_items : 40) : 0, has_pre ? (const char *)pre.data : "");
}

enum sotto_status sotto_model_problem(const sotto_gguf *gguf, uint32_t index, struct sotto_error *error) {
  struct sotto_model model = {0};
  struct arena arena = {0};
  enum sotto_status status;
  const uint32_t n_tensors = sotto_gguf_n_tensors(gguf);
  bool is_read = is_vocabulary(gguf), has_types = true;
#define CHECK(call) do { status = (call); if (status != SOTTO_OK && index-- == 0) return status; } while (0)
  if (!is_read) {
    CHECK(config_read(&model.config, gguf, error));
    is_read = status == SOTTO_OK;
  }
  CHECK(vocab_open(&model.vocab, gguf, n_tensors && is_read ? model.config.n_vocab : INT32_MAX, &arena, error));
  const bool has_vocab = status == SOTTO_OK;
  for (uint32_t i = 0; i < n_tensors; i++) {
    CHECK(check_type(gguf, i, error));
    has_types = has_types && status == SOTTO_OK;
  }
  if (n_tensors && is_read && has_types) CHECK(weights_open(&model.weights, &model.config, gguf, &arena, error));
  if (has_vocab) CHECK(check_tokenizer(&model.vocab, gguf, error));
#undef CHECK
  return SOTTO_OK;
}

/* ---- opening ---- */

enum sotto_status sotto_model_measure(const sotto_gguf *gguf, const struct sotto_model_options *options, size_t *n_bytes,
                                      struct sotto_error *error) {
  struct sotto_model model = {0};
  struct arena arena = {0};
  arena_carve(&arena, 1, sizeof model);
  TRY(open_in(&arena, &model, gguf, options, error));
  *n_bytes = (size_t)arena.used;
  return SOTTO_OK;
}

/* Memory and file bytes of the weights, and how many they are. */
static void count_weights(struct sotto_model *model) {
  for (uint32_t i = 0; i < model->weights.n_tensors; i++) {
    const struct tensor *tensor = model->weights.in_order[i];
    const uint64_t n_groups = tensor->is_vector ? 1 : (tensor->n_rows + TILE_ROWS - 1) / TILE_ROWS;
    model->weight_bytes += n_groups * tensor->group_bytes;
    model->total_bytes += tensor->file_bytes;
    model->n_parameters += (uint64_t)tensor->n_rows * tensor->k;
  }
}

enum sotto_status sotto_model_open(void *block, size_t block_bytes, const sotto_gguf *gguf,
                                   const struct sotto_model_options *options, sotto_model **model,
                                   struct sotto_error *error) {
  struct arena arena = {block, 0, block_bytes};
  struct sotto_model *opened = arena_carve(&arena, 1, sizeof *opened);
  if (!opened) return error_set(error, SOTTO_OUT_OF_MEMORY, NOWHERE, "the block is smaller than sotto_model_measure asked for");
  *opened = (struct sotto_model){0};
  TRY(open_in(&arena, opened, gguf, options, error));
  count_weights(opened);
  *model = opened;
  return SOTTO_OK;
}

enum sotto_status sotto_model_push(sotto_model *model, uint64_t file_offset, const void *bytes, size_t n_bytes,
                                   struct sotto_error *error) {
  return weights_push(&model->weights, &model->arrived, file_offset, bytes, n_bytes, error);
}

enum sotto_status sotto_model_wanted(const sotto_model *model, uint32_t index, uint64_t *file_offset, uint64_t *n_bytes) {
  RETURN_IF(index >= model->weights.n_tensors, SOTTO_INVALID_ARGUMENT);
  *file_offset = model->weights.in_order[index]->file_offset;
  *n_bytes = model->weights.in_order[index]->file_bytes;
  return SOTTO_OK;
}

bool sotto_model_ready(const sotto_model *model) {
  for (uint32_t i = 0; i < model->weights.n_tensors; i++)
    if (!tensor_is_ready(model->weights.in_order[i], &model->arrived)) return false;
  return true;
}

/* File bytes of tensors that have arrived. */
static uint64_t ready_bytes(const sotto_model *model) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < model->weights.n_tensors; i++) {
    const struct tensor *tensor = model->weights.in_order[i];
    const uint64_t end = tensor->file_offset + tensor->file_bytes;
    struct range missing;
    total += tensor->file_bytes;
    for (uint64_t at = tensor->file_offset; ranges_next_missing(&model->arrived, at, end, &missing); at = missing.end)
      total -= missing.end - missing.begin;
  }
  return total;
}

void sotto_model_get_info(const sotto_model *model, struct sotto_model_info *info) {
  const struct config *config = &model->config;
  *info = (struct sotto_model_info){
      .n_parameters = model->n_parameters, .weight_bytes = model->weight_bytes,
      .ready_bytes = ready_bytes(model), .total_bytes = model->total_bytes,
      .level = (uint32_t)model->level, .n_layers = config->n_layers, .n_embd = config->n_embd,
      .n_heads = config->n_heads, .n_kv_heads = config->n_kv_heads, .head_dim = config->head_dim,
      .n_ff = config->n_ff, .n_vocab = config->n_vocab, .n_ctx_train = config->n_ctx_train,
      .can_tokenize = model->vocab.can_tokenize, .bos_token = model->vocab.bos, .eos_token = model->vocab.eos,
      .eot_token = model->vocab.eot, .add_bos = model->vocab.add_bos, .add_eos = model->vocab.add_eos,
  };
}

bool sotto_level_try(enum sotto_level level, uint32_t n_times) {
  return kernels_try((int)level, n_times < INT32_MAX ? (int)n_times : INT32_MAX);
}

void sotto_set_reading(enum sotto_reading reading) {
  kernels_load_ahead = reading == SOTTO_READ_AHEAD;
  kernels_streams = reading == SOTTO_READ_STREAMS ? STREAMS : 1;
}
