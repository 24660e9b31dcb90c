/* pattern.h: the regular expressions of pre-tokenizers, matched as they are written in a model's tokenizer.json. */
#ifndef SOTTO_PATTERN_H
#define SOTTO_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define NO_MATCH SIZE_MAX

/* Where the match that begins at `at` ends, in text (n_bytes) of valid UTF-8; NO_MATCH: there is none. */
size_t pattern_match(const char *pattern, const uint8_t *text, size_t n_bytes, size_t at);

#endif
