/* tokenize_plamo.c: PLaMo 2's unigrams. Of all ways to put the text together from tokens the most likely one is taken,
 * counted from the end: best[begin] over the tokens that begin there of their score + best[end], in ten-thousandths. A
 * character that is no token goes out as bytes. */
#include "tokenize.h"

#include "unicode.h"

#define SCALE 1e4
#define LEAST (-2e7)         /* scores down to this one stand for no token */
#define OF_NO_TOKEN (-1e7)   /* a character */
#define BYTE_ORDER_MARK 0xfeffu

/* Rounded as C's round does; false: no token has this score. */
static bool scale(float score, double *scaled) {
  const double x = (double)score * SCALE;
  if (!(x > LEAST - 1 && x < INT32_MAX)) return false;
  *scaled = (double)(int64_t)(x < 0 ? x - 0.5 : x + 0.5);
  return *scaled > LEAST;
}

static bool is_inside(uint8_t byte) { return (byte & 0xc0) == 0x80; }

/* Of equal scores the longest token counts, and any before none. */
static void find_best(struct tokenization *job, uint32_t n_bytes) {
  const struct vocab *vocab = job->vocab;
  job->best[n_bytes].score = 0;
  for (uint32_t at = n_bytes; at > 0;) {
    uint32_t end = at--;
    while (is_inside(job->text[at])) at--;
    struct best best = {job->best[end].score + OF_NO_TOKEN, end, NO_TOKEN};
    struct prefix_walk walk = {0};
    double own;
    for (int32_t token; (token = vocab_next_prefix(vocab, job->text + at, n_bytes - at, &walk)) != NO_TOKEN;) {
      end = at + walk.n_bytes;
      if (vocab->kinds[token] == TOKEN_BYTE || !scale(vocab_score(vocab, token), &own)) continue;
      if (end < n_bytes && is_inside(job->text[end])) continue;
      if (job->best[end].score + own >= best.score) best = (struct best){job->best[end].score + own, end, token};
    }
    job->best[at] = best;
  }
}

void tokenize_plamo(struct tokenization *job, const uint8_t *text, size_t n_bytes) {
  uint32_t n = 0;
  for (size_t at = 0; at < n_bytes;) {
    const bool is_first = at == 0;
    const uint32_t c = utf8_read(text, n_bytes, &at);
    if (!is_first || c != BYTE_ORDER_MARK) n += (uint32_t)utf8_write(job->text + n, c);
  }
  find_best(job, n);
  for (uint32_t at = 0; at < n; at = job->best[at].other_end) {
    if (job->best[at].token != NO_TOKEN) put_token(job, job->best[at].token);
    else for (uint32_t i = at; i < job->best[at].other_end; i++) put_token(job, vocab_find_byte(job->vocab, job->text[i]));
  }
}
