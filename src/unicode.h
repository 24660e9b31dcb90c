/* unicode.h: UTF-8, and what tokenizers ask of a character. */
#ifndef SOTTO_UNICODE_H
#define SOTTO_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLACEMENT 0xfffdu /* U+FFFD, for bytes that are no character */

/* General categories of the standard, by their first letter; others are spaces and what is not assigned. */
enum char_class { CLASS_OTHER, CLASS_LETTER, CLASS_NUMBER, CLASS_MARK, CLASS_PUNCTUATION, CLASS_SYMBOL, CLASS_CONTROL };

enum char_class unicode_class(uint32_t code_point);
uint32_t unicode_lowercase(uint32_t code_point);
uint32_t unicode_first_part(uint32_t code_point); /* without its marks: the first of what it is taken apart to (NFD) */
bool unicode_is_space(uint32_t code_point); /* the property White_Space */

/* Reads the character at *at and moves on: one byte and REPLACEMENT where there is none. As llama.cpp does, takes
 * overlong forms and surrogates for what they spell. */
uint32_t utf8_read(const uint8_t *text, size_t n_bytes, size_t *at);
size_t utf8_write(uint8_t out[4], uint32_t code_point); /* 1 to 4 bytes */
size_t utf8_length(uint8_t first_byte);                 /* of the character that begins so; 1 where none does */

#endif
