/* test_model.c: hostile and broken files: each gets its own status and a sentence, and nothing is read or written that
 * should not be (the sanitizers watch; every buffer has its exact size). */
#include "tiny.h"

/* Opens a copy of exactly n bytes. */
static enum sotto_status open_bytes(const uint8_t *bytes, size_t n, struct sotto_error *error) {
  uint8_t *copy = malloc(n ? n : 1);
  struct tiny_model m;
  memcpy(copy, bytes, n);
  const enum sotto_status status = tiny_open(&m, copy, n, 0);
  *error = m.error;
  CHECK(status == SOTTO_OK || (m.error.status == (int32_t)status && m.error.text_bytes > 10));
  tiny_close(&m);
  free(copy);
  return status;
}

static bool says(const struct sotto_error *error, const char *words) {
  char text[sizeof error->text + 1] = {0};
  memcpy(text, error->text, error->text_bytes);
  if (!strstr(text, words)) printf("said: %s\n", text);
  return strstr(text, words) != NULL;
}

static enum sotto_status open_tiny(struct tiny_options options, struct sotto_error *error) {
  struct tiny_file file = tiny_make(&options);
  const enum sotto_status status = open_bytes(file.bytes, file.n, error);
  free(file.bytes);
  return status;
}

static void a_good_file_opens(void) {
  struct sotto_error error;
  CHECK(open_tiny(tiny_llama, &error) == SOTTO_OK);
  CHECK(open_tiny(tiny_gemma, &error) == SOTTO_OK);
}

static void every_truncation_of_the_header_says_how_much_more(void) {
  struct tiny_options options = tiny_llama;
  struct tiny_file file = tiny_make(&options);
  struct tiny_model whole;
  REQUIRE(tiny_open(&whole, file.bytes, file.n, 0) == SOTTO_OK);
  struct sotto_tensor_info info;
  REQUIRE(sotto_gguf_tensor(whole.gguf, 0, &info) == SOTTO_OK);
  const size_t header = (size_t)info.file_offset - 32; /* at least */
  for (size_t n = 0; n < header; n++) {
    uint8_t *prefix = malloc(n ? n : 1);
    void *block = malloc(sotto_gguf_measure());
    struct sotto_error error;
    size_t need = 0;
    memcpy(prefix, file.bytes, n);
    const enum sotto_status status = sotto_gguf_scan(sotto_gguf_open(block), prefix, n, &need, &error);
    if (!CHECK(status == SOTTO_TRUNCATED && need > n && need <= header + 64)) break;
    free(prefix);
    free(block);
  }
  tiny_close(&whole);
  free(file.bytes);
}

static void scanning_byte_by_byte_gives_the_same_directory(void) {
  struct tiny_file file = tiny_make(&tiny_gemma);
  struct tiny_model whole;
  struct sotto_error error;
  size_t need, at = 0;
  REQUIRE(tiny_open(&whole, file.bytes, file.n, 0) == SOTTO_OK);
  sotto_gguf *gguf = sotto_gguf_open(malloc(sotto_gguf_measure()));
  while (sotto_gguf_scan(gguf, file.bytes, at, &need, &error) == SOTTO_TRUNCATED) at++;
  REQUIRE(sotto_gguf_n_tensors(gguf) == sotto_gguf_n_tensors(whole.gguf) && sotto_gguf_n_keys(gguf) == sotto_gguf_n_keys(whole.gguf));
  for (uint32_t i = 0; i < sotto_gguf_n_tensors(gguf); i++) {
    struct sotto_tensor_info a, b;
    CHECK(sotto_gguf_tensor(gguf, i, &a) == SOTTO_OK && sotto_gguf_tensor(whole.gguf, i, &b) == SOTTO_OK);
    CHECK(a.file_offset == b.file_offset && a.n_bytes == b.n_bytes && a.dims[1] == b.dims[1] && a.name == b.name);
  }
  free(gguf);
  tiny_close(&whole);
  free(file.bytes);
}

static void a_truncated_file_is_refused_before_its_weights_come(void) {
  struct tiny_file file = tiny_make(&tiny_llama);
  struct sotto_error error;
  CHECK(open_bytes(file.bytes, file.n - 1, &error) == SOTTO_TRUNCATED);
  free(file.bytes);
}

