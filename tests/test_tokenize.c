/* test_tokenize.c: text -> tokens: characters, patterns, and both tokenizers on vocabularies small enough to be worked
 * out by hand. Every buffer has its exact size, so that the sanitizers see a step beyond it. */
#include "tiny_vocab.h"

#include "../src/pattern.h"
#include "../src/tokenize.h"
#include "../src/unicode.h"

/* ---- characters ---- */

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

/* ---- patterns ---- */

static size_t match(const char *pattern, const char *text, size_t at) {
  const size_t n = strlen(text);
  uint8_t *copy = copy_of(text, n);
  struct pattern_cache cache = {0};
  const size_t end = pattern_match(pattern, &cache, copy, n, at);
  free(copy);
  return end;
}

static void constructs_of_patterns(void) {
  static const struct { const char *pattern, *text; size_t end; } cases[] = {
      {"abc", "abcd", 3}, {"abc", "abx", NO_MATCH}, {"abc", "ab", NO_MATCH}, {"", "a", 0}, {"é", "éa", 2},
      {"é", "è", NO_MATCH},
      {"a|ab", "ab", 1}, {"ab|a", "ax", 1}, {"a|b|c", "c", 1}, {"a|b|c", "d", NO_MATCH}, {"a|", "b", 0},
      {"\\r\\n", "\r\n", 2}, {"\\[\\]", "[]", 2}, {"\\t", "\t", 1},
      {"[a-c]+", "abcd", 3}, {"[^a-c]+", "xyzc", 3}, {"[a\\]b]+", "a]b|", 3}, {"[-x]+", "x-y", 2}, {"[x-]+", "x-y", 2},
      {"[\\r\\n]+", "\r\n ", 2}, {"[à-ü]", "é", 2}, {"[à-ü]", "þ", NO_MATCH}, {"[^\\s\\p{L}\\p{N}]+", "!?a", 2},
      {"[^\\r\\n\\p{L}\\p{N}]", "\n", NO_MATCH}, {"[\\p{L}1]+", "é1 ", 3}, {"[$+]+", "+$-", 2},
      {"\\s", "\xe3\x80\x80x", 3}, {"\\s", "x", NO_MATCH}, {"\\S", "x", 1}, {"\\S", " ", NO_MATCH},
      {"\\p{L}", "ß", 2}, {"\\p{N}", "Ⅳ", 3}, {"\\p{M}", "\xcc\x81", 2}, {"\\p{P}", "…", 3}, {"\\p{S}", "€", 3},
      {"\\p{L}", "1", NO_MATCH},
      {"a?b", "b", 1}, {"a?b", "ab", 2}, {"a?b", "aab", NO_MATCH}, {"a*", "aaab", 3}, {"a*", "b", 0}, {"a+", "aab", 2},
      {"a+", "b", NO_MATCH}, {"a{3}", "aaaa", 3}, {"a{3}", "aa", NO_MATCH}, {"a{1,3}", "aaaa", 3}, {"a{1,3}", "aab", 2},
      {"a{2,3}b", "ab", NO_MATCH}, {"a{12}", "aaaaaaaaaaaaa", 12},
      {"(?:a|b)c", "bc", 2}, {"(?:a|b)c", "cc", NO_MATCH}, {"(?:ab|c)?d", "abd", 3}, {"(?:ab|c)?d", "d", 1},
      {"(?:a|(?:b|c))d", "cd", 2}, {"(?:[)]|a)b", ")b", 2}, {"(?:\\)|a)b", "ab", 2},
      {"a(?!b)", "ac", 1}, {"a(?!b)", "ab", NO_MATCH}, {"a(?!b)", "a", 1}, {"a(?![bc])d", "ad", 2},
      /* giving back what was taken */
      {"a+a", "aaa", 3}, {"a+ab", "aaab", 4}, {"a*aa", "aa", 2}, {"é+é", "ééé", 6}, {"\\s*[\\r\\n]+", "  \n \n  x", 5},
      {"\\s+(?!\\S)", "  x", 1}, {"\\s+(?!\\S)", " x", NO_MATCH}, {"\\s+(?!\\S)", "  ", 2},
      {"\\s+(?!\\S)", "\xe3\x80\x80\xe3\x80\x80x", 3},
      {"(?:a|ab)c", "abc", NO_MATCH}, /* but not a group */
      {"(?:ab)*a", "ababa", 5}, {"(?:ab|c)+", "abcabx", 5}, {"(?:ab)+", "a", NO_MATCH}, {"(?:a|b){2}c", "abc", 3},
      {"(?:a|b){2}c", "bc", NO_MATCH}, {"(?:a?)*b", "aab", 3}, {"(?:[(&&[^)]])b", "(b", 2},
      {"[a-z&&[^b-y]]+", "azb", 2}, {"[a-c\\p{N}&&\\S&&[^b]]+", "a1cb", 3}, {"[^a&&[^b]]", "b", 1},
      {"\\s+$", "  ", 2}, {"\\s+$", "  a", NO_MATCH}, {"a$|ab", "ab", 2},
      {PART_CONTRACTION "?x", "'Llx", 4}, {PART_CONTRACTION "|x", "x", 1}, {PART_WORD, "-ab-", 3}, {PART_CJK "a", "日a", 4},
  };
  for (size_t i = 0; i < LENGTH(cases); i++)
    if (!CHECK(match(cases[i].pattern, cases[i].text, 0) == cases[i].end))
      printf("  %s on %s\n", cases[i].pattern, cases[i].text);
  CHECK(match("b", "ab", 1) == 2 && match("b", "ab", 0) == NO_MATCH);
  CHECK(match("a", "ab", 2) == NO_MATCH && match("a*", "ab", 2) == 2);
}

/* What pattern `index` of a pre-tokenizer makes of a text: its matches and what is between them, a bar between two. */
static bool cuts(const char *name, int index, const char *text, const char *expected) {
  const char *pattern = pre_tokenizer_find((const uint8_t *)name, (uint32_t)strlen(name))->patterns[index];
  const size_t n = strlen(text);
  char found[256];
  size_t n_found = 0, piece = 0, end;
  for (size_t at = 0; at < n; at = end) {
    end = match(pattern, text, at);
    if (n_found && (end != NO_MATCH || piece == at)) found[n_found++] = '|';
    if (end != NO_MATCH) piece = end;
    else end = at + utf8_length((uint8_t)text[at]);
    memcpy(found + n_found, text + at, end - at);
    n_found += end - at;
  }
  found[n_found] = 0;
  if (strcmp(found, expected)) printf("  %s: %s\n", name, found);
  return strcmp(found, expected) == 0;
}

