/* tokenize_dna.c: byte-level BPE of a text in which DNA stands between <dna> and </dna>: there six letters are a token,
 * the last ones filled up with A. Such tokens have a mark of their own behind them, which tells them from words. */
#include "tokenize.h"

#include <string.h>

#define KMER_LETTERS 6

/* Where the tag begins; n_bytes: nowhere. */
static size_t find_tag(const uint8_t *text, size_t n_bytes, const char *tag) {
  const size_t length = strlen(tag);
  for (size_t at = 0; at + length <= n_bytes; at++)
    if (!memcmp(text + at, tag, length)) return at;
  return n_bytes;
}

static void put_kmers(struct tokenization *job, const uint8_t *text, size_t n_bytes) {
  for (size_t at = 0; at < n_bytes; at += KMER_LETTERS) {
    uint8_t kmer[] = "AAAAAA" KMER_MARK;
    for (size_t i = 0; i < KMER_LETTERS && at + i < n_bytes; i++) {
      const uint8_t letter = text[at + i];
      kmer[i] = letter >= 'a' && letter <= 'z' ? (uint8_t)(letter - 'a' + 'A') : letter;
    }
    const int32_t token = vocab_find(job->vocab, kmer, sizeof kmer - 1);
    put_token(job, token == NO_TOKEN ? job->vocab->dna.unknown : token);
  }
}

void tokenize_dna(struct tokenization *job, const uint8_t *text, size_t n_bytes) {
  const struct dna *dna = &job->vocab->dna;
  for (size_t at = 0, end; at < n_bytes; at = end) {
    end = at + find_tag(text + at, n_bytes - at, DNA_BEGIN);
    if (end > at) tokenize_bpe(job, text + at, end - at);
    if (end == n_bytes) return;
    put_token(job, dna->begin);
    at = end + strlen(DNA_BEGIN);
    end = at + find_tag(text + at, n_bytes - at, DNA_END);
    put_kmers(job, text + at, end - at);
    if (end == n_bytes) return;
    put_token(job, dna->end);
    end += strlen(DNA_END);
  }
}
