/* sotto.h: the whole public C API of Sotto, and its manual.
 *
 * Sotto runs small language models from GGUF files. The caller owns all I/O and all memory; the engine owns
 * all arithmetic. Every object follows one pattern:
 *
 *     measure -> the caller supplies a block of that size (16-byte aligned) -> open -> use
 *
 * Nothing is allocated after open, nothing is global, nothing is printed. There is no close: an object is
 * forgotten by reusing its block. A block must outlive every object opened in it and every object that was
 * opened from that one (gguf -> model -> session). An object is used by one thread at a time; a pool lends
 * its threads to one session.
 *
 * A model file is hostile: every call that reads file bytes returns a status and fills `struct sotto_error`
 * (which may be NULL) with a sentence that names the field and the byte offset. Format: the GGUF
 * specification, github.com/ggml-org/ggml/blob/master/docs/gguf.md.
 *
 * In reading order:   gguf (bytes -> directory)  model (directory + bytes -> packed weights)
 *                     text (text <-> tokens)     pool, session (tokens -> logits), sampler (logits -> token)
 *                     sha256 (bytes -> digest)
 */
#ifndef SOTTO_H
#define SOTTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SOTTO_VERSION "0.1.0"

/* ---- status ------------------------------------------------------------------------------------------ */

/* One list for C and JS (wasm/abi.c carries it over): name, what it means and the way out. */
#define SOTTO_STATUS_LIST(ITEM)                                                                                     \
  ITEM(OK, "it worked")                                                                                             \
  ITEM(TRUNCATED, "the bytes end too early: supply more of the file, or fetch it again if there are no more")       \
  ITEM(NOT_GGUF, "this is not a GGUF file: choose a file whose name ends in .gguf")                                 \
  ITEM(UNSUPPORTED_VERSION, "this GGUF version is not supported: convert the file to little-endian version 2 or 3") \
  ITEM(MALFORMED, "the file contradicts itself: fetch it again, or from another source")                            \
  ITEM(UNSUPPORTED_ARCHITECTURE, "this model family is not supported: choose one that is")                          \
  ITEM(UNSUPPORTED_TYPE, "this quantisation type is not supported: choose a file quantised to one that is")         \
  ITEM(UNSUPPORTED_TOKENIZER, "this file's tokenizer is not supported: pass token ids instead of text")             \
  ITEM(MISSING_KEY, "the file lacks metadata that its model family needs: fetch it from another source")            \
  ITEM(MISSING_TENSOR, "the file lacks a tensor that its model family needs: fetch it from another source")         \
  ITEM(SHAPE_MISMATCH, "a tensor does not have the shape that the metadata tells: fetch it from another source")    \
  ITEM(OUT_OF_MEMORY, "not enough memory: ask for a smaller context, or choose a smaller model")                    \
  ITEM(NOT_READY, "weights that this step needs have not arrived: push them, then call again")                      \
  ITEM(CONTEXT_FULL, "the context is full: shorten the prompt, or open the session with a larger context")          \
  ITEM(NO_SPACE, "the output does not fit: call again with the space that was reported")                            \
  ITEM(NO_POOLING, "this model names no pooling, or has no classification head: pass pooling, or choose a model made for it") \
  ITEM(NO_LOGITS, "this model embeds text and does not continue it: use embeddings.create()")                       \
  ITEM(INVALID_ARGUMENT, "an argument is out of range")

enum sotto_status {
#define ITEM(name, text) SOTTO_##name,
  SOTTO_STATUS_LIST(ITEM)
#undef ITEM
  SOTTO_STATUS_COUNT
};

struct sotto_error {
  int32_t status;      /* enum sotto_status */
  uint32_t text_bytes; /* length of text */
  uint64_t at_byte;    /* file offset of what was wrong, or UINT64_MAX */
  char text[240];      /* a sentence, not terminated: which field, what was found, what was expected */
};

const char *sotto_version(void);
const char *sotto_status_name(enum sotto_status status); /* "MISSING_TENSOR" */
const char *sotto_status_text(enum sotto_status status); /* the sentence of SOTTO_STATUS_LIST */

/* ---- gguf: bytes -> directory of keys and tensors ----------------------------------------------------- */

typedef struct sotto_gguf sotto_gguf;

size_t sotto_gguf_measure(void);
sotto_gguf *sotto_gguf_open(void *block); /* an empty directory, ready to scan */

