/* detokenize.c: token ids -> bytes, and the emitter, which shows a reader whole characters only and nothing of a stop
 * string. */
#include "model.h"
#include "tokenize.h"
#include "unicode.h"

#include <string.h>

/* ---- one token ---- */

/* Where the bytes of a token go; what does not fit is only counted. */
struct output {
  char *bytes;
  size_t cap, n;
};

static void put(struct output *out, const uint8_t *bytes, size_t n_bytes) {
  for (size_t i = 0; i < n_bytes; i++, out->n++)
    if (out->n < out->cap) out->bytes[out->n] = (char)bytes[i];
}

static int hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

/* "<0x0A>" */
static void put_byte(struct output *out, const uint8_t *text, uint32_t n_bytes) {
  if (n_bytes != 6) return;
  const uint8_t byte = (uint8_t)(16 * hex_digit(text[3]) + hex_digit(text[4]));
  put(out, &byte, 1);
}

/* BPE: each character is a byte; one that is none stays itself. */
static void put_bpe(struct output *out, const uint8_t *text, uint32_t n_bytes) {
  for (size_t at = 0, begin; begin = at, at < n_bytes;) {
    const int byte = bpe_byte_of_char(utf8_read(text, n_bytes, &at));
    if (byte >= 0) put(out, (const uint8_t[]){(uint8_t)byte}, 1);
    else put(out, text + begin, at - begin);
  }
}

/* SPM: U+2581 is a space. */
static void put_spm(struct output *out, const uint8_t *text, uint32_t n_bytes) {
  for (size_t at = 0, begin; begin = at, at < n_bytes;) {
    if (utf8_read(text, n_bytes, &at) == 0x2581) put(out, (const uint8_t *)" ", 1);
    else put(out, text + begin, at - begin);
  }
}

/* A token with the mark of six letters of DNA at its end. */
static bool is_kmer(const uint8_t *text, uint32_t n_bytes) {
  return n_bytes > KMER_MARK_BYTES && !memcmp(text + n_bytes - KMER_MARK_BYTES, KMER_MARK, KMER_MARK_BYTES);
}

/* Whether the text of a token is what it stands for. */
static bool is_raw(const struct vocab *vocab, enum token_kind kind) {
  if (kind == TOKEN_CONTROL || kind == TOKEN_UNKNOWN) return false;
  return vocab->tokenizer == TOKENIZER_RWKV || (vocab->tokenizer == TOKENIZER_PLAMO && kind != TOKEN_BYTE);
}

enum sotto_status sotto_token_bytes(const sotto_model *model, int32_t token, bool special, char *bytes, size_t cap,
                                    size_t *n_bytes) {
  const struct vocab *vocab = &model->vocab;
  struct output out = {bytes, cap, 0};
  *n_bytes = 0;
  RETURN_IF(token < 0 || (uint32_t)token >= model->config.n_vocab, SOTTO_INVALID_ARGUMENT);
  if ((uint32_t)token >= vocab->tokens.n) return SOTTO_OK; /* a row of the embedding that pads it */
  uint32_t n;
  const uint8_t *text = strings_get(&vocab->tokens, (uint32_t)token, &n);
  if (vocab->reads_dna && token > vocab->dna.unknown && is_kmer(text, n)) n -= KMER_MARK_BYTES;
  switch (is_raw(vocab, (enum token_kind)vocab->kinds[token]) ? TOKEN_USER_DEFINED : (enum token_kind)vocab->kinds[token]) {
    case TOKEN_CONTROL: case TOKEN_UNKNOWN:
      if (special) put(&out, text, n);
      break;
    case TOKEN_USER_DEFINED: put(&out, text, n); break;
    case TOKEN_BYTE: put_byte(&out, text, n); break;
    case TOKEN_NORMAL:
      if (vocab->tokenizer == TOKENIZER_BPE && !(vocab->pre && vocab->pre->is_plain)) put_bpe(&out, text, n);
      else put_spm(&out, text, n);
      break;
    case TOKEN_UNUSED: case TOKEN_UNDEFINED: break;
  }
  *n_bytes = out.n;
  return out.n > cap ? SOTTO_NO_SPACE : SOTTO_OK;
}

bool sotto_token_is_end(const sotto_model *model, int32_t token) {
  return token >= 0 && (uint32_t)token < model->vocab.tokens.n && model->vocab.traits[token] & TRAIT_ENDS;
}

bool sotto_token_is_special(const sotto_model *model, int32_t token) {
  return token >= 0 && (uint32_t)token < model->vocab.tokens.n && vocab_is_special(&model->vocab, token);
}

/* ---- emitter ---- */

#define MAX_HELD_OF_CHAR 3 /* bytes of an incomplete character */

struct sotto_emitter {
  const sotto_model *model;
  const uint8_t *stops;  /* (stops_bytes) each a 4-byte length and its bytes */
  size_t stops_bytes;
  char *held;            /* (stops_bytes + MAX_HELD_OF_CHAR) what may not be shown yet */
  size_t n_held;
  bool is_stopped;
};

/* Walks the stop strings; false at the end. *at is beyond stops_bytes when they contradict themselves. */
static bool next_stop(const uint8_t *stops, size_t stops_bytes, size_t *at, const uint8_t **stop, uint32_t *n_bytes) {
  if (*at >= stops_bytes) return false;
  if (stops_bytes - *at >= 4) memcpy(n_bytes, stops + *at, 4);
  if (stops_bytes - *at < 4 || *n_bytes == 0 || *n_bytes > stops_bytes - *at - 4) {
    *at = SIZE_MAX;
    return false;
  }
  *stop = stops + *at + 4;
  *at += 4 + (size_t)*n_bytes;
  return true;
}

