/* test_detokenize.c: tokens -> bytes, and the emitter: whole characters only, and nothing of a stop string. Every
 * buffer has its exact size, so that the sanitizers see a step beyond it. */
#include "tiny_vocab.h"

#include "../src/unicode.h"

/* ---- the bytes of one token ---- */

static bool token_is_bytes(const sotto_model *model, int32_t token, bool special, const char *expected,
                           size_t n_expected) {
  size_t n;
  const enum sotto_status status = sotto_token_bytes(model, token, special, NULL, 0, &n);
  if (status != (n_expected ? SOTTO_NO_SPACE : SOTTO_OK) || n != n_expected) return false;
  char *out = malloc(n ? n : 1);
  if (n) CHECK(sotto_token_bytes(model, token, special, out, n - 1, &n) == SOTTO_NO_SPACE && n == n_expected);
  CHECK(sotto_token_bytes(model, token, special, out, n, &n) == SOTTO_OK && n == n_expected);
  const bool is_so = memcmp(out, expected, n) == 0;
  free(out);
  return is_so;
}

static bool token_is(const sotto_model *model, int32_t token, bool special, const char *expected) {
  return token_is_bytes(model, token, special, expected, strlen(expected));
}

static void bytes_of_byte_level_tokens(void) {
  struct fixture f;
  const sotto_model *model = open_model(&f, tiny_bpe(TOKENS(NORMAL("Ġab"), NORMAL("Ã©Ċ"), NORMAL("Ã"), NORMAL("Ā"),
                                                            NORMAL("日a"), USER("Ġ"), NORMAL("")), TEXTS("")));
  CHECK(token_is(model, 0, false, " ab"));
  CHECK(token_is(model, 1, false, "é\n"));
  CHECK(token_is(model, 2, false, "\xc3"));
  CHECK(token_is_bytes(model, 3, false, "\0", 1));
  CHECK(token_is(model, 4, false, "日a")); /* a character that stands for no byte stays */
  CHECK(token_is(model, 5, false, "Ġ"));  /* the text of a user-defined token is meant as it is */
  CHECK(token_is(model, 6, false, ""));
  close_model(&f);
}

static void bytes_of_sentencepiece_tokens(void) {
  struct fixture f;
  const sotto_model *model = open_model(
      &f, tiny_spm(TOKENS(NORMAL("▁a▁▁b"), NORMAL("Ġ"), NORMAL("\xe2\x96"), USER("▁"), BYTE("<0x0A>"), BYTE("<0xe9>"),
                          BYTE("<0x0>"), BYTE("<0xZZ>"))));
  CHECK(token_is(model, 0, false, " a  b"));
  CHECK(token_is(model, 1, false, "Ġ"));
  CHECK(token_is(model, 2, false, "\xe2\x96"));
  CHECK(token_is(model, 3, false, "▁"));
  CHECK(token_is(model, 4, false, "\n"));
  CHECK(token_is(model, 5, false, "\xe9"));
  CHECK(token_is(model, 6, false, ""));
  CHECK(token_is_bytes(model, 7, false, "\0", 1)); /* as llama.cpp reads it */
  close_model(&f);
}

static void only_some_kinds_of_tokens_have_a_text(void) {
  struct fixture f;
  size_t n;
  char out[8];
  const sotto_model *model = open_model(
      &f, tiny_spm(TOKENS(UNKNOWN, CONTROL("<s>"), {"<w>", TOKEN_UNUSED, 0}, {"<x>", TOKEN_UNDEFINED, 0}, {"<y>", 99, 0},
                          {"<z>", -1, 0})));
  CHECK(token_is(model, 0, false, "") && token_is(model, 0, true, "<unk>"));
  CHECK(token_is(model, 1, false, "") && token_is(model, 1, true, "<s>"));
  for (int32_t i = 2; i < 6; i++) CHECK(token_is(model, i, false, "") && token_is(model, i, true, ""));
  CHECK(token_is(model, 299, true, "")); /* rows of the embedding that pad it are tokens without a text */
  CHECK(sotto_token_bytes(model, 300, true, out, sizeof out, &n) == SOTTO_INVALID_ARGUMENT && n == 0);
  CHECK(sotto_token_bytes(model, -1, true, out, sizeof out, &n) == SOTTO_INVALID_ARGUMENT);
  CHECK(sotto_token_bytes(model, INT32_MIN, true, out, sizeof out, &n) == SOTTO_INVALID_ARGUMENT);
  close_model(&f);
}

