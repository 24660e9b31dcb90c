/* model.h: the whole data model in one place: configuration, weights, and what a session keeps. */
#ifndef SOTTO_MODEL_H
#define SOTTO_MODEL_H

#include "../kernels/kernels.h"
#include "arena.h"
#include "gguf.h"
#include "ranges.h"
#include "vocab.h"

#define MAX_LAYERS 256

enum architecture { ARCH_LLAMA, ARCH_GEMMA3 };
enum activation { ACTIVATION_SILU, ACTIVATION_GELU };

/* What a file's metadata says of its graph (config.c). One graph, these flags. */
struct config {
  enum architecture architecture;
  uint32_t n_layers, n_embd, n_heads, n_kv_heads, head_dim, n_ff, n_vocab, n_ctx_train;
  float norm_epsilon;
  float embd_scale;  /* of the embedding rows; 1 or sqrt(n_embd) */
  float attn_scale;  /* of q k; 1 / sqrt(head_dim) */
  float logit_cap;   /* logits become cap * tanh(logits / cap); 0: as they are */
  enum activation activation;
  bool rope_neox;        /* pairs (i, i + n/2), else (2 i, 2 i + 1) */
  uint32_t rope_dims;    /* leading dimensions of a head that are turned */
  float rope_base[2];    /* of global layers, of sliding-window layers */
  float rope_scale[2];   /* frequencies are multiplied by it: 1 / linear scaling factor */
  uint32_t window;       /* tokens that a sliding-window layer sees, itself included; 0: no such layers */
  bool is_sliding[MAX_LAYERS];
  bool has_qk_norm, has_post_norms; /* gemma3: norms of q and k; of the outputs of attention and feed-forward */
};

/* One weight tensor's place: where it is in the file and where it goes in memory. */
struct tensor {
  enum layout layout;
  uint32_t n_rows, k;         /* (n_rows, k); a vector is (1, k) and is kept as float */
  bool is_vector;
  uint64_t file_offset, file_bytes; /* in the file: n_rows * row_bytes */
  uint64_t row_bytes;
  uint64_t group_bytes;       /* of 8 packed rows */
  uint8_t *data;              /* packed groups (ceil(n_rows / 8), group_bytes), or float (k) */
};

struct layer {
  struct tensor attn_norm;    /* (n_embd) */
  struct tensor q, k, v;      /* (heads * head_dim, n_embd) */
  struct tensor q_norm, k_norm; /* (head_dim) */
  struct tensor attn_out;     /* (n_embd, n_heads * head_dim) */
  struct tensor attn_post_norm; /* (n_embd) */
  struct tensor ffn_norm;     /* (n_embd) */
  struct tensor gate, up;     /* (n_ff, n_embd) */
  struct tensor down;         /* (n_embd, n_ff) */
  struct tensor ffn_post_norm; /* (n_embd) */
};

struct weights {
  struct tensor embedding;    /* (n_vocab, n_embd) */
  struct tensor rope_freqs;   /* (rope_dims / 2): divisors of the frequencies; optional */
  struct layer *layers;       /* (n_layers) */
  struct tensor output_norm;  /* (n_embd) */
  struct tensor output;       /* (n_vocab, n_embd); absent when tied to the embedding */
  struct tensor **in_order;   /* (n_tensors) in the order in which the graph needs them */
  uint32_t n_tensors;
  uint64_t staging_bytes;
  uint8_t *staging;           /* 8 file rows of the largest tensor, while they are packed in place */
};

struct sotto_model {
  const sotto_gguf *gguf;
  struct config config;
  struct vocab vocab;
  struct weights weights;
  struct ranges arrived;      /* file ranges that have been pushed */
  const struct kernels *kernels;
  int level;
  uint64_t total_bytes, weight_bytes, n_parameters;
};

/* config.c */
enum sotto_status config_read(struct config *config, const sotto_gguf *gguf, struct sotto_error *error);

/* weights.c */
enum sotto_status weights_open(struct weights *weights, const struct config *config, const sotto_gguf *gguf,
                               struct arena *arena, struct sotto_error *error);
enum sotto_status weights_push(struct weights *weights, struct ranges *arrived, uint64_t file_offset,
                               const uint8_t *bytes, uint64_t n_bytes, struct sotto_error *error);
const struct tensor *weights_head(const struct weights *weights); /* the output matrix, tied or not */
bool tensor_exists(const struct tensor *tensor);
bool tensor_is_ready(const struct tensor *tensor, const struct ranges *arrived);
bool layer_is_ready(const struct layer *layer, const struct ranges *arrived);
bool row_is_ready(const struct tensor *tensor, uint32_t row, const struct ranges *arrived);

#endif
