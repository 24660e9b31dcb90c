/* config.c: the file's metadata -> struct config: first what all families share, then what each has of its own, then the
 * table of families, by the names of general.architecture. Key names: the GGUF specification. What a family's file leaves
 * unsaid is as llama.cpp has it. */
#include "mathf.h"
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

static bool find(const struct reader *reader, const char *name, struct sotto_value *value) {
  char key[128];
  return sotto_gguf_find(reader->gguf, full_key(reader, name, key), value) == SOTTO_OK;
}

static bool has_tensor(const struct reader *reader, const char *name) {
  struct sotto_tensor_info info;
  return gguf_find_tensor(reader->gguf, name, &info) == SOTTO_OK;
}

static bool equals(const char *text, uint32_t n_bytes, const char *name) {
  uint32_t i = 0;
  while (i < n_bytes && name[i] && text[i] == name[i]) i++;
  return i == n_bytes && !name[i];
}

/* ---- what all families share ---- */

/* A number from 1 on, or one for each layer. *most gets the largest. */
static enum sotto_status read_each(const struct reader *reader, const char *name, uint32_t n_layers, uint32_t *each, uint32_t *most) {
  char key[128];
  struct sotto_value value;
  uint64_t number;
  if (sotto_gguf_find(reader->gguf, full_key(reader, name, key), &value) != SOTTO_OK) return missing(reader, key);
  *most = 0;
  for (uint32_t i = 0; i < n_layers; i++) {
    if (!gguf_value_u64(&value, value.type == SOTTO_VALUE_ARRAY ? i : 0, &number) || number > MAX_DIM) return bad(reader, &value);
    if (number == 0)
      return error_set(reader->error, SOTTO_UNSUPPORTED_ARCHITECTURE, gguf_value_offset(reader->gguf, &value),
                       "%s is 0 for layer %u: layers that lack attention or feed-forward are not supported", key, i);
    each[i] = (uint32_t)number;
    if (number > *most) *most = (uint32_t)number;
  }
  return SOTTO_OK;
}

/* Heads share keys and values evenly, in every layer. */
static bool read_sharing(struct config *config) {
  for (uint32_t i = 0; i < config->n_layers; i++) {
    const uint32_t n_heads = config->heads_of[i], n_kv_heads = config->kv_heads_of[i];
    if (n_heads % n_kv_heads) return false;
    if (n_heads / n_kv_heads > config->n_queries) config->n_queries = n_heads / n_kv_heads;
  }
  return true;
}

static enum sotto_status read_sizes(const struct reader *reader, struct config *config) {
  struct sotto_value value;
  TRY(read_u32(reader, "block_count", REQUIRED, 1, MAX_LAYERS, &config->n_layers));
  TRY(read_u32(reader, "embedding_length", REQUIRED, 1, MAX_DIM, &config->n_embd));
  TRY(read_each(reader, "feed_forward_length", config->n_layers, config->ff_of, &config->n_ff));
  TRY(read_u32(reader, "context_length", REQUIRED, 1, UINT32_MAX, &config->n_ctx_train));
  if (config->n_ctx_train > MAX_CONTEXT) config->n_ctx_train = MAX_CONTEXT;
  TRY(read_each(reader, "attention.head_count", config->n_layers, config->heads_of, &config->n_heads));
  const char *kv = find(reader, "attention.head_count_kv", &value) ? "attention.head_count_kv" : "attention.head_count";
  TRY(read_each(reader, kv, config->n_layers, config->kv_heads_of, &config->n_kv_heads));
  config->head_dim = config->n_embd / config->n_heads;
  TRY(read_u32(reader, "attention.key_length", OPTIONAL, 1, MAX_HEAD_DIM, &config->head_dim));
  uint32_t value_length = config->head_dim;
  TRY(read_u32(reader, "attention.value_length", OPTIONAL, 1, MAX_HEAD_DIM, &value_length));
  config->rope_dims = config->head_dim;
  TRY(read_u32(reader, "rope.dimension_count", OPTIONAL, 0, MAX_HEAD_DIM, &config->rope_dims));
  config->head_stride = (config->head_dim + 7) / 8 * 8;
  if (!read_sharing(config) || config->head_dim == 0 || config->head_dim > MAX_HEAD_DIM ||
      value_length != config->head_dim || config->rope_dims % 2 || config->rope_dims > config->head_dim ||
      (uint64_t)config->n_heads * config->head_stride > MAX_DIM)
    return error_set(reader->error, SOTTO_UNSUPPORTED_ARCHITECTURE, NOWHERE,
                     "%u query heads, %u key heads and heads of %u and %u dimensions, %u of them turned, do not go together",
                     config->n_heads, config->n_kv_heads, config->head_dim, value_length, config->rope_dims);
  return SOTTO_OK;
}

/* A mixture of experts; one expert is a dense model, as Hunyuan's are. The experts' rows lie one after the other in groups
 * of 8. */
