/* tiny.h: builds small GGUF files in memory, with random weights of any type and any vocabulary, and opens them. */
#ifndef SOTTO_TINY_H
#define SOTTO_TINY_H

#include "test.h"

#include "../kernels/kernels.h"
#include "../src/gguf.h"

struct tiny_token {
  const char *text;
  int32_t kind; /* enum token_kind */
  float score;
};

/* The keys tokenizer.ggml.*; one that is NULL, or an array of no items, is left out. */
struct tiny_tokenizer {
  const char *model, *pre;
  uint32_t n_tokens, n_merges;
  const struct tiny_token *tokens; /* (n_tokens) */
  const char *const *merges;       /* (n_merges) "left right" */
  uint32_t bos, eos, unknown, separator; /* the last: 0, or it has two keys */
  bool add_bos, add_eos, add_separator, add_space_prefix, merges_spaces;
  const void *charsmap;            /* (charsmap_bytes) */
  uint32_t charsmap_bytes;
};

struct tiny_options {
  const char *architecture; /* "llama", "gemma3", "qwen2moe" or, an encoder, "gemma-embedding" */
  uint32_t type;            /* of the matrices, GGUF's number */
  uint32_t n_layers, n_embd, n_heads, n_kv_heads, head_dim, n_ff, n_vocab, n_ctx, window;
  uint32_t n_experts, n_experts_used, n_ff_shared, expert_type; /* a mixture, of experts of n_ff and one for all tokens */
  uint32_t pooling;         /* enum sotto_pooling; 0: no key */
  bool has_output, has_rope_freqs, has_no_tensors;
  const char *leave_out; /* the tensor of this name, or the key */
  const char *misshape;  /* this tensor gets one row more */
  const char *extra;     /* a tensor that no graph knows */
  const char *mistype;   /* the key of this name is a number */
  const char *shorten;   /* the array of this key lacks its last item */
  const struct tiny_tokenizer *tokenizer; /* NULL: none */
};

static const struct tiny_options tiny_llama = {
    .architecture = "llama", .type = GGUF_Q8_0, .n_layers = 2, .n_embd = 256, .n_heads = 4, .n_kv_heads = 2,
    .head_dim = 64, .n_ff = 256, .n_vocab = 101, .n_ctx = 256, .has_output = true, .has_rope_freqs = true};
static const struct tiny_options tiny_gemma = {
    .architecture = "gemma3", .type = GGUF_Q8_0, .n_layers = 6, .n_embd = 256, .n_heads = 4, .n_kv_heads = 1,
    .head_dim = 64, .n_ff = 256, .n_vocab = 101, .n_ctx = 256, .window = 24};

static const struct tiny_options tiny_mixture = {
    .architecture = "qwen2moe", .type = GGUF_Q8_0, .n_layers = 2, .n_embd = 64, .n_heads = 2, .n_kv_heads = 1,
    .head_dim = 32, .n_ff = 32, .n_vocab = 101, .n_ctx = 256, .has_output = true,
    .n_experts = 6, .n_experts_used = 3, .n_ff_shared = 64, .expert_type = GGUF_Q8_0};
static const struct tiny_options tiny_encoder = {
    .architecture = "gemma-embedding", .type = GGUF_Q8_0, .n_layers = 6, .n_embd = 64, .n_heads = 2, .n_kv_heads = 1,
    .head_dim = 32, .n_ff = 64, .n_vocab = 101, .n_ctx = 256, .window = 24, .pooling = SOTTO_POOLING_MEAN};

struct tiny_file {
  uint8_t *bytes;
  size_t n, cap;
  uint32_t seed;
};

/* bytes NULL: zeros. */
static inline void tiny_put(struct tiny_file *file, const void *bytes, size_t n) {
  if (n == 0) return;
  if (file->n + n > file->cap) file->bytes = realloc(file->bytes, file->cap = 2 * (file->n + n));
  if (bytes) memcpy(file->bytes + file->n, bytes, n);
  else memset(file->bytes + file->n, 0, n);
  file->n += n;
}
static inline void tiny_u32(struct tiny_file *file, uint32_t value) { tiny_put(file, &value, 4); }
static inline void tiny_u64(struct tiny_file *file, uint64_t value) { tiny_put(file, &value, 8); }
static inline void tiny_string(struct tiny_file *file, const char *text) {
  tiny_u64(file, strlen(text));
  tiny_put(file, text, strlen(text));
}

