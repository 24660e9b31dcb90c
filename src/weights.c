/* weights.c: the directory's tensors -> places in memory; pushed file bytes -> packed rows in those places.
 *
 * A group of 8 rows is never smaller packed than in the file, so bytes of an incomplete group wait, as they are in the
 * file, in the group's own place; when the last one arrives the group is packed through a staging buffer. Which bytes
 * have arrived is known from one set of file ranges; there is no other state. */
#include "model.h"

#include <string.h>

struct opener {
  struct weights *weights;
  const struct config *config;
  const sotto_gguf *gguf;
  struct arena *arena;
  struct sotto_error *error;
  bool is_writing; /* the second pass: the arrays exist */
};

/* ---- one tensor ---- */

/* "blk.<layer>.<name>.<suffix>", or without the layer when it is below 0. */
static const char *tensor_name(char out[64], int layer, const char *name, const char *suffix) {
  uint32_t n = 0;
  if (layer >= 0) {
    char digits[10];
    int n_digits = 0;
    for (const char *c = "blk."; *c; c++) out[n++] = *c;
    do digits[n_digits++] = (char)('0' + layer % 10);
    while (layer /= 10);
    while (n_digits) out[n++] = digits[--n_digits];
    out[n++] = '.';
  }
  while (*name && n < 40) out[n++] = *name++;
  out[n++] = '.';
  while (*suffix && n < 63) out[n++] = *suffix++;
  out[n] = 0;
  return out;
}

static bool layout_of_type(uint32_t type, enum layout *layout) {
  static const struct { uint32_t type; enum layout layout; } table[] = {
      {GGUF_F32, LAYOUT_F32},   {GGUF_F16, LAYOUT_F16},   {GGUF_BF16, LAYOUT_BF16}, {GGUF_Q4_0, LAYOUT_Q4_0},
      {GGUF_Q4_1, LAYOUT_Q4_1}, {GGUF_Q5_0, LAYOUT_Q5_0}, {GGUF_Q5_1, LAYOUT_Q5_1}, {GGUF_Q8_0, LAYOUT_Q8_0},
      {GGUF_Q2_K, LAYOUT_Q2_K}, {GGUF_Q3_K, LAYOUT_Q3_K}, {GGUF_Q4_K, LAYOUT_Q4_K}, {GGUF_Q5_K, LAYOUT_Q5_K},
      {GGUF_Q6_K, LAYOUT_Q6_K}, {GGUF_IQ4_NL, LAYOUT_IQ4_NL}, {GGUF_IQ4_XS, LAYOUT_IQ4_XS}, {GGUF_MXFP4, LAYOUT_MXFP4},
      {GGUF_NVFP4, LAYOUT_NVFP4}, {GGUF_Q1_0, LAYOUT_Q1_0}, {GGUF_Q2_0, LAYOUT_Q2_0}, {GGUF_TQ1_0, LAYOUT_TQ1_0},
      {GGUF_TQ2_0, LAYOUT_TQ2_0},
      {GGUF_IQ1_S, LAYOUT_IQ1_S},
      {GGUF_IQ1_M, LAYOUT_IQ1_M},
      {GGUF_IQ2_XXS, LAYOUT_IQ2_XXS},
      {GGUF_IQ2_XS, LAYOUT_IQ2_XS},
      {GGUF_IQ2_S, LAYOUT_IQ2_S},
      {GGUF_IQ3_XXS, LAYOUT_IQ3_XXS},
      {GGUF_IQ3_S, LAYOUT_IQ3_S},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].type == type) {
      *layout = table[i].layout;
      return true;
    }
  return false;
}

enum kind { MATRIX, VECTOR };

/* What is looked for: a tensor of the file, or some of its rows (of a vector: of its elements). */
struct wish {
  int layer;                /* below 0: of no layer */
  const char *name, *suffix;
  enum kind kind;
  uint32_t n_rows, k;       /* a vector has one row */
  uint32_t first, n_all;    /* these rows of n_all, or elements; n_all 0: the whole tensor */
  uint32_t n_experts;       /* that many matrices one after the other, of n_rows together; 0: one matrix */
};

