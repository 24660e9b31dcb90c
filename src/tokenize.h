/* tokenize.h: what the tokenizers share: the pairs of symbols that are merged, and where tokens go. */
#ifndef SOTTO_TOKENIZE_H
#define SOTTO_TOKENIZE_H

#include "pattern.h"
#include "vocab.h"

#define ESCAPED_SPACE 0x2581u /* how SentencePiece writes a space */

/* Numbers whose last digits are cut into groups of three before any pattern cuts: of whatever script, each group but the
 * first a piece, so that the first stays with the text before it; or of ASCII digits, where only their beginnings are cut. */
enum grouping { NO_GROUPS, GROUPS_OF_NUMBERS, GROUPS_OF_DIGITS };

/* How BPE cuts text into words before it merges (tokenize_bpe.c). */
struct pre_tokenizer {
  const char *names;       /* values of tokenizer.ggml.pre, a space after each */
  const char *patterns[7]; /* each cuts the pieces of the one before it; pattern.h */
  enum grouping grouping;
  bool ignores_merges;     /* a word that is a token stays whole */
  bool joins_lines;        /* so does one of newlines alone */
  bool is_plain;           /* words are merged as they are, not byte by byte */
  bool escapes_spaces;
  bool add_bos, add_separator; /* where the file does not say */
  bool forces_bos;         /* whatever the file says */
  bool lacks_bos;          /* where the file names none */
  bool needs_no_merges;    /* in the file */
};
const struct pre_tokenizer *pre_tokenizer_find(const uint8_t *name, uint32_t n_bytes); /* NULL: unknown */

/* A part of a word, in a list. */
struct symbol {
  uint32_t begin, n_bytes;  /* in the word; n_bytes 0: it has become part of the one before it */
  uint32_t previous, next;  /* NO_SYMBOL at the ends */
};
#define NO_SYMBOL UINT32_MAX

/* A pair of neighbours that may become one. */
struct merge {
  uint32_t rank;            /* the lowest goes first, of equal ones the leftmost */
  uint32_t left;            /* symbol */
  uint32_t n_bytes;         /* of both: not so any more once one of them has grown or gone */
};

/* The most likely tokens up to a place in a text end with this one; of PLaMo's, those from there on begin with it. */
struct best {
  double score;             /* the sum of theirs */
  uint32_t other_end;       /* of that one */
  int32_t token;
};

/* False: these parts, which lie beside each other, do not become one. */
typedef bool rank_fn(const struct vocab *vocab, const uint8_t *text, uint32_t left_bytes, uint32_t right_bytes, uint32_t *rank);

struct tokenization {
  const struct vocab *vocab;
  int32_t *tokens;          /* (tokens_cap) */
  size_t tokens_cap, n_tokens; /* n_tokens may be more than there is room for */
  int32_t *marks;           /* (text_bytes) a special token where its text begins, COVERED on the rest of it, FREE elsewhere */
  uint8_t *text;            /* a stretch between special tokens, in the form that is tokenized */
  struct pattern_cache *cache; /* BPE: of its patterns */
  uint8_t *word;            /* BPE: one word of it, a character for each byte */
  struct best *best;        /* unigrams: (bytes of the text + 1) */
  struct symbol *symbols;
  struct merge *heap;
  uint32_t n_symbols, n_heap;
};

void put_token(struct tokenization *job, int32_t token);
/* Merges the neighbours in job->symbols, n_symbols of them in `text`, until none is left that `rank` knows. */
void merge_symbols(struct tokenization *job, const uint8_t *text, rank_fn *rank);
void add_symbol(struct tokenization *job, uint32_t begin, uint32_t n_bytes);

void tokenize_bpe(struct tokenization *job, const uint8_t *text, size_t n_bytes);
void tokenize_dna(struct tokenization *job, const uint8_t *text, size_t n_bytes);
void tokenize_plamo(struct tokenization *job, const uint8_t *text, size_t n_bytes);
void tokenize_ugm(struct tokenization *job, const uint8_t *text, size_t n_bytes);
void carve_ugm(struct tokenization *job, struct arena *arena, const uint8_t *text, size_t text_bytes);
void tokenize_wpm(struct tokenization *job, const uint8_t *text, size_t n_bytes);
void tokenize_spm(struct tokenization *job, const uint8_t *text, size_t n_bytes, bool with_prefix);

/* Byte-level BPE writes each byte as a character that can be printed. */
uint32_t bpe_char_of_byte(uint8_t byte);
int bpe_byte_of_char(uint32_t code_point); /* -1: none */

#endif
