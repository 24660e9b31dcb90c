/* session.h: what one timeline keeps, and the steps of the graph over it. */
#ifndef SOTTO_SESSION_H
#define SOTTO_SESSION_H

#include "model.h"
#include "pool.h"

#define MAX_QUERIES 64 /* query heads that share a KV head */

/* Keys and values of one layer, per KV head (kv.c; layouts: kernels.h). */
struct kv_layer {
  uint32_t n_heads;
  uint8_t *keys, *values;            /* (n_heads, n_slots, head_stride) items of the cache's type */
  float *key_scales, *value_scales;  /* (n_heads, n_slots), of int8 */
};

/* Activations of up to n_batch tokens, as matmuls want them. Which form is filled depends on the weights. */
struct acts {
  void *forms[ACT_FORM_COUNT]; /* of one token, or tiles of four (kernels.h) */
};

/* An expert that a token goes to. */
struct choice {
  uint32_t expert;
  uint32_t row;  /* of the token among those that go there */
  float weight;
};

/* How far the list of sotto_session_wanted has been read (wanted.c). */
struct wanted {
  uint8_t *marks;      /* (ceil(n_vocab / 8)) 1: a queued token needs this group of the embedding's rows */
  uint32_t index;      /* of the next range */
  uint32_t groups[2];  /* where the walk through the groups goes on: of those without a mark, of those with one */
  uint32_t tensor;     /* the same for the tensors in order */
  uint64_t listed_to;  /* what stands before it in the run of groups, or the tensor, is listed; 0: nothing of it is */
};

struct sotto_session {
  const struct sotto_model *model;
  sotto_pool *pool;
  uint32_t n_ctx, n_batch, n_wave, n_threads;
  enum kv_type kv_type;

  int32_t *tokens;     /* (n_ctx) the timeline: computed, then queued */
  size_t n_tokens;     /* computed and queued */
  size_t n_computed;   /* through every layer */

  /* The wave: tokens [wave_begin, wave_end) whose residual stream is kept. While it runs, slices before slice_begin
   * have been through `layer`, the others through the layers before it. */
  size_t wave_begin, wave_end, slice_begin;
  uint32_t layer;
  bool is_running;
  float *residual;     /* (n_wave, n_embd) */
  bool *is_finished;   /* (n_wave) through the last layer too: that goes to its end for tokens whose logits are read alone */
  float *rope;         /* (n_wave, 2, rope_dims) cosines and sines of each token, for global and for sliding layers */
  double *frequencies; /* (2, rope_dims / 2) radians a token */
  bool has_frequencies;

  struct kv_layer *kv; /* (n_layers) */
  struct wanted wanted;

  /* Scratch of one slice; rows are padded to whole tiles of 4 tokens, columns to whole groups of 8 weight rows. */
  float *normed;       /* (n_batch, n_embd) */
  float *q;            /* (n_batch, n_heads * head_stride) */
  float *k, *v;        /* (n_batch, n_kv_heads * head_stride) */
  float *mixed;        /* (n_batch, n_heads * head_stride) */
  float *out;          /* (n_batch, n_embd) */
  float *gate, *up;    /* (n_batch, n_ff) */

  /* Of mixtures of experts (experts.c). */
  float *expert_scores;   /* (n_batch, n_experts) */
  struct choice *choices; /* (n_batch, n_experts_used) */
  float *expert_in;       /* (n_batch, n_embd) of the tokens that go to one expert */
  float *expert_out;      /* (n_batch, n_embd) */
  float *shared_scores;   /* (n_batch, TILE_ROWS), the first of them */

  float *embedding, *pooled; /* (the widest of n_embd, n_dense, n_labels) */

  struct acts acts;
  uint8_t *panels;     /* (n_threads, panel_bytes) */
  size_t panel_bytes;
  float *scores;       /* (n_threads, TILE_TOKENS * n_queries, score_stride) */
  size_t score_stride;