static enum sotto_status read_experts(const struct reader *reader, struct config *config) {
  const enum mixture mixture = config->graph.mixture;
  TRY(read_u32(reader, "expert_count", mixture == MIXTURE_ALWAYS ? REQUIRED : OPTIONAL, 0, MAX_EXPERTS, &config->n_experts));
  if (config->n_experts == 1 && mixture != MIXTURE_ALWAYS) config->n_experts = 0;
  if (config->n_experts == 0) return SOTTO_OK;
  if (mixture == MIXTURE_NEVER)
    return error_set(reader->error, SOTTO_UNSUPPORTED_ARCHITECTURE, NOWHERE, "this model family has no mixtures of experts in Sotto");
  config->n_ff_expert = config->n_ff;
  config->expert_scale = 1;
  TRY(read_u32(reader, "expert_used_count", REQUIRED, 1, config->n_experts, &config->n_experts_used));
  TRY(read_u32(reader, "expert_feed_forward_length", OPTIONAL, 0, MAX_DIM, &config->n_ff_expert));
  if (!config->n_ff_expert) config->n_ff_expert = config->n_ff;
  TRY(read_u32(reader, "expert_shared_feed_forward_length", OPTIONAL, 0, MAX_DIM, &config->n_ff_shared));
  if (config->n_ff_expert % TILE_ROWS || config->n_embd % TILE_ROWS)
    return error_set(reader->error, SOTTO_UNSUPPORTED_ARCHITECTURE, NOWHERE, "experts of %u rows for %u columns are no multiples of 8",
                     config->n_ff_expert, config->n_embd);
  for (uint32_t i = 0; i < config->n_layers; i++) config->has_experts[i] = true;
  return SOTTO_OK;
}

/* The pair of dimensions that turns n times in the context that rope was trained for, as a fraction. */
static double pair_of_turns(const struct config *config, double n) {
  const double two_pi = 6.283185307179586;
  return config->rope_dims * math_log(config->n_ctx_rope / (n * two_pi)) / (2 * math_log(config->rope[0].base));
}

static enum sotto_status read_yarn(const struct reader *reader, struct config *config, float factor) {
  struct rope *rope = &config->rope[0];
  float fast = 32, slow = 1, log_multiplier = 0;
  TRY(read_f32(reader, "rope.scaling.yarn_beta_fast", OPTIONAL, 1e-3f, 1e6f, &fast));
  TRY(read_f32(reader, "rope.scaling.yarn_beta_slow", OPTIONAL, 1e-3f, 1e6f, &slow));
  TRY(read_f32(reader, "rope.scaling.yarn_log_multiplier", OPTIONAL, 0, 1e6f, &log_multiplier));
  const double begin = pair_of_turns(config, fast), end = pair_of_turns(config, slow), last = config->rope_dims - 1.0;
  rope->is_yarn = true;
  rope->ramp_begin = begin > 0 ? (float)__builtin_floor(begin) : 0;
  rope->ramp_end = (float)(end < last ? __builtin_ceil(end) : last);
  const float growth = factor > 1 ? 0.1f * (float)math_log(factor) : 0;
  rope->magnitude *= (1 + growth) / (1 + log_multiplier * growth);
  return SOTTO_OK;
}

/* Pooling and what comes after it. */
static enum sotto_status read_pooling(const struct reader *reader, struct config *config) {
  struct sotto_value value;
  uint32_t pooling = POOLING_NONE, rank_pooling = config->graph.is_encoder ? POOLING_FIRST : POOLING_LAST;
  uint64_t number = 0; /* llama.cpp writes -1 where nothing is said */
  if (!find(reader, "pooling_type", &value) || !gguf_value_u64(&value, 0, &number) || number != UINT32_MAX)
    TRY(read_u32(reader, "pooling_type", OPTIONAL, POOLING_NONE, POOLING_RANK, &pooling));
  TRY(read_u32(reader, "classifier.pooling_type", OPTIONAL, POOLING_NONE, POOLING_RANK, &rank_pooling));
  config->pooling = (enum pooling)pooling;
  config->rank_pooling = (enum pooling)rank_pooling;
  config->n_labels = config->n_token_types = config->n_dense = 1;
  if (find(reader, "classifier.output_labels", &value)) {
    if (value.type != SOTTO_VALUE_ARRAY || value.n_items > MAX_DIM) return bad(reader, &value);
    if (value.n_items) config->n_labels = value.n_items;
  }
  TRY(read_u32(reader, "dense_2_feat_out", OPTIONAL, 0, MAX_DIM, &config->n_dense));
  if (config->n_dense == 0) config->n_dense = 1;
  uint64_t n_types = 1;
  if (sotto_gguf_find(reader->gguf, "tokenizer.ggml.token_type_count", &value) == SOTTO_OK &&
      (value.type == SOTTO_VALUE_ARRAY || !gguf_value_u64(&value, 0, &n_types) || n_types > MAX_DIM))
    return bad(reader, &value);
  config->n_token_types = n_types ? (uint32_t)n_types : 1;
  return SOTTO_OK;
}