static void what_is_no_gguf_is_named(void) {
  static const struct { const char *start, *words; } files[] = {
      {"%PDF-1.7 and so on", "PDF"}, {"<!DOCTYPE html><html>", "web page"}, {"PK\3\4.........", "zip"},
      {"version https://git-lfs.github.com/spec/v1", "Git LFS"}, {"{\"error\":\"not found\"}", "JSON"}, {"no idea at all", "begin"},
  };
  struct sotto_error error;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    CHECK(open_bytes((const uint8_t *)files[i].start, strlen(files[i].start), &error) == SOTTO_NOT_GGUF);
    CHECK(says(&error, files[i].words));
  }
  CHECK(open_bytes((const uint8_t *)"GG", 2, &error) == SOTTO_TRUNCATED);
  CHECK(open_bytes((const uint8_t *)"", 0, &error) == SOTTO_TRUNCATED);
}

/* ---- single fields of an otherwise good file ---- */

/* A header with these keys and tensor infos and nothing behind it. */
static struct tiny_file header_of(uint32_t version, uint64_t n_tensors, uint64_t n_keys) {
  struct tiny_file file = {0};
  tiny_put(&file, "GGUF", 4);
  tiny_u32(&file, version);
  tiny_u64(&file, n_tensors);
  tiny_u64(&file, n_keys);
  return file;
}

static void add_tensor(struct tiny_file *file, const char *name, uint32_t n_dims, const uint64_t *dims, uint32_t type, uint64_t offset) {
  tiny_string(file, name);
  tiny_u32(file, n_dims);
  for (uint32_t i = 0; i < n_dims; i++) tiny_u64(file, dims[i]);
  tiny_u32(file, type);
  tiny_u64(file, offset);
}

static enum sotto_status scan_only(struct tiny_file *file, struct sotto_error *error) {
  uint8_t *copy = malloc(file->n);
  void *block = malloc(sotto_gguf_measure());
  size_t need;
  memcpy(copy, file->bytes, file->n);
  const enum sotto_status status = sotto_gguf_scan(sotto_gguf_open(block), copy, file->n, &need, error);
  free(copy);
  free(block);
  free(file->bytes);
  *file = (struct tiny_file){0};
  return status;
}

static void versions(void) {
  struct sotto_error error;
  static const uint32_t bad[] = {0, 1, 4, 0x03000000, 0xffffffff};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct tiny_file file = header_of(bad[i], 0, 0);
    CHECK(scan_only(&file, &error) == SOTTO_UNSUPPORTED_VERSION);
    CHECK(error.at_byte == 4 && (bad[i] != 0x03000000 || says(&error, "big-endian")));
  }
  for (uint32_t version = 2; version <= 3; version++) {
    struct tiny_file file = header_of(version, 0, 0);
    CHECK(scan_only(&file, &error) == SOTTO_OK);
  }
}

static void absurd_counts_and_lengths(void) {
  struct sotto_error error;
  static const uint64_t absurd[] = {1u << 30, 1ull << 40, 1ull << 63, UINT64_MAX};
  for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
    struct tiny_file file = header_of(3, absurd[i], 0);
    CHECK(scan_only(&file, &error) == SOTTO_MALFORMED);
    file = header_of(3, 0, absurd[i]);
    CHECK(scan_only(&file, &error) == SOTTO_MALFORMED);
    file = header_of(3, 0, 1); /* a key's name */
    tiny_u64(&file, absurd[i]);
    CHECK(scan_only(&file, &error) == SOTTO_MALFORMED);
    file = header_of(3, 0, 1); /* a string */
    tiny_string(&file, "a");
    tiny_u32(&file, SOTTO_VALUE_STRING);
    tiny_u64(&file, absurd[i]);
    CHECK(scan_only(&file, &error) == SOTTO_MALFORMED);
    for (uint32_t type = 0; type <= SOTTO_VALUE_TYPE_COUNT; type++) { /* an array of each type, and of one that is none */
      file = header_of(3, 0, 1);
      tiny_string(&file, "a");
      tiny_u32(&file, SOTTO_VALUE_ARRAY);
      tiny_u32(&file, type);
      tiny_u64(&file, absurd[i]);
      CHECK(scan_only(&file, &error) == SOTTO_MALFORMED);
    }
  }
}