static void patterns_of_gpt2(void) {
  CHECK(cuts("gpt-2", 0, "Hello world", "Hello| world"));
  CHECK(cuts("gpt-2", 0, "I'm we'll 'tis I'M", "I|'m| we|'ll| '|tis| I|'|M"));
  CHECK(cuts("gpt-2", 0, "x1.5 22!?", "x|1|.|5| 22|!?"));
  CHECK(cuts("gpt-2", 0, "a  b \n c  ", "a| | b| \n| c|  "));
  CHECK(cuts("gpt-2", 0, "e\xcc\x81x \xcc\x81", "e|\xcc\x81|x| \xcc\x81"));
  CHECK(cuts("gpt-2", 0, "日本 、語", "日本| 、|語"));
}

static void patterns_of_llama3_and_its_kin(void) {
  CHECK(cuts("llama-bpe", 0, "I'LL it's", "I|'LL| it|'s"));
  CHECK(cuts("llama-bpe", 0, "12345 678", "123|45| |678"));
  CHECK(cuts("llama-bpe", 0, "a\r\n\nb  \n  c", "a|\r\n\n|b|  \n| | c"));
  CHECK(cuts("llama-bpe", 0, "\tx .\n\ny (z", "\tx| .\n\n|y| (|z"));
  CHECK(cuts("qwen2", 0, "it's 123\n", "it|'s| |1|2|3|\n"));
  CHECK(cuts("qwen2", 0, "e\xcc\x81x", "e|\xcc\x81x"));
  CHECK(cuts("qwen35", 0, "e\xcc\x81x(\xcc\x81!", "e\xcc\x81x|(\xcc\x81|!"));
}

static void patterns_before_gpt2(void) {
  CHECK(cuts("smollm", 0, "a12 ٣b", "a|1|2| |٣|b"));
  CHECK(cuts("default", 0, "a$+!b`c", "a|$+!|b`c"));
  CHECK(cuts("default", 2, " 12a", " |12|a"));
  CHECK(cuts("default", 3, "12345a678", "123|45a|678"));
  CHECK(cuts("falcon", 0, "a$+!b`c", "a|$+!|b|`|c"));
  CHECK(cuts("falcon", 2, "1234٣٣٣", "123|4٣٣٣"));
}

static void patterns_of_cased_letters(void) {
  CHECK(cuts("tekken", 0, "aBcDE fGHé ÉA's", "a|Bc|DE| f|GHé| É|A|'s"));
  CHECK(cuts("gpt-4o", 0, "HELLO'Llx 1234/\n", "HELLO'Ll|x| |123|4|/\n"));
  CHECK(cuts("granite-embed-multi-97m", 0, "e\xcc\x81""b", "e\xcc\x81""b"));
  CHECK(cuts("exaone-moe", 0, "a b\xcc\x81  c1/\n\n", "a b\xcc\x81| | c|1|/\n|\n"));
  CHECK(cuts("kimi-k2", 0, "ab中文's a中", "ab|中文|'s| a|中"));
}

static void patterns_of_deepseek(void) {
  CHECK(cuts("deepseek-llm", 1, "a b\u00b5日c", "a| b\u00b5|日|c"));
  CHECK(cuts("deepseek-llm", 3, "a b  ", "a b|  "));
  CHECK(cuts("deepseek-llm", 4, "日本\xe3\x80\x80""a한", "日本|\xe3\x80\x80""a|한"));
  CHECK(cuts("deepseek-v3", 2, "(ab !!\n", "(ab| !!\n"));
  CHECK(cuts("jais-2", 0, "a         b", "a|        | b"));
  CHECK(cuts("bloom", 0, "a, b.", "a|,| b|."));
}

static void names_of_pre_tokenizers(void) {
  static const char *const unknown[] = {"", "gpt", "gpt-22", "smollm ", " smollm", "gpt-2 phi-2", "SMOLLM", "bpe"};
  static const char *const known[] = {"gpt-2", "roberta-bpe", "smollm", "mellum2", "default", "grok-2", "qwen35", "whitespace"};
  for (size_t i = 0; i < LENGTH(unknown); i++)
    CHECK(!pre_tokenizer_find((const uint8_t *)unknown[i], (uint32_t)strlen(unknown[i])));
  for (size_t i = 0; i < LENGTH(known); i++)
    CHECK(pre_tokenizer_find((const uint8_t *)known[i], (uint32_t)strlen(known[i])));
}

/* ---- a text and its tokens ---- */

/* Tokenizes into room for `cap` tokens; n_tokens and the first of them come back. */
static enum sotto_status tokenize(const sotto_model *model, uint32_t flags, const char *text, size_t n, int32_t *tokens,
                                  size_t cap, size_t *n_tokens) {
  char *copy = (char *)copy_of(text, n);
  const size_t scratch_bytes = sotto_tokenize_measure(model, copy, n);
  void *scratch = malloc(scratch_bytes ? scratch_bytes : 1);
  memset(scratch, 0xa5, scratch_bytes); /* nothing may depend on what it held */
  const enum sotto_status status = sotto_tokenize(model, copy, n, flags, scratch, scratch_bytes, tokens, cap, n_tokens);
  free(scratch);
  free(copy);
  return status;
}

/* Whether these are the tokens of a text: theirs, a bar between two. */
static bool gives_bytes(const sotto_model *model, uint32_t flags, const char *text, size_t n, const char *expected) {
  size_t n_tokens, n_again, n_found = 0;
  char found[512];
  if (tokenize(model, flags, text, n, NULL, 0, &n_tokens) != (n_tokens ? SOTTO_NO_SPACE : SOTTO_OK)) return false;
  int32_t *tokens = malloc(n_tokens ? n_tokens * sizeof *tokens : 1);
  if (n_tokens) CHECK(tokenize(model, flags, text, n, tokens, n_tokens - 1, &n_again) == SOTTO_NO_SPACE);
  CHECK(tokenize(model, flags, text, n, tokens, n_tokens, &n_again) == SOTTO_OK && n_again == n_tokens);
  for (size_t i = 0; i < n_tokens; i++) {
    uint32_t length;
    const uint8_t *token = strings_get(&model->vocab.tokens, (uint32_t)tokens[i], &length);
    if (i) found[n_found++] = '|';
    memcpy(found + n_found, token, length);
    n_found += length;
  }
  found[n_found] = 0;
  free(tokens);
  if (strcmp(found, expected)) printf("  %s\n", found);
  return strcmp(found, expected) == 0;
}

static bool gives(const sotto_model *model, uint32_t flags, const char *text, const char *expected) {
  return gives_bytes(model, flags, text, strlen(text), expected);
}

/* ---- byte-level BPE ---- */

#define ABC NORMAL("a"), NORMAL("b"), NORMAL("c"), NORMAL("ab"), NORMAL("bc"), NORMAL("abc")