static enum sotto_status read_rope(const struct reader *reader, struct config *config) {
  struct sotto_value type;
  struct rope *rope = &config->rope[0];
  float factor = 0;
  bool is_yarn = false;
  *rope = (struct rope){.base = 10000, .scale = 1, .magnitude = 1};
  config->n_ctx_rope = config->n_ctx_train;
  TRY(read_f32(reader, "rope.freq_base", OPTIONAL, 1e-3f, 1e30f, &rope->base));
  TRY(read_u32(reader, "rope.scaling.original_context_length", OPTIONAL, 1, UINT32_MAX, &config->n_ctx_rope));
  TRY(read_f32(reader, "rope.scaling.attn_factor", OPTIONAL, 1e-6f, 1e6f, &rope->magnitude));
  TRY(read_f32(reader, "rope.scale_linear", OPTIONAL, 0, 1e6f, &factor)); /* its name before 2023-11 */
  TRY(read_f32(reader, "rope.scaling.factor", OPTIONAL, 0, 1e6f, &factor));
  if (find(reader, "rope.scaling.type", &type)) {
    if (type.type != SOTTO_VALUE_STRING) return bad(reader, &type);
    const char *name = (const char *)type.data;
    is_yarn = equals(name, type.n_items, "yarn");
    if (equals(name, type.n_items, "none")) factor = 0;
    else if (!is_yarn && !equals(name, type.n_items, "linear") && !equals(name, type.n_items, "longrope"))
      return error_set(reader->error, SOTTO_UNSUPPORTED_ARCHITECTURE, gguf_value_offset(reader->gguf, &type),
                       "rope scaling of type '%.*s' is not supported", (int)(type.n_items < 40 ? type.n_items : 40), name);
  }
  if (factor > 0) rope->scale = 1 / factor;
  if (is_yarn) TRY(read_yarn(reader, config, factor));
  config->rope[1] = *rope;
  return SOTTO_OK;
}

/* An array of flags, one a layer. Without it, or where it is one number, they stay as they are. */
static enum sotto_status read_flags(const struct reader *reader, const struct config *config, const char *name, bool *flags) {
  struct sotto_value value;
  uint64_t flag;
  if (!find(reader, name, &value)) return SOTTO_OK;
  const bool is_array = value.type == SOTTO_VALUE_ARRAY;
  for (uint32_t i = 0; i < (is_array ? config->n_layers : 1); i++) {
    if (!gguf_value_u64(&value, i, &flag)) return bad(reader, &value);
    if (is_array) flags[i] = flag != 0;
  }
  return SOTTO_OK;
}

/* Which layers slide: flags, or a period p that makes every p-th layer global. */
static enum sotto_status read_window(const struct reader *reader, struct config *config, uint32_t window, uint32_t period) {
  static const char pattern[] = "attention.sliding_window_pattern";
  struct sotto_value value;
  config->window = window;
  TRY(read_u32(reader, "attention.sliding_window", OPTIONAL, 0, UINT32_MAX, &config->window));
  if (!config->window) return SOTTO_OK;
  if (config->window > MAX_CONTEXT) config->window = MAX_CONTEXT; /* sees everything either way */
  if (find(reader, pattern, &value) && value.type != SOTTO_VALUE_ARRAY)
    TRY(read_u32(reader, pattern, REQUIRED, 0, MAX_LAYERS, &period));
  for (uint32_t i = 0; i < config->n_layers; i++) config->is_sliding[i] = period == 0 || (i + !config->graph.is_first_global) % period != 0;
  return read_flags(reader, config, pattern, config->is_sliding);
}

/* ---- what families have of their own ---- */

/* Sliding-window layers turn by the plain frequencies. */
static void unscale_sliding_rope(struct config *config, float base) {
  config->rope[1] = (struct rope){.base = base, .scale = 1, .magnitude = 1};
}

static void keep_rope_in_sliding_layers(struct config *config) {
  for (uint32_t i = 0; i < config->n_layers; i++) config->has_rope[i] = config->is_sliding[i];
}

static enum sotto_status read_mistral3(const struct reader *reader, struct config *config) {
  config->temperature_length = config->n_ctx_rope;
  return read_f32(reader, "attention.temperature_scale", OPTIONAL, 0, 1e6f, &config->temperature);
}

static enum sotto_status read_qwen(const struct reader *reader, struct config *config) {
  (void)reader;
  config->n_ff /= 2;
  for (uint32_t i = 0; i < config->n_layers; i++) config->ff_of[i] /= 2;
  return SOTTO_OK;
}

static enum sotto_status read_gemma(const struct reader *reader, struct config *config) {
  (void)reader;
  config->embd_scale = __builtin_sqrtf((float)config->n_embd);
  return SOTTO_OK;
}

/* The one of 27 billion parameters scales by the embedding's share of a head. */
static void scale_gemma_27b(struct config *config, uint32_t n_layers) {
  if (config->n_layers == n_layers) config->attn_scale = 1 / __builtin_sqrtf((float)(config->n_embd / config->n_heads));
}

