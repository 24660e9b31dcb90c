/* config.c: the file's metadata -> struct config. Key names: the GGUF specification. */
#include "model.h"

#define MAX_DIM 65536u  /* of embedding, heads and feed-forward: so that no product of two leaves 32 bits signed */
#define MAX_CONTEXT (1u << 21)

struct reader {
  const sotto_gguf *gguf;
  struct sotto_error *error;
  const char *architecture; /* not terminated */
  uint32_t architecture_bytes;
};

/* "<architecture>.<name>" */
static const char *full_key(const struct reader *reader, const char *name, char out[128]) {
  uint32_t n = 0;
  for (; n < reader->architecture_bytes && n < 40; n++) out[n] = reader->architecture[n];
  out[n++] = '.';
  while (*name && n < 127) out[n++] = *name++;
  out[n] = 0;
  return out;
}

static enum sotto_status missing(const struct reader *reader, const char *key) {
  return error_set(reader->error, SOTTO_MISSING_KEY, NOWHERE, "the file lacks the key %s", key);
}

static enum sotto_status bad(const struct reader *reader, const struct sotto_value *value) {
  return error_set(reader->error, SOTTO_MALFORMED, gguf_value_offset(reader->gguf, value), "the key %.*s has a value out of range",
                   (int)value->key_bytes, value->key);
}

enum presence { REQUIRED, OPTIONAL };

/* An integer from low to high. OPTIONAL: *out stays when the key is absent. */
static enum sotto_status read_u32(const struct reader *reader, const char *name, enum presence presence, uint32_t low,
                                  uint32_t high, uint32_t *out) {
  char key[128];
  struct sotto_value value;
  if (sotto_gguf_find(reader->gguf, full_key(reader, name, key), &value) != SOTTO_OK)
    return presence == OPTIONAL ? SOTTO_OK : missing(reader, key);
  uint64_t number;
  if (value.type == SOTTO_VALUE_ARRAY || !gguf_value_u64(&value, 0, &number) || number < low || number > high)
    return bad(reader, &value);
  *out = (uint32_t)number;
  return SOTTO_OK;
}

static enum sotto_status read_f32(const struct reader *reader, const char *name, enum presence presence, float low,
                                  float high, float *out) {
  char key[128];
  struct sotto_value value;
  if (sotto_gguf_find(reader->gguf, full_key(reader, name, key), &value) != SOTTO_OK)
    return presence == OPTIONAL ? SOTTO_OK : missing(reader, key);
  float number;
  if (value.type == SOTTO_VALUE_ARRAY || !gguf_value_f32(&value, 0, &number) || !(number >= low && number <= high))
    return bad(reader, &value);
  *out = number;
  return SOTTO_OK;
}

static bool equals(const char *text, uint32_t n_bytes, const char *name) {
  uint32_t i = 0;
  while (i < n_bytes && name[i] && text[i] == name[i]) i++;
  return i == n_bytes && !name[i];
}

static const struct { const char *name; enum architecture architecture; } architectures[] = {
    {"llama", ARCH_LLAMA},
    {"gemma3", ARCH_GEMMA3},
};

static enum sotto_status read_architecture(struct reader *reader, struct config *config) {
  struct sotto_value value;
  if (sotto_gguf_find(reader->gguf, "general.architecture", &value) != SOTTO_OK) return missing(reader, "general.architecture");
  if (value.type != SOTTO_VALUE_STRING) return bad(reader, &value);
  reader->architecture = (const char *)value.data;
  reader->architecture_bytes = value.n_items;
  for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
    if (equals(reader->architecture, reader->architecture_bytes, architectures[i].name)) {
      config->architecture = architectures[i].architecture;
      return SOTTO_OK;
    }
  return error_set(reader->error, SOTTO_UNSUPPORTED_ARCHITECTURE, gguf_value_offset(reader->gguf, &value),
                   "the model family '%.*s' is not supported; llama and gemma3 are", (int)(value.n_items < 40 ? value.n_items : 40),
                   reader->architecture);
}

static enum sotto_status read_sizes(const struct reader *reader, struct config *config) {
  uint32_t n_experts = 0;
  TRY(read_u32(reader, "block_count", REQUIRED, 1, MAX_LAYERS, &config->n_layers));
  TRY(read_u32(reader, "embedding_length", REQUIRED, 1, MAX_DIM, &config->n_embd));
  TRY(read_u32(reader, "feed_forward_length", REQUIRED, 1, MAX_DIM, &config->n_ff));
  TRY(read_u32(reader, "context_length", REQUIRED, 1, UINT32_MAX, &config->n_ctx_train));
  if (config->n_ctx_train > MAX_CONTEXT) config->n_ctx_train = MAX_CONTEXT;
  TRY(read_u32(reader, "attention.head_count", REQUIRED, 1, MAX_DIM, &config->n_heads));
  config->n_kv_heads = config->n_heads;
  TRY(read_u32(reader, "attention.head_count_kv", OPTIONAL, 1, MAX_DIM, &config->n_kv_heads));
  config->head_dim = config->n_embd / config->n_heads;
  TRY(read_u32(reader, "attention.key_length", OPTIONAL, 1, MAX_HEAD_DIM, &config->head_dim));
  uint32_t value_length = config->head_dim;
  TRY(read_u32(reader, "attention.value_length", OPTIONAL, 1, MAX_HEAD_DIM, &value_length));
  config->rope_dims = config->head_dim;
  TRY(read_u32(reader, "rope.dimension_count", OPTIONAL, 1, MAX_HEAD_DIM, &config->rope_dims));
  TRY(read_u32(reader, "expert_count", OPTIONAL, 0, UINT32_MAX, &n_experts));
  if (n_experts)
    return error_set(reader->error, SOTTO_UNSUPPORTED_ARCHITECTURE, NOWHERE, "mixtures of experts are not supported");
  if (config->n_heads % config->n_kv_heads || config->head_dim % 8 || config->head_dim == 0 || config->head_dim > MAX_HEAD_DIM ||
      value_length != config->head_dim || config->rope_dims % 2 || config->rope_dims > config->head_dim ||
      (uint64_t)config->n_heads * config->head_dim > MAX_DIM)
    return error_set(reader->error, SOTTO_UNSUPPORTED_ARCHITECTURE, NOWHERE,
                     "%u query heads, %u key heads and heads of %u and %u dimensions, %u of them turned, do not go together",
                     config->n_heads, config->n_kv_heads, config->head_dim, value_length, config->rope_dims);
  return SOTTO_OK;
}