/* ---- keys ---- */

struct tiny_keys {
  struct tiny_file *file;
  const struct tiny_options *options;
  uint32_t n;
};

static inline bool tiny_is(const char *name, const char *other) { return other && strcmp(name, other) == 0; }

/* False: there is no value to write. */
static inline bool tiny_key(struct tiny_keys *keys, const char *name, uint32_t type) {
  char full[96];
  const bool is_whole = strncmp(name, "general.", 8) == 0 || strncmp(name, "tokenizer.", 10) == 0;
  const bool is_mistyped = tiny_is(name, keys->options->mistype);
  if (tiny_is(name, keys->options->leave_out)) return false;
  snprintf(full, sizeof full, "%s%s%s", is_whole ? "" : keys->options->architecture, is_whole ? "" : ".", name);
  tiny_string(keys->file, full);
  tiny_u32(keys->file, is_mistyped ? SOTTO_VALUE_U32 : type);
  if (is_mistyped) tiny_u32(keys->file, 7);
  keys->n++;
  return !is_mistyped;
}
static inline void tiny_key_u32(struct tiny_keys *keys, const char *name, uint32_t value) {
  if (tiny_key(keys, name, SOTTO_VALUE_U32)) tiny_u32(keys->file, value);
}
static inline void tiny_key_f32(struct tiny_keys *keys, const char *name, float value) {
  if (tiny_key(keys, name, SOTTO_VALUE_F32)) tiny_put(keys->file, &value, 4);
}
static inline void tiny_key_bool(struct tiny_keys *keys, const char *name, bool value) {
  if (tiny_key(keys, name, SOTTO_VALUE_BOOL)) tiny_put(keys->file, &value, 1);
}
static inline void tiny_key_string(struct tiny_keys *keys, const char *name, const char *value) {
  if (value && tiny_key(keys, name, SOTTO_VALUE_STRING)) tiny_string(keys->file, value);
}
/* Items to write; 0: there is no such array. */
static inline uint32_t tiny_key_array(struct tiny_keys *keys, const char *name, uint32_t item_type, uint32_t n) {
  if (n == 0 || !tiny_key(keys, name, SOTTO_VALUE_ARRAY)) return 0;
  n -= tiny_is(name, keys->options->shorten);
  tiny_u32(keys->file, item_type);
  tiny_u64(keys->file, n);
  return n;
}

static inline void tiny_write_tokenizer(struct tiny_keys *keys, const struct tiny_tokenizer *t) {
  uint32_t n;
  tiny_key_string(keys, "tokenizer.ggml.model", t->model);
  tiny_key_string(keys, "tokenizer.ggml.pre", t->pre);
  n = tiny_key_array(keys, "tokenizer.ggml.tokens", SOTTO_VALUE_STRING, t->n_tokens);
  for (uint32_t i = 0; i < n; i++) tiny_string(keys->file, t->tokens[i].text);
  n = tiny_key_array(keys, "tokenizer.ggml.token_type", SOTTO_VALUE_I32, t->n_tokens);
  for (uint32_t i = 0; i < n; i++) tiny_put(keys->file, &t->tokens[i].kind, 4);
  n = tiny_key_array(keys, "tokenizer.ggml.scores", SOTTO_VALUE_F32, t->n_tokens);
  for (uint32_t i = 0; i < n; i++) tiny_put(keys->file, &t->tokens[i].score, 4);
  n = tiny_key_array(keys, "tokenizer.ggml.merges", SOTTO_VALUE_STRING, t->n_merges);
  for (uint32_t i = 0; i < n; i++) tiny_string(keys->file, t->merges[i]);
  tiny_key_u32(keys, "tokenizer.ggml.bos_token_id", t->bos);
  tiny_key_u32(keys, "tokenizer.ggml.eos_token_id", t->eos);
  tiny_key_u32(keys, "tokenizer.ggml.unknown_token_id", t->unknown);
  tiny_key_bool(keys, "tokenizer.ggml.add_bos_token", t->add_bos);
  tiny_key_bool(keys, "tokenizer.ggml.add_eos_token", t->add_eos);
  if (t->separator) {
    tiny_key_u32(keys, "tokenizer.ggml.seperator_token_id", t->separator);
    tiny_key_bool(keys, "tokenizer.ggml.add_sep_token", t->add_separator);
  }
  tiny_key_bool(keys, "tokenizer.ggml.add_space_prefix", t->add_space_prefix);
  if (t->merges_spaces) tiny_key_bool(keys, "tokenizer.ggml.remove_extra_whitespaces", true);
  tiny_put(keys->file, t->charsmap, tiny_key_array(keys, "tokenizer.ggml.precompiled_charsmap", SOTTO_VALUE_U8, t->charsmap_bytes));
}

