/* pattern.h: the regular expressions of pre-tokenizers, matched as they are written in a model's tokenizer.json. */
#ifndef SOTTO_PATTERN_H
#define SOTTO_PATTERN_H

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

/* Where the match that begins at `at` ends, in text (n_bytes) of valid UTF-8; NO_MATCH: there is none. */
size_t pattern_match(const char *pattern, const uint8_t *text, size_t n_bytes, size_t at);

#endif