static bool merges_give(const char *text, const char *expected, const char *const *merges, size_t n_merges) {
  struct fixture f;
  const struct tiny_tokenizer t = tiny_bpe(TOKENS(ABC, NORMAL("aa"), NORMAL("aaa"), NORMAL("aaaa")), merges, n_merges);
  const bool is_so = gives(open_model(&f, t), 0, text, expected);
  close_model(&f);
  return is_so;
}

static void merges_go_by_their_order_in_the_file(void) {
  CHECK(merges_give("abc", "a|bc", TEXTS("b c", "a b")));
  CHECK(merges_give("abc", "ab|c", TEXTS("a b", "b c")));
  CHECK(merges_give("abc", "abc", TEXTS("a b", "b c", "ab c")));
  CHECK(merges_give("abc", "abc", TEXTS("b c", "a b", "a bc")));
  CHECK(merges_give("abc", "ab|c", TEXTS("a b", "a bc")));
  CHECK(merges_give("abc", "a|bc", TEXTS("b c", "a b", "b c"))); /* of equal ones the first counts */
  CHECK(merges_give("abcabc", "a|bc|a|bc", TEXTS("b c", "c a")));
}

static void equal_merges_go_from_left_to_right(void) {
  CHECK(merges_give("aaa", "aa|a", TEXTS("a a")));
  CHECK(merges_give("aaaaa", "aa|aa|a", TEXTS("a a")));
  CHECK(merges_give("aaaaaaa", "aaaa|aa|a", TEXTS("a a", "aa aa")));
  CHECK(merges_give("aaaaaaa", "aaa|aaa|a", TEXTS("aa a", "a a"))); /* a new pair may go before one that waits */
}

static void a_merge_that_is_no_token_becomes_bytes_again(void) {
  CHECK(merges_give("bab", "b|a|b", TEXTS("b a", "ba b")));
  CHECK(merges_give("axb", "a|b", TEXTS("b a"))); /* a byte that is no token is left out, as llama.cpp does */
}

static void bytes_are_written_as_characters(void) {
  struct fixture f;
  const sotto_model *model = open_model(
      &f, tiny_bpe(TOKENS(NORMAL("a"), NORMAL("Ġ"), NORMAL("Ċ"), NORMAL("Ã"), NORMAL("Ã©"), NORMAL("¨"), NORMAL("Ā"),
                          NORMAL("ï"), NORMAL("¿"), NORMAL("½")), TEXTS("Ã ©")));
  CHECK(gives(model, 0, "a a\né", "a|Ġ|a|Ċ|Ã©"));
  CHECK(gives(model, 0, "è", "Ã|¨"));
  CHECK(gives(model, 0, "", ""));
  CHECK(gives_bytes(model, 0, "a\0a", 3, "a|Ā|a"));
  CHECK(gives(model, 0, "a\xff", "a|ï|¿|½")); /* U+FFFD */
  CHECK(gives(model, 0, "\xc3\x28\xc3", "ï|¿|½|ï|¿|½"));
  CHECK(gives(model, 0, "\xff\xff\xff\xff\xff\xff\xff\xff", "ï|¿|½|ï|¿|½|ï|¿|½|ï|¿|½|ï|¿|½|ï|¿|½|ï|¿|½|ï|¿|½"));
  close_model(&f);
}

static void words_are_cut_before_they_are_merged(void) {
  static const struct { const char *pre, *tokens; } cases[] = {
      {"gpt-2", "1234|Ġ|1"}, {"smollm", "1|2|3|4|Ġ|1"}, {"llama-bpe", "123|4|Ġ|1"}, {"qwen2", "1|2|3|4|Ġ|1"},
      {"falcon", "123|4|Ġ|1"}, {"default", "123|4|Ġ|1"}, {"", "123|4|Ġ|1"},
  };
  for (size_t i = 0; i < LENGTH(cases); i++) {
    struct fixture f;
    struct tiny_tokenizer t =
        tiny_bpe(TOKENS(NORMAL("1"), NORMAL("2"), NORMAL("3"), NORMAL("4"), NORMAL("12"), NORMAL("123"), NORMAL("1234"),
                        NORMAL("Ġ")), TEXTS("1 2", "12 3", "123 4"));
    t.pre = cases[i].pre;
    CHECK(gives(open_model(&f, t), 0, "1234 1", cases[i].tokens));
    close_model(&f);
  }
}

/* Groups of three at the end of a number; before its rest there may be other text. */
static void numbers_are_cut_into_thousands(void) {
  static const struct { const char *pre, *text, *tokens; } cases[] = {
      {"superbpe", "1111 11", "1|111|Ġ|11"}, {"superbpe", "111111", "111|111"}, {"superbpe", "a11", "a|11"},
      {"afmoe", "a1111", "a|1|111"}, {"afmoe", "111a", "111|a"}, {"afmoe", "11111", "11|111"}, {"afmoe", "1", "1"},
  };
  for (size_t i = 0; i < LENGTH(cases); i++) {
    struct fixture f;
    struct tiny_tokenizer t = tiny_bpe(TOKENS(NORMAL("1"), NORMAL("11"), NORMAL("111"), NORMAL("a"), NORMAL("Ġ")),
                                       TEXTS("1 1", "11 1"));
    t.pre = cases[i].pre;
    CHECK(gives(open_model(&f, t), 0, cases[i].text, cases[i].tokens));
    close_model(&f);
  }
}

static void some_merge_characters_instead_of_bytes(void) {
  struct tiny_tokenizer t = tiny_bpe(TOKENS(NORMAL("a"), NORMAL("é"), NORMAL("▁"), NORMAL("▁é"), NORMAL("\n"), NORMAL("\n\n"),
                                            BYTE("<0xC3>"), BYTE("<0xA8>"), CONTROL("<s>")), TEXTS("▁ é", "é \n"));
  struct fixture f;
  size_t n;
  char text[8];
  t.pre = "sarvam-moe";
  const sotto_model *model = open_model(&f, t);
  CHECK(gives(model, SOTTO_TOKENIZE_BOS_EOS, "a é\n\nè", "a|▁é|\n|\n|<0xC3>|<0xA8>"));
  CHECK(sotto_token_bytes(model, 3, false, text, sizeof text, &n) == SOTTO_OK && n == 3 && !memcmp(text, " é", 3));
  close_model(&f);
  t.pre = "gemma4";
  t.bos = 8;
  CHECK(gives(open_model(&f, t), SOTTO_TOKENIZE_BOS_EOS, "\xff é\n\n", "<s>|▁é|\n\n"));
  close_model(&f);
}

static void some_take_a_word_that_is_a_token_as_it_is(void) {
  struct tiny_tokenizer t = tiny_bpe(TOKENS(ABC), TEXTS("b c"));
  struct fixture f;
  CHECK(gives(open_model(&f, t), 0, "abc abca", "a|bc|a|bc|a"));
  close_model(&f);
  t.pre = "llama-bpe";
  CHECK(gives(open_model(&f, t), 0, "abc,abca", "abc|a|bc|a"));
  close_model(&f);
}