static sotto_emitter *carve(struct arena *arena, size_t stops_bytes, uint8_t **stops, char **held) {
  sotto_emitter *emitter = arena_carve(arena, 1, sizeof *emitter);
  *stops = arena_carve(arena, stops_bytes, 1);
  *held = arena_carve(arena, (uint64_t)stops_bytes + MAX_HELD_OF_CHAR, 1);
  return emitter;
}

size_t sotto_emitter_measure(size_t stops_bytes) {
  struct arena arena = {0};
  uint8_t *copy;
  char *held;
  carve(&arena, stops_bytes, &copy, &held);
  return arena_overflows(&arena) ? SIZE_MAX : (size_t)arena.used;
}

enum sotto_status sotto_emitter_open(void *block, size_t block_bytes, const sotto_model *model, const void *stops,
                                     size_t stops_bytes, uint32_t n_stops, sotto_emitter **emitter) {
  struct arena arena = {block, 0, block_bytes};
  size_t at = 0;
  const uint8_t *stop;
  uint32_t n_bytes, n = 0;
  while (next_stop(stops, stops_bytes, &at, &stop, &n_bytes)) n++;
  RETURN_IF(at != stops_bytes || n != n_stops, SOTTO_INVALID_ARGUMENT);
  uint8_t *copy;
  char *held;
  sotto_emitter *opened = carve(&arena, stops_bytes, &copy, &held);
  RETURN_IF(arena_overflows(&arena), SOTTO_OUT_OF_MEMORY);
  if (stops_bytes) memcpy(copy, stops, stops_bytes);
  *opened = (struct sotto_emitter){.model = model, .stops = copy, .stops_bytes = stops_bytes, .held = held};
  *emitter = opened;
  return SOTTO_OK;
}

size_t sotto_emitter_out_cap(const sotto_emitter *emitter) {
  return emitter->stops_bytes + MAX_HELD_OF_CHAR + emitter->model->vocab.max_token_bytes;
}

/* Bytes of a character at the end of the text that is not whole. */
static size_t incomplete_char(const char *text, size_t n_bytes) {
  for (size_t back = 1; back <= MAX_HELD_OF_CHAR && back <= n_bytes; back++) {
    const uint8_t byte = (uint8_t)text[n_bytes - back];
    if ((byte & 0xc0) == 0x80) continue;
    return byte >= 0xc0 && byte < 0xf8 && utf8_length(byte) > back ? back : 0;
  }
  return 0;
}

/* Where the first stop string begins in the text; SIZE_MAX: there is none. */
static size_t find_stop(const sotto_emitter *emitter, const char *text, size_t n_bytes) {
  size_t first = SIZE_MAX, at = 0;
  const uint8_t *stop;
  uint32_t n;
  while (next_stop(emitter->stops, emitter->stops_bytes, &at, &stop, &n))
    for (size_t i = 0; i + n <= n_bytes && i < first; i++)
      if (!memcmp(text + i, stop, n)) first = i;
  return first;
}

/* Bytes at the end of the text with which a stop string may begin. */
static size_t stop_beginning(const sotto_emitter *emitter, const char *text, size_t n_bytes) {
  size_t longest = 0, at = 0;
  const uint8_t *stop;
  uint32_t n;
  while (next_stop(emitter->stops, emitter->stops_bytes, &at, &stop, &n))
    for (size_t length = n - 1 < n_bytes ? n - 1 : n_bytes; length > longest; length--)
      if (!memcmp(text + n_bytes - length, stop, length)) longest = length;
  return longest;
}

enum sotto_status sotto_emitter_push(sotto_emitter *emitter, int32_t token, char *out, size_t out_cap, size_t *n_bytes,
                                     bool *stopped) {
  *n_bytes = 0;
  *stopped = emitter->is_stopped;
  RETURN_IF(emitter->is_stopped, SOTTO_OK);
  RETURN_IF(out_cap < sotto_emitter_out_cap(emitter), SOTTO_NO_SPACE);
  size_t n = emitter->n_held, n_token;
  memcpy(out, emitter->held, n);
  TRY(sotto_token_bytes(emitter->model, token, false, out + n, out_cap - n, &n_token));
  n += n_token;
  const size_t stop = find_stop(emitter, out, n);
  if (stop != SIZE_MAX) {
    *stopped = emitter->is_stopped = true;
    emitter->n_held = 0;
    *n_bytes = stop;
    return SOTTO_OK;
  }
  const size_t of_char = incomplete_char(out, n), of_stop = stop_beginning(emitter, out, n);
  emitter->n_held = of_char > of_stop ? of_char : of_stop;
  *n_bytes = n - emitter->n_held;
  memcpy(emitter->held, out + *n_bytes, emitter->n_held);
  return SOTTO_OK;
}

enum sotto_status sotto_emitter_flush(sotto_emitter *emitter, char *out, size_t out_cap, size_t *n_bytes) {
  size_t n = emitter->n_held;
  *n_bytes = 0;
  RETURN_IF(out_cap < sotto_emitter_out_cap(emitter), SOTTO_NO_SPACE);
  memcpy(out, emitter->held, n);
  emitter->n_held = 0;
  const size_t cut = incomplete_char(out, n);
  if (cut) n += utf8_write((uint8_t *)out + n - cut, REPLACEMENT) - cut;
  *n_bytes = n;
  return SOTTO_OK;
}
