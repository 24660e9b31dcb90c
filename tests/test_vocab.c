/* test_vocab.c: what files say and do not say of their vocabularies, and the look-up of their strings. */
#include "tokens.h"

/* ---- ends and kinds of tokens ---- */

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

static void pairs_of_texts(void) {
  static const struct { const char *model, *pre, *leave_out; bool add_eos, add_separator; const char *first, *second; } cases[] = {
      {"bert", NULL, "", false, true, "<s>|▁a|<sep>", "▁b|<sep>"},
      {"bert", NULL, "tokenizer.ggml.add_sep_token", false, false, "<s>|▁a|<sep>", "▁b|<sep>"},
      {"bert", NULL, "tokenizer.ggml.eos_token_id", true, false, "<s>|▁a|<sep>", "▁b|<sep>"},
      {"bert", NULL, "", true, false, "<s>|▁a|</s>", "▁b|<sep>"},
      {"gpt2", "roberta-bpe", "tokenizer.ggml.add_sep_token", true, false, "<s>|a|</s>|<sep>", "b|</s>"},
      {"gpt2", "roberta-bpe", "", true, false, "<s>|a|</s>", "b|</s>"},
      {"gpt2", "gpt-2", "tokenizer.ggml.add_sep_token", true, false, "<s>|a|</s>", "b|</s>"},
      {"gpt2", "gpt-2", "", false, true, "<s>|a|<sep>", "b"},
  };
  for (size_t i = 0; i < LENGTH(cases); i++) {
    struct fixture f;
    struct tiny_options options = tiny_small;
    struct tiny_tokenizer t = tiny_bpe(TOKENS(NORMAL("a"), NORMAL("b"), NORMAL("▁a"), NORMAL("▁b"), CONTROL("<s>"),
                                              CONTROL("</s>"), CONTROL("<sep>")), NO_MERGES);
    t.model = cases[i].model;
    t.pre = cases[i].pre;
    t.bos = 4;
    t.eos = 5;
    t.separator = 6;
    t.add_bos = true;
    t.add_eos = cases[i].add_eos;
    t.add_separator = cases[i].add_separator;
    options.leave_out = cases[i].leave_out;
    REQUIRE(open_options(&f, options, &t) == SOTTO_OK);
    CHECK(gives(f.m.model, SOTTO_TOKENIZE_FIRST, "a", cases[i].first));
    CHECK(gives(f.m.model, SOTTO_TOKENIZE_SECOND, "b", cases[i].second));
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

/* ---- tokenizers that are unknown, files without weights ---- */

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

static void an_unknown_tokenizer_opens_for_token_ids(void) {
  const struct tiny_tokenizer known = tiny_bpe(TOKENS(ABC), TEXTS("b c"));
  struct tiny_tokenizer other = known;
  struct tiny_options options = tiny_small;
  CHECK(cannot_tokenize(tiny_small, NULL));
  other.model = "plamo3";
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

/* ---- keys ---- */

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

/* The bits of -2 are the larger whole number. */
static void scores_may_be_whole_numbers(void) {
  struct tiny_tokenizer t = tiny_spm(TOKENS(NORMAL("a"), NORMAL("b"), NORMAL("c"), SCORED("ab", -1), SCORED("bc", -2)));
  struct tiny_options options = tiny_small;
  options.tokenizer = &t;
  for (int is_whole = 0; is_whole < 2; is_whole++) {
    struct tiny_file file = tiny_make(&options);
    struct tiny_model m;
    if (is_whole) retype_items(&file, "tokenizer.ggml.scores", SOTTO_VALUE_I32);
    REQUIRE(tiny_open(&m, file.bytes, file.n, 0) == SOTTO_OK);
    CHECK(gives(m.model, 0, "abc", is_whole ? "a|bc" : "ab|c"));
    tiny_close(&m);
    free(file.bytes);
  }
}

/* A key of the same length as another takes its place. */
static void tokens_around_code_are_those_of_the_file(void) {
  static const char key[] = "tokenizer.ggml.unknown_token_id", other[] = "tokenizer.ggml.fim_pre_token_id";
  struct tiny_tokenizer t = tiny_bpe(TOKENS(NORMAL("a"), NORMAL("<PRE>")), NO_MERGES);
  struct tiny_options options = tiny_small;
  options.tokenizer = &t;
  for (int is_named = 0; is_named < 2; is_named++) {
    struct tiny_file file = tiny_make(&options);
    struct tiny_model m;
    if (is_named) memcpy(memmem(file.bytes, file.n, key, strlen(key)), other, strlen(other));
    REQUIRE(tiny_open(&m, file.bytes, file.n, 0) == SOTTO_OK);
    CHECK(sotto_token_is_special(m.model, 1) == !is_named);
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

int main(void) {
  RUN(the_file_says_which_tokens_go_to_the_ends);
  RUN(pairs_of_texts);
  RUN(ends_and_kinds_of_tokens);
  RUN(a_vocabulary_without_weights_opens_for_text);
  RUN(an_unknown_tokenizer_opens_for_token_ids);
  RUN(defaults_of_what_the_file_does_not_say);
  RUN(items_of_a_wrong_type_are_named);
  RUN(scores_may_be_whole_numbers);
  RUN(tokens_around_code_are_those_of_the_file);
  RUN(arrays_of_a_wrong_type_or_length_are_named);
  RUN(more_tokens_than_rows_are_refused);
  RUN(ids_beyond_the_vocabulary_are_passed_over);
  RUN(of_equal_tokens_the_first_counts);
  RUN(colliding_strings_are_refused);
  return test_end();
}