static enum sotto_status read_gemma2(const struct reader *reader, struct config *config) {
  config->attn_cap = 50;
  config->logit_cap = 30;
  scale_gemma_27b(config, 46);
  TRY(read_gemma(reader, config));
  TRY(read_f32(reader, "attn_logit_softcapping", OPTIONAL, 0, 1e6f, &config->attn_cap));
  TRY(read_f32(reader, "final_logit_softcapping", OPTIONAL, 0, 1e6f, &config->logit_cap));
  TRY(read_f32(reader, "rope.freq_base_swa", OPTIONAL, 1e-3f, 1e30f, &config->rope[1].base));
  return read_window(reader, config, 4096, 2);
}

static enum sotto_status read_gemma3(const struct reader *reader, struct config *config) {
  unscale_sliding_rope(config, 10000);
  scale_gemma_27b(config, 62);
  TRY(read_gemma(reader, config));
  TRY(read_f32(reader, "final_logit_softcapping", OPTIONAL, 0, 1e6f, &config->logit_cap));
  TRY(read_f32(reader, "rope.freq_base_swa", OPTIONAL, 1e-3f, 1e30f, &config->rope[1].base));
  return read_window(reader, config, 0, 6);
}

static enum sotto_status read_smollm3(const struct reader *reader, struct config *config) {
  (void)reader;
  for (uint32_t i = 3; i < config->n_layers; i += 4) config->has_rope[i] = false;
  return SOTTO_OK;
}

static enum sotto_status read_olmo(const struct reader *reader, struct config *config) {
  return read_f32(reader, "attention.clamp_kqv", OPTIONAL, 0, 1e30f, &config->qkv_limit);
}

static enum sotto_status read_olmo2(const struct reader *reader, struct config *config) {
  unscale_sliding_rope(config, config->rope[0].base);
  return read_window(reader, config, 0, 4);
}

/* A factor; 0 stands for 1. */
static enum sotto_status read_scale(const struct reader *reader, const char *name, enum presence presence, float *scale) {
  TRY(read_f32(reader, name, presence, 0, 1e6f, scale));
  if (*scale == 0) *scale = 1;
  return SOTTO_OK;
}

static enum sotto_status read_scales(const struct reader *reader, struct config *config, enum presence logit_presence) {
  TRY(read_scale(reader, "embedding_scale", OPTIONAL, &config->embd_scale));
  TRY(read_scale(reader, "residual_scale", OPTIONAL, &config->residual_scale));
  TRY(read_scale(reader, "logit_scale", logit_presence, &config->logit_scale));
  config->logit_scale = 1 / config->logit_scale;
  return SOTTO_OK;
}

static enum sotto_status read_granite_scales(const struct reader *reader, struct config *config) {
  float attn_scale = 0;
  TRY(read_f32(reader, "attention.scale", OPTIONAL, 0, 1e6f, &attn_scale));
  if (attn_scale > 0) config->attn_scale = attn_scale;
  return read_scales(reader, config, REQUIRED);
}

static enum sotto_status read_granite(const struct reader *reader, struct config *config) {
  uint32_t has_rope = 1;
  TRY(read_u32(reader, "rope.scaling.finetuned", OPTIONAL, 0, 1, &has_rope)); /* that key is the switch */
  for (uint32_t i = 0; i < config->n_layers; i++) config->has_rope[i] = has_rope;
  return read_granite_scales(reader, config);
}

static enum sotto_status read_granite_swa(const struct reader *reader, struct config *config) {
  TRY(read_granite_scales(reader, config));
  TRY(read_window(reader, config, 0, 1));
  return read_flags(reader, config, "attention.rope_pattern", config->has_rope);
}

static enum sotto_status read_minicpm(const struct reader *reader, struct config *config) {
  config->embd_scale = 12;
  config->residual_scale = 1.4f / __builtin_sqrtf((float)config->n_layers);
  config->logit_scale = 256.0f / (float)config->n_embd;
  return read_scales(reader, config, OPTIONAL);
}

static enum sotto_status read_exaone4(const struct reader *reader, struct config *config) {
  if (config->n_layers != 64) return SOTTO_OK; /* the one of 32 billion parameters alone slides */
  TRY(read_window(reader, config, 4096, 4));
  if (config->window) keep_rope_in_sliding_layers(config);
  return SOTTO_OK;
}

/* The one of 12 billion parameters has norms of q and k, and none before the feed-forward, which is parallel. */
static enum sotto_status read_stablelm(const struct reader *reader, struct config *config) {
  if (has_tensor(reader, "blk.0.attn_q_norm.weight")) config->graph.qk_norm = QK_NORM_HEADS;
  if (!has_tensor(reader, "blk.0.ffn_norm.weight")) config->graph.block = BLOCK_ONE_NORM;
  return SOTTO_OK;
}

static enum sotto_status read_gptneox(const struct reader *reader, struct config *config) {
  uint32_t is_parallel = 0;
  TRY(read_u32(reader, "use_parallel_residual", REQUIRED, 0, 1, &is_parallel));
  if (is_parallel) config->graph.block = BLOCK_PARALLEL;
  return SOTTO_OK;
}