static bool exists(const struct opener *opener, int layer, const char *name, const char *suffix) {
  char full_name[64];
  struct sotto_tensor_info info;
  return gguf_find_tensor(opener->gguf, tensor_name(full_name, layer, name, suffix), &info) == SOTTO_OK;
}

/* Finds the tensor, checks its type and shape, and carves its place. */
static enum sotto_status open_tensor(struct opener *opener, struct tensor *tensor, struct wish wish) {
  char full_name[64];
  struct sotto_tensor_info info;
  const bool is_vector = wish.kind == VECTOR;
  const uint32_t k = is_vector && wish.n_all ? wish.n_all : wish.k;
  const uint32_t n_rows = !is_vector && wish.n_all ? wish.n_all : wish.n_rows;
  if (gguf_find_tensor(opener->gguf, tensor_name(full_name, wish.layer, wish.name, wish.suffix), &info) != SOTTO_OK)
    return error_set(opener->error, SOTTO_MISSING_TENSOR, NOWHERE, "the file lacks the tensor %s", full_name);
  const bool is_flat = is_vector && info.dims[0] * info.dims[1] == k; /* norms of heads have a row for each */
  const uint32_t depth = wish.n_experts ? wish.n_experts : 1;
  if ((!is_flat && (info.dims[0] != k || info.dims[1] != n_rows / depth)) || info.dims[2] != depth || info.dims[3] != 1)
    return error_set(opener->error, SOTTO_SHAPE_MISMATCH, info.file_offset,
                     "%s has the shape %U x %U x %U x %U, not %u x %u x %u", full_name, info.dims[0], info.dims[1], info.dims[2],
                     info.dims[3], k, n_rows / depth, depth);
  enum layout layout;
  if (!layout_of_type(info.type, &layout) || (is_vector && layout != LAYOUT_F32))
    return error_set(opener->error, SOTTO_UNSUPPORTED_TYPE, info.file_offset, "%s has type %u (%s), which is not supported here",
                     full_name, info.type, sotto_type_name(info.type));
  const uint64_t n_groups = is_vector ? 1 : ((uint64_t)wish.n_rows + TILE_ROWS - 1) / TILE_ROWS;
  const uint64_t row_bytes = layout_row_bytes(layout, (int)wish.k);
  const uint64_t group_bytes = is_vector ? row_bytes : layout_group_bytes(layout, (int)wish.k);
  uint8_t *data = arena_carve(opener->arena, n_groups, group_bytes);
  opener->weights->n_tensors++;
  const uint64_t staging_bytes = TILE_ROWS * row_bytes;
  if (staging_bytes > opener->weights->staging_bytes) opener->weights->staging_bytes = staging_bytes;
  if (!opener->is_writing) return SOTTO_OK;
  const uint64_t skipped = wish.first * (is_vector ? sizeof(float) : row_bytes);
  *tensor = (struct tensor){.layout = layout, .n_rows = wish.n_rows, .k = wish.k, .is_vector = is_vector,
                            .file_offset = info.file_offset + skipped, .file_bytes = wish.n_rows * row_bytes,
                            .row_bytes = row_bytes, .group_bytes = group_bytes, .data = data};
  opener->weights->in_order[opener->weights->n_tensors - 1] = tensor;
  return SOTTO_OK;
}

static enum sotto_status open_vector(struct opener *opener, struct tensor *tensor, int layer, const char *name,
                                     const char *suffix, uint32_t n) {
  return open_tensor(opener, tensor, (struct wish){layer, name, suffix, VECTOR, 1, n, 0, 0, 0});
}

static enum sotto_status open_optional_vector(struct opener *opener, struct tensor *tensor, int layer, const char *name,
                                              const char *suffix, uint32_t n) {
  return exists(opener, layer, name, suffix) ? open_vector(opener, tensor, layer, name, suffix, n) : SOTTO_OK;
}

static enum sotto_status open_norm(struct opener *opener, struct affine *norm, int layer, const char *name, uint32_t n) {
  if (opener->config->graph.norm == NORM_LAYER_PLAIN) return SOTTO_OK;
  TRY(open_vector(opener, &norm->weight, layer, name, "weight", n));
  if (opener->config->graph.biases == BIASES_MAY_BE) return open_optional_vector(opener, &norm->bias, layer, name, "bias", n);
  return open_vector(opener, &norm->bias, layer, name, "bias", n);
}

