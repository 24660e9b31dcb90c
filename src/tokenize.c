/* tokenize.c: UTF-8 text -> token ids. Special tokens are cut out of the text first, the longest before all others;
 * what lies between them goes to the file's tokenizer. The order of everything is llama.cpp's. */
#include "tokenize.h"

#include "model.h"
#include "unicode.h"

#include <string.h>

#define MAX_TEXT (INT32_MAX / 4) /* bytes: a text grows to three times as much at most, and is indexed by 32 bits */

enum { FREE = -1, COVERED = -2 };

void put_token(struct tokenization *job, int32_t token) {
  if (job->n_tokens < job->tokens_cap) job->tokens[job->n_tokens] = token;
  job->n_tokens++;
}

/* ---- merging ---- */

static bool goes_first(const struct merge *a, const struct merge *b) {
  return a->rank < b->rank || (a->rank == b->rank && a->left < b->left);
}

static void push_pair(struct tokenization *job, const uint8_t *text, rank_fn *rank, uint32_t left) {
  const struct symbol *a = &job->symbols[left];
  struct merge merge = {0, left, 0};
  if (a->next == NO_SYMBOL) return;
  merge.n_bytes = a->n_bytes + job->symbols[a->next].n_bytes;
  if (!rank(job->vocab, text + a->begin, a->n_bytes, merge.n_bytes - a->n_bytes, &merge.rank)) return;
  uint32_t at = job->n_heap++;
  for (uint32_t parent; at > 0 && goes_first(&merge, &job->heap[parent = (at - 1) / 2]); at = parent)
    job->heap[at] = job->heap[parent];
  job->heap[at] = merge;
}

static struct merge pop_pair(struct tokenization *job) {
  struct merge *heap = job->heap;
  const struct merge first = heap[0], last = heap[--job->n_heap];
  uint32_t at = 0;
  for (uint32_t child; (child = 2 * at + 1) < job->n_heap; at = child) {
    if (child + 1 < job->n_heap && goes_first(&heap[child + 1], &heap[child])) child++;
    if (goes_first(&last, &heap[child])) break;
    heap[at] = heap[child];
  }
  heap[at] = last;
  return first;
}

void add_symbol(struct tokenization *job, uint32_t begin, uint32_t n_bytes) {
  const uint32_t i = job->n_symbols++;
  job->symbols[i] = (struct symbol){begin, n_bytes, i - 1, NO_SYMBOL}; /* 0 - 1 is NO_SYMBOL */
  if (i) job->symbols[i - 1].next = i;
}

void merge_symbols(struct tokenization *job, const uint8_t *text, rank_fn *rank) {
  struct symbol *symbols = job->symbols;
  job->n_heap = 0;
  for (uint32_t i = 0; i + 1 < job->n_symbols; i++) push_pair(job, text, rank, i);
  while (job->n_heap) {
    const struct merge merge = pop_pair(job);
    struct symbol *left = &symbols[merge.left];
    if (left->n_bytes == 0 || left->next == NO_SYMBOL || left->n_bytes + symbols[left->next].n_bytes != merge.n_bytes) continue;
    struct symbol *right = &symbols[left->next];
    left->n_bytes = merge.n_bytes;
    left->next = right->next;
    right->n_bytes = 0;
    if (right->next != NO_SYMBOL) symbols[right->next].previous = merge.left;
    if (left->previous != NO_SYMBOL) push_pair(job, text, rank, left->previous);
    push_pair(job, text, rank, merge.left);
  }
}

/* ---- special tokens ---- */

static bool is_free(const int32_t *marks, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (marks[i] != FREE) return false;
  return true;
}

/* A special token of this text; user-defined ones count whether or not special tokens are asked for. */
static int32_t find_special(const struct vocab *vocab, const uint8_t *text, uint32_t n_bytes, bool parse_special) {
  const int32_t token = vocab_find(vocab, text, n_bytes);
  if (token == NO_TOKEN || !vocab_is_special(vocab, token)) return NO_TOKEN;
  return parse_special || vocab->kinds[token] == TOKEN_USER_DEFINED ? token : NO_TOKEN;
}

static bool is_blank(uint8_t c) { return c < 0x80 && unicode_is_space(c); }

/* Takes the spaces around a special token in [begin, end) away that it does not want. */
static void strip(struct tokenization *job, const uint8_t *text, size_t text_bytes, size_t begin, size_t end) {
  const uint8_t traits = job->vocab->traits[job->marks[begin]];
  for (; traits & TRAIT_STRIPS_RIGHT && end < text_bytes && job->marks[end] == FREE && is_blank(text[end]); end++)
    job->marks[end] = COVERED;
  for (; traits & TRAIT_STRIPS_LEFT && begin > 0 && job->marks[begin - 1] == FREE && is_blank(text[begin - 1]); begin--)
    job->marks[begin - 1] = COVERED;
}