/* The one of 40 billion parameters has a norm for each of its parallel halves. */
static enum sotto_status read_falcon(const struct reader *reader, struct config *config) {
  if (!has_tensor(reader, "blk.0.attn_norm_2.weight")) return SOTTO_OK;
  config->graph.block = BLOCK_PARALLEL;
  config->graph.attn_norm = "attn_norm_2";
  config->graph.ffn_norm = "attn_norm";
  return SOTTO_OK;
}

/* Dynamic scaling with a fixed alpha. */
static enum sotto_status read_hunyuan(const struct reader *reader, struct config *config) {
  float alpha = 0;
  TRY(read_f32(reader, "rope.scaling.alpha", OPTIONAL, 0, 1e9f, &alpha));
  if (alpha > 0) config->rope[0].base *= (float)math_pow(alpha, config->head_dim / (config->head_dim - 2.0));
  return SOTTO_OK;
}

static enum sotto_status read_command_r(const struct reader *reader, struct config *config) {
  if (has_tensor(reader, "blk.0.attn_q_norm.weight")) config->graph.qk_norm = QK_NORM_HEADS;
  return read_scale(reader, "logit_scale", OPTIONAL, &config->logit_scale);
}

static enum sotto_status read_cohere2(const struct reader *reader, struct config *config) {
  TRY(read_scale(reader, "logit_scale", REQUIRED, &config->logit_scale));
  TRY(read_u32(reader, "attention.sliding_window", REQUIRED, 1, UINT32_MAX, &config->window));
  TRY(read_window(reader, config, 0, 4));
  keep_rope_in_sliding_layers(config);
  return SOTTO_OK;
}

/* Sections are for positions of images; text has the same in all of them, and pairs as NeoX. */
static enum sotto_status read_glm4(const struct reader *reader, struct config *config) {
  struct sotto_value sections;
  uint64_t first = 0;
  if (!find(reader, "rope.dimension_sections", &sections)) return SOTTO_OK;
  if (!gguf_value_u64(&sections, 0, &first)) return bad(reader, &sections);
  if (first > 0) config->graph.rope = ROPE_NEOX;
  return SOTTO_OK;
}

/* The sizes tell what the keys do not: 7 billion parameters turn, 13 billion have ALiBi. */
static enum sotto_status read_baichuan(const struct reader *reader, struct config *config) {
  (void)reader;
  for (uint32_t i = 0; i < config->n_layers; i++) config->has_rope[i] = config->n_layers == 32;
  if (config->n_layers == 40) config->alibi_bias = 8;
  return SOTTO_OK;
}

static enum sotto_status read_mpt(const struct reader *reader, struct config *config) {
  config->graph.has_positions = has_tensor(reader, "position_embd.weight");
  TRY(read_olmo(reader, config));
  return read_f32(reader, "attention.max_alibi_bias", OPTIONAL, 0, 1e6f, &config->alibi_bias);
}

static enum sotto_status read_alibi(const struct reader *reader, struct config *config) {
  (void)reader;
  config->alibi_bias = 8;
  return SOTTO_OK;
}

static enum sotto_status read_jais(const struct reader *reader, struct config *config) {
  config->attn_scale = 1 / (float)config->head_dim;
  return read_f32(reader, "attention.max_alibi_bias", OPTIONAL, 0, 1e6f, &config->alibi_bias);
}

static enum sotto_status read_qwen_moe(const struct reader *reader, struct config *config) {
  uint32_t n_ff = 0;
  TRY(read_u32(reader, "expert_feed_forward_length", OPTIONAL, 0, MAX_DIM, &n_ff));
  if (!n_ff) config->n_ff_expert = config->n_ff / config->n_experts_used / TILE_ROWS * TILE_ROWS;
  return SOTTO_OK;
}

static enum sotto_status read_qwen2moe(const struct reader *reader, struct config *config) {
  if (!config->n_ff_shared) config->n_ff_shared = config->n_ff;
  return read_qwen_moe(reader, config);
}

/* Layers from the first on are dense, of the others every so many is not. */
static enum sotto_status read_ernie_moe(const struct reader *reader, struct config *config) {
  uint32_t n_dense = 0, step = 1;
  TRY(read_u32(reader, "leading_dense_block_count", OPTIONAL, 0, MAX_LAYERS, &n_dense));
  TRY(read_u32(reader, "interleave_moe_layer_step", REQUIRED, 1, MAX_LAYERS, &step));
  for (uint32_t i = 0; i < config->n_layers; i++) config->has_experts[i] = i >= n_dense && (i + 1) % step == 0;
  return SOTTO_OK;
}

static enum sotto_status read_gpt_oss(const struct reader *reader, struct config *config) {
  TRY(read_f32(reader, "rope.freq_base_swa", OPTIONAL, 1e-3f, 1e30f, &config->rope[1].base));
  return read_window(reader, config, 0, 2);
}

/* Every so many layers, from the second one on, are mixtures. */
static enum sotto_status read_nomic_moe(const struct reader *reader, struct config *config) {
  uint32_t step = 0;
  TRY(read_u32(reader, "moe_every_n_layers", OPTIONAL, 0, MAX_LAYERS, &step));
  for (uint32_t i = 0; i < config->n_layers; i++) config->has_experts[i] = config->n_experts > 0 && step > 0 && i % step == 1;
  return SOTTO_OK;
}