static void arrays_of_every_type_are_skipped(void) {
  static const uint8_t bytes[SOTTO_VALUE_TYPE_COUNT] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  struct sotto_error error;
  struct tiny_file file = header_of(3, 0, SOTTO_VALUE_TYPE_COUNT + 1);
  for (uint32_t type = 0; type < SOTTO_VALUE_TYPE_COUNT; type++) {
    char name[] = {(char)('a' + type), 0};
    tiny_string(&file, name);
    tiny_u32(&file, SOTTO_VALUE_ARRAY);
    tiny_u32(&file, type);
    tiny_u64(&file, 3);
    for (int i = 0; i < 3; i++) {
      if (type == SOTTO_VALUE_STRING) tiny_string(&file, i == 1 ? "" : "text");
      else if (type == SOTTO_VALUE_ARRAY) { /* arrays of strings */
        tiny_u32(&file, SOTTO_VALUE_STRING);
        tiny_u64(&file, 2);
        tiny_string(&file, "x");
        tiny_string(&file, "yz");
      } else tiny_put(&file, NULL, bytes[type]);
    }
  }
  tiny_string(&file, "last");
  tiny_u32(&file, SOTTO_VALUE_U32);
  tiny_u32(&file, 42);
  void *block = malloc(sotto_gguf_measure());
  sotto_gguf *gguf = sotto_gguf_open(block);
  size_t need;
  struct sotto_value value;
  uint64_t number;
  CHECK(sotto_gguf_scan(gguf, file.bytes, file.n, &need, &error) == SOTTO_OK && need == file.n);
  CHECK(sotto_gguf_find(gguf, "last", &value) == SOTTO_OK && gguf_value_u64(&value, 0, &number) && number == 42);
  CHECK(sotto_gguf_find(gguf, "i", &value) == SOTTO_OK);
  const char *text;
  uint32_t text_bytes, at = 0, n = 0;
  while (gguf_next_string(&value, &at, &text, &text_bytes)) CHECK(text_bytes == (n++ == 1 ? 0 : 4));
  CHECK(n == 3);
  free(block);
  free(file.bytes);
  file = header_of(3, 0, 1); /* too deep */
  tiny_string(&file, "a");
  tiny_u32(&file, SOTTO_VALUE_ARRAY);
  for (int i = 0; i < 6; i++) {
    tiny_u32(&file, SOTTO_VALUE_ARRAY);
    tiny_u64(&file, 1);
  }
  CHECK(scan_only(&file, &error) == SOTTO_MALFORMED && says(&error, "deep"));
}

static void names_may_not_occur_twice(void) {
  struct sotto_error error;
  struct tiny_file file = header_of(3, 0, 2);
  for (int i = 0; i < 2; i++) {
    tiny_string(&file, "same");
    tiny_u32(&file, SOTTO_VALUE_BOOL);
    tiny_put(&file, "\1", 1);
  }
  CHECK(scan_only(&file, &error) == SOTTO_MALFORMED && says(&error, "twice"));
  const uint64_t dims[] = {32, 2};
  file = header_of(3, 2, 0);
  add_tensor(&file, "same", 2, dims, GGUF_F32, 0);
  add_tensor(&file, "same", 2, dims, GGUF_F32, 256);
  CHECK(scan_only(&file, &error) == SOTTO_MALFORMED && says(&error, "twice"));
}

static void tensors_that_cannot_be(void) {
  struct sotto_error error;
  static const struct { uint32_t n_dims; uint64_t dims[5]; uint32_t type; uint64_t offset; } bad[] = {
      {0, {0}, GGUF_F32, 0},                            /* no dimension */
      {5, {1, 1, 1, 1, 1}, GGUF_F32, 0},                /* too many */
      {0xffffffff, {0}, GGUF_F32, 0},
      {2, {32, 0}, GGUF_F32, 0},                        /* empty */
      {2, {1ull << 62, 1ull << 62}, GGUF_F32, 0},       /* product overflows */
      {4, {1ull << 16, 1ull << 16, 1ull << 16, 1ull << 16}, GGUF_F32, 0},
      {2, {33, 2}, GGUF_Q4_0, 0},                       /* no whole number of blocks */
      {2, {32, 2}, GGUF_Q4_K, 0},
      {1, {32}, GGUF_F32, 7},                           /* not aligned */
      {1, {32}, GGUF_F32, 0xffffffffffffffe0},          /* beyond any file */
      {1, {32}, 1000, 0xffffffffffffffe0},              /* the same with an unknown type */
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct tiny_file file = header_of(3, 1, 0);
    add_tensor(&file, "weight", bad[i].n_dims < 8 ? bad[i].n_dims : 0, bad[i].dims, bad[i].type, bad[i].offset);
    if (bad[i].n_dims >= 8) memset(file.bytes + 24 + 8 + 6, 0xff, 4);
    if (!CHECK(scan_only(&file, &error) == SOTTO_MALFORMED)) printf("case %zu\n", i);
  }
  const uint64_t dims[] = {32, 2};
  struct tiny_file file = header_of(3, 2, 0);
  add_tensor(&file, "a", 2, dims, GGUF_F32, 0);
  add_tensor(&file, "b", 2, dims, GGUF_F32, 224);
  CHECK(scan_only(&file, &error) == SOTTO_MALFORMED && says(&error, "overlap"));
}