static inline uint32_t tiny_write_keys(struct tiny_file *file, const struct tiny_options *o) {
  struct tiny_keys keys = {file, o, 0};
  tiny_key_string(&keys, "general.architecture", o->architecture);
  tiny_key_u32(&keys, "block_count", o->n_layers);
  tiny_key_u32(&keys, "embedding_length", o->n_embd);
  tiny_key_u32(&keys, "feed_forward_length", o->n_ff);
  tiny_key_u32(&keys, "context_length", o->n_ctx);
  tiny_key_u32(&keys, "attention.head_count", o->n_heads);
  tiny_key_u32(&keys, "attention.head_count_kv", o->n_kv_heads);
  tiny_key_u32(&keys, "attention.key_length", o->head_dim);
  tiny_key_u32(&keys, "attention.value_length", o->head_dim);
  tiny_key_f32(&keys, "attention.layer_norm_rms_epsilon", 1e-5f);
  tiny_key_f32(&keys, "rope.freq_base", 10000);
  if (o->window) tiny_key_u32(&keys, "attention.sliding_window", o->window);
  if (o->pooling) tiny_key_u32(&keys, "pooling_type", o->pooling);
  if (o->n_experts) {
    tiny_key_u32(&keys, "expert_count", o->n_experts);
    tiny_key_u32(&keys, "expert_used_count", o->n_experts_used);
    tiny_key_u32(&keys, "expert_feed_forward_length", o->n_ff);
    tiny_key_u32(&keys, "expert_shared_feed_forward_length", o->n_ff_shared);
  }
  if (o->tokenizer) tiny_write_tokenizer(&keys, o->tokenizer);
  return keys.n;
}

/* ---- tensors: infos into `infos`, data into `data` ---- */

struct tiny_tensors {
  struct tiny_file infos, data;
  const struct tiny_options *options;
  uint32_t n;
};

/* What a quant is at most, scales within the block included. */
static inline float tiny_steps(uint32_t type) {
  switch (type) {
    case GGUF_Q5_0: case GGUF_Q5_1: case GGUF_IQ1_S: case GGUF_IQ1_M: return 16;
    case GGUF_Q8_0: return 127;
    case GGUF_Q2_K: return 45;
    case GGUF_TQ1_0: return 1;
    case GGUF_Q4_K: case GGUF_Q5_K: case GGUF_IQ3_XXS: case GGUF_IQ3_S: return 500;
    case GGUF_IQ2_XXS: case GGUF_IQ2_XS: case GGUF_IQ2_S: return 160;
    case GGUF_Q6_K: return 4000;
    default: return 8;
  }
}

/* One block of plausible weights: small scales, random quants. */
static inline void tiny_block(struct tiny_file *data, uint32_t type, float size) {
  const struct dtype *dtype = dtype_find(type);
  uint8_t block[256];
  for (uint32_t i = 0; i < dtype->block_bytes; i++) block[i] = (uint8_t)(test_random(&data->seed) >> 9);
  const float w = test_random_float(&data->seed) * size;
  uint32_t bits;
  memcpy(&bits, &w, 4);
  const uint16_t half = f16_from_f32(w), bf16 = (uint16_t)(bits >> 16), d = f16_from_f32(size / tiny_steps(type)), m = f16_from_f32(-size * 15 / 16); /* a mean near 0 */
  const uint16_t dmin = f16_from_f32(size / 60);
  switch (type) {
    case GGUF_F32: memcpy(block, &w, 4); break;
    case GGUF_F16: memcpy(block, &half, 2); break;
    case GGUF_BF16: memcpy(block, &bf16, 2); break;
    case GGUF_Q6_K: memcpy(block + 208, &d, 2); break;
    case GGUF_TQ1_0: memcpy(block + 52, &d, 2); break;
    case GGUF_NVFP4: for (int i = 0; i < 4; i++) block[i] &= 7; break; /* up to 7/1024, times 12 */
    case GGUF_Q2_K: memcpy(block + 80, &d, 2), memcpy(block + 82, &dmin, 2); break;
    case GGUF_Q4_1: case GGUF_Q5_1: memcpy(block, &d, 2), memcpy(block + 2, &m, 2); break;
    case GGUF_Q4_K: case GGUF_Q5_K: memcpy(block, &d, 2), memcpy(block + 2, &dmin, 2); break;
    case GGUF_IQ1_M: /* in the upper halves of four bytes */
      for (int i = 0; i < 4; i++) block[49 + 2 * i] = (uint8_t)((block[49 + 2 * i] & 15) | (d >> 4 * i & 15) << 4);
      break;
    default: memcpy(block, &d, 2);
  }
  tiny_put(data, block, dtype->block_bytes);
}