/* The feed-forward's gate is a tensor of its own, or before up in one, or there is none. The one for code has norms of q
 * and k. */
static enum sotto_status read_jina2(const struct reader *reader, struct config *config) {
  struct sotto_tensor_info up;
  config->alibi_bias = 8;
  if (has_tensor(reader, "blk.0.attn_q_norm.weight")) config->graph.qk_norm = QK_NORM_ROW;
  if (has_tensor(reader, "blk.0.ffn_gate.weight") || gguf_find_tensor(reader->gguf, "blk.0.ffn_up.weight", &up) != SOTTO_OK)
    return SOTTO_OK;
  config->graph.ffn = up.dims[1] == config->n_ff ? FFN_PLAIN : FFN_FUSED;
  return SOTTO_OK;
}

/* A token sees those up to half the window away, on both sides. */
static enum sotto_status read_modern_bert(const struct reader *reader, struct config *config) {
  struct sotto_value value;
  if (find(reader, "hidden_activation", &value) && value.type == SOTTO_VALUE_STRING &&
      equals((const char *)value.data, value.n_items, "silu"))
    config->graph.activation = ACTIVATION_SILU;
  if (!find(reader, "classifier.pooling_type", &value)) config->rank_pooling = POOLING_MEAN;
  unscale_sliding_rope(config, 10000);
  TRY(read_f32(reader, "rope.freq_base_swa", OPTIONAL, 1e-3f, 1e30f, &config->rope[1].base));
  return read_window(reader, config, 0, 3);
}

static enum sotto_status read_gemma_embedding(const struct reader *reader, struct config *config) {
  TRY(read_gemma(reader, config));
  unscale_sliding_rope(config, 10000);
  TRY(read_f32(reader, "rope.freq_base_swa", OPTIONAL, 1e-3f, 1e30f, &config->rope[1].base));
  return read_window(reader, config, 0, 6);
}

/* ---- the families ---- */

struct architecture {
  const char *name;
  struct graph graph;
  enum sotto_status (*read)(const struct reader *reader, struct config *config); /* NULL: nothing of its own */
};

#define GELU .activation = ACTIVATION_GELU
#define RELU_SQUARED .activation = ACTIVATION_RELU_SQUARED
#define NEOX .rope = ROPE_NEOX
#define NO_ROPE .rope = ROPE_NONE
#define MOE(when, what) .mixture = MIXTURE_##when, .gating = GATING_##what
#define NORMED .norms_expert_weights = true
#define LIKE_BERT(act) .activation = ACTIVATION_##act, .norm = NORM_LAYER, .biases = BIASES_OF_NORMS, .norms = NORMS_OF_SUM, .is_encoder = true, \
                  .has_token_types = true, .has_embedding_norm = true
#define LIKE_GPT2 .norm = NORM_LAYER, .biases = BIASES_OF_ALL, .ffn = FFN_PLAIN