static void alignments(void) {
  static const uint32_t alignment[] = {0, 1, 24, 33, 1u << 21, 8, 64};
  struct sotto_error error;
  for (size_t i = 0; i < sizeof alignment / sizeof *alignment; i++) {
    struct tiny_file file = header_of(3, 0, 1);
    tiny_string(&file, "general.alignment");
    tiny_u32(&file, SOTTO_VALUE_U32);
    tiny_u32(&file, alignment[i]);
    CHECK(scan_only(&file, &error) == (i < 5 ? SOTTO_MALFORMED : SOTTO_OK));
  }
}

/* ---- what a model family needs ---- */

static void what_is_missing_is_named(void) {
  static const struct { const char *name; enum sotto_status status; } parts[] = {
      {"general.architecture", SOTTO_MISSING_KEY}, {"block_count", SOTTO_MISSING_KEY}, {"embedding_length", SOTTO_MISSING_KEY},
      {"feed_forward_length", SOTTO_MISSING_KEY}, {"context_length", SOTTO_MISSING_KEY}, {"attention.head_count", SOTTO_MISSING_KEY},
      {"attention.layer_norm_rms_epsilon", SOTTO_MISSING_KEY}, {"token_embd.weight", SOTTO_MISSING_TENSOR},
      {"output_norm.weight", SOTTO_MISSING_TENSOR}, {"blk.0.attn_q.weight", SOTTO_MISSING_TENSOR},
      {"blk.1.ffn_down.weight", SOTTO_MISSING_TENSOR}, {"blk.1.post_ffw_norm.weight", SOTTO_MISSING_TENSOR},
      {"blk.0.attn_q_norm.weight", SOTTO_MISSING_TENSOR},
  };
  struct sotto_error error;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    struct tiny_options options = tiny_gemma;
    options.leave_out = parts[i].name;
    if (!CHECK(open_tiny(options, &error) == parts[i].status)) printf("%s\n", parts[i].name);
    CHECK(says(&error, parts[i].name));
  }
}

static void what_has_another_shape_is_named(void) {
  static const char *const names[] = {"blk.0.attn_q.weight", "blk.1.attn_k.weight", "blk.0.attn_output.weight", "blk.1.ffn_up.weight",
                                      "blk.0.ffn_down.weight", "blk.1.attn_norm.weight", "output.weight"};
  struct sotto_error error;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct tiny_options options = tiny_llama;
    options.misshape = names[i];
    CHECK(open_tiny(options, &error) == SOTTO_SHAPE_MISMATCH && says(&error, names[i]));
  }
}

static void what_is_not_supported_is_named(void) {
  struct sotto_error error;
  struct tiny_options options = tiny_llama;
  options.architecture = "mamba";
  CHECK(open_tiny(options, &error) == SOTTO_UNSUPPORTED_ARCHITECTURE && says(&error, "mamba"));
  options = tiny_llama;
  options.extra = "blk.0.attn_gate.weight"; /* would be ignored, and the answers be wrong */
  CHECK(open_tiny(options, &error) == SOTTO_UNSUPPORTED_ARCHITECTURE && says(&error, "attn_gate.weight"));
  options = tiny_llama;
  options.n_kv_heads = 3; /* 4 query heads cannot share 3 */
  CHECK(open_tiny(options, &error) == SOTTO_UNSUPPORTED_ARCHITECTURE);
  options = tiny_llama;
  options.n_layers = 300;
  CHECK(open_tiny(options, &error) == SOTTO_MALFORMED && says(&error, "block_count"));
  struct tiny_file file = tiny_make(&tiny_llama); /* an unknown type, put into the info of output.weight */
  for (size_t i = 0; i + 40 < file.n; i++)
    if (!memcmp(file.bytes + i, "output.weight", 13) && file.bytes[i - 1] == 0) {
      file.bytes[i + 13 + 4 + 16] = 99;
      break;
    }
  CHECK(open_bytes(file.bytes, file.n, &error) == SOTTO_UNSUPPORTED_TYPE && says(&error, "output.weight"));
  free(file.bytes);
}

