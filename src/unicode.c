/* unicode.c: UTF-8, and what tokenizers ask of a character. Generated tables: make-unicode.py. */
#include "unicode.h"

/* Tables are in blocks of 256 characters, each with bytes of its own up to the next one's. */
struct block {
  uint16_t number, offset;
};

#include "unicode_data.inc"

#define N_BLOCKS(blocks) (sizeof(blocks) / sizeof *(blocks) - 1) /* the last one is the end of the others */

/* The last block that is not after c's. */
static const struct block *find_block(const struct block *blocks, size_t n, uint32_t c) {
  size_t low = 0, high = n;
  while (high - low > 1) {
    const size_t middle = (low + high) / 2;
    if (blocks[middle].number <= c >> 8) low = middle;
    else high = middle;
  }
  return blocks + low;
}

/* An entry is a gap from where the last one began and a class: in one byte, or the gap in a second one. */
enum char_class unicode_class(uint32_t c) {
  if ((c | 0x20) - 'a' < 26) return CLASS_LETTER;
  const struct block *block = find_block(class_blocks, N_BLOCKS(class_blocks), c);
  enum char_class class = CLASS_OTHER;
  const uint8_t *p = class_bytes + block[0].offset, *end = class_bytes + block[1].offset;
  for (uint32_t begin = (uint32_t)block->number << 8; p < end;) {
    const uint8_t entry = *p++;
    begin += entry >> 3 < 31 ? entry >> 3 : *p++;
    if (begin > c) break;
    class = (enum char_class)(entry & 7);
  }
  return class;
}

static uint32_t read_number(const uint8_t **p) {
  uint32_t number = 0;
  do number = number << 7 | (**p & 127);
  while (*(*p)++ & 128);
  return number;
}

static uint32_t read_signed(const uint8_t **p) {
  const uint32_t number = read_number(p);
  return number & 1 ? ~(number >> 1) : number >> 1;
}

/* An entry is a run of characters: a gap from where the last run began, a count, whether it is every other character,
 * and what the first becomes, as a difference from what the last run's first becomes. c when it is in none; *first: the
 * first of c's run. */
static uint32_t find_run(const struct block *blocks, size_t n, const uint8_t *bytes, uint32_t c, uint32_t *first) {
  const struct block *block = find_block(blocks, n, c);
  uint32_t begin = (uint32_t)block->number << 8, target = begin;
  *first = c;
  if (block->number != c >> 8) return c;
  for (const uint8_t *p = bytes + block[0].offset, *end = bytes + block[1].offset; p < end;) {
    const uint8_t entry = *p++;
    begin += entry & 7 ? entry >> 3 : read_number(&p);
    const uint32_t run = entry & 7 ? (entry & 7) << 1 : read_number(&p), step = 1 + (run & 1);
    target += read_signed(&p);
    if (begin > c) break;
    if ((c - begin) / step >= run >> 1 || (c - begin) % step) continue;
    *first = begin;
    return target;
  }
  return c;
}

uint32_t unicode_lowercase(uint32_t c) {
  uint32_t first;
  const uint32_t target = find_run(lowercase_blocks, N_BLOCKS(lowercase_blocks), lowercase_bytes, c, &first);
  return target + (c - first);
}

uint32_t unicode_first_part(uint32_t c) {
  uint32_t first;
  if (c >= 0xac00 && c < 0xd7a4) return 0x1100 + (c - 0xac00) / 588; /* a syllable of Hangul and its first letter */
  return find_run(first_part_blocks, N_BLOCKS(first_part_blocks), first_part_bytes, c, &first);
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
