/* test_tokenize_bpe.c: byte-level byte-pair encoding, on vocabularies small enough to be worked out by hand. */
#include "tokens.h"

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

static void without_merges_only_where_none_are_needed(void) {
  struct tiny_tokenizer t = tiny_bpe(TOKENS(ABC), NULL, 0);
  struct fixture f;
  t.pre = "kimi-k2";
  CHECK(gives(open_model(&f, t), 0, "abca", "a|b|c|a"));
  close_model(&f);
}

static void words_alone_in_small_letters(void) {
  struct tiny_tokenizer t = tiny_bpe(TOKENS(ABC, NORMAL("A"), NORMAL("B"), NORMAL("Ġ"), NORMAL("Ã"), NORMAL("©")), TEXTS("a b"));
  struct fixture f;
  t.model = "whitespace";
  CHECK(gives(open_model(&f, t), 0, " AB \t\xe3\x80\x80""bA\xc3\x89\n", "ab|b|a|Ã|©"));
  close_model(&f);
  t.pre = "whitespace";
  CHECK(gives(open_model(&f, t), 0, " AB  ab", "A|B|ab"));
  close_model(&f);
}

/* ---- DNA ---- */

#define KMERS NORMAL("ACGTAC" KMER_MARK), NORMAL("CAAAAA" KMER_MARK), NORMAL("AAAAAA")

static void dna_is_read_by_six_letters(void) {
  struct tiny_tokenizer t = tiny_bpe(TOKENS(ABC, NORMAL("<"), NORMAL("d"), NORMAL("<dna>"), NORMAL("</dna>"), NORMAL("<oov>"),
                                            KMERS), TEXTS("a b"));
  struct fixture f;
  char text[8];
  size_t n;
  t.model = "hybriddna";
  const sotto_model *model = open_model(&f, t);
  CHECK(gives(model, 0, "ab<dna>acgtACCNNNNNN</dna>c", "ab|<dna>|ACGTAC" KMER_MARK "|<oov>|<oov>|</dna>|c"));
  CHECK(gives(model, 0, "<dna></dna><dna>c", "<dna>|</dna>|<dna>|CAAAAA" KMER_MARK));
  CHECK(gives(model, 0, "<dna>aaaaaa", "<dna>|<oov>")); /* a word of the same letters is no DNA */
  CHECK(gives(model, 0, "<dn", "<|d"));
  CHECK(sotto_token_bytes(model, 11, false, text, sizeof text, &n) == SOTTO_OK && n == 6 && !memcmp(text, "ACGTAC", 6));
  close_model(&f);
  t.n_tokens = 10; /* without <oov> */
  CHECK(gives(open_model(&f, t), 0, "<dna>ab", "<|d|a|ab"));
  close_model(&f);
}

int main(void) {
  RUN(merges_go_by_their_order_in_the_file);
  RUN(equal_merges_go_from_left_to_right);
  RUN(a_merge_that_is_no_token_becomes_bytes_again);
  RUN(bytes_are_written_as_characters);
  RUN(words_are_cut_before_they_are_merged);
  RUN(numbers_are_cut_into_thousands);
  RUN(some_merge_characters_instead_of_bytes);
  RUN(some_take_a_word_that_is_a_token_as_it_is);
  RUN(without_merges_only_where_none_are_needed);
  RUN(words_alone_in_small_letters);
  RUN(dna_is_read_by_six_letters);
  return test_end();
}