/* ---- SentencePiece ---- */

#define LETTERS UNKNOWN, NORMAL("a"), NORMAL("b"), NORMAL("c"), NORMAL("▁")

static bool scores_give(const char *text, const char *expected, const struct tiny_token *tokens, size_t n_tokens) {
  struct fixture f;
  const bool is_so = gives(open_model(&f, tiny_spm(tokens, n_tokens)), 0, text, expected);
  close_model(&f);
  return is_so;
}

static void the_highest_score_is_merged_first(void) {
  CHECK(scores_give("abc", "a|bc", TOKENS(LETTERS, SCORED("ab", -2), SCORED("bc", -1))));
  CHECK(scores_give("abc", "ab|c", TOKENS(LETTERS, SCORED("ab", -1), SCORED("bc", -2))));
  CHECK(scores_give("abc", "a|bc", TOKENS(LETTERS, SCORED("ab", 0.5f), SCORED("bc", 1))));
  CHECK(scores_give("abc", "a|bc", TOKENS(LETTERS, SCORED("ab", -1e-30f), SCORED("bc", 1e-30f))));
  CHECK(scores_give("abc", "abc", TOKENS(LETTERS, SCORED("ab", -1), SCORED("bc", -2), SCORED("abc", -3))));
}

static void equal_scores_go_from_left_to_right(void) {
  CHECK(scores_give("aaa", "aa|a", TOKENS(LETTERS, SCORED("aa", -1))));
  CHECK(scores_give("abc", "ab|c", TOKENS(LETTERS, SCORED("ab", -0.0f), SCORED("bc", 0)))); /* zeros are equal */
  CHECK(scores_give("aaaaaaa", "aaaa|aa|a", TOKENS(LETTERS, SCORED("aa", -1), SCORED("aaaa", -2))));
}

static void spaces_are_a_character(void) {
  CHECK(scores_give(" a b", "▁a|▁|b", TOKENS(LETTERS, SCORED("▁a", -1))));
  CHECK(scores_give("a  b", "a|▁▁|b", TOKENS(LETTERS, SCORED("▁▁", -1))));
  CHECK(scores_give("▁a", "▁a", TOKENS(LETTERS, SCORED("▁a", -1))));
}

static void what_is_no_token_goes_out_as_bytes(void) {
  CHECK(scores_give("aéb", "a|<0xC3>|<0xA9>|b", TOKENS(LETTERS, BYTE("<0xC3>"), BYTE("<0xA9>"))));
  CHECK(scores_give("é", "<0xC3>|<unk>", TOKENS(LETTERS, BYTE("<0xC3>"))));
  CHECK(scores_give("x\ny", "x|<0x0A>|<unk>", TOKENS(LETTERS, BYTE("<0x0A>"), NORMAL("x"))));
  CHECK(scores_give("\xff(", "<0xFF>|<unk>", TOKENS(LETTERS, BYTE("<0xFF>"))));
  CHECK(scores_give("\xc3\xa9\xc3", "é|<unk>", TOKENS(LETTERS, NORMAL("é"))));
}

/* A first byte of two takes the first byte of U+2581 for its second one, and leaves two that stand alone. */
static void a_broken_character_before_a_space(void) {
  const char text[] = "\xc3 \xc3 \xc3 \xc3 \xc3 \xc3 \xc3 \xc3 ";
  struct fixture f;
  const sotto_model *model = open_model(&f, tiny_spm(TOKENS(LETTERS, BYTE("<0x81>"))));
  for (size_t n = 0; n < sizeof text; n += 2) {
    size_t n_tokens;
    CHECK(tokenize(model, 0, text, n, NULL, 0, &n_tokens) == (n ? SOTTO_NO_SPACE : SOTTO_OK));
    CHECK(n_tokens == 2 * n);
  }
  CHECK(gives(model, 0, "\xe2 a\xf0 ", "<unk>|<unk>|<unk>|<0x81>|a|<unk>|<unk>|<unk>|<0x81>"));
  close_model(&f);
}

static void a_space_goes_before_the_text_and_after_special_tokens(void) {
  struct tiny_tokenizer t = tiny_spm(TOKENS(UNKNOWN, CONTROL("<s>"), CONTROL("</s>"), NORMAL("a"), NORMAL("▁"),
                                            NORMAL("▁a"), NORMAL("▁▁")));
  struct fixture f;
  t.bos = 1;
  t.add_bos = t.add_space_prefix = true;
  const sotto_model *model = open_model(&f, t);
  CHECK(gives(model, SOTTO_TOKENIZE_SPECIAL, "a<s>aa<s><s> a", "▁a|<s>|▁a|a|<s>|<s>|▁▁|a"));
  CHECK(gives(model, SOTTO_TOKENIZE_SPECIAL | SOTTO_TOKENIZE_BOS_EOS, "a</s>", "<s>|▁a|</s>"));
  CHECK(gives(model, SOTTO_TOKENIZE_BOS_EOS, "", "<s>"));
  CHECK(gives(model, 0, "", ""));
  close_model(&f);
}

/* ---- unigrams ---- */

static bool unigrams_give(struct tiny_tokenizer t, const char *text, const char *expected) {
  static const struct tiny_token tokens[] = {UNKNOWN, SCORED("a", -1), SCORED("b", -2), SCORED("ab", -2.5f), SCORED("abc", -9),
                                             SCORED("bc", -3), SCORED("▁", -4), SCORED("▁a", -5), USER("aab"), CONTROL("b▁")};
  struct fixture f;
  t.model = "t5";
  t.tokens = tokens;
  t.n_tokens = LENGTH(tokens);
  const bool is_so = gives(open_model(&f, t), 0, text, expected);
  close_model(&f);
  return is_so;
}

static void the_most_likely_tokens_are_taken(void) {
  const struct tiny_tokenizer t = {0};
  CHECK(unigrams_give(t, "ab", "ab"));       /* -2.5 against -3 */
  CHECK(unigrams_give(t, "abc", "a|bc"));    /* -4 against -9, and against ab and the unknown */
  CHECK(unigrams_give(t, "ba", "b|a"));
  CHECK(unigrams_give(t, "axxb", "a|<unk>|b")); /* unknown ones in a row are one */
  CHECK(unigrams_give(t, "aé\xff", "a|<unk>"));
  CHECK(unigrams_give(t, "xaabx", "<unk>|aab|<unk>"));
  CHECK(unigrams_give(t, "", ""));
}

