/* vocab.h: the file's tokens and merges as look-up tables. Texts stay where they are, in the file's header. */
#ifndef SOTTO_VOCAB_H
#define SOTTO_VOCAB_H

#include "arena.h"
#include "gguf.h"

#define NO_TOKEN (-1)
#define MAX_SPECIAL_BYTES 255 /* real ones have up to 60; longer ones are not looked for in texts */

#define REACH_BYTES 4   /* for texts that begin with so many bytes alike */
#define REACH_SLOTS (1u << 14)

enum tokenizer {
  TOKENIZER_UNKNOWN,
  TOKENIZER_BPE, /* byte-level byte-pair encoding (Radford et al., 2019): "gpt2" */
  TOKENIZER_SPM, /* SentencePiece's byte-pair encoding, by scores (Kudo and Richardson, 2018): "llama" */
  TOKENIZER_UGM,  /* SentencePiece's unigrams, the most likely pieces of all (Kudo, 2018): "t5" */
  TOKENIZER_PLAMO, /* PLaMo 2's unigrams: "plamo2" */
  TOKENIZER_RWKV, /* the longest tokens from left to right: "rwkv" */
  TOKENIZER_WPM, /* WordPiece, the longest pieces of a word (Wu et al., 2016): "bert" */
};

/* What a token is, by the numbers of tokenizer.ggml.token_type. */
enum token_kind {
  TOKEN_UNDEFINED, TOKEN_NORMAL, TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_USER_DEFINED, TOKEN_UNUSED, TOKEN_BYTE
};

enum token_trait {
  TRAIT_ENDS = 1,         /* ends a text or a turn */
  TRAIT_STRIPS_LEFT = 2,  /* a special token that takes the spaces before it away */
  TRAIT_STRIPS_RIGHT = 4, /* or after it */
};

/* DNA in a text: how it begins and ends, and what its tokens have behind them (U+E000). */
#define DNA_BEGIN "<dna>"
#define DNA_END "</dna>"
#define DNA_UNKNOWN "<oov>"
#define KMER_MARK "\xee\x80\x80"
#define KMER_MARK_BYTES 3
struct dna {
  int32_t begin, end, unknown; /* tokens */
};

/* An array of strings in the file, and a hash table of them. */
struct strings {
  const uint8_t *data;   /* each an 8-byte length and its bytes */
  uint32_t *offsets;     /* (n) of the bytes in data */
  uint32_t *slots;       /* (n_slots, a power of two) index + 1 of a string, or 0; the next slot when one is taken */
  uint32_t n, n_slots;
};

struct vocab {
  enum tokenizer tokenizer;
  const struct pre_tokenizer *pre; /* of BPE: how text is cut into words (tokenize_bpe.c) */
  bool can_tokenize;
  bool add_bos, add_eos, add_space_prefix;
  bool add_separator;              /* between two texts, after what ends the first */
  bool lowercases, strips_accents;  /* of WordPiece, and the first of BPE that drops spaces */
  bool drops_spaces;               /* BPE of the words between them: "whitespace" */
  bool reads_dna;                  /* BPE, and DNA by six letters: "hybriddna" */
  struct dna dna;
  int32_t bos, eos, eot, unknown;  /* NO_TOKEN: none */
  int32_t separator;               /* also WordPiece's at the end of a text */
  bool merges_spaces;              /* of unigrams: several become one, those at the end none */
  const uint8_t *charsmap;         /* (charsmap_bytes) of unigrams: how text is normalised (tokenize_ugm.c); or NULL */
  uint32_t charsmap_bytes;
  double unknown_score;            /* of a character that is no token */
  struct strings tokens;           /* (n_tokens); there may be more rows of embeddings than tokens */
  struct strings merges;           /* (n_merges) "left right", the best first */
  const uint8_t *scores;           /* (n_tokens) float or int32_t, unaligned; NULL: all 0 */
  bool has_whole_scores;
  uint8_t *kinds;                  /* (n_tokens) enum token_kind */
  uint8_t *traits;                 /* (n_tokens) enum token_trait, any of them */
  uint32_t max_token_bytes;        /* the longest text */
  uint32_t *reach;                 /* (REACH_SLOTS) the longest of the texts whose first bytes have this hash */
  /* Of the tokens that are cut out of a text before it is tokenized: their first and last bytes, their lengths. */
  bool begins_special[256], ends_special[256], special_lengths[MAX_SPECIAL_BYTES + 1];
};

/* Reads what the file says of its tokenizer. One that is unknown is no error: can_tokenize is false. */
enum sotto_status vocab_open(struct vocab *vocab, const sotto_gguf *gguf, uint32_t n_rows, struct arena *arena,
                             struct sotto_error *error);

const uint8_t *strings_get(const struct strings *strings, uint32_t index, uint32_t *n_bytes);
uint32_t strings_find(const struct strings *strings, const uint8_t *text, uint32_t n_bytes); /* UINT32_MAX: not there */
/* The string `left right`, whose parts lie beside each other in memory. */
uint32_t strings_find_pair(const struct strings *strings, const uint8_t *text, uint32_t left_bytes, uint32_t right_bytes);

int32_t vocab_find(const struct vocab *vocab, const uint8_t *text, uint32_t n_bytes); /* NO_TOKEN */
int32_t vocab_find_byte(const struct vocab *vocab, uint8_t byte); /* "<0x0A>"; NO_TOKEN */
/* Walks the tokens that a text begins with, from the shortest: start with a walk of zeros. NO_TOKEN: there are no more. */
struct prefix_walk {
  uint32_t n_bytes; /* of the token found last */
  uint32_t limit;   /* no token is longer */
  uint32_t hash;
};
int32_t vocab_next_prefix(const struct vocab *vocab, const uint8_t *text, size_t n_bytes, struct prefix_walk *walk);
float vocab_score(const struct vocab *vocab, int32_t token);
/* Control, user-defined and unknown tokens: found in a text before anything else. */
bool vocab_is_special(const struct vocab *vocab, int32_t token);

#endif