/* ---- the emitter ---- */

/* The list of stop strings as sotto.h wants it. */
static struct tiny_file stop_list(const char *const *stops, size_t n_stops) {
  struct tiny_file list = {0};
  for (size_t i = 0; i < n_stops; i++) {
    tiny_u32(&list, (uint32_t)strlen(stops[i]));
    tiny_put(&list, stops[i], strlen(stops[i]));
  }
  return list;
}

/* Opens an emitter in a block of its exact size; the stop strings are gone afterwards. */
static sotto_emitter *open_emitter(const sotto_model *model, const char *const *stops, size_t n_stops, void **block) {
  sotto_emitter *emitter = NULL;
  struct tiny_file list = stop_list(stops, n_stops);
  const size_t n = sotto_emitter_measure(list.n);
  *block = malloc(n);
  memset(*block, 0xa5, n); /* nothing may depend on what it held */
  CHECK(sotto_emitter_open(*block, n, model, list.bytes, list.n, (uint32_t)n_stops, &emitter) == SOTTO_OK);
  free(list.bytes);
  return emitter;
}

/* One step into a buffer of just the size that suffices; its text goes to the end of `shown`. */
static bool push(sotto_emitter *emitter, int32_t token, char *shown) {
  const size_t cap = sotto_emitter_out_cap(emitter);
  char *out = malloc(cap);
  size_t n;
  bool is_stopped;
  CHECK(sotto_emitter_push(emitter, token, out, cap, &n, &is_stopped) == SOTTO_OK && n <= cap);
  strncat(shown, out, n);
  free(out);
  return is_stopped;
}

static void flush(sotto_emitter *emitter, char *shown) {
  const size_t cap = sotto_emitter_out_cap(emitter);
  char *out = malloc(cap);
  size_t n;
  CHECK(sotto_emitter_flush(emitter, out, cap, &n) == SOTTO_OK && n <= cap);
  strncat(shown, out, n);
  free(out);
}

static int32_t find(const sotto_model *model, const char *text) {
  return vocab_find(&model->vocab, (const uint8_t *)text, (uint32_t)strlen(text));
}

/* What an emitter shows of tokens: a bar behind each push, a full stop where it stopped, then what the flush gave. */
static bool shows(const sotto_model *model, const char *const *stops, size_t n_stops, const char *const *texts,
                  size_t n_texts, const char *expected) {
  char shown[256] = "";
  void *block;
  bool is_stopped = false;
  sotto_emitter *emitter = open_emitter(model, stops, n_stops, &block);
  for (size_t i = 0; i < n_texts; i++) {
    is_stopped = push(emitter, find(model, texts[i]), shown);
    strcat(shown, is_stopped ? "." : "|");
  }
  flush(emitter, shown);
  flush(emitter, shown); /* there is no more */
  free(block);
  if (strcmp(shown, expected)) printf("  %s\n", shown);
  return strcmp(shown, expected) == 0;
}

static const struct tiny_token emitted[] = {
    NORMAL("a"), NORMAL("b"), NORMAL("c"), NORMAL("x"), NORMAL("ab"), NORMAL("abc"), NORMAL("ST"), NORMAL("OP"),
    NORMAL("aSTOPb"), NORMAL("▁"), NORMAL("!"), NORMAL("é"), CONTROL("<s>"), BYTE("<0xC3>"), BYTE("<0xA9>"),
    BYTE("<0xE2>"), BYTE("<0x82>"), BYTE("<0xAC>"), BYTE("<0xF0>"), BYTE("<0x9F>"), BYTE("<0x98>"), BYTE("<0x80>"), BYTE("<0xFF>"),
};
#define NO_STOPS NULL, 0