static void spaces_of_unigrams(void) {
  struct tiny_tokenizer t = {0};
  CHECK(unigrams_give(t, "a  a ", "a|▁|▁a|▁"));
  t.add_space_prefix = true;
  CHECK(unigrams_give(t, "a  a ", "▁a|▁|▁a|▁"));
  t.merges_spaces = true;
  CHECK(unigrams_give(t, " a  a ", "▁a|▁a"));
  CHECK(unigrams_give(t, " ", ""));
}

/* A table of one level: A becomes a, B becomes "a b", and nothing comes of C. */
static uint32_t fill_charsmap(uint32_t units[0x201], const char **texts) {
  enum { ROOT = 0x100, LEAF = 1u << 8 };
  memset(units, 0, 0x201 * sizeof *units);
  *texts = "a\0a b\0";
  units[0] = 0x200 * sizeof *units;
  units[1] = ROOT << 10;
  for (uint32_t c = 'A', offset = 0; c <= 'C'; offset += c == 'A' ? 2 : 4, c++) {
    units[1 + (ROOT ^ c)] = 0x80u << 10 | LEAF | c;
    units[1 + (ROOT ^ c ^ 0x80)] = 1u << 31 | (c == 'C' ? 1 : offset);
  }
  return 0x201 * sizeof *units;
}

static void texts_are_normalised_first(void) {
  uint32_t units[0x201 + 2];
  const char *texts;
  const uint32_t n = fill_charsmap(units, &texts);
  memcpy(units + 0x201, texts, 6);
  struct tiny_tokenizer t = {.charsmap = units, .charsmap_bytes = n + 6};
  CHECK(unigrams_give(t, "AbCD", "ab|<unk>"));
  CHECK(unigrams_give(t, "BBB", "a|▁|b|a|▁|b|a|▁|b"));
  CHECK(unigrams_give(t, "B", "a|▁|b"));
  for (t.charsmap_bytes = 0; t.charsmap_bytes < n + 6; t.charsmap_bytes += t.charsmap_bytes < 8 ? 1 : 511) { /* cut short */
    const struct tiny_token unknown = UNKNOWN;
    struct fixture f;
    t.model = "t5";
    t.tokens = &unknown;
    t.n_tokens = 1;
    const enum sotto_status status = open_options(&f, tiny_small, &t);
    CHECK(status == (t.charsmap_bytes ? SOTTO_MALFORMED : SOTTO_OK));
    close_model(&f);
  }
}

/* ---- RWKV ---- */

static void the_longest_token_goes_first(void) {
  const struct tiny_token tokens[] = {NORMAL("<s>"), NORMAL("a"), NORMAL("ab"), NORMAL("abcd"), NORMAL("\\n"), NORMAL("\\xe9\\x00"),
                                      NORMAL("\\\\"), NORMAL("\\'")};
  const struct tiny_tokenizer t = {.model = "rwkv", .tokens = tokens, .n_tokens = LENGTH(tokens)};
  struct fixture f;
  char text[4];
  size_t n;
  const sotto_model *model = open_model(&f, t);
  CHECK(gives(model, 0, "abcdabca", "abcd|ab|<s>|a")); /* the unknown one is the file's first here */
  CHECK(gives(model, 0, "\n\\'a", "\n|\\|'|a"));
  CHECK(sotto_token_bytes(model, 5, false, text, sizeof text, &n) == SOTTO_OK && n == 2 && !memcmp(text, "\xe9", 2));
  close_model(&f);
}

/* ---- WordPiece ---- */

#define PIECES {"[UNK]", TOKEN_UNKNOWN, 0}, CONTROL("[CLS]"), CONTROL("[SEP]"), NORMAL("▁ab"), NORMAL("▁a"), NORMAL("b"), \
               NORMAL("bc"), NORMAL("▁,"), NORMAL("▁日"), NORMAL("▁A"), NORMAL("▁é")

static bool pieces_give(const char *text, const char *expected) {
  struct tiny_tokenizer t = {.model = "bert", .bos = 1, .unknown = 0};
  struct fixture f;
  const struct tiny_token tokens[] = {PIECES};
  t.tokens = tokens;
  t.n_tokens = LENGTH(tokens);
  const bool is_so = gives(open_model(&f, t), SOTTO_TOKENIZE_SPECIAL, text, expected);
  close_model(&f);
  return is_so;
}

static void the_longest_piece_goes_first(void) {
  CHECK(pieces_give("abb", "▁ab|b"));
  CHECK(pieces_give("abbc a", "▁ab|bc|▁a"));
  CHECK(pieces_give("abcb", "[UNK]")); /* not a|bc|b: what was taken is not given back */
  CHECK(pieces_give("a abx ab", "▁a|[UNK]|▁ab"));
  CHECK(pieces_give("", ""));
}

static void words_of_wordpiece(void) {
  CHECK(pieces_give(" a,b\na日a ", "▁a|▁,|[UNK]|▁a|▁日|▁a"));
  CHECK(pieces_give("AB \xc3\x80 a\xcc\x80", "▁ab|▁a|▁a")); /* small letters without accents */
  CHECK(pieces_give("a\x01\xff\xef\xbf\xbd""b \xcc\x81", "▁ab")); /* controls and broken bytes are left out */
  CHECK(pieces_give("a\xe3\x80\x80""a\xc2\xa0""a", "▁a|▁a|▁a"));
  CHECK(pieces_give("ab[SEP]a", "▁ab|[SEP]|▁a"));
}

/* ---- special tokens ---- */

#define SIGNS NORMAL("<"), NORMAL(">"), NORMAL("s"), NORMAL("t"), NORMAL("/")
#define NO_MERGES TEXTS("")

static void special_tokens_are_cut_out_when_asked_for(void) {
  struct fixture f;
  const sotto_model *model = open_model(
      &f, tiny_bpe(TOKENS(SIGNS, CONTROL("<s>"), USER("<t>"), {"<st>", TOKEN_UNKNOWN, 0}, {"s<", TOKEN_UNUSED, 0}),
                   NO_MERGES));
  CHECK(gives(model, 0, "<s><t><st>s<", "<|s|>|<t>|<|s|t|>|s|<"));
  CHECK(gives(model, SOTTO_TOKENIZE_SPECIAL, "<s><t><st>s<", "<s>|<t>|<st>|s|<"));
  CHECK(gives(model, SOTTO_TOKENIZE_SPECIAL, "<<s>>s<s><s", "<|<s>|>|s|<s>|<|s"));
  close_model(&f);
}

static void the_longest_special_token_goes_first(void) {
  struct fixture f;
  const sotto_model *model = open_model(&f, tiny_bpe(TOKENS(SIGNS, CONTROL("<s>"), CONTROL("<s><s>"), CONTROL("s><t"),
                                                            USER("<t>"), USER("t"), USER("tt")), NO_MERGES));
  CHECK(gives(model, SOTTO_TOKENIZE_SPECIAL, "<s><s><s>", "<s><s>|<s>"));
  CHECK(gives(model, SOTTO_TOKENIZE_SPECIAL, "<s><t>", "<|s><t|>"));
  CHECK(gives(model, SOTTO_TOKENIZE_SPECIAL, "s><s><s>", "s|>|<s><s>"));
  CHECK(gives(model, 0, "ttttt<t>", "tt|tt|t|<t>"));
  close_model(&f);
}