/* Rows [first, first + n_rows) of n_all (0: all there are). */
static enum sotto_status open_rows(struct opener *opener, struct affine *matrix, int layer, const char *name, uint32_t n_rows,
                                   uint32_t k, uint32_t first, uint32_t n_all) {
  TRY(open_tensor(opener, &matrix->weight, (struct wish){layer, name, "weight", MATRIX, n_rows, k, first, n_all, 0}));
  if (first == 0) TRY(open_optional_vector(opener, &matrix->scale, layer, name, "scale", 1)); /* the other rows share it */
  if (opener->config->graph.biases != BIASES_OF_ALL && !exists(opener, layer, name, "bias")) return SOTTO_OK;
  return open_tensor(opener, &matrix->bias, (struct wish){layer, name, "bias", VECTOR, 1, n_rows, first, n_all, 0});
}

static enum sotto_status open_matrix(struct opener *opener, struct affine *matrix, int layer, const char *name,
                                     uint32_t n_rows, uint32_t k) {
  return open_rows(opener, matrix, layer, name, n_rows, k, 0, 0);
}

/* ---- all tensors, in the order in which the graph needs them ---- */

/* Apart, or one after the other in one tensor. */
static enum sotto_status open_qkv(struct opener *opener, struct layer *layer, int i) {
  const struct config *config = opener->config;
  const uint32_t n_q = config->heads_of[i] * config->head_dim, n_kv = config->kv_heads_of[i] * config->head_dim;
  const uint32_t k = config->n_embd;
  if (exists(opener, i, "attn_qkv", "weight")) {
    const uint32_t n_all = n_q + 2 * n_kv;
    TRY(open_rows(opener, &layer->q, i, "attn_qkv", n_q, k, 0, n_all));
    TRY(open_rows(opener, &layer->k, i, "attn_qkv", n_kv, k, n_q, n_all));
    TRY(open_rows(opener, &layer->v, i, "attn_qkv", n_kv, k, n_q + n_kv, n_all));
    if (opener->is_writing) layer->k.scale = layer->v.scale = layer->q.scale;
    return SOTTO_OK;
  }
  TRY(open_matrix(opener, &layer->q, i, "attn_q", n_q, k));
  TRY(open_matrix(opener, &layer->k, i, "attn_k", n_kv, k));
  return open_matrix(opener, &layer->v, i, "attn_v", n_kv, k);
}

/* Few have a bias, and those for a whole row. */
static enum sotto_status open_qk_norm(struct opener *opener, struct affine *norm, int layer, const char *name, uint32_t n) {
  TRY(open_vector(opener, &norm->weight, layer, name, "weight", n));
  if (opener->config->graph.qk_norm != QK_NORM_ROW) return SOTTO_OK;
  return open_optional_vector(opener, &norm->bias, layer, name, "bias", n);
}

static bool has_norms_before(const struct graph *graph) { return graph->norms == NORMS_BEFORE || graph->norms == NORMS_AROUND; }

static enum sotto_status open_attention(struct opener *opener, struct layer *layer, int i) {
  const struct config *config = opener->config;
  const struct graph *graph = &config->graph;
  const uint32_t n_q = config->heads_of[i] * config->head_dim, n_kv = config->kv_heads_of[i] * config->head_dim;
  const bool is_bare = graph->first_norm_may_lack && i == 0 && !exists(opener, i, graph->attn_norm, "weight");
  if (has_norms_before(graph) && !is_bare) TRY(open_norm(opener, &layer->attn_norm, i, graph->attn_norm, config->n_embd));
  TRY(open_qkv(opener, layer, i));
  if (graph->qk_norm != QK_NORM_NONE) {
    const bool is_one = graph->qk_norm == QK_NORM_HEAD;
    TRY(open_qk_norm(opener, &layer->q_norm, i, "attn_q_norm", is_one ? config->head_dim : n_q));
    TRY(open_qk_norm(opener, &layer->k_norm, i, "attn_k_norm", is_one ? config->head_dim : n_kv));
  }
  if (graph->has_sinks) TRY(open_vector(opener, &layer->sinks, i, "attn_sinks", "weight", config->heads_of[i]));
  TRY(open_matrix(opener, &layer->attn_out, i, "attn_output", config->n_embd, n_q));
  if (graph->norms == NORMS_BEFORE) return SOTTO_OK;
  if (graph->norms != NORMS_OF_SUM) return open_norm(opener, &layer->attn_post_norm, i, "post_attention_norm", config->n_embd);
  TRY(open_norm(opener, &layer->attn_post_norm, i, "attn_output_norm", config->n_embd));
  if (!exists(opener, i, "attn_norm_2", "weight")) return SOTTO_OK;
  return open_norm(opener, &layer->attn_sum_norm, i, "attn_norm_2", config->n_embd);
}