static void mark_special(struct tokenization *job, const uint8_t *text, size_t text_bytes, bool parse_special) {
  const struct vocab *vocab = job->vocab;
  for (size_t i = 0; i < text_bytes; i++) job->marks[i] = FREE;
  for (uint32_t n = MAX_SPECIAL_BYTES; n > 0; n--) {
    if (!vocab->special_lengths[n] || n > text_bytes) continue;
    for (size_t at = 0; at <= text_bytes - n; at++) {
      if (!vocab->begins_special[text[at]] || !vocab->ends_special[text[at + n - 1]]) continue;
      if (!is_free(job->marks + at, n)) continue;
      const int32_t token = find_special(vocab, text + at, n, parse_special);
      if (token == NO_TOKEN) continue;
      job->marks[at] = token;
      for (uint32_t i = 1; i < n; i++) job->marks[at + i] = COVERED;
      strip(job, text, text_bytes, at, at + n);
      at += n - 1;
    }
  }
}

/* ---- the longest token, and again ---- */

static void tokenize_rwkv(struct tokenization *job, const uint8_t *text, size_t n_bytes) {
  for (size_t at = 0; at < n_bytes;) {
    struct prefix_walk walk = {0};
    int32_t token, longest = job->vocab->unknown;
    size_t end = at + 1;
    while ((token = vocab_next_prefix(job->vocab, text + at, n_bytes - at, &walk)) != NO_TOKEN) {
      longest = token;
      end = at + walk.n_bytes;
    }
    if (longest != NO_TOKEN) put_token(job, longest);
    at = end;
  }
}

/* ---- the whole text ---- */

static void tokenize_marked(struct tokenization *job, const uint8_t *text, size_t text_bytes) {
  bool is_after_special = true; /* or at the beginning */
  for (size_t at = 0, end; at < text_bytes; at = end) {
    end = at + 1;
    if (job->marks[at] == FREE) {
      while (end < text_bytes && job->marks[end] == FREE) end++;
      switch (job->vocab->tokenizer) {
        case TOKENIZER_BPE: (job->vocab->reads_dna ? tokenize_dna : tokenize_bpe)(job, text + at, end - at); break;
        case TOKENIZER_SPM: tokenize_spm(job, text + at, end - at, is_after_special && job->vocab->add_space_prefix); break;
        case TOKENIZER_UGM: tokenize_ugm(job, text + at, end - at); break;
        case TOKENIZER_PLAMO: tokenize_plamo(job, text + at, end - at); break;
        case TOKENIZER_RWKV: tokenize_rwkv(job, text + at, end - at); break;
        case TOKENIZER_WPM: tokenize_wpm(job, text + at, end - at); break;
        case TOKENIZER_UNKNOWN: break;
      }
      is_after_special = false;
    } else if (job->marks[at] != COVERED) {
      put_token(job, job->marks[at]);
      is_after_special = true;
    }
  }
}

/* SPM: a space becomes U+2581, of three bytes, and one more may go before the text. Each character is a symbol; but a
 * broken one of two bytes takes the first of a space's bytes for its second, and the other two stand alone. */
static uint64_t carve_spm(struct tokenization *job, struct arena *arena, const uint8_t *text, size_t text_bytes) {
  uint64_t n_spaces = 1;
  for (size_t at = 0; at < text_bytes; at++) n_spaces += text[at] == ' ';
  job->text = arena_carve(arena, text_bytes + 1 + 2 * n_spaces, 1);
  return text_bytes + 1 + n_spaces;
}

/* BPE: a byte that is no part of a character becomes the three of U+FFFD, so it needs 2 bytes more, as does a space that
 * becomes U+2581; at either end of a stretch, where a special token may cut a character, there are up to 3 of those that the whole text does not show.
 * Each byte is a symbol then, written as a character of up to two bytes. */
static uint64_t carve_bpe(struct tokenization *job, struct arena *arena, const uint8_t *text, size_t text_bytes) {
  const bool escapes_spaces = job->vocab->pre && job->vocab->pre->escapes_spaces;
  uint64_t n = text_bytes + 2 * 3 * 2;
  for (size_t at = 0, begin; begin = at, at < text_bytes;) {
    const uint32_t c = utf8_read(text, text_bytes, &at);
    if ((c == REPLACEMENT && at - begin == 1) || (c == ' ' && escapes_spaces)) n += 2;
  }
  if (job->vocab->lowercases) n += text_bytes; /* small letters may be longer */
  job->cache = arena_carve(arena, 1, sizeof *job->cache);
  if (job->cache) memset(job->cache, 0, sizeof *job->cache);
  job->word = arena_carve(arena, 2 * n, 1);
  job->text = arena_carve(arena, n, 1);
  return n;
}