/* Of more bytes than MAX_SPECIAL_BYTES they are not looked for; one of no bytes is never found. */
static void special_tokens_of_any_length(void) {
  char name[MAX_SPECIAL_BYTES + 2];
  for (size_t length = MAX_SPECIAL_BYTES - 1; length <= MAX_SPECIAL_BYTES + 1; length++) {
    struct fixture f;
    size_t n_tokens;
    memset(name, 't', length);
    name[length] = 0;
    const sotto_model *model = open_model(&f, tiny_bpe(TOKENS(SIGNS, CONTROL(name), CONTROL("")), NO_MERGES));
    CHECK(tokenize(model, SOTTO_TOKENIZE_SPECIAL, name, length, NULL, 0, &n_tokens) == SOTTO_NO_SPACE);
    CHECK(n_tokens == (length > MAX_SPECIAL_BYTES ? length : 1));
    close_model(&f);
  }
}

/* What is left of a character on both sides is replaced, and is longer then than the text was. */
static void special_tokens_may_cut_a_character(void) {
  const char text[] = "s\xf0\x9f\x98\x80\xf0\x9f\x98\x80t";
  struct fixture f;
  const sotto_model *model = open_model(&f, tiny_bpe(TOKENS(USER("s\xf0"), USER("\x80t"), NORMAL("ï"), NORMAL("¿"),
                                                            NORMAL("½")), NO_MERGES));
  CHECK(gives(model, 0, text, "s\xf0|ï|¿|½|ï|¿|½|ï|¿|½|ï|¿|½|ï|¿|½|ï|¿|½|\x80t"));
  close_model(&f);
}

static void the_file_says_which_tokens_go_to_the_ends(void) {
  static const char *const of_text[] = {"t", "<s>|t", "t|</s>", "<s>|t|</s>"};
  static const char *const of_none[] = {"", "<s>", "</s>", "<s>|</s>"};
  for (uint32_t i = 0; i < 4; i++) {
    struct tiny_tokenizer t = tiny_bpe(TOKENS(SIGNS, CONTROL("<s>"), CONTROL("</s>")), NO_MERGES);
    struct fixture f;
    struct sotto_model_info info;
    t.bos = 5;
    t.eos = 6;
    t.add_bos = i & 1;
    t.add_eos = i & 2;
    const sotto_model *model = open_model(&f, t);
    CHECK(gives(model, SOTTO_TOKENIZE_BOS_EOS, "t", of_text[i]));
    CHECK(gives(model, SOTTO_TOKENIZE_BOS_EOS, "", of_none[i]));
    CHECK(gives(model, 0, "t", "t"));
    sotto_model_get_info(model, &info);
    CHECK(info.bos_token == 5 && info.eos_token == 6 && info.eot_token == -1);
    CHECK(info.add_bos == (i & 1) && info.add_eos == i >> 1);
    close_model(&f);
  }
}

static void ends_and_kinds_of_tokens(void) {
  struct tiny_tokenizer t = tiny_bpe(TOKENS(NORMAL("a"), CONTROL("<s>"), CONTROL("</s>"), NORMAL("<|im_end|>"),
                                            USER("<u>"), UNKNOWN, {"<x>", TOKEN_UNUSED, 0}, BYTE("<0x41>"),
                                            NORMAL("<|endoftext|>"), NORMAL("<|fim_prefix|>")), NO_MERGES);
  static const char ends[] = "0111000010", special[] = "0111110011"; /* three normal ones are known by their texts */
  struct fixture f;
  struct sotto_model_info info;
  t.eos = 1;
  const sotto_model *model = open_model(&f, t);
  for (int32_t i = 0; ends[i]; i++)
    CHECK(sotto_token_is_end(model, i) == (ends[i] == '1') && sotto_token_is_special(model, i) == (special[i] == '1'));
  CHECK(!sotto_token_is_end(model, -1) && !sotto_token_is_end(model, 299) && !sotto_token_is_end(model, INT32_MAX));
  CHECK(!sotto_token_is_special(model, -1) && !sotto_token_is_special(model, 299));
  sotto_model_get_info(model, &info);
  CHECK(info.eot_token == 3 && info.eos_token == 1);
  close_model(&f);
}

/* ---- calls that fail ---- */

static void too_little_scratch_is_a_status(void) {
  struct fixture f;
  size_t n;
  int32_t token;
  const sotto_model *model = open_model(&f, tiny_bpe(TOKENS(ABC), TEXTS("a b")));
  const size_t scratch_bytes = sotto_tokenize_measure(model, "ab", 2);
  void *scratch = malloc(scratch_bytes);
  CHECK(sotto_tokenize(model, "ab", 2, 0, scratch, scratch_bytes - 1, &token, 1, &n) == SOTTO_OUT_OF_MEMORY);
  CHECK(sotto_tokenize(model, "ab", 2, 0, scratch, scratch_bytes, &token, 1, &n) == SOTTO_OK && n == 1 && token == 3);
  free(scratch);
  close_model(&f);
}

static bool says(const struct sotto_error *error, const char *words) {
  char text[sizeof error->text + 1] = {0};
  memcpy(text, error->text, error->text_bytes);
  if (!strstr(text, words)) printf("said: %s\n", text);
  return strstr(text, words) != NULL;
}

static bool cannot_tokenize(struct tiny_options options, const struct tiny_tokenizer *t) {
  struct fixture f;
  struct sotto_model_info info;
  size_t n;
  bool is_so = CHECK(open_options(&f, options, t) == SOTTO_OK);
  if (is_so) {
    sotto_model_get_info(f.m.model, &info);
    is_so = CHECK(!info.can_tokenize) &&
            CHECK(tokenize(f.m.model, 0, "a", 1, NULL, 0, &n) == SOTTO_UNSUPPORTED_TOKENIZER) &&
            CHECK(sotto_token_bytes(f.m.model, 299, false, NULL, 0, &n) == SOTTO_OK && n == 0);
  }
  close_model(&f);
  return is_so;
}