static void all_problems_are_told(void) {
  static const struct { const char *architecture, *misshape; enum sotto_status problems[3]; } files[] = {
      {"llama", NULL, {SOTTO_UNSUPPORTED_TOKENIZER}},
      {"mamba", NULL, {SOTTO_UNSUPPORTED_ARCHITECTURE, SOTTO_UNSUPPORTED_TOKENIZER}},
      {"llama", "blk.0.attn_q.weight", {SOTTO_SHAPE_MISMATCH, SOTTO_UNSUPPORTED_TOKENIZER}}};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    struct tiny_options options = tiny_llama;
    struct tiny_model m;
    struct sotto_error error;
    options.architecture = files[i].architecture;
    options.misshape = files[i].misshape;
    struct tiny_file file = tiny_make(&options);
    tiny_open(&m, file.bytes, file.n, 0);
    for (uint32_t at = 0; at < 3; at++) CHECK(sotto_model_problem(m.gguf, at, &error) == files[i].problems[at]);
    tiny_close(&m);
    free(file.bytes);
  }
}

static void a_block_that_is_too_small_is_refused(void) {
  struct tiny_file file = tiny_make(&tiny_llama);
  struct sotto_error error;
  struct tiny_model m;
  size_t n;
  REQUIRE(tiny_open(&m, file.bytes, file.n, 0) == SOTTO_OK);
  CHECK(sotto_model_measure(m.gguf, NULL, &n, &error) == SOTTO_OK);
  for (size_t less = 1; less < n; less = less * 2 + 1) {
    void *block = malloc(n - less);
    sotto_model *model;
    CHECK(sotto_model_open(block, n - less, m.gguf, NULL, &model, &error) == SOTTO_OUT_OF_MEMORY);
    free(block);
  }
  tiny_close(&m);
  free(file.bytes);
}

/* Flips bytes of the header: any status will do, but no harm. What still opens must also run. */
static void random_damage_does_no_harm(void) {
  struct tiny_file file = tiny_make(&tiny_gemma);
  uint32_t seed = 4711;
  int n_opened = 0;
  for (int round = 0; round < 1500; round++) {
    uint8_t *copy = malloc(file.n);
    struct tiny_model m;
    struct sotto_error error;
    memcpy(copy, file.bytes, file.n);
    for (uint32_t i = 0; i < 1 + test_random(&seed) % 3; i++) copy[test_random(&seed) % 5000] ^= (uint8_t)(1u << test_random(&seed) % 8);
    if (tiny_open(&m, copy, file.n, 0) == SOTTO_OK && n_opened < 20) {
      void *block;
      size_t n_reused, n_left;
      n_opened++;
      CHECK(sotto_model_push(m.model, 0, copy, file.n, &error) == SOTTO_OK);
      sotto_session *session = tiny_session(m.model, NULL, (struct sotto_session_options){.n_ctx = 8}, &block);
      const int32_t tokens[] = {1, 2, 3};
      CHECK(sotto_session_sync(session, tokens, 3, &n_reused) == SOTTO_OK);
      do CHECK(sotto_session_step(session, &n_left) == SOTTO_OK);
      while (n_left);
      free(block);
    }
    tiny_close(&m);
    free(copy);
  }
  CHECK(n_opened >= 5);
  free(file.bytes);
}

int main(void) {
  RUN(a_good_file_opens);
  RUN(every_truncation_of_the_header_says_how_much_more);
  RUN(scanning_byte_by_byte_gives_the_same_directory);
  RUN(a_truncated_file_is_refused_before_its_weights_come);
  RUN(what_is_no_gguf_is_named);
  RUN(versions);
  RUN(absurd_counts_and_lengths);
  RUN(arrays_of_every_type_are_skipped);
  RUN(names_may_not_occur_twice);
  RUN(tensors_that_cannot_be);
  RUN(alignments);
  RUN(what_is_missing_is_named);
  RUN(what_has_another_shape_is_named);
  RUN(what_is_not_supported_is_named);
  RUN(all_problems_are_told);
  RUN(a_block_that_is_too_small_is_refused);
  RUN(random_damage_does_no_harm);
  return test_end();
}