  float *logits;             /* (TILE_TOKENS, logits_stride) of n_logits tokens from position logits_begin on */
  size_t logits_stride, logits_begin, n_logits;
};

/* forward.c */
bool forward_can_begin(const struct sotto_session *session, size_t from, size_t to); /* a wave of tokens [from, to) */
void forward_begin_wave(struct sotto_session *session); /* embeds the wave's tokens */
enum sotto_status forward_layer(struct sotto_session *session, uint32_t layer, size_t from, size_t to);
enum sotto_status forward_head(struct sotto_session *session, size_t position); /* the last layer's end, and the
                                                                                   logits: of later tokens too */

/* Rows of gate and up (n): gate = activation(gate) * up. A plain feed-forward has its up in place of the gate. */
void activate_row(const struct config *config, const struct affine *gate_matrix, const struct affine *up_matrix, float *gate,
                  float *up, size_t n);

/* experts.c: session->normed (n_tokens, n_embd) -> session->out */
void experts(struct sotto_session *session, const struct layer *layer, int n_tokens);

/* session->embedding: of the wave's tokens, or its labels' scores */
enum sotto_status forward_embedding(struct sotto_session *session, enum pooling pooling);

/* matmul.c: a few matrices that share their input. */
struct product {
  const struct tensor *weight; /* (n_rows, k) */
  float *y;                    /* (tokens, y_stride) */
  size_t y_stride;
};
/* x (n_tokens, x_stride) -> session->acts, in the forms that the products' weights want. */
void matmul_prepare(struct sotto_session *session, const float *x, size_t x_stride, int n_tokens,
                    const struct product *products, int n_products);
void matmul_run(struct sotto_session *session, int n_tokens, const struct product *products, int n_products);

/* kv.c */
void kv_write(const struct sotto_session *session, struct kv_layer *layer, size_t position, const float *k, const float *v);
/* Clears the values behind the last token of a slice, up to the end of its group of 8 positions: the mix reads whole
 * groups, times weights of 0, and what is there must be a number. */
void kv_clear_after(const struct sotto_session *session, struct kv_layer *layer, size_t position);
struct kv_head kv_head(const struct sotto_session *session, const struct kv_layer *layer, size_t head);
size_t kv_item_bytes(enum kv_type type);

/* attention.c, for tokens [from, to) of one layer: session->q, k and v get their norms and positions, k and v go into the
 * KV cache; then q and the cache -> softmax -> session->mixed. */
enum attention_parts { QUERIES = 1, KEYS_VALUES = 2 };
void attention_prepare(struct sotto_session *session, uint32_t layer, size_t from, size_t to, unsigned parts);
void attention(struct sotto_session *session, uint32_t layer, size_t from, size_t to);

/* The elements of a vector; NULL: it is not there. */
static inline const float *vector(const struct tensor *tensor) { return (const float *)tensor->data; }

/* out (n) = norm of x (n), with one row of weights. */
static inline void norm_row(const struct config *config, float *out, const float *x, const float *weight, const float *bias,
                            size_t n) {
  if (config->graph.norm == NORM_RMS) {
    vec_rms_norm(out, x, weight, (int)n, config->norm_epsilon);
    if (bias) vec_add(out, bias, (int)n);
  } else vec_layer_norm(out, x, weight, bias, (int)n, config->norm_epsilon);
}

static inline void norm(const struct config *config, float *out, const float *x, const struct affine *with, size_t n) {
  norm_row(config, out, x, vector(&with->weight), vector(&with->bias), n);
}

/* What a product with the matrix's weight still lacks. */
static inline void finish_product(const struct affine *matrix, float *x) {
  if (tensor_exists(&matrix->scale)) vec_scale(x, vector(&matrix->scale)[0], (int)matrix->weight.n_rows);
  if (tensor_exists(&matrix->bias)) vec_add(x, vector(&matrix->bias), (int)matrix->bias.k);
}

static inline size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

#endif