/* PLaMo: as with BPE a byte becomes three at most. */
static void carve_plamo(struct tokenization *job, struct arena *arena, size_t text_bytes) {
  const uint64_t n = 3 * (uint64_t)text_bytes;
  job->best = arena_carve(arena, n + 1, sizeof *job->best);
  job->text = arena_carve(arena, n, 1);
}

/* What merging needs: of n symbols n - 1 pairs, and each merge takes one and gives up to two. */
static void carve_merges(struct tokenization *job, struct arena *arena, uint64_t n) {
  job->symbols = arena_carve(arena, n, sizeof *job->symbols);
  job->heap = arena_carve(arena, 2 * n, sizeof *job->heap);
}

static void carve(struct tokenization *job, struct arena *arena, const uint8_t *text, size_t text_bytes) {
  job->marks = arena_carve(arena, text_bytes, sizeof *job->marks);
  switch (job->vocab->tokenizer) {
    case TOKENIZER_BPE: carve_merges(job, arena, carve_bpe(job, arena, text, text_bytes)); break;
    case TOKENIZER_SPM: carve_merges(job, arena, carve_spm(job, arena, text, text_bytes)); break;
    case TOKENIZER_UGM: carve_ugm(job, arena, text, text_bytes); break;
    case TOKENIZER_PLAMO: carve_plamo(job, arena, text_bytes); break;
    case TOKENIZER_WPM: job->text = arena_carve(arena, 3 + 2 * (uint64_t)text_bytes, 1); break; /* small letters may be longer */
    case TOKENIZER_RWKV: case TOKENIZER_UNKNOWN: break;
  }
}

size_t sotto_tokenize_measure(const sotto_model *model, const char *text, size_t text_bytes) {
  struct tokenization job = {.vocab = &model->vocab};
  struct arena arena = {0};
  carve(&job, &arena, (const uint8_t *)text, text_bytes);
  return arena_overflows(&arena) ? SIZE_MAX : (size_t)arena.used;
}

static void put_known(struct tokenization *job, int32_t token) {
  if (token != NO_TOKEN) put_token(job, token);
}

/* What ends the first text of a pair, for which a separator does where there is no such token, and a separator. */
static void put_between(struct tokenization *job) {
  const struct vocab *vocab = job->vocab;
  if (vocab->add_eos) put_known(job, vocab->eos != NO_TOKEN ? vocab->eos : vocab->separator);
  if (vocab->add_separator) put_known(job, vocab->separator);
}

enum sotto_status sotto_tokenize(const sotto_model *model, const char *text, size_t text_bytes, uint32_t flags,
                                 void *scratch, size_t scratch_bytes, int32_t *tokens, size_t tokens_cap,
                                 size_t *n_tokens) {
  const struct vocab *vocab = &model->vocab;
  struct tokenization job = {.vocab = vocab, .tokens = tokens, .tokens_cap = tokens_cap};
  struct arena arena = {scratch, 0, scratch_bytes};
  RETURN_IF(!vocab->can_tokenize, SOTTO_UNSUPPORTED_TOKENIZER);
  RETURN_IF(text_bytes > MAX_TEXT, SOTTO_INVALID_ARGUMENT);
  carve(&job, &arena, (const uint8_t *)text, text_bytes);
  RETURN_IF(arena_overflows(&arena), SOTTO_OUT_OF_MEMORY);
  if (flags & (SOTTO_TOKENIZE_BOS_EOS | SOTTO_TOKENIZE_FIRST) && vocab->add_bos) put_known(&job, vocab->bos);
  mark_special(&job, (const uint8_t *)text, text_bytes, flags & SOTTO_TOKENIZE_SPECIAL);
  tokenize_marked(&job, (const uint8_t *)text, text_bytes);
  if (flags & SOTTO_TOKENIZE_FIRST) put_between(&job);
  const int32_t last = vocab->tokenizer == TOKENIZER_WPM ? vocab->separator : vocab->add_eos ? vocab->eos : NO_TOKEN;
  if (flags & (SOTTO_TOKENIZE_BOS_EOS | SOTTO_TOKENIZE_SECOND)) put_known(&job, last);
  *n_tokens = job.n_tokens;
  return job.n_tokens > tokens_cap ? SOTTO_NO_SPACE : SOTTO_OK;
}
