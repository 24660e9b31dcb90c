/* test_tokenize.c: what all tokenizers share: special tokens in a text, calls that fail, any bytes at all. */
#include "tokens.h"

/* ---- special tokens ---- */

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
  RUN(special_tokens_are_cut_out_when_asked_for);
  RUN(the_longest_special_token_goes_first);
  RUN(special_tokens_of_any_length);
  RUN(special_tokens_may_cut_a_character);
  RUN(too_little_scratch_is_a_status);
  RUN(random_bytes_do_no_harm);
  return test_end();
}
