/* tokenize_ugm.c: SentencePiece's unigrams (Kudo, 2018). Text is normalised by the file's table of replacements; then, of all
 * ways to put it together from tokens, the most likely one is taken (Viterbi): best[end] over the tokens that end there of
 * best[begin] + score. The table is a double array (Kanda et al., 2017): units of 32 bits, and texts that end with a NUL. */
#include "tokenize.h"

#include "unicode.h"

#include <float.h>
#include <string.h>

/* ---- normalisation ---- */

#define SPACE_BYTES 3 /* of U+2581 */

/* A unit: bit 31 and the low byte: the byte by which one comes here; bit 8: a text ends here; from bit 10, or with bit 9
 * times 256: by which the children's places differ. One that is not there leads nowhere. */
static uint32_t get_unit(const struct vocab *vocab, uint32_t index) {
  uint32_t n_bytes, unit = 1u << 31;
  memcpy(&n_bytes, vocab->charsmap, 4);
  if (index < n_bytes / 4) memcpy(&unit, vocab->charsmap + 4 + 4 * (size_t)index, 4);
  return unit;
}

static uint32_t children(uint32_t unit) { return unit >> 10 << ((unit & 1u << 9) >> 6); }

/* A beginning of a text that the table replaces; from the shortest. */
struct replacement {
  uint32_t node;           /* 0 at first */
  size_t n_bytes;          /* that are replaced */
  const uint8_t *text;
};

static bool next_replacement(const struct vocab *vocab, const uint8_t *text, size_t n_bytes, struct replacement *found) {
  if (!vocab->charsmap) return false;
  if (found->n_bytes == 0) found->node = children(get_unit(vocab, 0));
  uint32_t n_units;
  memcpy(&n_units, vocab->charsmap, 4);
  while (found->n_bytes < n_bytes) {
    const uint8_t c = text[found->n_bytes];
    const uint32_t unit = get_unit(vocab, found->node ^ c);
    if (c == 0 || (unit & (1u << 31 | 0xff)) != c) return false;
    found->n_bytes++;
    found->node ^= c ^ children(unit);
    if (!(unit >> 8 & 1)) continue;
    const uint64_t at = 4 + (uint64_t)n_units + (get_unit(vocab, found->node) & ~(1u << 31));
    if (at >= vocab->charsmap_bytes) return false;
    found->text = vocab->charsmap + at; /* the last byte of all is a NUL (vocab.c) */
    return true;
  }
  return false;
}

/* What a beginning of the text becomes: n_out bytes; returns its own length. */
static size_t normalize(const struct vocab *vocab, const uint8_t *text, size_t n_bytes, const uint8_t **out, size_t *n_out) {
  static const uint8_t replacement_char[] = {0xef, 0xbf, 0xbd};
  struct replacement found = {0}, longest = {0};
  while (next_replacement(vocab, text, n_bytes, &found)) longest = found;
  if (longest.n_bytes) {
    *out = longest.text;
    *n_out = strlen((const char *)longest.text);
    return longest.n_bytes;
  }
  size_t at = 0;
  const bool is_broken = utf8_read(text, n_bytes, &at) == REPLACEMENT && at == 1;
  *out = is_broken ? replacement_char : text;
  *n_out = is_broken ? sizeof replacement_char : at;
  return at;
}

/* A byte of text gives three of a space at most, or those of any of the replacements that begin with it. */
void carve_ugm(struct tokenization *job, struct arena *arena, const uint8_t *text, size_t text_bytes) {
  uint64_t n = SPACE_BYTES;
  for (size_t at = 0; at < text_bytes; at++) {
    size_t most = 1;
    for (struct replacement found = {0}; next_replacement(job->vocab, text + at, text_bytes - at, &found);) {
      const size_t length = strlen((const char *)found.text);
      if (length > most) most = length;
    }
    n += SPACE_BYTES * (uint64_t)(most + 1);
  }
  job->best = arena_carve(arena, n + 1, sizeof *job->best);
  job->text = arena_carve(arena, n, 1);
}

/* Writes the text to job->text as it is tokenized: where a word begins there may be a space before it. */
static uint32_t normalize_all(struct tokenization *job, const uint8_t *text, size_t n_bytes) {
  const struct vocab *vocab = job->vocab;
  uint32_t n = 0;
  bool is_in_word = false, has_prefix = !vocab->add_space_prefix;
  for (size_t at = 0, n_out; at < n_bytes;) {
    const uint8_t *out;
    at += normalize(vocab, text + at, n_bytes - at, &out, &n_out);
    for (size_t i = 0; i < n_out; i++) {
      const bool is_space = out[i] == ' ';
      const bool begins_word = !is_space && !is_in_word && (!has_prefix || vocab->merges_spaces);
      if (begins_word || (is_space && !vocab->merges_spaces)) n += (uint32_t)utf8_write(job->text + n, ESCAPED_SPACE);
      if (begins_word) has_prefix = true;
      if (!is_space) job->text[n++] = out[i];
      is_in_word = !is_space;
    }
  }
  return n;
}

/* ---- the most likely tokens ---- */

static void offer(struct best *best, double score, uint32_t begin, int32_t token) {
  if (score > best->score) *best = (struct best){score, begin, token};
}

static bool is_piece(const struct vocab *vocab, int32_t token) {
  const uint8_t kind = vocab->kinds[token];
  return kind == TOKEN_NORMAL || kind == TOKEN_USER_DEFINED || kind == TOKEN_UNUSED;
}

static void find_best(struct tokenization *job, uint32_t n_bytes) {
  const struct vocab *vocab = job->vocab;
  for (uint32_t i = 1; i <= n_bytes; i++) job->best[i] = (struct best){-DBL_MAX, 0, vocab->unknown};
  job->best[0] = (struct best){0, 0, vocab->unknown};
  for (uint32_t at = 0, length; at < n_bytes; at += length) {
    const double score = job->best[at].score;
    struct prefix_walk walk = {0};
    bool is_known = false;
    length = (uint32_t)utf8_length(job->text[at]);
    if (length > n_bytes - at) length = n_bytes - at;
    for (int32_t token; (token = vocab_next_prefix(vocab, job->text + at, n_bytes - at, &walk)) != NO_TOKEN;) {
      if (!is_piece(vocab, token)) continue;
      const double own = vocab->kinds[token] == TOKEN_USER_DEFINED ? 0 : (double)vocab_score(vocab, token);
      offer(&job->best[at + walk.n_bytes], score + own, at, token);
      is_known |= walk.n_bytes == length;
    }
    if (!is_known) offer(&job->best[at + length], score + vocab->unknown_score, at, vocab->unknown);
  }
}

/* Takes the tokens from the end; several unknown ones in a row are one. Returns their number; writes them before `end`. */
static size_t take_best(struct tokenization *job, uint32_t n_bytes, size_t end) {
  size_t n = 0;
  bool was_unknown = false;
  for (uint32_t at = n_bytes; at > 0; at = job->best[at].other_end) {
    const int32_t token = job->best[at].token;
    const bool is_unknown = token == job->vocab->unknown;
    if (token == NO_TOKEN || (is_unknown && was_unknown)) continue;
    n++;
    if (end >= n && end - n < job->tokens_cap) job->tokens[end - n] = token;
    was_unknown = is_unknown;
  }
  return n;
}

void tokenize_ugm(struct tokenization *job, const uint8_t *text, size_t n_bytes) {
  const uint32_t n = normalize_all(job, text, n_bytes);
  find_best(job, n);
  job->n_tokens += take_best(job, n, 0);
  take_best(job, n, job->n_tokens);
}