/* Goes on where the last call ended. `prefix` is the file from byte 0 and may move or grow between calls; the
 * one that completes the header must stay in place as long as the directory or a model of it is used.
 * TRUNCATED: *need_bytes is the shortest prefix that could get further. OK: *need_bytes is the header's length. */
enum sotto_status sotto_gguf_scan(sotto_gguf *gguf, const void *prefix, size_t prefix_bytes, size_t *need_bytes,
                                  struct sotto_error *error);

/* GGUF's metadata value types, by the specification's numbers. */
enum sotto_value_type {
  SOTTO_VALUE_U8, SOTTO_VALUE_I8, SOTTO_VALUE_U16, SOTTO_VALUE_I16, SOTTO_VALUE_U32, SOTTO_VALUE_I32, SOTTO_VALUE_F32,
  SOTTO_VALUE_BOOL, SOTTO_VALUE_STRING, SOTTO_VALUE_ARRAY, SOTTO_VALUE_U64, SOTTO_VALUE_I64, SOTTO_VALUE_F64,
  SOTTO_VALUE_TYPE_COUNT
};

struct sotto_value {
  const char *key;    /* (key_bytes), not terminated */
  const uint8_t *data;/* the value, little-endian, unaligned; a string's characters; an array's first element */
  uint32_t key_bytes;
  uint32_t type;      /* enum sotto_value_type */
  uint32_t item_type; /* of an array's elements, else equal to type */
  uint32_t n_items;   /* an array's length; a string's length in bytes; else 1 */
  uint32_t data_bytes;/* an array of strings counts their 8-byte lengths */
};

struct sotto_tensor_info {
  const char *name;     /* (name_bytes), not terminated */
  uint32_t name_bytes;
  uint32_t type;        /* GGUF's type number; sotto_type_name() names it */
  uint32_t n_dims;
  uint32_t reserved;
  uint64_t dims[4];     /* dims[0] is the row length: the fastest-running one; unused ones are 1 */
  uint64_t file_offset; /* from the start of the file */
  uint64_t n_bytes;     /* 0 when the type is unknown to Sotto */
};

uint32_t sotto_gguf_n_keys(const sotto_gguf *gguf);
uint32_t sotto_gguf_n_tensors(const sotto_gguf *gguf);
enum sotto_status sotto_gguf_key(const sotto_gguf *gguf, uint32_t index, struct sotto_value *value);
enum sotto_status sotto_gguf_find(const sotto_gguf *gguf, const char *key, struct sotto_value *value); /* MISSING_KEY */
enum sotto_status sotto_gguf_tensor(const sotto_gguf *gguf, uint32_t index, struct sotto_tensor_info *info);
uint64_t sotto_gguf_file_bytes(const sotto_gguf *gguf); /* the length that the file must have to hold every tensor */
const char *sotto_type_name(uint32_t type);             /* "Q4_K"; "unknown" for a type that Sotto does not read */
const char *sotto_architecture_name(uint32_t index);    /* "qwen3", of the families that Sotto has; NULL: no more */

/* ---- model: directory + bytes -> packed weights, vocabulary ------------------------------------------- */

typedef struct sotto_model sotto_model;

/* Kernel levels. Their results are the same bits. DOT has the relaxed dot that adds to 32 bits, RELAXED the one that adds to
 * 16: which is faster is for the processor, and for the caller to find out by timing sotto_level_try. BEST is RELAXED. */
enum sotto_level { SOTTO_LEVEL_BEST, SOTTO_LEVEL_SCALAR, SOTTO_LEVEL_SIMD128, SOTTO_LEVEL_RELAXED, SOTTO_LEVEL_DOT };

/* Multiplies some matrices with a level's kernels, n_times; each is 131,072 multiplications. False: this module lacks it. */
bool sotto_level_try(enum sotto_level level, uint32_t n_times);

/* How the kernels of all models read weights for one token: in the order of their addresses, as at first; so, with loads of what
 * comes some way later; or in turn in several places, each of which the processor fetches ahead by itself. Which is fastest is
 * for the processor, and for the caller to find out by timing tokens. The results are the same bits. */
enum sotto_reading { SOTTO_READ_IN_ORDER, SOTTO_READ_AHEAD, SOTTO_READ_STREAMS };
void sotto_set_reading(enum sotto_reading reading);