static void characters_are_shown_whole(void) {
  struct fixture f;
  const sotto_model *model = open_model(&f, tiny_spm(emitted, LENGTH(emitted)));
  CHECK(shows(model, NO_STOPS, TEXTS("a", "▁", "é", "b"), "a| |é|b|"));
  CHECK(shows(model, NO_STOPS, TEXTS("<0xC3>", "<0xA9>", "a"), "|é|a|"));
  CHECK(shows(model, NO_STOPS, TEXTS("a", "<0xE2>", "<0x82>", "<0xAC>"), "a|||€|"));
  CHECK(shows(model, NO_STOPS, TEXTS("<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "b"), "|||\xf0\x9f\x98\x80|b|"));
  CHECK(shows(model, NO_STOPS, TEXTS("<s>", "<0xC3>", "<s>", "<0xA9>"), "|||é|"));
  close_model(&f);
}

static void an_incomplete_character_at_the_end_is_replaced(void) {
  struct fixture f;
  const sotto_model *model = open_model(&f, tiny_spm(emitted, LENGTH(emitted)));
  CHECK(shows(model, NO_STOPS, TEXTS("a", "<0xC3>"), "a||\xef\xbf\xbd"));
  CHECK(shows(model, NO_STOPS, TEXTS("<0xE2>", "<0x82>"), "||\xef\xbf\xbd"));
  CHECK(shows(model, NO_STOPS, TEXTS("<0xF0>", "<0x9F>", "<0x98>"), "|||\xef\xbf\xbd"));
  CHECK(shows(model, TEXTS("abc"), TEXTS("ab", "<0xC3>"), "|ab|\xef\xbf\xbd"));
  close_model(&f);
}

static void bytes_that_are_no_character_are_not_held_back(void) {
  struct fixture f;
  const sotto_model *model = open_model(&f, tiny_spm(emitted, LENGTH(emitted)));
  CHECK(shows(model, NO_STOPS, TEXTS("<0x80>", "<0xFF>", "a"), "\x80|\xff|a|"));
  CHECK(shows(model, NO_STOPS, TEXTS("<0xC3>", "<0xC3>", "<0xA9>"), "|\xc3|é|"));
  CHECK(shows(model, NO_STOPS, TEXTS("<0xE2>", "a"), "|\xe2" "a|"));
  CHECK(shows(model, NO_STOPS, TEXTS("<0x80>", "<0x80>", "<0x80>", "<0x80>"), "\x80|\x80|\x80|\x80|"));
  close_model(&f);
}

static void nothing_of_a_stop_string_is_shown(void) {
  struct fixture f;
  const sotto_model *model = open_model(&f, tiny_spm(emitted, LENGTH(emitted)));
  CHECK(shows(model, TEXTS("STOP"), TEXTS("a", "ST", "OP", "b"), "a||.."));
  CHECK(shows(model, TEXTS("STOP"), TEXTS("aSTOPb", "b"), "a.."));
  CHECK(shows(model, TEXTS("STOP"), TEXTS("ST", "ST", "OP"), "|ST|."));
  CHECK(shows(model, TEXTS("STOP"), TEXTS("ST", "a", "OP"), "|STa|OP|"));
  CHECK(shows(model, TEXTS("STOP"), TEXTS("a", "ST"), "a||ST"));
  CHECK(shows(model, TEXTS("a"), TEXTS("x", "a"), "x|."));
  CHECK(shows(model, TEXTS(" a"), TEXTS("x", "▁", "a"), "x||."));
  close_model(&f);
}

static void stop_strings_that_overlap(void) {
  struct fixture f;
  const sotto_model *model = open_model(&f, tiny_spm(emitted, LENGTH(emitted)));
  CHECK(shows(model, TEXTS("aab"), TEXTS("a", "a", "a", "b"), "||a|."));
  CHECK(shows(model, TEXTS("abac"), TEXTS("ab", "ab", "a", "c"), "|ab||."));
  CHECK(shows(model, TEXTS("abcx", "b"), TEXTS("a", "b"), "|a."));
  CHECK(shows(model, TEXTS("abc!", "cx"), TEXTS("abc", "x"), "|ab."));
  CHECK(shows(model, TEXTS("P", "O", "T"), TEXTS("aSTOPb"), "aS."));
  CHECK(shows(model, TEXTS("STOPx", "TOP"), TEXTS("aSTOPb"), "aS."));
  CHECK(shows(model, TEXTS("ab", "abc"), TEXTS("a", "b"), "|."));
  close_model(&f);
}

static void stop_strings_beside_characters_of_many_bytes(void) {
  struct fixture f;
  const sotto_model *model = open_model(&f, tiny_spm(emitted, LENGTH(emitted)));
  CHECK(shows(model, TEXTS("é"), TEXTS("a", "<0xC3>", "<0xA9>"), "a||."));
  CHECK(shows(model, TEXTS("€!"), TEXTS("<0xE2>", "<0x82>", "<0xAC>", "!"), "|||."));
  CHECK(shows(model, TEXTS("€!"), TEXTS("<0xE2>", "<0x82>", "<0xAC>", "a"), "|||€a|"));
  CHECK(shows(model, TEXTS("€€"), TEXTS("<0xE2>", "<0x82>", "<0xAC>", "<0xE2>", "<0x82>"), "|||||€\xef\xbf\xbd"));
  CHECK(shows(model, TEXTS("!"), TEXTS("<0xE2>", "<0x82>", "<0xAC>", "!"), "||€|."));
  CHECK(shows(model, TEXTS("a<"), TEXTS("a", "<0xC3>", "<0xA9>"), "|a|é|"));
  close_model(&f);
}

static void emitters_that_cannot_open(void) {
  struct fixture f;
  const sotto_model *model = open_model(&f, tiny_spm(emitted, LENGTH(emitted)));
  static const struct { const char *bytes; size_t n_bytes; uint32_t n_stops; } bad[] = {
      {"\1\0\0\0a", 5, 0}, {"\1\0\0\0a", 5, 2}, {"", 0, 1}, {"\0\0\0\0", 4, 1}, {"\2\0\0\0a", 5, 1},
      {"\1\0\0\0", 4, 1}, {"\1\0\0", 3, 1}, {"\1\0\0\0a\1", 6, 1}, {"\xff\xff\xff\xff" "a", 5, 1},
  };
  for (size_t i = 0; i < LENGTH(bad); i++) {
    sotto_emitter *emitter;
    uint8_t *stops = copy_of(bad[i].bytes, bad[i].n_bytes);
    const size_t n = sotto_emitter_measure(bad[i].n_bytes);
    void *block = malloc(n);
    CHECK(sotto_emitter_open(block, n, model, stops, bad[i].n_bytes, bad[i].n_stops, &emitter) ==
          SOTTO_INVALID_ARGUMENT);
    free(block);
    free(stops);
  }
  struct tiny_file list = stop_list(TEXTS("STOP", "x"));
  const size_t n = sotto_emitter_measure(list.n);
  sotto_emitter *emitter;
  void *block = malloc(n - 1);
  CHECK(sotto_emitter_open(block, n - 1, model, list.bytes, list.n, 2, &emitter) == SOTTO_OUT_OF_MEMORY);
  free(block);
  free(list.bytes);
  close_model(&f);
}

static void calls_that_fail_change_nothing(void) {
  struct fixture f;
  const sotto_model *model = open_model(&f, tiny_spm(emitted, LENGTH(emitted)));
  void *block;
  char out[64], shown[64] = "";
  size_t n = 9;
  bool is_stopped;
  sotto_emitter *emitter = open_emitter(model, TEXTS("STOP"), &block);
  const size_t cap = sotto_emitter_out_cap(emitter);
  push(emitter, find(model, "ST"), shown);
  CHECK(sotto_emitter_push(emitter, find(model, "OP"), out, cap - 1, &n, &is_stopped) == SOTTO_NO_SPACE);
  CHECK(n == 0 && !is_stopped);
  CHECK(sotto_emitter_push(emitter, 300, out, cap, &n, &is_stopped) == SOTTO_INVALID_ARGUMENT && n == 0 && !is_stopped);
  CHECK(sotto_emitter_flush(emitter, out, cap - 1, &n) == SOTTO_NO_SPACE && n == 0);
  CHECK(push(emitter, find(model, "OP"), shown) && strcmp(shown, "") == 0);
  free(block);
  close_model(&f);
}

/* ---- at random ---- */

/* Where the first stop string begins in a text, or SIZE_MAX. */
static size_t first_stop(const char *text, const char *const *stops, size_t n_stops) {
  size_t first = SIZE_MAX;
  for (size_t i = 0; i < n_stops; i++) {
    const char *found = strstr(text, stops[i]);
    if (found && (size_t)(found - text) < first) first = (size_t)(found - text);
  }
  return first;
}

static bool is_whole(const char *text) {
  const size_t n = strlen(text);
  for (size_t at = 0; at < n;)
    if (utf8_read((const uint8_t *)text, n, &at) == REPLACEMENT) return false;
  return true;
}

/* A random text of few characters, a byte a token: what is shown is always whole characters, and in the end exactly
 * what stands before the first stop string. */
static void random_texts_are_shown_up_to_the_first_stop_string(void) {
  static const char *const chars[] = {"a", "b", "é", "ê", "€", "😀"};
  static const char *const lists[][3] = {
      {"ab", "ba€", "éé"}, {"aab", "€€a", "😀a"}, {"aaaa", "bab", "ê😀"}, {"a€b", "€", "bbbbb"}};
  struct tiny_token bytes[256];
  char names[256][8];
  struct fixture f;
  uint32_t seed = 3;
  for (int i = 0; i < 256; i++) {
    snprintf(names[i], sizeof names[i], "<0x%02X>", (unsigned)i);
    bytes[i] = (struct tiny_token)BYTE(names[i]);
  }
  const sotto_model *model = open_model(&f, tiny_spm(bytes, LENGTH(bytes)));
  for (int i = 0; i < 2000; i++) {
    const char *const *stops = lists[test_random(&seed) % LENGTH(lists)];
    char text[64] = "", shown[64] = "", before[64] = "";
    void *block;
    sotto_emitter *emitter = open_emitter(model, stops, 3, &block);
    bool is_stopped = false;
    for (size_t n = 1 + test_random(&seed) % 12; n > 0; n--)
      strcat(text, chars[(test_random(&seed) >> 8) % LENGTH(chars)]);
    for (size_t at = 0; text[at] && !is_stopped; at++) {
      strncat(before, text + at, 1);
      is_stopped = push(emitter, (uint8_t)text[at], shown);
      CHECK(is_whole(shown) && is_stopped == (first_stop(before, stops, 3) != SIZE_MAX));
    }
    flush(emitter, shown);
    if (is_stopped) before[first_stop(before, stops, 3)] = 0;
    if (!CHECK(strcmp(shown, before) == 0)) printf("  of %s: %s\n", text, shown);
    free(block);
  }
  close_model(&f);
}

int main(void) {
  RUN(bytes_of_byte_level_tokens);
  RUN(bytes_of_sentencepiece_tokens);
  RUN(only_some_kinds_of_tokens_have_a_text);
  RUN(characters_are_shown_whole);
  RUN(an_incomplete_character_at_the_end_is_replaced);
  RUN(bytes_that_are_no_character_are_not_held_back);
  RUN(nothing_of_a_stop_string_is_shown);
  RUN(stop_strings_that_overlap);
  RUN(stop_strings_beside_characters_of_many_bytes);
  RUN(emitters_that_cannot_open);
  RUN(calls_that_fail_change_nothing);
  RUN(random_texts_are_shown_up_to_the_first_stop_string);
  return test_end();
}
