/* tiny_vocab.h: models of which only the vocabulary matters. */
#ifndef SOTTO_TINY_VOCAB_H
#define SOTTO_TINY_VOCAB_H

#include "tiny.h"

#include "../src/model.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))
/* Lists as two arguments: an array and its length. */
#define LIST(type, ...) (const type[]){__VA_ARGS__}, sizeof((const type[]){__VA_ARGS__}) / sizeof(type)
#define TOKENS(...) LIST(struct tiny_token, __VA_ARGS__)
#define TEXTS(...) LIST(char *, __VA_ARGS__)

#define NORMAL(text) {text, TOKEN_NORMAL, 0}
#define SCORED(text, score) {text, TOKEN_NORMAL, score}
#define CONTROL(text) {text, TOKEN_CONTROL, 0}
#define USER(text) {text, TOKEN_USER_DEFINED, 0}
#define BYTE(text) {text, TOKEN_BYTE, 0}
#define UNKNOWN {"<unk>", TOKEN_UNKNOWN, 0}

static const struct tiny_options tiny_small = {
    .architecture = "llama", .type = GGUF_Q8_0, .n_layers = 1, .n_embd = 32, .n_heads = 1, .n_kv_heads = 1,
    .head_dim = 32, .n_ff = 32, .n_vocab = 300, .n_ctx = 64};

/* SentencePiece without a space before the text. */
static inline struct tiny_tokenizer tiny_spm(const struct tiny_token *tokens, size_t n_tokens) {
  return (struct tiny_tokenizer){.model = "llama", .tokens = tokens, .n_tokens = (uint32_t)n_tokens};
}

/* Byte-level BPE with GPT-2's words. */
static inline struct tiny_tokenizer tiny_bpe(const struct tiny_token *tokens, size_t n_tokens,
                                             const char *const *merges, size_t n_merges) {
  return (struct tiny_tokenizer){.model = "gpt2", .pre = "gpt-2", .tokens = tokens, .n_tokens = (uint32_t)n_tokens,
                                 .merges = merges, .n_merges = (uint32_t)n_merges};
}

/* A file and the model of it. */
struct fixture {
  struct tiny_file file;
  struct tiny_model m;
};

static inline uint8_t *copy_of(const void *bytes, size_t n) {
  uint8_t *copy = malloc(n ? n : 1);
  memcpy(copy, bytes, n);
  return copy;
}

static inline enum sotto_status open_options(struct fixture *f, struct tiny_options options,
                                             const struct tiny_tokenizer *tokenizer) {
  options.tokenizer = tokenizer;
  const struct tiny_file file = tiny_make(&options);
  f->file = file;
  f->file.bytes = copy_of(file.bytes, file.n);
  free(file.bytes);
  return tiny_open(&f->m, f->file.bytes, f->file.n, 0);
}

static inline const sotto_model *open_model(struct fixture *f, struct tiny_tokenizer tokenizer) {
  if (!CHECK(open_options(f, tiny_small, &tokenizer) == SOTTO_OK)) exit(1);
  return f->m.model;
}

static inline void close_model(struct fixture *f) {
  tiny_close(&f->m);
  free(f->file.bytes);
}

#endif
