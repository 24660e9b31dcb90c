/* unicode.c: UTF-8, and the classes of characters that pre-tokenizers tell apart. */
#include "unicode.h"

#define R(begin, name) ((uint32_t)(begin) << 3 | CLASS_##name)
static const uint32_t ranges[] = {
#include "unicode_data.inc"
};
#undef R

#define N_RANGES (sizeof ranges / sizeof *ranges)

enum char_class unicode_class(uint32_t code_point) {
  size_t low = 0, high = N_RANGES; /* ranges[low] begins at or before the code point, ranges[high] after it */
  while (high - low > 1) {
    const size_t middle = (low + high) / 2;
    if (ranges[middle] >> 3 <= code_point) low = middle;
    else high = middle;
  }
  return (enum char_class)(ranges[low] & 7);
}

bool unicode_is_space(uint32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
         c == 0x205f || c == 0x3000;
}

size_t utf8_length(uint8_t first_byte) {
  return first_byte < 0xc0 ? 1 : first_byte < 0xe0 ? 2 : first_byte < 0xf0 ? 3 : 4;
}

uint32_t utf8_read(const uint8_t *text, size_t n_bytes, size_t *at) {
  static const uint8_t first_bits[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  const uint8_t first = text[(*at)++];
  if (first < 0x80) return first;
  const size_t length = utf8_length(first);
  if (length == 1 || first >= 0xf8 || length - 1 > n_bytes - *at) return REPLACEMENT;
  uint32_t c = first & first_bits[length];
  for (size_t i = 0; i < length - 1; i++) {
    if ((text[*at + i] & 0xc0) != 0x80) return REPLACEMENT;
    c = c << 6 | (text[*at + i] & 0x3f);
  }
  if (c > 0x10ffff) return REPLACEMENT;
  *at += length - 1;
  return c;
}

size_t utf8_write(uint8_t out[4], uint32_t c) {
  if (c < 0x80) {
    out[0] = (uint8_t)c;
    return 1;
  }
  const size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const uint8_t first_bits[5] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = length - 1; i > 0; i--, c >>= 6) out[i] = (uint8_t)(0x80 | (c & 0x3f));
  out[0] = (uint8_t)(first_bits[length] | c);
  return length;
}
