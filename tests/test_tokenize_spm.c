/* test_tokenize_spm.c: SentencePiece's byte-pair encoding, on vocabularies small enough to be worked out by hand. */
#include "tokens.h"

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

int main(void) {
  RUN(the_highest_score_is_merged_first);
  RUN(equal_scores_go_from_left_to_right);
  RUN(spaces_are_a_character);
  RUN(what_is_no_token_goes_out_as_bytes);
  RUN(a_broken_character_before_a_space);
  RUN(a_space_goes_before_the_text_and_after_special_tokens);
  return test_end();
}
