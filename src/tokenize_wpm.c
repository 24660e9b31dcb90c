/* tokenize_wpm.c: WordPiece (Wu et al., 2016) as BERT has it. Text is cut at spaces and around marks and Chinese characters,
 * in small letters without accents; a word, with U+2581 before it, is the longest token that it begins with, and again. */
#include "tokenize.h"

#include "unicode.h"

#include <string.h>

#define PREFIX_BYTES 3 /* of U+2581 */

/* One that cannot be put together is the unknown token as a whole. */
static void put_word(struct tokenization *job, uint32_t n_bytes) {
  const size_t n_before = job->n_tokens;
  for (uint32_t at = 0, end; at < n_bytes; at = end) {
    int32_t token = NO_TOKEN;
    end = n_bytes - at > job->vocab->max_token_bytes ? at + job->vocab->max_token_bytes : n_bytes;
    while (end > at && (token = vocab_find(job->vocab, job->text + at, end - at)) == NO_TOKEN) end--;
    if (token == NO_TOKEN) {
      job->n_tokens = n_before;
      break;
    }
    put_token(job, token);
  }
  if (job->n_tokens == n_before && job->vocab->unknown != NO_TOKEN) put_token(job, job->vocab->unknown);
}

/* The blocks that BERT calls Chinese; the gap from U+2B820 is one in the widespread implementation. */
static bool is_chinese(uint32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
         (c >= 0x2a700 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) ||
         (c >= 0x2f800 && c <= 0x2fa1f);
}

static bool stands_alone(uint32_t c) {
  const enum char_class class = unicode_class(c);
  return class == CLASS_PUNCTUATION || (class == CLASS_SYMBOL && c < 0x7f) || is_chinese(c);
}

static bool is_left_out(const struct vocab *vocab, uint32_t c) {
  const enum char_class class = unicode_class(c);
  return class == CLASS_CONTROL || c == REPLACEMENT || (class == CLASS_MARK && vocab->strips_accents);
}

void tokenize_wpm(struct tokenization *job, const uint8_t *text, size_t n_bytes) {
  const struct vocab *vocab = job->vocab;
  uint32_t n = (uint32_t)utf8_write(job->text, ESCAPED_SPACE);
  for (size_t at = 0; at < n_bytes;) {
    uint32_t c = utf8_read(text, n_bytes, &at);
    if (vocab->strips_accents) c = unicode_first_part(c);
    const bool is_space = unicode_is_space(c), is_alone = stands_alone(c);
    if (!is_space && is_left_out(vocab, c)) continue;
    if ((is_space || is_alone) && n > PREFIX_BYTES) {
      put_word(job, n);
      n = PREFIX_BYTES;
    }
    if (is_space) continue;
    n += (uint32_t)utf8_write(job->text + n, vocab->lowercases ? unicode_lowercase(c) : c);
    if (!is_alone) continue;
    put_word(job, n);
    n = PREFIX_BYTES;
  }
  if (n > PREFIX_BYTES) put_word(job, n);
}