static void a_vocabulary_without_weights_opens_for_text(void) {
  const struct tiny_tokenizer t = tiny_bpe(TOKENS(ABC), TEXTS("a b"));
  struct tiny_options options = tiny_small;
  struct sotto_model_info info;
  struct fixture f;
  size_t n_bytes;
  options.architecture = "no-such-family";
  options.has_no_tensors = true;
  REQUIRE(open_options(&f, options, &t) == SOTTO_OK);
  CHECK(gives(f.m.model, 0, "abc", "ab|c"));
  sotto_model_get_info(f.m.model, &info);
  CHECK(info.n_vocab == 6 && info.total_bytes == 0 && info.can_tokenize);
  CHECK(sotto_session_measure(f.m.model, NULL, &n_bytes, &f.m.error) == SOTTO_MISSING_TENSOR);
  close_model(&f);
  CHECK(open_options(&f, options, NULL) == SOTTO_UNSUPPORTED_ARCHITECTURE); /* nothing at all */
  close_model(&f);
}

static void an_unknown_tokenizer_opens_for_token_ids(void) {
  const struct tiny_tokenizer known = tiny_bpe(TOKENS(ABC), TEXTS("b c"));
  struct tiny_tokenizer other = known;
  struct tiny_options options = tiny_small;
  CHECK(cannot_tokenize(tiny_small, NULL));
  other.model = "plamo2";
  CHECK(cannot_tokenize(tiny_small, &other));
  other.model = "gpt2x";
  CHECK(cannot_tokenize(tiny_small, &other));
  other.model = NULL;
  CHECK(cannot_tokenize(tiny_small, &other));
  other = known;
  other.pre = "of tomorrow";
  CHECK(cannot_tokenize(tiny_small, &other));
  other = known;
  other.n_merges = 0;
  CHECK(cannot_tokenize(tiny_small, &other));
  options.leave_out = "tokenizer.ggml.tokens";
  CHECK(cannot_tokenize(options, &known));
  options.leave_out = NULL;
  options.mistype = "tokenizer.ggml.model";
  CHECK(cannot_tokenize(options, &known));
}

/* ---- what files say and do not say of their vocabularies ---- */

static void defaults_of_what_the_file_does_not_say(void) {
  static const struct { const char *model, *leave_out, *text, *tokens; } cases[] = {
      {"gpt2", "tokenizer.ggml.pre", "`$", "`|$"}, {"gpt2", "", "`$", "`$"}, /* a default pattern takes the $ */
      {"gpt2", "tokenizer.ggml.add_bos_token", "a", "a"}, {"llama", "tokenizer.ggml.add_bos_token", "a", "<s>|a"},
      {"llama", "tokenizer.ggml.add_space_prefix", "a", "▁|a"}, {"llama", "tokenizer.ggml.add_eos_token", "a", "a"},
      {"llama", "tokenizer.ggml.token_type", "<s>", "<|s|>"}, {"llama", "", "<s>", "<s>"}, /* all are normal ones */
      {"llama", "tokenizer.ggml.scores", "a$b", "a$|b"}, {"llama", "", "a$b", "a|$b"},     /* all are equal */
  };
  for (size_t i = 0; i < LENGTH(cases); i++) {
    struct fixture f;
    struct tiny_options options = tiny_small;
    struct tiny_tokenizer t =
        tiny_bpe(TOKENS(CONTROL("<s>"), NORMAL("a"), NORMAL("b"), NORMAL("`"), NORMAL("$"), NORMAL("`$"), SCORED("$b", -1),
                        SCORED("a$", -2), NORMAL("▁"), NORMAL("<"), NORMAL("s"), NORMAL(">")), TEXTS("` $"));
    t.model = cases[i].model;
    options.leave_out = cases[i].leave_out;
    REQUIRE(open_options(&f, options, &t) == SOTTO_OK);
    CHECK(gives(f.m.model, SOTTO_TOKENIZE_BOS_EOS | SOTTO_TOKENIZE_SPECIAL, cases[i].text, cases[i].tokens));
    close_model(&f);
  }
}

/* The file is refused, and the sentence has these words. */
static bool is_refused(struct tiny_options options, const struct tiny_tokenizer *t, enum sotto_status status,
                       const char *words, const char *more_words) {
  struct fixture f;
  const bool is_so = open_options(&f, options, t) == status && says(&f.m.error, words) && says(&f.m.error, more_words);
  close_model(&f);
  return is_so;
}

/* Writes another item type into the array of a key. */
static void retype_items(struct tiny_file *file, const char *key, uint32_t item_type) {
  uint8_t *name = memmem(file->bytes, file->n, key, strlen(key));
  memcpy(name + strlen(key) + 4, &item_type, 4);
}

static void items_of_a_wrong_type_are_named(void) {
  static const struct { const char *key; uint32_t item_type; } cases[] = {
      {"tokenizer.ggml.token_type", SOTTO_VALUE_F32}, {"tokenizer.ggml.scores", SOTTO_VALUE_U32}};
  struct tiny_tokenizer t = tiny_bpe(TOKENS(ABC), TEXTS("b c"));
  struct tiny_options options = tiny_small;
  options.tokenizer = &t;
  for (size_t i = 0; i < LENGTH(cases); i++) {
    struct tiny_file file = tiny_make(&options);
    struct tiny_model m;
    retype_items(&file, cases[i].key, cases[i].item_type);
    CHECK(tiny_open(&m, file.bytes, file.n, 0) == SOTTO_MALFORMED && says(&m.error, cases[i].key));
    tiny_close(&m);
    free(file.bytes);
  }
}

static void arrays_of_a_wrong_type_or_length_are_named(void) {
  static const char *const keys[] = {"tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.ggml.token_type",
                                     "tokenizer.ggml.scores"};
  const struct tiny_tokenizer t = tiny_bpe(TOKENS(ABC), TEXTS("b c"));
  for (size_t i = 0; i < LENGTH(keys); i++) {
    struct tiny_options options = tiny_small;
    options.mistype = keys[i];
    CHECK(is_refused(options, &t, SOTTO_MALFORMED, keys[i], "is not an array"));
    options.mistype = NULL;
    options.shorten = keys[i];
    if (i >= 2) CHECK(is_refused(options, &t, SOTTO_MALFORMED, keys[i], "6 or more items"));
  }
}

static void more_tokens_than_rows_are_refused(void) {
  const struct tiny_tokenizer t = tiny_bpe(TOKENS(ABC), TEXTS("b c"));
  struct tiny_options options = tiny_small;
  options.n_vocab = 5;
  CHECK(is_refused(options, &t, SOTTO_SHAPE_MISMATCH, "6 tokens", "5 rows"));
}

static void ids_beyond_the_vocabulary_are_passed_over(void) {
  struct tiny_tokenizer t = tiny_bpe(TOKENS(ABC), TEXTS("b c"));
  struct fixture f;
  struct sotto_model_info info;
  t.bos = 6;
  t.eos = UINT32_MAX;
  t.add_bos = t.add_eos = true;
  const sotto_model *model = open_model(&f, t);
  sotto_model_get_info(model, &info);
  CHECK(info.bos_token == -1 && info.eos_token == -1);
  CHECK(gives(model, SOTTO_TOKENIZE_BOS_EOS, "a", "a"));
  close_model(&f);
}