static const struct architecture architectures[] = {
    {"llama", {MOE(MAY_BE, SOFTMAX), NORMED}, NULL},
    {"mistral3", {0}, read_mistral3},
    {"qwen", {NEOX, .has_head = true}, read_qwen},
    {"qwen2", {NEOX}, NULL},
    {"qwen2vl", {NEOX}, NULL},
    {"qwen3", {NEOX, .qk_norm = QK_NORM_HEAD}, NULL},
    {"qwen3vl", {NEOX, .qk_norm = QK_NORM_HEAD}, NULL},
    {"gemma", {NEOX, GELU}, read_gemma},
    {"gemma2", {NEOX, GELU, .norms = NORMS_AROUND}, read_gemma2},
    {"gemma3", {NEOX, GELU, .norms = NORMS_AROUND, .qk_norm = QK_NORM_HEAD}, read_gemma3},
    {"phi2", {NEOX, GELU, LIKE_GPT2, .block = BLOCK_ONE_NORM, .has_head = true}, NULL},
    {"phi3", {NEOX, .ffn = FFN_FUSED}, NULL},
    {"smollm3", {0}, read_smollm3},
    {"olmo", {.norm = NORM_LAYER_PLAIN}, read_olmo},
    {"olmo2", {NEOX, .norms = NORMS_AFTER, .qk_norm = QK_NORM_ROW, .has_head = true}, read_olmo2},
    {"granite", {0}, read_granite},
    {"granite_swa", {.has_sinks = true}, read_granite_swa},
    {"minicpm", {0}, read_minicpm},
    {"exaone", {NEOX}, NULL},
    {"exaone4", {NEOX, .norms = NORMS_AFTER, .qk_norm = QK_NORM_HEAD}, read_exaone4},
    {"stablelm", {NEOX, .norm = NORM_LAYER, .biases = BIASES_OF_NORMS, .has_head = true}, read_stablelm},
    {"starcoder", {NO_ROPE, GELU, LIKE_GPT2, .has_positions = true}, NULL},
    {"starcoder2", {NEOX, GELU, LIKE_GPT2}, NULL},
    {"gpt2", {NO_ROPE, GELU, LIKE_GPT2, .has_positions = true}, NULL},
    {"gptneox", {NEOX, GELU, LIKE_GPT2, .has_head = true}, read_gptneox},
    {"falcon", {NEOX, GELU, .norm = NORM_LAYER, .biases = BIASES_OF_NORMS, .ffn = FFN_PLAIN, .block = BLOCK_ONE_NORM}, read_falcon},
    {"ernie4_5", {0}, NULL},
    {"hunyuan-dense", {NEOX, .qk_norm = QK_NORM_HEAD, .turns_before_norm = true}, read_hunyuan},
    {"hunyuan_vl", {NEOX, .qk_norm = QK_NORM_HEAD, .turns_before_norm = true}, read_hunyuan},
    {"command-r", {.norm = NORM_LAYER, .block = BLOCK_ONE_NORM}, read_command_r},
    {"cohere2", {.norm = NORM_LAYER, .block = BLOCK_ONE_NORM}, read_cohere2},
    {"nemotron", {NEOX, RELU_SQUARED, .norm = NORM_LAYER, .biases = BIASES_OF_NORMS, .ffn = FFN_PLAIN, .has_head = true},
     NULL},
    {"arcee", {RELU_SQUARED, .ffn = FFN_PLAIN}, NULL},
    {"seed_oss", {NEOX, .ffn_norm = "post_attention_norm"}, NULL},
    {"glm4", {.norms = NORMS_AROUND, .ffn = FFN_FUSED}, read_glm4},
    {"chatglm", {.ffn = FFN_FUSED}, NULL},
    {"internlm2", {.has_head = true}, NULL},
    {"baichuan", {.has_head = true}, read_baichuan},
    {"mpt", {NO_ROPE, GELU, .norm = NORM_LAYER, .ffn = FFN_PLAIN}, read_mpt},
    {"bloom", {NO_ROPE, GELU, LIKE_GPT2, .has_embedding_norm = true}, read_alibi},
    {"refact", {NO_ROPE}, read_alibi},
    {"codeshell", {NEOX, GELU, LIKE_GPT2, .has_head = true}, NULL},
    {"orion", {NEOX, .norm = NORM_LAYER, .biases = BIASES_OF_NORMS, .has_head = true}, NULL},
    {"xverse", {.has_head = true}, NULL},
    {"jais", {NO_ROPE, .norm = NORM_LAYER, .biases = BIASES_OF_ALL, .has_head = true}, read_jais},
    {"jais2", {NEOX, RELU_SQUARED, LIKE_GPT2}, NULL},
    {"pangu-embedded", {NEOX}, NULL},
    {"qwen2moe", {NEOX, MOE(ALWAYS, SOFTMAX), .has_head = true}, read_qwen2moe},
    {"qwen3moe", {NEOX, .qk_norm = QK_NORM_HEAD, MOE(ALWAYS, SOFTMAX), NORMED}, read_qwen_moe},
    {"olmoe", {NEOX, .qk_norm = QK_NORM_ROW, MOE(ALWAYS, SOFTMAX), .has_head = true}, NULL},
    {"granitemoe", {MOE(MAY_BE, SOFTMAX), NORMED}, read_granite_scales},
    {"gpt-oss", {NEOX, .activation = ACTIVATION_SWIGLU_CLAMPED, .ffn_norm = "post_attention_norm", .has_sinks = true,
                 MOE(ALWAYS, SOFTMAX_CHOSEN), .has_head = true}, read_gpt_oss},
    {"ernie4_5-moe", {MOE(ALWAYS, SOFTMAX), NORMED}, read_ernie_moe},
    {"phimoe", {NEOX, .biases = BIASES_OF_NORMS, MOE(ALWAYS, SOFTMAX), NORMED, .has_head = true}, NULL},
    {"bert", {NO_ROPE, LIKE_BERT(GELU), .ffn = FFN_PLAIN, .has_positions = true}, NULL},
    {"nomic-bert", {NEOX, LIKE_BERT(SILU)}, NULL},
    {"nomic-bert-moe", {NEOX, LIKE_BERT(GELU), .ffn = FFN_PLAIN, MOE(MAY_BE, SOFTMAX)}, read_nomic_moe},
    {"jina-bert-v2", {NO_ROPE, LIKE_BERT(GELU)}, read_jina2},
    {"modern-bert", {NEOX, GELU, .norm = NORM_LAYER, .ffn = FFN_FUSED, .is_encoder = true, .has_embedding_norm = true,
                     .first_norm_may_lack = true, .is_first_global = true}, read_modern_bert},
    {"gemma-embedding", {NEOX, GELU, .norms = NORMS_AROUND, .qk_norm = QK_NORM_HEAD, .is_encoder = true}, read_gemma_embedding},
    {"maincoder", {.qk_norm = QK_NORM_HEAD, .turns_before_norm = true}, NULL},
    {"openelm", {NEOX, .qk_norm = QK_NORM_HEAD}, NULL},
    {"deci", {0}, NULL},
};