/* Matrices of all experts, (n_rows, k) each. */
static enum sotto_status open_expert_matrix(struct opener *opener, struct affine *matrix, int layer, const char *name,
                                            uint32_t n_rows, uint32_t k) {
  const uint32_t n = opener->config->n_experts;
  TRY(open_tensor(opener, &matrix->weight, (struct wish){layer, name, "weight", MATRIX, n * n_rows, k, 0, 0, n}));
  TRY(open_optional_vector(opener, &matrix->scale, layer, name, "scale", n));
  return open_optional_vector(opener, &matrix->bias, layer, name, "bias", n * n_rows);
}

static enum sotto_status open_shared_expert(struct opener *opener, struct layer *layer, int i) {
  const uint32_t n_embd = opener->config->n_embd, n_ff = opener->config->n_ff_shared;
  if (exists(opener, i, "ffn_gate_inp_shexp", "weight"))
    TRY(open_tensor(opener, &layer->shared_router, (struct wish){i, "ffn_gate_inp_shexp", "weight", MATRIX, 1, n_embd, 0, 0, 0}));
  TRY(open_matrix(opener, &layer->shared_gate, i, "ffn_gate_shexp", n_ff, n_embd));
  TRY(open_matrix(opener, &layer->shared_up, i, "ffn_up_shexp", n_ff, n_embd));
  return open_matrix(opener, &layer->shared_down, i, "ffn_down_shexp", n_embd, n_ff);
}

static enum sotto_status open_experts(struct opener *opener, struct layer *layer, int i) {
  const struct config *config = opener->config;
  const uint32_t n_embd = config->n_embd, n_ff = config->n_ff_expert;
  TRY(open_tensor(opener, &layer->router.weight, (struct wish){i, "ffn_gate_inp", "weight", MATRIX, config->n_experts, n_embd, 0, 0, 0}));
  TRY(open_optional_vector(opener, &layer->router.bias, i, "ffn_gate_inp", "bias", config->n_experts));
  TRY(open_optional_vector(opener, &layer->choice_bias, i, "exp_probs_b", "bias", config->n_experts));
  if (config->graph.ffn == FFN_GATED) TRY(open_expert_matrix(opener, &layer->gate, i, "ffn_gate_exps", n_ff, n_embd));
  TRY(open_expert_matrix(opener, &layer->up, i, "ffn_up_exps", n_ff, n_embd));
  TRY(open_expert_matrix(opener, &layer->down, i, "ffn_down_exps", n_embd, n_ff));
  return config->n_ff_shared ? open_shared_expert(opener, layer, i) : SOTTO_OK;
}

static enum sotto_status open_dense(struct opener *opener, struct layer *layer, int i) {
  const struct graph *graph = &opener->config->graph;
  const uint32_t n_embd = opener->config->n_embd, n_ff = opener->config->ff_of[i];
  if (graph->ffn == FFN_FUSED) {
    TRY(open_rows(opener, &layer->gate, i, "ffn_up", n_ff, n_embd, 0, 2 * n_ff));
    TRY(open_rows(opener, &layer->up, i, "ffn_up", n_ff, n_embd, n_ff, 2 * n_ff));
    if (opener->is_writing) layer->up.scale = layer->gate.scale;
  } else {
    if (graph->ffn == FFN_GATED) TRY(open_matrix(opener, &layer->gate, i, "ffn_gate", n_ff, n_embd));
    TRY(open_matrix(opener, &layer->up, i, "ffn_up", n_ff, n_embd));
  }
  TRY(open_optional_vector(opener, &layer->act_scales, i, "ffn.act", "scales", n_ff));
  return open_matrix(opener, &layer->down, i, "ffn_down", n_embd, n_ff);
}