struct sotto_model_options {
  uint32_t sizeof_options; /* sizeof(struct sotto_model_options); zero in any other field means the default */
  uint32_t level;          /* enum sotto_level; one that this module lacks is INVALID_ARGUMENT */
  uint64_t file_bytes;     /* the file's length when it is known: one that is too short is TRUNCATED at once */
};

struct sotto_model_info {
  uint64_t n_parameters;  /* elements of all tensors */
  uint64_t weight_bytes;  /* packed weights in memory */
  uint64_t ready_bytes;   /* file bytes of tensor data that have arrived */
  uint64_t total_bytes;   /* file bytes of tensor data that are needed */
  uint32_t level;         /* enum sotto_level in use */
  uint32_t n_layers, n_embd, n_heads, n_kv_heads, head_dim, n_ff, n_vocab;
  uint32_t n_ctx_train;   /* context length that the model was trained for, in tokens */
  uint32_t can_tokenize;  /* 0: the tokenizer is unknown, only token ids can be used */
  int32_t bos_token, eos_token, eot_token; /* -1 when the file has none */
  uint32_t add_bos, add_eos;               /* what the file asks of its tokenizer */
};

/* A file with a tokenizer and no tensors opens too: for text and tokens, without sessions. */
enum sotto_status sotto_model_measure(const sotto_gguf *gguf, const struct sotto_model_options *options, size_t *n_bytes,
                                      struct sotto_error *error);
enum sotto_status sotto_model_open(void *block, size_t block_bytes, const sotto_gguf *gguf,
                                   const struct sotto_model_options *options, sotto_model **model,
                                   struct sotto_error *error);

/* The index-th thing in a file that Sotto does not support, or finds wrong: its family, its types, its tensors, its tokenizer;
 * each has a sentence of its own. OK: there are no more. */
enum sotto_status sotto_model_problem(const sotto_gguf *gguf, uint32_t index, struct sotto_error *error);

/* Takes any range of the file, in any order and any split; bytes that came before are passed over, bytes that
 * belong to no tensor too. Complete groups of 8 rows are packed at once. */
enum sotto_status sotto_model_push(sotto_model *model, uint64_t file_offset, const void *bytes, size_t n_bytes,
                                   struct sotto_error *error);

/* The index-th tensor's range of the file, in the order in which the graph needs them: the embedding, of which the first
 * tokens need a few rows alone, comes last. INVALID_ARGUMENT: there are no more. See sotto_session_wanted. */
enum sotto_status sotto_model_wanted(const sotto_model *model, uint32_t index, uint64_t *file_offset, uint64_t *n_bytes);
bool sotto_model_ready(const sotto_model *model);
void sotto_model_get_info(const sotto_model *model, struct sotto_model_info *info);

/* ---- text <-> tokens ----------------------------------------------------------------------------------- */

enum sotto_tokenize_flags {
  SOTTO_TOKENIZE_SPECIAL = 1, /* text that spells a special token becomes that token */
  SOTTO_TOKENIZE_BOS_EOS = 2, /* add the begin and end tokens that the file asks for */
  SOTTO_TOKENIZE_FIRST = 4,   /* of two texts that make a pair: add the begin token and what separates them */
  SOTTO_TOKENIZE_SECOND = 8,  /* add the end token alone */
};

/* Scratch that sotto_tokenize needs for a text. Valid UTF-8 hardly ever gives more tokens than text_bytes + 3. */
size_t sotto_tokenize_measure(const sotto_model *model, const char *text, size_t text_bytes);

/* text: UTF-8; bytes that are not are replaced as llama.cpp replaces them. NO_SPACE: *n_tokens is the number needed. */
enum sotto_status sotto_tokenize(const sotto_model *model, const char *text, size_t text_bytes, uint32_t flags,
                                 void *scratch, size_t scratch_bytes, int32_t *tokens, size_t tokens_cap,
                                 size_t *n_tokens);

/* The bytes of one token. special: whether control tokens have a text (their name) or none. NO_SPACE: *n_bytes needed. */
enum sotto_status sotto_token_bytes(const sotto_model *model, int32_t token, bool special, char *out, size_t out_cap,
                                    size_t *n_bytes);
bool sotto_token_is_end(const sotto_model *model, int32_t token);     /* ends a text or a turn */
bool sotto_token_is_special(const sotto_model *model, int32_t token); /* control, user-defined or unknown */

