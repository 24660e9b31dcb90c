/* answer.c: answers a prompt with a GGUF model, in C, through Emscripten and libsotto.a (README.md tells how to build).
 * usage: node answer.js MODEL.gguf "What is the capital of France?"
 *
 * Sotto reads no file and allocates no memory. Everything is opened the same way: Sotto measures what it needs, the
 * program supplies a block of that size, and it is opened there. No block is freed here: all are used to the end. */
#include "sotto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)1 << 20) /* of the file, read at once */
#define MAX_TOKENS 200                /* of the answer */

/* How SmolLM2 and many others learnt to read a chat. A model's own way is in its file, as tokenizer.chat_template. */
#define CHAT "<|im_start|>user\n%s<|im_end|>\n<|im_start|>assistant\n"

/* Ends the program unless it worked. error: what went wrong in detail, or NULL. */
static void check(enum sotto_status status, const struct sotto_error *error) {
  if (status == SOTTO_OK) return;
  if (error) fprintf(stderr, "answer: %.*s\n", (int)error->text_bytes, error->text);
  fprintf(stderr, "answer: %s: %s\n", sotto_status_name(status), sotto_status_text(status));
  exit(1);
}

/* 16-byte aligned, as every block has to be. */
static void *supply(size_t n_bytes) {
  void *block = aligned_alloc(16, (n_bytes + 15) / 16 * 16);
  if (!block) check(SOTTO_OUT_OF_MEMORY, NULL);
  return block;
}

/* The file's directory. Its header stays in memory, for the texts of the tokens are read there. */
static const sotto_gguf *read_header(FILE *file) {
  sotto_gguf *gguf = sotto_gguf_open(supply(sotto_gguf_measure()));
  char *prefix = NULL;
  size_t n_bytes = 0, n_read, need_bytes;
  struct sotto_error error;
  enum sotto_status status;
  do {
    prefix = realloc(prefix, n_bytes + CHUNK_BYTES);
    if (!prefix) check(SOTTO_OUT_OF_MEMORY, NULL);
    n_read = fread(prefix + n_bytes, 1, CHUNK_BYTES, file);
    n_bytes += n_read;
    status = sotto_gguf_scan(gguf, prefix, n_bytes, &need_bytes, &error);
  } while (status == SOTTO_TRUNCATED && n_read > 0);
  check(status, &error);
  return gguf;
}

static sotto_model *read_model(FILE *file) {
  const sotto_gguf *gguf = read_header(file);
  sotto_model *model;
  size_t n_bytes;
  struct sotto_error error;
  check(sotto_model_measure(gguf, NULL, &n_bytes, &error), &error);
  check(sotto_model_open(supply(n_bytes), n_bytes, gguf, NULL, &model, &error), &error);

  static char chunk[CHUNK_BYTES]; /* chunks may come in any order, from a download for instance */
  uint64_t offset = 0;
  rewind(file);
  for (size_t n_read; (n_read = fread(chunk, 1, CHUNK_BYTES, file)) > 0; offset += n_read)
    check(sotto_model_push(model, offset, chunk, n_read, &error), &error);
  if (!sotto_model_ready(model)) check(SOTTO_TRUNCATED, NULL);
  return model;
}

static sotto_session *open_session(const sotto_model *model) {
  sotto_session *session;
  size_t n_bytes;
  struct sotto_error error;
  check(sotto_session_measure(model, NULL, &n_bytes, &error), &error);
  check(sotto_session_open(supply(n_bytes), n_bytes, model, NULL, NULL, &session, &error), &error);
  return session;
}

static sotto_sampler *open_sampler(const sotto_model *model) {
  struct sotto_model_info info;
  sotto_model_get_info(model, &info);
  struct sotto_sampler_options options;
  sotto_sampler_defaults(&options);
  options.temperature = 0; /* the most likely token each time; above 0 it is drawn, with options.seed */
  sotto_sampler *sampler;
  const size_t n_bytes = sotto_sampler_measure(info.n_vocab, &options);
  check(sotto_sampler_open(supply(n_bytes), n_bytes, info.n_vocab, &options, &sampler), NULL);
  return sampler;
}

/* Queues the prompt's tokens. */
static void ask(sotto_session *session, const sotto_model *model, const char *question) {
  const size_t text_cap = strlen(question) + sizeof CHAT;
  char *text = supply(text_cap);
  const size_t text_bytes = (size_t)snprintf(text, text_cap, CHAT, question);
  const size_t scratch_bytes = sotto_tokenize_measure(model, text, text_bytes), tokens_cap = text_bytes + 3;
  int32_t *tokens = supply(tokens_cap * sizeof *tokens);
  size_t n_tokens;
  check(sotto_tokenize(model, text, text_bytes, SOTTO_TOKENIZE_SPECIAL | SOTTO_TOKENIZE_BOS_EOS, supply(scratch_bytes),
                       scratch_bytes, tokens, tokens_cap, &n_tokens), NULL);
  check(sotto_session_append(session, tokens, n_tokens), NULL);
}

/* Computes what is queued and samples the token after it. */
static int32_t next_token(sotto_session *session, sotto_sampler *sampler) {
  size_t n_left; /* steps are short: a page would look for a Stop between two of them */
  do check(sotto_session_step(session, &n_left), NULL);
  while (n_left > 0);
  const float *logits;
  int32_t token;
  check(sotto_session_logits(session, sotto_session_n_tokens(session) - 1, &logits), NULL);
  check(sotto_sampler_sample(sampler, logits, &token), NULL);
  return token;
}

/* Prints the answer as it comes, in whole characters. */
static void answer(sotto_session *session, const sotto_model *model) {
  sotto_sampler *sampler = open_sampler(model);
  sotto_emitter *emitter;
  size_t n_bytes = sotto_emitter_measure(0);
  check(sotto_emitter_open(supply(n_bytes), n_bytes, model, NULL, 0, 0, &emitter), NULL);
  const size_t text_cap = sotto_emitter_out_cap(emitter);
  char *text = supply(text_cap);
  bool is_stopped; /* by a stop string: there are none here */
  for (int i = 0; i < MAX_TOKENS; i++) {
    const int32_t token = next_token(session, sampler);
    if (sotto_token_is_end(model, token)) break;
    check(sotto_emitter_push(emitter, token, text, text_cap, &n_bytes, &is_stopped), NULL);
    fwrite(text, 1, n_bytes, stdout);
    fflush(stdout);
    check(sotto_session_append(session, &token, 1), NULL);
  }
  check(sotto_emitter_flush(emitter, text, text_cap, &n_bytes), NULL);
  printf("%.*s\n", (int)n_bytes, text);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: node answer.js MODEL.gguf \"PROMPT\"\n");
    return 2;
  }
  FILE *file = fopen(argv[1], "rb");
  if (!file) {
    perror(argv[1]);
    return 1;
  }
  const sotto_model *model = read_model(file);
  fclose(file);
  sotto_session *session = open_session(model);
  ask(session, model, argv[2]);
  answer(session, model);
  return 0;
}