/* n matrices one after the other. */
static inline void tiny_matrices(struct tiny_tensors *t, int layer, const char *name, uint32_t type, uint32_t n, uint32_t rows, uint32_t k) {
  char full[64];
  if (layer < 0) snprintf(full, sizeof full, "%s", name);
  else snprintf(full, sizeof full, "blk.%d.%s", layer, name);
  if (tiny_is(full, t->options->leave_out)) return;
  if (tiny_is(full, t->options->misshape)) rows++;
  tiny_put(&t->data, NULL, (32 - t->data.n % 32) % 32);
  tiny_string(&t->infos, full);
  tiny_u32(&t->infos, n > 1 ? 3 : rows > 1 ? 2 : 1);
  tiny_u64(&t->infos, k);
  if (rows > 1) tiny_u64(&t->infos, rows);
  if (n > 1) tiny_u64(&t->infos, n);
  tiny_u32(&t->infos, type);
  tiny_u64(&t->infos, t->data.n);
  t->n++;
  if (rows == 1) /* a norm, or divisors: near 1 */
    for (uint32_t i = 0; i < k; i++) {
      const float w = 1 + 0.3f * test_random_float(&t->data.seed);
      tiny_put(&t->data, &w, 4);
    }
  else
    for (uint32_t i = 0; i < n * rows * (k / dtype_find(type)->block_items); i++) tiny_block(&t->data, type, 0.15f);
}

static inline void tiny_tensor(struct tiny_tensors *t, int layer, const char *name, uint32_t type, uint32_t rows, uint32_t k) {
  tiny_matrices(t, layer, name, type, 1, rows, k);
}

static inline void tiny_write_ffn(struct tiny_tensors *t, int layer) {
  const struct tiny_options *o = t->options;
  tiny_tensor(t, layer, "ffn_norm.weight", GGUF_F32, 1, o->n_embd);
  if (o->n_experts == 0) {
    tiny_tensor(t, layer, "ffn_down.weight", o->type, o->n_embd, o->n_ff);
    tiny_tensor(t, layer, "ffn_gate.weight", o->type, o->n_ff, o->n_embd);
    tiny_tensor(t, layer, "ffn_up.weight", o->type, o->n_ff, o->n_embd);
    return;
  }
  tiny_tensor(t, layer, "ffn_gate_inp.weight", GGUF_F32, o->n_experts, o->n_embd);
  tiny_matrices(t, layer, "ffn_down_exps.weight", o->expert_type, o->n_experts, o->n_embd, o->n_ff);
  tiny_matrices(t, layer, "ffn_gate_exps.weight", o->expert_type, o->n_experts, o->n_ff, o->n_embd);
  tiny_matrices(t, layer, "ffn_up_exps.weight", o->expert_type, o->n_experts, o->n_ff, o->n_embd);
  tiny_tensor(t, layer, "ffn_gate_inp_shexp.weight", GGUF_F32, 1, o->n_embd);
  tiny_tensor(t, layer, "ffn_down_shexp.weight", o->type, o->n_embd, o->n_ff_shared);
  tiny_tensor(t, layer, "ffn_gate_shexp.weight", o->type, o->n_ff_shared, o->n_embd);
  tiny_tensor(t, layer, "ffn_up_shexp.weight", o->type, o->n_ff_shared, o->n_embd);
}

