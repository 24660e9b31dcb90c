/* tokenize_spm.c: SentencePiece's byte-pair encoding (Kudo and Richardson, 2018). A space is U+2581; every character is
 * a symbol, and the neighbours that together are the token of the highest score become one, again and again. What is no
 * token in the end goes out as bytes. */
#include "tokenize.h"

#include "unicode.h"

#include <string.h>

static const uint8_t space[3] = {0xe2, 0x96, 0x81}; /* U+2581 */

/* The highest score has the lowest rank: a float's bits order as its value does once the negative ones are turned over. */
static bool rank_pair(const struct vocab *vocab, const uint8_t *text, uint32_t left_bytes, uint32_t right_bytes, uint32_t *rank) {
  const int32_t token = vocab_find(vocab, text, left_bytes + right_bytes);
  if (token == NO_TOKEN) return false;
  const float score = vocab_score(vocab, token) + 0.0f; /* -0 is 0 */
  uint32_t bits;
  memcpy(&bits, &score, 4);
  *rank = ~(bits >> 31 ? ~bits : bits | 0x80000000u);
  return true;
}

static int32_t token_of_byte(const struct vocab *vocab, uint8_t byte) {
  int32_t token = vocab_find_byte(vocab, byte);
  if (token == NO_TOKEN) token = vocab_find(vocab, &byte, 1);
  return token == NO_TOKEN ? vocab->unknown : token;
}

static void put_symbol(struct tokenization *job, const struct symbol *symbol) {
  const uint8_t *text = job->text + symbol->begin;
  int32_t token = vocab_find(job->vocab, text, symbol->n_bytes);
  if (token != NO_TOKEN) {
    put_token(job, token);
    return;
  }
  for (uint32_t i = 0; i < symbol->n_bytes; i++)
    if ((token = token_of_byte(job->vocab, text[i])) != NO_TOKEN) put_token(job, token);
}

void tokenize_spm(struct tokenization *job, const uint8_t *text, size_t n_bytes, bool with_prefix) {
  uint32_t n = 0;
  job->n_symbols = 0;
  for (size_t i = 0; i < n_bytes + with_prefix; i++) {
    const uint8_t byte = i < with_prefix ? ' ' : text[i - with_prefix];
    memcpy(job->text + n, byte == ' ' ? space : &byte, byte == ' ' ? 3 : 1);
    n += byte == ' ' ? 3 : 1;
  }
  for (uint32_t begin = 0, length; begin < n; begin += length) {
    length = (uint32_t)utf8_length(job->text[begin]);
    if (length > n - begin) length = n - begin;
    add_symbol(job, begin, length);
  }
  merge_symbols(job, job->text, rank_pair);
  for (uint32_t i = 0; i != NO_SYMBOL; i = job->symbols[i].next) put_symbol(job, &job->symbols[i]);
}