const char *sotto_architecture_name(uint32_t index) {
  return index < sizeof architectures / sizeof *architectures ? architectures[index].name : NULL;
}

/* What such a file holds in place of a model; NULL: a model, as far as it says. */
static const char *other_content(const struct reader *reader) {
  static const struct { const char *type, *what; } contents[] = {
      {"adapter", "an adapter (LoRA)"}, {"mmproj", "the part of a model that sees or hears"}, {"imatrix", "an importance matrix"}};
  struct sotto_value value;
  if (sotto_gguf_find(reader->gguf, "general.type", &value) != SOTTO_OK || value.type != SOTTO_VALUE_STRING) return NULL;
  for (size_t i = 0; i < sizeof contents / sizeof *contents; i++)
    if (equals((const char *)value.data, value.n_items, contents[i].type)) return contents[i].what;
  return NULL;
}

/* What the graph would need for a family that is not in the table, by keys that are 0 or absent in others. */
static const char *obstacle_of(const struct reader *reader) {
  static const char recurrent[] = ": layers of it keep a recurrent state";
  static const struct { const char *key, *obstacle; } obstacles[] = {
      {"ssm.conv_kernel", recurrent}, {"wkv.head_size", recurrent}, {"shortconv.l_cache", recurrent}, {"kda.head_dim", recurrent},
      {"attention.kv_lora_rank", ": its attention keeps latent vectors (MLA)"},
      {"attention.relative_buckets_count", ": it is an encoder and a decoder"},
      {"has_vision_encoder", ": it is the part of a model that sees"}, {"has_audio_encoder", ": it is the part of a model that hears"}};
  struct sotto_value value;
  uint64_t number;
  for (size_t i = 0; i < sizeof obstacles / sizeof *obstacles; i++)
    if (find(reader, obstacles[i].key, &value) && gguf_value_u64(&value, 0, &number) && number > 0) return obstacles[i].obstacle;
  return "";
}

static enum sotto_status find_architecture(struct reader *reader, const struct architecture **architecture) {
  struct sotto_value value;
  const char *content = other_content(reader);
  if (content) return error_set(reader->error, SOTTO_UNSUPPORTED_ARCHITECTURE, NOWHERE, "the file holds %s, and no model", content);
  if (sotto_gguf_find(reader->gguf, "general.architecture", &value) != SOTTO_OK) return missing(reader, "general.architecture");
  if (value.type != SOTTO_VALUE_STRING) return bad(reader, &value);
  reader->architecture = (const char *)value.data;
  reader->architecture_bytes = value.n_items;
  for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
    if (equals(reader->architecture, reader->architecture_bytes, architectures[i].name)) {
      *architecture = &architectures[i];
      return SOTTO_OK;
    }
  return error_set(reader->error, SOTTO_UNSUPPORTED_ARCHITECTURE, gguf_value_offset(reader->gguf, &value),
                   "the model family '%.*s' is not supported%s", (int)(value.n_items < 40 ? value.n_items : 40), reader->architecture,
                   obstacle_of(reader));
}

enum sotto_status config_read(struct config *config, const sotto_gguf *gguf, struct sotto_error *error) {
  struct reader reader = {gguf, error, NULL, 0};
  const struct architecture *architecture;
  TRY(find_architecture(&reader, &architecture));
  *config = (struct config){.graph = architecture->graph, .embd_scale = 1, .residual_scale = 1, .logit_scale = 1};
  if (!config->graph.attn_norm) config->graph.attn_norm = "attn_norm";
  if (!config->graph.ffn_norm) config->graph.ffn_norm = "ffn_norm";
  TRY(read_sizes(&reader, config));
  TRY(read_experts(&reader, config));
  TRY(read_pooling(&reader, config));
  TRY(read_rope(&reader, config));
  const char *epsilon = config->graph.norm == NORM_RMS ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon";
  TRY(read_f32(&reader, epsilon, REQUIRED, 0, 1, &config->norm_epsilon));
  config->attn_scale = 1 / __builtin_sqrtf((float)config->head_dim);
  if (config->graph.rope == ROPE_NONE) config->rope_dims = 0;
  for (uint32_t i = 0; i < config->n_layers; i++) config->has_rope[i] = config->rope_dims > 0;
  if (architecture->read) TRY(architecture->read(&reader, config));
  struct sotto_tensor_info embedding;
  if (gguf_find_tensor(gguf, "token_embd.weight", &embedding) != SOTTO_OK)
    return error_set(error, SOTTO_MISSING_TENSOR, NOWHERE, "the file lacks the tensor token_embd.weight");
  if (embedding.dims[1] < 1 || embedding.dims[1] > INT32_MAX / 8)
    return error_set(error, SOTTO_SHAPE_MISMATCH, NOWHERE, "token_embd.weight has %U rows", embedding.dims[1]);
  config->n_vocab = (uint32_t)embedding.dims[1];
  return SOTTO_OK;
}
