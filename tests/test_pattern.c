/* test_pattern.c: the regular expressions of pre-tokenizers: each construct, and what those of models make of texts. */
#include "tiny_vocab.h"

#include "../src/pattern.h"
#include "../src/tokenize.h"
#include "../src/unicode.h"

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

int main(void) {
  RUN(constructs_of_patterns);
  RUN(patterns_of_gpt2);
  RUN(patterns_of_llama3_and_its_kin);
  RUN(patterns_before_gpt2);
  RUN(patterns_of_cased_letters);
  RUN(patterns_of_deepseek);
  RUN(names_of_pre_tokenizers);
  return test_end();
}