/* ---- emitter: tokens -> text for a reader ---------------------------------------------------------------
 * Holds back an incomplete UTF-8 character and whatever may become a stop string, and ends at the first stop. */

typedef struct sotto_emitter sotto_emitter;

/* stops: n_stops strings, each a 4-byte little-endian length and its bytes; copied. */
size_t sotto_emitter_measure(size_t stops_bytes);
enum sotto_status sotto_emitter_open(void *block, size_t block_bytes, const sotto_model *model, const void *stops,
                                     size_t stops_bytes, uint32_t n_stops, sotto_emitter **emitter);
/* Appends a token. *n_bytes: what may be shown now, written to out. *stopped: a stop string was met; what
 * stands before it was written, and nothing follows. */
enum sotto_status sotto_emitter_push(sotto_emitter *emitter, int32_t token, char *out, size_t out_cap, size_t *n_bytes,
                                     bool *stopped);
/* The text ends here: writes what was held back; an incomplete character becomes U+FFFD. */
enum sotto_status sotto_emitter_flush(sotto_emitter *emitter, char *out, size_t out_cap, size_t *n_bytes);
size_t sotto_emitter_out_cap(const sotto_emitter *emitter); /* an out_cap that always suffices */

/* ---- pool: threads that share the work of one session --------------------------------------------------- */

typedef struct sotto_pool sotto_pool;

size_t sotto_pool_measure(uint32_t n_threads);
/* n_threads counts the caller: n_threads - 1 helpers then call sotto_pool_work with their index, 1 and up. */
enum sotto_status sotto_pool_open(void *block, size_t block_bytes, uint32_t n_threads, sotto_pool **pool);
void sotto_pool_work(sotto_pool *pool, uint32_t index); /* returns after sotto_pool_close */
void sotto_pool_close(sotto_pool *pool);

/* ---- session: one timeline of tokens, its KV cache and its logits ---------------------------------------- */

typedef struct sotto_session sotto_session;

/* INT8: a byte an element, and a scale for each token and head; keys are rotated first (Walsh-Hadamard), so that no
 * channel stands out. */
enum sotto_kv_type { SOTTO_KV_DEFAULT, SOTTO_KV_F16, SOTTO_KV_F32, SOTTO_KV_INT8 };

/* Tokens of a wave: so many go through a layer as soon as it has arrived, and their logits can be read afterwards. */
enum { SOTTO_DEFAULT_WAVE = 2048 };

struct sotto_session_options {
  uint32_t sizeof_options;
  uint32_t n_ctx;   /* tokens; 0: the model's own, but at most 4,096. No more than a model has learned positions for */
  uint32_t n_batch; /* tokens per slice of prefill; 0: 128 */
  uint32_t n_wave;  /* tokens whose residual stream is kept, so that a layer can run for all of them; 0: SOTTO_DEFAULT_WAVE */
  uint32_t kv_type; /* enum sotto_kv_type; the default is int8 */
  uint32_t n_threads; /* threads of the pool, the caller included; 0: 1 */
};

enum sotto_status sotto_session_measure(const sotto_model *model, const struct sotto_session_options *options,
                                        size_t *n_bytes, struct sotto_error *error);
/* pool: NULL for one thread. */
enum sotto_status sotto_session_open(void *block, size_t block_bytes, const sotto_model *model, sotto_pool *pool,
                                     const struct sotto_session_options *options, sotto_session **session,
                                     struct sotto_error *error);

/* Makes `tokens` the timeline: keeps the longest common prefix (at most n_tokens - 1, so that the last token's
 * logits get computed), forgets the rest and queues what is new. *n_reused: tokens kept. CONTEXT_FULL: unchanged. */
enum sotto_status sotto_session_sync(sotto_session *session, const int32_t *tokens, size_t n_tokens, size_t *n_reused);
enum sotto_status sotto_session_append(sotto_session *session, const int32_t *tokens, size_t n_tokens); /* queues more */
/* Computes one unit of the queue, one layer for one slice of tokens, so the caller can stop in between. *n_left: units
 * still to do; 0: the logits of the last token can be read. NOT_READY: weights that the unit needs have not arrived, and
 * nothing has changed; push more, then call again. */
