/* pattern.h: the regular expressions of pre-tokenizers, matched as they are written in a model's tokenizer.json. */
#ifndef SOTTO_PATTERN_H
#define SOTTO_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NO_MATCH SIZE_MAX

/* Parts that many patterns share; each is a group. */
#define PART_CONTRACTION "\\1"
#define PART_WORD "\\2"            /* letters and one character before them */
#define PART_MARKS "\\3"           /* neither letters nor numbers, and the ends of lines after them */
#define PART_LINES_AND_SPACE "\\4"
#define PART_SPACE "\\5"
#define PART_GPT2 "\\6"
#define PART_AFTER_A_MARK "\\7"    /* letters after a mark of ASCII, or after anything else */
#define PART_CJK "\\8"
#define PART_EASTERN "\\9"     /* from U+0800 to the end of CJK, and Hangul */

/* What has been found out of one item of a pattern: so that a text is gone through once, however often matches begin anew. */
struct pattern_item {
  const char *at;          /* the item in its pattern; NULL: a free place */
  const char *rest;        /* behind it and its count; NULL: not looked up yet */
  const char *next;        /* behind the alternative that begins with it; NULL likewise */
  size_t min, max;         /* how often */
  uint64_t known[2], is_in[2]; /* by ASCII character: was it looked up, does the item take it */
  uint32_t other;          /* the last character beyond ASCII that was looked up; 0: none yet */
  bool takes_other;
  const uint8_t *run, *run_end, *text_end; /* the last run of characters that it takes, in the text that ends there */
  const uint8_t *tried;    /* the rest of the pattern has been tried at [tried, run_end] */
  const uint8_t *found, *found_end; /* the last place of these where it matched, and to where; NULL: nowhere */
};

#define PATTERN_ITEMS 256 /* a power of two, more than twice as many as any pre-tokenizer has */

/* Zero at first; for the patterns of one pre-tokenizer. */
struct pattern_cache { struct pattern_item items[PATTERN_ITEMS]; };
void pattern_forget_text(struct pattern_cache *cache); /* before the bytes of a text that was matched change */

/* Where the match that begins at `at` ends, in text (n_bytes) of valid UTF-8; NO_MATCH: there is none. */
size_t pattern_match(const char *pattern, struct pattern_cache *cache, const uint8_t *text, size_t n_bytes, size_t at);

#endif