static inline void tiny_write_tensors(struct tiny_tensors *t) {
  const struct tiny_options *o = t->options;
  const bool is_gemma = strncmp(o->architecture, "gemma", 5) == 0;
  const uint32_t n_q = o->n_heads * o->head_dim, n_kv = o->n_kv_heads * o->head_dim;
  tiny_tensor(t, -1, "output_norm.weight", GGUF_F32, 1, o->n_embd);
  tiny_tensor(t, -1, "token_embd.weight", o->type, o->n_vocab, o->n_embd);
  if (o->has_output) tiny_tensor(t, -1, "output.weight", o->type, o->n_vocab, o->n_embd);
  if (o->has_rope_freqs) tiny_tensor(t, -1, "rope_freqs.weight", GGUF_F32, 1, o->head_dim / 2);
  if (o->extra) tiny_tensor(t, -1, o->extra, GGUF_F32, 1, o->n_embd);
  for (int i = (int)o->n_layers - 1; i >= 0; i--) { /* not in the order of the graph */
    tiny_tensor(t, i, "attn_norm.weight", GGUF_F32, 1, o->n_embd);
    tiny_write_ffn(t, i);
    tiny_tensor(t, i, "attn_q.weight", o->type, n_q, o->n_embd);
    tiny_tensor(t, i, "attn_k.weight", o->type, n_kv, o->n_embd);
    tiny_tensor(t, i, "attn_v.weight", o->type, n_kv, o->n_embd);
    tiny_tensor(t, i, "attn_output.weight", o->type, o->n_embd, n_q);
    if (!is_gemma) continue;
    tiny_tensor(t, i, "attn_q_norm.weight", GGUF_F32, 1, o->head_dim);
    tiny_tensor(t, i, "attn_k_norm.weight", GGUF_F32, 1, o->head_dim);
    tiny_tensor(t, i, "post_attention_norm.weight", GGUF_F32, 1, o->n_embd);
    tiny_tensor(t, i, "post_ffw_norm.weight", GGUF_F32, 1, o->n_embd);
  }
}

/* The caller frees bytes. */
static inline struct tiny_file tiny_make(const struct tiny_options *options) {
  struct tiny_file file = {.seed = 7}, keys = {0};
  struct tiny_tensors tensors = {.options = options, .data.seed = 7};
  const uint32_t n_keys = tiny_write_keys(&keys, options);
  if (!options->has_no_tensors) tiny_write_tensors(&tensors);
  tiny_put(&file, "GGUF", 4);
  tiny_u32(&file, 3);
  tiny_u64(&file, tensors.n);
  tiny_u64(&file, n_keys);
  tiny_put(&file, keys.bytes, keys.n);
  tiny_put(&file, tensors.infos.bytes, tensors.infos.n);
  tiny_put(&file, NULL, (32 - file.n % 32) % 32);
  tiny_put(&file, tensors.data.bytes, tensors.data.n);
  free(keys.bytes);
  free(tensors.infos.bytes);
  free(tensors.data.bytes);
  return file;
}

/* ---- opening ---- */

struct tiny_model {
  void *gguf_block, *block;
  sotto_gguf *gguf;
  sotto_model *model;
  struct sotto_error error;
};

/* Exact-size blocks, so that the sanitizers see a step beyond them. */
static inline enum sotto_status tiny_open(struct tiny_model *out, const uint8_t *bytes, size_t n, uint32_t level) {
  struct sotto_model_options options = {sizeof options, level, n};
  size_t need;
  memset(out, 0, sizeof *out);
  out->gguf_block = malloc(sotto_gguf_measure());
  out->gguf = sotto_gguf_open(out->gguf_block);
  enum sotto_status status = sotto_gguf_scan(out->gguf, bytes, n, &need, &out->error);
  if (status == SOTTO_OK) status = sotto_model_measure(out->gguf, &options, &need, &out->error);
  if (status != SOTTO_OK) return status;
  out->block = malloc(need);
  return sotto_model_open(out->block, need, out->gguf, &options, &out->model, &out->error);
}

static inline void tiny_close(struct tiny_model *model) {
  free(model->block);
  free(model->gguf_block);
}

static inline sotto_session *tiny_session(const sotto_model *model, sotto_pool *pool, struct sotto_session_options options, void **block) {
  size_t n;
  sotto_session *session = NULL;
  struct sotto_error error;
  options.sizeof_options = sizeof options;
  *block = NULL;
  if (!CHECK(sotto_session_measure(model, &options, &n, &error) == SOTTO_OK)) return NULL;
  *block = malloc(n);
  memset(*block, 0xa5, n); /* nothing may depend on what the block held */
  CHECK(sotto_session_open(*block, n, model, pool, &options, &session, &error) == SOTTO_OK);
  return session;
}

#endif
