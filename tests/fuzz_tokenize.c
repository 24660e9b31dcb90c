/* fuzz_tokenize.c: any text with any vocabulary: text -> tokens -> bytes -> emitter. The input, in this order: a byte
 * of flags, a count and so many tokens (a kind, a score, a text up to its NUL), a count and so many merges, a count and
 * so many stop strings, and the text. Blocks have their exact size. */
#include "tiny_vocab.h"

#define MAX_TOKENS 300 /* as many as the model has rows */
#define MAX_MERGES 100
#define MAX_STOPS 4

struct input {
  const char *bytes; /* (n), and a NUL */
  size_t n, at;
};

static uint8_t next_byte(struct input *input) { return input->at < input->n ? (uint8_t)input->bytes[input->at++] : 0; }

static const char *next_text(struct input *input) {
  const char *text = input->bytes + input->at;
  input->at += strlen(text);
  if (input->at < input->n) input->at++;
  return text;
}

static void require(bool is_so) {
  if (!is_so) abort();
}

static size_t tokenize(const sotto_model *model, uint32_t flags, const uint8_t *bytes, size_t n, int32_t *tokens,
                       size_t cap) {
  char *text = (char *)copy_of(bytes, n);
  const size_t scratch_bytes = sotto_tokenize_measure(model, text, n);
  void *scratch = malloc(scratch_bytes ? scratch_bytes : 1);
  size_t n_tokens = 0;
  const enum sotto_status status =
      sotto_tokenize(model, text, n, flags, scratch, scratch_bytes, tokens, cap, &n_tokens);
  require(status == (n_tokens > cap ? SOTTO_NO_SPACE : SOTTO_OK) || status == SOTTO_UNSUPPORTED_TOKENIZER);
  free(scratch);
  free(text);
  return n_tokens;
}

/* The bytes of a token go to the end of `text`. */
static void append_token(const sotto_model *model, int32_t token, struct tiny_file *text) {
  size_t n, n_again;
  sotto_token_bytes(model, token, false, NULL, 0, &n);
  char *bytes = malloc(n ? n : 1);
  require(sotto_token_bytes(model, token, false, bytes, n, &n_again) == SOTTO_OK && n_again == n);
  tiny_put(text, bytes, n);
  free(bytes);
}

/* What is shown is a beginning of the tokens' text; without stop strings all of it, but for an incomplete character. */
static void emit(const sotto_model *model, const struct tiny_file *stops, uint32_t n_stops, const int32_t *tokens,
                 size_t n_tokens) {
  struct tiny_file text = {0}, shown = {0};
  sotto_emitter *emitter;
  bool is_stopped = false;
  size_t n;
  const size_t n_block = sotto_emitter_measure(stops->n);
  void *block = malloc(n_block);
  require(sotto_emitter_open(block, n_block, model, stops->bytes, stops->n, n_stops, &emitter) == SOTTO_OK);
  const size_t cap = sotto_emitter_out_cap(emitter);
  char *out = malloc(cap);
  for (size_t i = 0; i < n_tokens; i++) {
    append_token(model, tokens[i], &text);
    require(sotto_emitter_push(emitter, tokens[i], out, cap, &n, &is_stopped) == SOTTO_OK && n <= cap);
    tiny_put(&shown, out, n);
  }
  require(shown.n <= text.n && (shown.n == 0 || memcmp(shown.bytes, text.bytes, shown.n) == 0));
  require(sotto_emitter_flush(emitter, out, cap, &n) == SOTTO_OK && n <= cap);
  if (!is_stopped) require(shown.n + n + 3 >= text.n);
  free(out);
  free(block);
  free(text.bytes);
  free(shown.bytes);
}

/* A token for each byte; returns their number. */
static uint32_t put_bytes(struct tiny_token *tokens) {
  static char names[256][7];
  for (uint32_t i = 0; i < 256; i++) {
    snprintf(names[i], sizeof names[i], "<0x%02X>", (unsigned)i);
    tokens[i] = (struct tiny_token)BYTE(names[i]);
  }
  return 256;
}

static struct tiny_tokenizer read_tokenizer(struct input *input, uint8_t flags, struct tiny_token *tokens,
                                            const char **merges) {
  static const char *const pres[] = {"gpt-2", "tekken", "afmoe", "deepseek-llm", "llama-bpe", "exaone-moe", "superbpe", "gemma4"};
  static const char *const models[] = {"llama", "t5", "rwkv", "bert", "plamo2", "hybriddna", "whitespace", "gemma4"};
  struct tiny_tokenizer t = {.model = flags & 1 ? models[flags >> 1 & 7] : "gpt2", .pre = pres[flags >> 1 & 7], .tokens = tokens,
                             .merges = merges, .bos = 1, .eos = 2, .add_bos = flags & 16, .add_eos = true,
                             .add_space_prefix = flags & 32};
  const uint32_t n_bytes = strcmp(t.model, "plamo2") == 0 ? put_bytes(tokens) : 0;
  t.n_tokens = n_bytes + next_byte(input) % (MAX_TOKENS - n_bytes + 1);
  for (uint32_t i = n_bytes; i < t.n_tokens; i++) {
    const int32_t kind = next_byte(input) % (TOKEN_BYTE + 1), score = next_byte(input);
    tokens[i] = (struct tiny_token){next_text(input), kind, (float)(score - 128)};
  }
  t.n_merges = next_byte(input) % (MAX_MERGES + 1);
  for (uint32_t i = 0; i < t.n_merges; i++) merges[i] = next_text(input);
  return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  char *copy = memcpy(calloc(n + 1, 1), data, n);
  struct input input = {copy, n, 0};
  struct tiny_token token_list[MAX_TOKENS];
  const char *merges[MAX_MERGES];
  const uint8_t flags = next_byte(&input);
  const struct tiny_tokenizer tokenizer = read_tokenizer(&input, flags, token_list, merges);
  struct tiny_file stops = {0};
  uint32_t n_stops = 0;
  for (int left = next_byte(&input) % (MAX_STOPS + 1); left; left--) {
    const char *stop = next_text(&input);
    if (!*stop) continue;
    tiny_u32(&stops, (uint32_t)strlen(stop));
    tiny_put(&stops, stop, strlen(stop));
    n_stops++;
  }
  struct fixture f;
  if (open_options(&f, tiny_small, &tokenizer) == SOTTO_OK) {
    const uint8_t *text = data + input.at;
    const size_t n_tokens = tokenize(f.m.model, flags >> 6, text, n - input.at, NULL, 0);
    int32_t *tokens = malloc(n_tokens ? n_tokens * sizeof *tokens : 1);
    require(tokenize(f.m.model, flags >> 6, text, n - input.at, tokens, n_tokens) == n_tokens);
    emit(f.m.model, &stops, n_stops, tokens, n_tokens);
    free(tokens);
  }
  close_model(&f);
  free(stops.bytes);
  free(copy);
  return 0;
}