static enum sotto_status open_ffn(struct opener *opener, struct layer *layer, int i) {
  const struct config *config = opener->config;
  const struct graph *graph = &config->graph;
  if (has_norms_before(graph) && graph->block != BLOCK_ONE_NORM)
    TRY(open_norm(opener, &layer->ffn_norm, i, graph->ffn_norm, config->n_embd));
  TRY(config->has_experts[i] ? open_experts(opener, layer, i) : open_dense(opener, layer, i));
  if (graph->norms == NORMS_BEFORE) return SOTTO_OK;
  return open_norm(opener, &layer->ffn_post_norm, i, graph->norms == NORMS_OF_SUM ? "layer_output_norm" : "post_ffw_norm", config->n_embd);
}

/* A matrix of no layer. */
static enum sotto_status open_whole(struct opener *opener, struct tensor *tensor, const char *name, uint32_t n_rows, uint32_t k) {
  return open_tensor(opener, tensor, (struct wish){-1, name, "weight", MATRIX, n_rows, k, 0, 0, 0});
}

static enum sotto_status open_input(struct opener *opener) {
  const struct config *config = opener->config;
  struct weights *weights = opener->weights;
  const uint32_t half = config->rope_dims / 2;
  if (config->graph.has_positions)
    TRY(open_whole(opener, &weights->positions, "position_embd", config->n_ctx_train, config->n_embd));
  if (config->graph.has_token_types && exists(opener, -1, "token_types", "weight"))
    TRY(open_whole(opener, &weights->token_types, "token_types", config->n_token_types, config->n_embd));
  if (config->graph.has_embedding_norm)
    TRY(open_norm(opener, &weights->embedding_norm, -1, "token_embd_norm", config->n_embd));
  TRY(open_optional_vector(opener, &weights->rope_freqs, -1, "rope_freqs", "weight", half));
  TRY(open_optional_vector(opener, &weights->rope_long, -1, "rope_factors_long", "weight", half));
  return open_optional_vector(opener, &weights->rope_short, -1, "rope_factors_short", "weight", half);
}

/* What comes after pooling: a classification head, or dense layers. */
static enum sotto_status open_pooled(struct opener *opener) {
  const struct config *config = opener->config;
  struct weights *weights = opener->weights;
  const bool has_output = exists(opener, -1, "cls.output", "weight");
  if (exists(opener, -1, "cls", "weight"))
    TRY(open_matrix(opener, &weights->class_inner, -1, "cls", has_output ? config->n_embd : config->n_labels, config->n_embd));
  TRY(open_optional_vector(opener, &weights->class_norm.weight, -1, "cls.norm", "weight", config->n_embd));
  if (has_output) TRY(open_matrix(opener, &weights->class_output, -1, "cls.output", config->n_labels, config->n_embd));
  if (!exists(opener, -1, "dense_2", "weight")) return SOTTO_OK;
  TRY(open_whole(opener, &weights->dense[0].weight, "dense_2", config->n_dense, config->n_embd));
  return open_whole(opener, &weights->dense[1].weight, "dense_3", config->n_embd, config->n_dense);
}

