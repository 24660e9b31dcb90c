/* tokens.h: what the tests of tokenizers share: a text and the tokens that are expected of it. Every buffer has its
 * exact size, so that the sanitizers see a step beyond it. */
#ifndef SOTTO_TOKENS_H
#define SOTTO_TOKENS_H

#include "tiny_vocab.h"

#define ABC NORMAL("a"), NORMAL("b"), NORMAL("c"), NORMAL("ab"), NORMAL("bc"), NORMAL("abc")
#define SIGNS NORMAL("<"), NORMAL(">"), NORMAL("s"), NORMAL("t"), NORMAL("/")
#define NO_MERGES TEXTS("")

/* Tokenizes into room for `cap` tokens; n_tokens and the first of them come back. */
static inline enum sotto_status tokenize(const sotto_model *model, uint32_t flags, const char *text, size_t n, int32_t *tokens,
                                         size_t cap, size_t *n_tokens) {
  char *copy = (char *)copy_of(text, n);
  const size_t scratch_bytes = sotto_tokenize_measure(model, copy, n);
  void *scratch = malloc(scratch_bytes ? scratch_bytes : 1);
  memset(scratch, 0xa5, scratch_bytes); /* nothing may depend on what it held */
  const enum sotto_status status = sotto_tokenize(model, copy, n, flags, scratch, scratch_bytes, tokens, cap, n_tokens);
  free(scratch);
  free(copy);
  return status;
}

/* Whether these are the tokens of a text: theirs, a bar between two. */
static inline bool gives_bytes(const sotto_model *model, uint32_t flags, const char *text, size_t n, const char *expected) {
  size_t n_tokens, n_again, n_found = 0;
  char found[512];
  if (tokenize(model, flags, text, n, NULL, 0, &n_tokens) != (n_tokens ? SOTTO_NO_SPACE : SOTTO_OK)) return false;
  int32_t *tokens = malloc(n_tokens ? n_tokens * sizeof *tokens : 1);
  if (n_tokens) CHECK(tokenize(model, flags, text, n, tokens, n_tokens - 1, &n_again) == SOTTO_NO_SPACE);
  CHECK(tokenize(model, flags, text, n, tokens, n_tokens, &n_again) == SOTTO_OK && n_again == n_tokens);
  for (size_t i = 0; i < n_tokens; i++) {
    uint32_t length;
    const uint8_t *token = strings_get(&model->vocab.tokens, (uint32_t)tokens[i], &length);
    if (i) found[n_found++] = '|';
    memcpy(found + n_found, token, length);
    n_found += length;
  }
  found[n_found] = 0;
  free(tokens);
  if (strcmp(found, expected)) printf("  %s\n", found);
  return strcmp(found, expected) == 0;
}

static inline bool gives(const sotto_model *model, uint32_t flags, const char *text, const char *expected) {
  return gives_bytes(model, flags, text, strlen(text), expected);
}

static inline bool says(const struct sotto_error *error, const char *words) {
  char text[sizeof error->text + 1] = {0};
  memcpy(text, error->text, error->text_bytes);
  if (!strstr(text, words)) printf("said: %s\n", text);
  return strstr(text, words) != NULL;
}

/* The file is refused, and the sentence has these words. */
static inline bool is_refused(struct tiny_options options, const struct tiny_tokenizer *t, enum sotto_status status,
                              const char *words, const char *more_words) {
  struct fixture f;
  const bool is_so = open_options(&f, options, t) == status && says(&f.m.error, words) && says(&f.m.error, more_words);
  close_model(&f);
  return is_so;
}

#endif