static enum sotto_status read_rope(const struct reader *reader, struct config *config) {
  char key[128];
  struct sotto_value type;
  float factor = 1;
  config->rope_base[0] = 10000;
  TRY(read_f32(reader, "rope.freq_base", OPTIONAL, 1e-3f, 1e30f, &config->rope_base[0]));
  config->rope_base[1] = 10000;
  TRY(read_f32(reader, "rope.freq_base_swa", OPTIONAL, 1e-3f, 1e30f, &config->rope_base[1]));
  config->rope_scale[0] = config->rope_scale[1] = 1;
  if (sotto_gguf_find(reader->gguf, full_key(reader, "rope.scaling.type", key), &type) == SOTTO_OK) {
    if (type.type != SOTTO_VALUE_STRING) return bad(reader, &type);
    const char *name = (const char *)type.data;
    if (equals(name, type.n_items, "none")) return SOTTO_OK;
    if (!equals(name, type.n_items, "linear"))
      return error_set(reader->error, SOTTO_UNSUPPORTED_ARCHITECTURE, gguf_value_offset(reader->gguf, &type),
                       "rope scaling of type '%.*s' is not supported", (int)(type.n_items < 40 ? type.n_items : 40), name);
  }
  TRY(read_f32(reader, "rope.scale_linear", OPTIONAL, 0, 1e6f, &factor)); /* its name before 2023-11 */
  TRY(read_f32(reader, "rope.scaling.factor", OPTIONAL, 0, 1e6f, &factor));
  if (factor > 0) config->rope_scale[0] = 1 / factor;
  return SOTTO_OK;
}

/* Which layers slide: an array of flags, or a period p that makes every p-th layer global, 6 when absent. */
static enum sotto_status read_window(const struct reader *reader, struct config *config) {
  char key[128];
  struct sotto_value pattern;
  uint32_t period = 6;
  TRY(read_u32(reader, "attention.sliding_window", OPTIONAL, 0, UINT32_MAX, &config->window));
  if (!config->window) return SOTTO_OK;
  if (config->window > MAX_CONTEXT) config->window = MAX_CONTEXT; /* sees everything either way */
  bool is_array = sotto_gguf_find(reader->gguf, full_key(reader, "attention.sliding_window_pattern", key), &pattern) == SOTTO_OK &&
                  pattern.type == SOTTO_VALUE_ARRAY;
  if (!is_array) TRY(read_u32(reader, "attention.sliding_window_pattern", OPTIONAL, 0, MAX_LAYERS, &period));
  for (uint32_t i = 0; i < config->n_layers; i++) {
    uint64_t flag = period == 0 || (i + 1) % period != 0;
    if (is_array && !gguf_value_u64(&pattern, i, &flag)) return bad(reader, &pattern);
    config->is_sliding[i] = flag != 0;
  }
  return SOTTO_OK;
}

static enum sotto_status read_gemma3(const struct reader *reader, struct config *config) {
  config->activation = ACTIVATION_GELU;
  config->rope_neox = config->has_qk_norm = config->has_post_norms = true;
  config->embd_scale = __builtin_sqrtf((float)config->n_embd);
  TRY(read_f32(reader, "final_logit_softcapping", OPTIONAL, 0, 1e6f, &config->logit_cap));
  return read_window(reader, config);
}

enum sotto_status config_read(struct config *config, const sotto_gguf *gguf, struct sotto_error *error) {
  struct reader reader = {gguf, error, NULL, 0};
  *config = (struct config){.embd_scale = 1, .activation = ACTIVATION_SILU};
  TRY(read_architecture(&reader, config));
  TRY(read_sizes(&reader, config));
  TRY(read_rope(&reader, config));
  TRY(read_f32(&reader, "attention.layer_norm_rms_epsilon", REQUIRED, 0, 1, &config->norm_epsilon));
  config->attn_scale = 1 / __builtin_sqrtf((float)config->head_dim);
  if (config->architecture == ARCH_GEMMA3) TRY(read_gemma3(&reader, config));
  struct sotto_tensor_info embedding;
  if (gguf_find_tensor(gguf, "token_embd.weight", &embedding) != SOTTO_OK)
    return error_set(error, SOTTO_MISSING_TENSOR, NOWHERE, "the file lacks the tensor token_embd.weight");
  if (embedding.dims[1] < 1 || embedding.dims[1] > INT32_MAX / 8)
    return error_set(error, SOTTO_SHAPE_MISMATCH, NOWHERE, "token_embd.weight has %U rows", embedding.dims[1]);
  config->n_vocab = (uint32_t)embedding.dims[1];
  return SOTTO_OK;
}