static void of_equal_tokens_the_first_counts(void) {
  struct fixture f;
  size_t n;
  int32_t token;
  const sotto_model *model = open_model(&f, tiny_spm(TOKENS(NORMAL(""), NORMAL("s"), NORMAL("s"), NORMAL(""))));
  CHECK(tokenize(model, 0, "s", 1, &token, 1, &n) == SOTTO_OK && n == 1 && token == 1);
  close_model(&f);
}

/* ---- strings that were made to collide ---- */

static uint32_t fnv1a(const char *text) {
  uint32_t hash = 2166136261u;
  for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 16777619u;
  return hash;
}

#define MAX_COLLIDING 257 /* one more than vocab.c probes; its table has 1,024 slots then, and half of them before */

static int32_t find(const struct fixture *f, const char *text) {
  return vocab_find(&f->m.model->vocab, (const uint8_t *)text, (uint32_t)strlen(text));
}

static void colliding_strings_are_refused(void) {
  static char names[MAX_COLLIDING][12];
  static struct tiny_token tokens[MAX_COLLIDING];
  static const char *merges[MAX_COLLIDING];
  struct fixture f;
  size_t n = 0;
  for (uint32_t i = 0; n < MAX_COLLIDING; i++) {
    snprintf(names[n], sizeof names[n], "%x q", i);
    if (fnv1a(names[n]) % 1024 == 77) n++;
  }
  for (size_t i = 0; i < MAX_COLLIDING; i++) {
    tokens[i] = (struct tiny_token)NORMAL(names[i]);
    merges[i] = names[i];
  }
  struct tiny_tokenizer t = tiny_bpe(tokens, MAX_COLLIDING, merges, 1);
  CHECK(is_refused(tiny_small, &t, SOTTO_MALFORMED, "tokenizer.ggml.tokens", "made to collide"));
  t = tiny_bpe(tokens, 1, merges, MAX_COLLIDING);
  CHECK(is_refused(tiny_small, &t, SOTTO_MALFORMED, "tokenizer.ggml.merges", "made to collide"));
  t = tiny_bpe(tokens, MAX_COLLIDING - 1, merges, MAX_COLLIDING - 1);
  REQUIRE(open_options(&f, tiny_small, &t) == SOTTO_OK);
  for (int32_t i = 0; i < MAX_COLLIDING - 1; i++) CHECK(find(&f, names[i]) == i);
  CHECK(find(&f, names[MAX_COLLIDING - 1]) == NO_TOKEN);
  close_model(&f);
}

/* ---- at random ---- */

/* Whatever the bytes of a text are, nothing is read or written that should not be. */
static void random_bytes_do_no_harm(void) {
  static const struct tiny_token tokens[] = {UNKNOWN, CONTROL("<s>"), USER("\x80\xf0"), USER("\xc3"), USER(" "),
                                             NORMAL("a"), SCORED("▁a", -1), SCORED("aa", -2), BYTE("<0xC3>")};
  static const char bytes[] = "a <s>\x80\xbf\xc3\xe2\x96\x81\xf0\x9f\xff\n"; /* and NUL */
  uint32_t seed = 5;
  for (int is_bpe = 0; is_bpe < 2; is_bpe++) {
    struct tiny_tokenizer t = tiny_spm(tokens, LENGTH(tokens));
    struct fixture f;
    t.add_space_prefix = true;
    if (is_bpe) t = tiny_bpe(tokens, LENGTH(tokens), TEXTS("a a", "Ã Ã"));
    const sotto_model *model = open_model(&f, t);
    for (int i = 0; i < 3000; i++) {
      char text[40];
      size_t n_tokens;
      const size_t n = test_random(&seed) % (sizeof text + 1);
      for (size_t k = 0; k < n; k++) text[k] = bytes[(test_random(&seed) >> 8) % sizeof bytes];
      tokenize(model, test_random(&seed) >> 30, text, n, NULL, 0, &n_tokens);
    }
    close_model(&f);
  }
}

int main(void) {
  RUN(every_character_is_read_as_it_was_written);
  RUN(bytes_that_are_no_character_are_replaced_one_by_one);
  RUN(overlong_forms_and_surrogates_are_what_they_spell);
  RUN(classes_of_characters);
  RUN(small_letters_and_first_parts);
  RUN(spaces);
  RUN(bytes_and_characters_of_bpe_are_a_bijection);
  RUN(constructs_of_patterns);
  RUN(patterns_of_gpt2);
  RUN(patterns_of_llama3_and_its_kin);
  RUN(patterns_before_gpt2);
  RUN(patterns_of_cased_letters);
  RUN(patterns_of_deepseek);
  RUN(names_of_pre_tokenizers);
  RUN(merges_go_by_their_order_in_the_file);
  RUN(equal_merges_go_from_left_to_right);
  RUN(a_merge_that_is_no_token_becomes_bytes_again);
  RUN(bytes_are_written_as_characters);
  RUN(words_are_cut_before_they_are_merged);
  RUN(numbers_are_cut_into_thousands);
  RUN(some_merge_characters_instead_of_bytes);
  RUN(some_take_a_word_that_is_a_token_as_it_is);
  RUN(the_highest_score_is_merged_first);
  RUN(equal_scores_go_from_left_to_right);
  RUN(spaces_are_a_character);
  RUN(what_is_no_token_goes_out_as_bytes);
  RUN(a_broken_character_before_a_space);
  RUN(a_space_goes_before_the_text_and_after_special_tokens);
  RUN(the_most_likely_tokens_are_taken);
  RUN(spaces_of_unigrams);
  RUN(texts_are_normalised_first);
  RUN(the_longest_token_goes_first);
  RUN(the_longest_piece_goes_first);
  RUN(words_of_wordpiece);
  RUN(special_tokens_are_cut_out_when_asked_for);
  RUN(the_longest_special_token_goes_first);
  RUN(special_tokens_of_any_length);
  RUN(special_tokens_may_cut_a_character);
  RUN(the_file_says_which_tokens_go_to_the_ends);
  RUN(ends_and_kinds_of_tokens);
  RUN(too_little_scratch_is_a_status);
  RUN(a_vocabulary_without_weights_opens_for_text);
  RUN(an_unknown_tokenizer_opens_for_token_ids);
  RUN(defaults_of_what_the_file_does_not_say);
  RUN(items_of_a_wrong_type_are_named);
  RUN(arrays_of_a_wrong_type_or_length_are_named);
  RUN(more_tokens_than_rows_are_refused);
  RUN(ids_beyond_the_vocabulary_are_passed_over);
  RUN(of_equal_tokens_the_first_counts);
  RUN(colliding_strings_are_refused);
  RUN(random_bytes_do_no_harm);
  return test_end();
}
