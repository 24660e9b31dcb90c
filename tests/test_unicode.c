/* test_unicode.c: characters: UTF-8, classes, small letters, and the characters that stand for bytes in BPE. */
#include "tiny_vocab.h"

#include "../src/tokenize.h"
#include "../src/unicode.h"

static void every_character_is_read_as_it_was_written(void) {
  for (uint32_t c = 0; c < 0x110000; c++) {
    uint8_t bytes[4];
    const size_t n = utf8_write(bytes, c);
    size_t at = 0;
    if (!CHECK(utf8_read(bytes, n, &at) == c && at == n && utf8_length(bytes[0]) == n)) break;
  }
}

static void bytes_that_are_no_character_are_replaced_one_by_one(void) {
  static const char *const texts[] = {
      "\x80", "\xbf", "\xc3", "\xc3(", "\xe2\x82", "\xe2(\xa1", "\xe2\x82(", "\xf0\x9f\x98", "\xf0\x9f(\x80",
      "\xf4\x90\x80\x80", "\xf7\xbf\xbf\xbf", "\xf8\x88\x80\x80\x80", "\xfe", "\xff",
  };
  for (size_t i = 0; i < LENGTH(texts); i++) {
    const size_t n = strlen(texts[i]);
    uint8_t *text = copy_of(texts[i], n);
    size_t at = 0;
    CHECK(utf8_read(text, n, &at) == REPLACEMENT && at == 1);
    free(text);
  }
}

static void overlong_forms_and_surrogates_are_what_they_spell(void) {
  size_t at = 0;
  CHECK(utf8_read((const uint8_t *)"\xc1\x81", 2, &at) == 'A' && at == 2);
  at = 0;
  CHECK(utf8_read((const uint8_t *)"\xed\xa0\x80", 3, &at) == 0xd800 && at == 3);
}

static void classes_of_characters(void) {
  static const struct { uint32_t c; enum char_class class; } cases[] = {
      {0, CLASS_CONTROL}, {' ', CLASS_OTHER}, {'a', CLASS_LETTER}, {'5', CLASS_NUMBER}, {'!', CLASS_PUNCTUATION}, {'$', CLASS_SYMBOL},
      {0x301, CLASS_MARK}, {0xbd, CLASS_NUMBER}, {0x378, CLASS_OTHER}, {0x2163, CLASS_NUMBER}, {0x4e2d, CLASS_LETTER},
      {0x9ffc, CLASS_LETTER}, {0xd800, CLASS_CONTROL}, {0xe000, CLASS_CONTROL}, {0xad, CLASS_CONTROL}, {0x1f600, CLASS_SYMBOL},
      {0x20000, CLASS_LETTER}, {0xe0100, CLASS_MARK}, {0x10ffff, CLASS_OTHER},
  };
  for (size_t i = 0; i < LENGTH(cases); i++) CHECK(unicode_class(cases[i].c) == cases[i].class);
}

static void small_letters_and_first_parts(void) {
  static const struct { uint32_t c, lowercase, first_part; } cases[] = {
      {'A', 'a', 'A'}, {'a', 'a', 'a'}, {'@', '@', '@'}, {'[', '[', '['}, {0xc9, 0xe9, 'E'}, {0xd7, 0xd7, 0xd7}, {0x100, 0x101, 'A'},
      {0x101, 0x101, 'a'}, {0x130, 'i', 'I'}, {0x212a, 'k', 'K'}, {0x1f88, 0x1f80, 0x391}, {0x13a0, 0xab70, 0x13a0}, {0x1e921, 0x1e943, 0x1e921},
      {0xac01, 0xac01, 0x1100}, {0xd7a3, 0xd7a3, 0x1112}, {0xf900, 0xf900, 0x8c48}, {0x2fa1d, 0x2fa1d, 0x2a600}, {0x110000, 0x110000, 0x110000},
  };
  for (size_t i = 0; i < LENGTH(cases); i++) {
    CHECK(unicode_lowercase(cases[i].c) == cases[i].lowercase);
    CHECK(unicode_first_part(cases[i].c) == cases[i].first_part);
  }
}

static void spaces(void) {
  static const uint32_t others[] = {0, 8, 0xe, 0x1c, 0x84, 0x86, 0x180e, 0x200b, 0x2060, 0xfeff, '_'};
  uint32_t n = 0;
  for (uint32_t c = 0; c < 0x110000; c++) n += unicode_is_space(c);
  CHECK(n == 25); /* PropList.txt: White_Space */
  for (size_t i = 0; i < LENGTH(others); i++) CHECK(!unicode_is_space(others[i]));
}

static void bytes_and_characters_of_bpe_are_a_bijection(void) {
  bool is_taken[0x200] = {false};
  for (int byte = 0; byte < 256; byte++) {
    const uint32_t c = bpe_char_of_byte((uint8_t)byte);
    REQUIRE(c < 0x200 && !is_taken[c]);
    is_taken[c] = true;
    CHECK(bpe_byte_of_char(c) == byte);
  }
  for (uint32_t c = 0; c < 0x110000; c++) CHECK((bpe_byte_of_char(c) >= 0) == (c < 0x200 && is_taken[c]));
  CHECK(bpe_char_of_byte('a') == 'a' && bpe_char_of_byte(' ') == 0x120 && bpe_char_of_byte(0xad) == 0x143);
}

int main(void) {
  RUN(every_character_is_read_as_it_was_written);
  RUN(bytes_that_are_no_character_are_replaced_one_by_one);
  RUN(overlong_forms_and_surrogates_are_what_they_spell);
  RUN(classes_of_characters);
  RUN(small_letters_and_first_parts);
  RUN(spaces);
  RUN(bytes_and_characters_of_bpe_are_a_bijection);
  return test_end();
}
