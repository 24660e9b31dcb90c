/* model.h: the whole data model in one place: configuration, weights, and what a session keeps. */
#ifndef SOTTO_MODEL_H
#define SOTTO_MODEL_H

#include "../kernels/kernels.h"
#include "arena.h"
#include "gguf.h"
#include "ranges.h"
#include "vocab.h"

#define MAX_LAYERS 256
#define MAX_EXPERTS 1024

enum norm_kind { NORM_RMS, NORM_LAYER, NORM_LAYER_PLAIN }; /* plain: without weights */
enum norm_place { NORMS_BEFORE, NORMS_AROUND, NORMS_AFTER, NORMS_OF_SUM }; /* attention and feed-forward; of sum: the norm
                                                                              of x + attention(x), as BERT has it */
enum block_kind { BLOCK_SEQUENTIAL, BLOCK_PARALLEL, BLOCK_ONE_NORM }; /* parallel: attention and feed-forward read the same
                                                                           x; each has a norm of its own, or both the same */
enum qk_norm { QK_NORM_NONE, QK_NORM_HEAD, QK_NORM_HEADS, QK_NORM_ROW }; /* one for all heads, one each, one over all */
enum rope_kind { ROPE_NORMAL, ROPE_NEOX, ROPE_NONE }; /* pairs (2 i, 2 i + 1), or (i, i + n/2) */
enum ffn_kind { FFN_GATED, FFN_FUSED, FFN_PLAIN };   /* down(act(gate) * up): gate apart or before up; down(act(up)) */
enum activation { ACTIVATION_SILU, ACTIVATION_GELU, ACTIVATION_RELU_SQUARED, ACTIVATION_SWIGLU_CLAMPED };
enum mixture { MIXTURE_NEVER, MIXTURE_MAY_BE, MIXTURE_ALWAYS }; /* of experts */
enum gating { GATING_SOFTMAX, GATING_SOFTMAX_CHOSEN }; /* of all experts' scores, or of the chosen ones' */
enum pooling { POOLING_NONE, POOLING_MEAN, POOLING_FIRST, POOLING_LAST, POOLING_RANK }; /* by GGUF's numbers */
enum biases { BIASES_MAY_BE, BIASES_OF_NORMS, BIASES_OF_ALL }; /* which must be there; any that is there is added */

/* What tells the graph of one model family from another's. All zero: llama. */
struct graph {
  enum norm_kind norm;
  enum norm_place norms;
  enum block_kind block;
  enum qk_norm qk_norm;
  enum rope_kind rope;
  enum ffn_kind ffn;
  enum activation activation;
  enum biases biases;
  enum gating gating;
  enum mixture mixture;
  bool norms_expert_weights; /* those of the chosen experts add up to 1 */
  bool is_encoder;         /* every token sees all the others */
  bool turns_before_norm;  /* rope, then the norms of q and k */
  bool has_positions;      /* learned ones, added to the embedding */
  bool has_token_types;    /* embeddings of them, added to the token's: all are of type 0; optional */
  bool has_embedding_norm;
  bool first_norm_may_lack; /* that of the first layer's attention */
  bool has_head;           /* always; else it may be tied to the embedding */
  bool has_sinks;          /* a score for each head that takes part in the softmax and has no value */
  bool is_first_global;    /* of each period of sliding layers; else the last one is */
  const char *attn_norm, *ffn_norm; /* their tensors' names where they are not these */
};

/* Rotary embedding of one kind of layer: dimension pair i turns by base^(-2 i / rope_dims) * s radians a token. Linear
 * scaling has s = scale. YaRN (Peng et al., 2023) goes from 1, for pairs below ramp_begin, to scale beyond ramp_end. */
struct rope {
  float base, scale;
  float magnitude; /* of cosines and sines */
  float ramp_begin, ramp_end;
  bool is_yarn;
};

