/* test_tokenize_pieces.c: the tokenizers that take tokens as they are, without merging: unigrams, PLaMo's,
 * RWKV's, WordPiece. */
#include "tokens.h"

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

/* ---- PLaMo ---- */

/* A token for each of n bytes, and those that are given. */
static struct tiny_tokenizer plamo(int n_bytes, const struct tiny_token *more, size_t n_more) {
  static char names[256][7];
  static struct tiny_token tokens[300];
  for (int i = 0; i < n_bytes; i++) {
    snprintf(names[i], sizeof names[i], "<0x%02X>", (unsigned)i);
    tokens[i] = (struct tiny_token)BYTE(names[i]);
  }
  memcpy(tokens + n_bytes, more, n_more * sizeof *more);
  return (struct tiny_tokenizer){.model = "plamo2", .tokens = tokens, .n_tokens = (uint32_t)(n_bytes + (int)n_more),
                                 .add_bos = true, .add_eos = true, .bos = 1, .eos = 2};
}

static void the_most_likely_tokens_from_the_end(void) {
  struct fixture f;
  char text[4];
  size_t n;
  const sotto_model *model = open_model(&f, plamo(256, TOKENS(
      SCORED("a", -1), SCORED("b", -1.5f), SCORED("ab", -3), SCORED("c", -1), SCORED("cc", -2), SCORED("ddd", -2000),
      SCORED("eee", -1999), SCORED("\xc3\xa9\xcc", 9), SCORED("▁", -1))));
  CHECK(gives(model, SOTTO_TOKENIZE_BOS_EOS, "ab", "a|b"));    /* -2.5 against -3; none at the ends */
  CHECK(gives(model, 0, "ccc", "cc|c"));                       /* of equal ones the longest */
  CHECK(gives(model, 0, "ddd", "<0x64>|<0x64>|<0x64>"));       /* as good as none */
  CHECK(gives(model, 0, "eee", "eee"));                        /* -1000 for a character that is no token */
  CHECK(gives(model, 0, "\xc3\xa9\xcc\x81", "<0xC3>|<0xA9>|<0xCC>|<0x81>"));
  CHECK(gives(model, 0, "a\xff", "a|<0xEF>|<0xBF>|<0xBD>"));
  CHECK(gives(model, 0, "\xef\xbb\xbf" "a\xef\xbb\xbf", "a|<0xEF>|<0xBB>|<0xBF>")); /* a byte order mark */
  CHECK(gives(model, 0, "<0x41>", "<0x3C>|<0x30>|<0x78>|<0x34>|<0x31>|<0x3E>"));
  CHECK(gives(model, 0, "", ""));
  CHECK(sotto_token_bytes(model, 264, false, text, sizeof text, &n) == SOTTO_OK && n == 3 && !memcmp(text, "▁", 3));
  CHECK(sotto_token_bytes(model, 0x41, false, text, sizeof text, &n) == SOTTO_OK && n == 1 && text[0] == 'A');
  close_model(&f);
}

static void plamo_needs_every_byte(void) {
  struct fixture f;
  size_t n;
  const sotto_model *model = open_model(&f, plamo(255, TOKENS(SCORED("a", -1))));
  CHECK(tokenize(model, 0, "a", 1, NULL, 0, &n) == SOTTO_UNSUPPORTED_TOKENIZER);
  close_model(&f);
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

int main(void) {
  RUN(the_most_likely_tokens_are_taken);
  RUN(spaces_of_unigrams);
  RUN(texts_are_normalised_first);
  RUN(the_most_likely_tokens_from_the_end);
  RUN(plamo_needs_every_byte);
  RUN(the_longest_token_goes_first);
  RUN(the_longest_piece_goes_first);
  RUN(words_of_wordpiece);
  return test_end();
}