enum sotto_status sotto_session_step(sotto_session *session, size_t *n_left);
/* The index-th range of the file that has not arrived, in the order in which the graph needs them for what is queued:
 * embedding rows of queued tokens in groups of 8, the layers one by one, the head, the rest of the embedding.
 * INVALID_ARGUMENT: there are no more. Calls for 0, 1, 2 and so on cost one walk over the queue and the tensors
 * together, so the whole list can be read whenever tokens are queued. */
enum sotto_status sotto_session_wanted(sotto_session *session, uint32_t index, uint64_t *file_offset, uint64_t *n_bytes);
/* Forgets everything from position n_tokens on, queued or computed. */
enum sotto_status sotto_session_rewind(sotto_session *session, size_t n_tokens);
size_t sotto_session_n_tokens(const sotto_session *session); /* computed and queued */
size_t sotto_session_n_ctx(const sotto_session *session);

/* Logits (n_vocab) after the token at `position`, which must be one of the last wave's (the last n_wave or fewer
 * tokens computed together); valid until the next call on the session. NOT_READY: the head has not arrived. */
enum sotto_status sotto_session_logits(sotto_session *session, size_t position, const float **logits);

/* What the vectors of a text's tokens become one by: their mean, the first, the last; or a classification head's scores, one
 * a label. DEFAULT: what the file says. */
enum sotto_pooling { SOTTO_POOLING_DEFAULT, SOTTO_POOLING_MEAN, SOTTO_POOLING_FIRST, SOTTO_POOLING_LAST, SOTTO_POOLING_RANK };

/* The embedding (n_items), not normalised, of all tokens, which must have been computed together in one wave; valid until the
 * next call on the session. NO_POOLING: the file names none, or holds no classification head. NOT_READY: as above. */
enum sotto_status sotto_session_embedding(sotto_session *session, uint32_t pooling, const float **embedding, size_t *n_items);

/* ---- sampler: logits -> token ------------------------------------------------------------------------------ */

/* llama.cpp's chain, in its order: logit bias, penalties, top-k, typical-p, top-p, min-p, temperature, draw.
 * Unlike elsewhere zero is not the default here: start from sotto_sampler_defaults. */
struct sotto_sampler_options {
  uint32_t sizeof_options;
  uint32_t seed;
  float temperature;       /* 0.8; 0 or less: greedy */
  int32_t top_k;           /* 40; 0 or less: off */
  float top_p;             /* 0.95; 1: off */
  float min_p;             /* 0.05; 0: off */
  float typical_p;         /* 1: off */
  int32_t penalty_last_n;  /* 64 tokens looked back on; 0: none, -1: the whole context */
  float repeat_penalty;    /* 1: off */
  float frequency_penalty; /* 0: off */
  float presence_penalty;  /* 0: off */
  uint32_t n_logit_biases;
  const struct sotto_logit_bias *logit_biases; /* copied */
};

struct sotto_logit_bias {
  int32_t token;
  float bias; /* added to the logit; -INFINITY forbids the token */
};

typedef struct sotto_sampler sotto_sampler;

void sotto_sampler_defaults(struct sotto_sampler_options *options);
size_t sotto_sampler_measure(uint32_t n_vocab, const struct sotto_sampler_options *options);
enum sotto_status sotto_sampler_open(void *block, size_t block_bytes, uint32_t n_vocab,
                                     const struct sotto_sampler_options *options, sotto_sampler **sampler);
/* Tells the sampler of a token without drawing it: the prompt's, for the penalties. */
void sotto_sampler_accept(sotto_sampler *sampler, int32_t token);
/* Draws a token from logits (n_vocab) and accepts it. */
enum sotto_status sotto_sampler_sample(sotto_sampler *sampler, const float *logits, int32_t *token);
/* Log-probabilities of the raw logits: of `token`, and of the n_top most likely ones, best first. */
void sotto_logprobs(const float *logits, uint32_t n_vocab, int32_t token, float *logprob, uint32_t n_top,
                    int32_t *top_tokens, float *top_logprobs);

/* ---- SHA-256: is this the file that was meant? --------------------------------------------------------------- */

typedef struct sotto_sha256 sotto_sha256;

size_t sotto_sha256_measure(void);
sotto_sha256 *sotto_sha256_open(void *block);
void sotto_sha256_push(sotto_sha256 *sha, const void *bytes, size_t n_bytes); /* the next ones, any number */
void sotto_sha256_finish(sotto_sha256 *sha, uint8_t digest[32]);              /* of all that was pushed */

#ifdef __cplusplus
}
#endif
#endif