/* Of the embedding the graph needs a few rows at first; the whole comes last, for it may be the head. */
static enum sotto_status open_all(struct opener *opener) {
  const struct config *config = opener->config;
  struct weights *weights = opener->weights;
  struct layer unwritten;
  weights->n_tensors = 0;
  TRY(open_input(opener));
  for (uint32_t i = 0; i < config->n_layers; i++) {
    struct layer *layer = opener->is_writing ? &weights->layers[i] : &unwritten;
    TRY(open_attention(opener, layer, (int)i));
    TRY(open_ffn(opener, layer, (int)i));
  }
  if (config->graph.norms != NORMS_OF_SUM) TRY(open_norm(opener, &weights->output_norm, -1, "output_norm", config->n_embd));
  TRY(open_pooled(opener));
  if (config->graph.has_head || exists(opener, -1, "output", "weight")) {
    TRY(open_whole(opener, &weights->output.weight, "output", config->n_vocab, config->n_embd));
    TRY(open_optional_vector(opener, &weights->output.scale, -1, "output", "scale", 1));
  }
  TRY(open_optional_vector(opener, &weights->output.bias, -1, "output", "bias", config->n_vocab));
  return open_whole(opener, &weights->embedding, "token_embd", config->n_vocab, config->n_embd);
}

/* Scales of activations in FP4, which Sotto does not use: it keeps more bits. */
static bool is_input_scale(const struct sotto_tensor_info *info) {
  static const char suffix[] = ".input_scale";
  const uint32_t n = sizeof suffix - 1;
  return info->name_bytes > n && memcmp(info->name + info->name_bytes - n, suffix, n) == 0;
}

/* A tensor that the graph does not use would be ignored, and the answers be wrong: a norm, for instance. */
static enum sotto_status refuse_unused(const struct opener *opener) {
  struct sotto_tensor_info info;
  for (uint32_t i = 0; i < sotto_gguf_n_tensors(opener->gguf); i++) {
    TRY(sotto_gguf_tensor(opener->gguf, i, &info));
    bool is_used = is_input_scale(&info);
    for (uint32_t j = 0; j < opener->weights->n_tensors && !is_used; j++)
      is_used = opener->weights->in_order[j]->file_offset == info.file_offset;
    if (!is_used)
      return error_set(opener->error, SOTTO_UNSUPPORTED_ARCHITECTURE, info.file_offset,
                       "the tensor %.*s is not one that this model family has in Sotto",
                       (int)(info.name_bytes < 64 ? info.name_bytes : 64), info.name);
  }
  return SOTTO_OK;
}

enum sotto_status weights_open(struct weights *weights, const struct config *config, const sotto_gguf *gguf,
                               struct arena *arena, struct sotto_error *error) {
  *weights = (struct weights){0};
  struct arena counting = {0};
  struct opener opener = {weights, config, gguf, &counting, error, false};
  TRY(open_all(&opener)); /* counts tensors and staging, and finds every error */
  weights->layers = arena_carve(arena, config->n_layers, sizeof(struct layer));
  weights->in_order = arena_carve(arena, weights->n_tensors, sizeof(struct tensor *));
  weights->staging = arena_carve(arena, 1, weights->staging_bytes);
  opener.arena = arena;
  opener.is_writing = !arena_measures(arena) && !arena_overflows(arena);
  if (opener.is_writing) memset(weights->layers, 0, config->n_layers * sizeof(struct layer));
  TRY(open_all(&opener));
  arena_carve(arena, 1, READ_AHEAD); /* behind the last weights */
  return opener.is_writing ? refuse_unused(&opener) : SOTTO_OK;
}

const struct tensor *weights_head(const struct weights *weights) {
  return tensor_exists(&weights->output.weight) ? &weights->output.weight : &weights->embedding;
}

/* ---- bytes arrive ---- */

bool tensor_exists(const struct tensor *tensor) { return tensor->data != NULL; }

bool tensor_is_ready(const struct tensor *tensor, const struct ranges *arrived) {
  return !tensor_exists(tensor) || ranges_contain(arrived, tensor->file_offset, tensor->file_offset + tensor->file_bytes);
}

bool affine_is_ready(const struct affine *affine, const struct ranges *arrived) {
  return tensor_is_ready(&affine->weight, arrived) && tensor_is_ready(&affine->scale, arrived) &&
         tensor_is_ready(&affine->bias, arrived);
}

bool input_is_ready(const struct weights *weights, const struct ranges *arrived) {
  return tensor_is_ready(&weights->positions, arrived) && tensor_is_ready(&weights->token_types, arrived) && affine_is_ready(&weights->embedding_norm, arrived) &&
         tensor_is_ready(&weights->rope_freqs, arrived) && tensor_is_ready(&weights->rope_long, arrived) &&
         tensor_is_ready(&weights->rope_short, arrived);
}