/* What a file's metadata says of its graph (config.c). */
struct config {
  struct graph graph;
  uint32_t n_layers, n_embd, n_heads, n_kv_heads, head_dim, n_ff, n_vocab, n_ctx_train; /* heads, n_ff: of the layer with most */
  uint32_t heads_of[MAX_LAYERS], kv_heads_of[MAX_LAYERS], ff_of[MAX_LAYERS]; /* of each layer: they may differ */
  uint32_t n_queries;      /* query heads that share a KV head, at most */
  uint32_t head_stride;    /* from head to head where they are computed: head_dim, and zeros up to a multiple of 8 */
  float norm_epsilon;
  float embd_scale;        /* of the embedding rows */
  float residual_scale;    /* of what attention and feed-forward add to x */
  float logit_scale;
  float logit_cap;         /* logits become cap * tanh(logits / cap); 0: as they are */
  float attn_scale;        /* of q k; 1 / sqrt(head_dim) */
  float attn_cap;          /* of the scores, likewise */
  float qkv_limit;         /* q, k and v are clamped to it; 0: not */
  float alibi_bias;        /* the largest bias (ALiBi, Press et al., 2021); 0: none */
  float temperature;       /* scores at position p times 1 + temperature * log(1 + floor(p / temperature_length)) */
  uint32_t temperature_length;
  uint32_t rope_dims;      /* leading dimensions of a head that are turned */
  uint32_t n_ctx_rope;     /* the context that rope was trained for, before its scaling */
  struct rope rope[2];     /* of global layers, of sliding-window layers */
  uint32_t window;         /* tokens that a sliding-window layer sees, itself included; 0: no such layers */
  bool is_sliding[MAX_LAYERS], has_rope[MAX_LAYERS], has_experts[MAX_LAYERS];
  uint32_t n_experts, n_experts_used; /* of a mixture, and how many of them a token goes to; 0: no mixture */
  uint32_t n_ff_expert, n_ff_shared;  /* of one expert; of the one that every token goes to (0: there is none) */
  enum pooling pooling;               /* of an embedding, as the file says */
  enum pooling rank_pooling;          /* of what a classification head reads */
  uint32_t n_labels;                  /* of a classification head */
  uint32_t n_token_types;
  uint32_t n_dense;                   /* between the dense layers after pooling */
  float expert_scale;                 /* of the chosen experts' weights */
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

/* A matrix or a norm: x -> weight x * scale + bias. */
struct affine {
  struct tensor weight; /* (n_rows, k); of a norm (n) */
  struct tensor scale;  /* (1), of a matrix; optional: NVFP4 has it */
  struct tensor bias;   /* (n_rows); of a norm (n) */
};

/* Which of them there are is for the graph's flags, and for the file. */
struct layer {
  struct affine attn_norm;      /* (n_embd) */
  struct affine q, k, v;        /* (heads * head_dim, n_embd) */
  struct affine q_norm, k_norm; /* (head_dim), or (heads * head_dim) */
  struct tensor sinks;          /* (n_heads) */
  struct affine attn_out;       /* (n_embd, n_heads * head_dim) */
  struct affine attn_post_norm; /* (n_embd) */
  struct affine attn_sum_norm;  /* (n_embd) of that and x once more; optional, after a norm of the sum alone */
  struct affine ffn_norm;       /* (n_embd) */
  struct affine gate, up;       /* (n_ff, n_embd); of experts one after the other: (n_experts * n_ff_expert, n_embd) */
  struct tensor act_scales;     /* (n_ff) divisors of the activations (AWQ); optional */
  struct affine down;           /* (n_embd, n_ff), or (n_experts * n_embd, n_ff_expert) */
  struct affine router;         /* (n_experts, n_embd): which experts a token goes to */
  struct tensor choice_bias;    /* (n_experts): counts in the choice, not in the weights; optional */
  struct affine shared_gate, shared_up, shared_down; /* as gate, up and down, with n_ff_shared */
  struct tensor shared_router;  /* (1, n_embd): how much of it; optional */
  struct affine ffn_post_norm;  /* (n_embd) */
};

struct weights {
  struct tensor embedding;    /* (n_vocab, n_embd) */
  struct tensor positions;    /* (n_ctx_train, n_embd) */
  struct affine embedding_norm; /* (n_embd) */
  struct tensor rope_freqs, rope_long, rope_short; /* (rope_dims / 2): divisors of the frequencies, for any context,
                                                      for one beyond n_ctx_rope, for one up to it; optional */
  struct layer *layers;       /* (n_layers) */
  struct tensor token_types;  /* (n_types, n_embd) */
  struct affine output_norm;  /* (n_embd); encoders may lack it */
  struct affine output;       /* (n_vocab, n_embd); the weight is absent when tied to the embedding */
  struct affine class_inner;  /* (n_embd, n_embd), or (n_labels, n_embd) without class_output; optional, as are these: */
  struct affine class_norm;   /* (n_embd) */
  struct affine class_output; /* (n_labels, n_embd) */
  struct affine dense[2];     /* (n_inner, n_embd), (n_embd, n_inner): after pooling */
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
bool classifier_is_ready(const struct weights *weights, const struct ranges *arrived); /* and what else pooling needs */
bool affine_is_ready(const struct affine *affine, const struct ranges *arrived);
bool input_is_ready(const struct weights *weights, const struct ranges *arrived); /* what x is made of, but the embedding */
bool layer_is_ready(const struct layer *layer, const struct ranges *arrived);
bool row_is_ready(const struct tensor *tensor, uint32_t row, const struct ranges *arrived);

#endif