bool classifier_is_ready(const struct weights *weights, const struct ranges *arrived) {
  return affine_is_ready(&weights->class_inner, arrived) && affine_is_ready(&weights->class_norm, arrived) &&
         affine_is_ready(&weights->class_output, arrived) && affine_is_ready(&weights->dense[0], arrived) &&
         affine_is_ready(&weights->dense[1], arrived);
}

bool layer_is_ready(const struct layer *layer, const struct ranges *arrived) {
  const struct tensor *tensors = &layer->attn_norm.weight;
  for (size_t i = 0; i < sizeof *layer / sizeof *tensors; i++)
    if (!tensor_is_ready(&tensors[i], arrived)) return false;
  return true;
}

/* The file bytes of the 8 rows (fewer at the end) that are packed together. */
static struct range group_range(const struct tensor *tensor, uint64_t group) {
  const uint64_t bytes = tensor->is_vector ? tensor->file_bytes : TILE_ROWS * tensor->row_bytes;
  const uint64_t begin = tensor->file_offset + group * bytes, end = tensor->file_offset + tensor->file_bytes;
  return (struct range){begin, begin + bytes < end ? begin + bytes : end};
}

bool row_is_ready(const struct tensor *tensor, uint32_t row, const struct ranges *arrived) {
  const struct range group = group_range(tensor, row / TILE_ROWS);
  return ranges_contain(arrived, group.begin, group.end);
}

/* Takes file bytes [part.begin, part.end), none of which came before, into the groups they touch. arrived: what is
 * there once they are. */
static void take(const struct weights *weights, const struct tensor *tensor, const struct ranges *arrived,
                 struct range part, const uint8_t *bytes) {
  const uint64_t group_file_bytes = tensor->is_vector ? tensor->file_bytes : TILE_ROWS * tensor->row_bytes;
  for (uint64_t at = part.begin; at < part.end;) {
    const uint64_t index = (at - tensor->file_offset) / group_file_bytes;
    const struct range group = group_range(tensor, index);
    const uint64_t end = part.end < group.end ? part.end : group.end;
    uint8_t *place = tensor->data + index * tensor->group_bytes;
    memcpy(place + (at - group.begin), bytes + (at - part.begin), (size_t)(end - at));
    if (!tensor->is_vector && ranges_contain(arrived, group.begin, group.end)) {
      memcpy(weights->staging, place, (size_t)(group.end - group.begin));
      layout_pack(tensor->layout, place, weights->staging, (int)((group.end - group.begin) / tensor->row_bytes), (int)tensor->k);
    }
    at = end;
  }
}

static void take_new(const struct weights *weights, const struct ranges *arrived, struct range part, const uint8_t *bytes) {
  for (uint32_t i = 0; i < weights->n_tensors; i++) {
    const struct tensor *tensor = weights->in_order[i];
    struct range overlap = {tensor->file_offset, tensor->file_offset + tensor->file_bytes};
    if (overlap.begin < part.begin) overlap.begin = part.begin;
    if (overlap.end > part.end) overlap.end = part.end;
    if (overlap.begin < overlap.end) take(weights, tensor, arrived, overlap, bytes + (overlap.begin - part.begin));
  }
}

enum sotto_status weights_push(struct weights *weights, struct ranges *arrived, uint64_t file_offset,
                               const uint8_t *bytes, uint64_t n_bytes, struct sotto_error *error) {
  const uint64_t end = file_offset + n_bytes;
  if (end < file_offset) return error_set(error, SOTTO_INVALID_ARGUMENT, file_offset, "the range ends beyond 2^64");
  struct range missing;
  while (ranges_next_missing(arrived, file_offset, end, &missing)) {
    if (!ranges_add(arrived, missing.begin, missing.end))
      return error_set(error, SOTTO_NO_SPACE, missing.begin, "more than %u separate ranges have been pushed", (uint32_t)RANGES_CAP);
    take_new(weights, arrived, missing, bytes + (missing.begin - file_offset));
  }
  return SOTTO_OK;
}
