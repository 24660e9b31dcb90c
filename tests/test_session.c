/* test_session.c: a token's logits are the same bits however they come about. */
#include "../src/ranges.h"
#include "helpers.h"
#include "tiny.h"

enum { N = 48, VOCAB = 101 };
static int32_t tokens[N];
static float expected[N][VOCAB]; /* scalar level, one token at a time */

static void compute(sotto_session *session) {
  size_t n_left;
  do REQUIRE(sotto_session_step(session, &n_left) == SOTTO_OK);
  while (n_left);
}

static bool logits_are(sotto_session *session, size_t position) {
  const float *logits;
  return sotto_session_logits(session, position, &logits) == SOTTO_OK && memcmp(logits, expected[position], sizeof expected[0]) == 0;
}

static void push_all(sotto_model *model, const struct tiny_file *file) {
  struct sotto_error error;
  CHECK(sotto_model_push(model, 0, file->bytes, file->n, &error) == SOTTO_OK);
  CHECK(sotto_model_ready(model));
}

/* Fills `expected`. */
static void compute_expected(const struct tiny_file *file, uint32_t kv_type) {
  struct tiny_model m;
  void *block;
  uint32_t seed = 99;
  for (int i = 0; i < N; i++) tokens[i] = (int32_t)(test_random(&seed) % VOCAB);
  REQUIRE(tiny_open(&m, file->bytes, file->n, SOTTO_LEVEL_SCALAR) == SOTTO_OK);
  push_all(m.model, file);
  sotto_session *session = tiny_session(m.model, NULL, (struct sotto_session_options){.n_ctx = 80, .kv_type = kv_type}, &block);
  for (size_t i = 0; i < N; i++) {
    const float *logits;
    CHECK(sotto_session_append(session, tokens + i, 1) == SOTTO_OK);
    compute(session);
    REQUIRE(sotto_session_logits(session, i, &logits) == SOTTO_OK);
    memcpy(expected[i], logits, sizeof expected[i]);
  }
  float low = expected[N - 1][0], high = low;
  for (int i = 0; i < VOCAB; i++) {
    CHECK(expected[N - 1][i] == expected[N - 1][i]);
    if (expected[N - 1][i] < low) low = expected[N - 1][i];
    if (expected[N - 1][i] > high) high = expected[N - 1][i];
  }
  CHECK(high - low > 0.1f); /* the graph does something */
  free(block);
  tiny_close(&m);
}

static void check_way(const struct tiny_file *file, uint32_t level, struct sotto_session_options options) {
  struct tiny_model m;
  void *block;
  struct helped_pool helped = {0};
  REQUIRE(tiny_open(&m, file->bytes, file->n, level) == SOTTO_OK);
  push_all(m.model, file);
  if (options.n_threads == 2) open_pool(&helped, 2, 1, 0);
  sotto_session *session = tiny_session(m.model, helped.pool, options, &block);
  size_t n_reused;
  CHECK(sotto_session_sync(session, tokens, N, &n_reused) == SOTTO_OK && n_reused == 0);
  compute(session);
  const size_t first = options.n_wave ? N - 1 - (N - 1) % options.n_wave : 0; /* of the last wave */
  for (size_t i = first; i < N; i++)
    if (!CHECK(logits_are(session, i))) break;
  /* a second turn: the common prefix stays */
  int32_t turn[N];
  memcpy(turn, tokens, sizeof turn);
  turn[30] = (turn[30] + 1) % VOCAB;
  CHECK(sotto_session_sync(session, turn, 44, &n_reused) == SOTTO_OK && n_reused == 30);
  compute(session);
  CHECK(!logits_are(session, 43));
  CHECK(sotto_session_sync(session, tokens, N, &n_reused) == SOTTO_OK && n_reused == 30);
  compute(session);
  static const size_t any_order[] = {N - 1, N - 12, N - 4, N - 12, N - 13};
  for (size_t i = 0; i < sizeof any_order / sizeof *any_order; i++) CHECK(logits_are(session, any_order[i]));
  /* given up half-way, then done */
  size_t n_left;
  CHECK(sotto_session_rewind(session, 10) == SOTTO_OK);
  CHECK(sotto_session_append(session, turn + 10, 34) == SOTTO_OK);
  for (int i = 0; i < 3; i++) CHECK(sotto_session_step(session, &n_left) == SOTTO_OK);
  CHECK(sotto_session_sync(session, tokens, N, &n_reused) == SOTTO_OK && n_reused >= 10 && n_reused <= 30);
  compute(session);
  CHECK(logits_are(session, N - 1));
  if (helped.pool) close_pool(&helped);
  free(block);
  tiny_close(&m);
}

static void check_ways(const struct tiny_options *options, uint32_t kv_type) {
  struct tiny_file file = tiny_make(options);
  struct sotto_session_options way = {.n_ctx = 80, .kv_type = kv_type};
  compute_expected(&file, kv_type);
  if (options->type == GGUF_Q5_1) check_way(&file, SOTTO_LEVEL_SCALAR, way); /* slow under the sanitizers */
  check_way(&file, SOTTO_LEVEL_SIMD128, way);
  check_way(&file, SOTTO_LEVEL_RELAXED, way);
  way.n_batch = 5;
  check_way(&file, SOTTO_LEVEL_RELAXED, way);
  way.n_batch = 1;
  check_way(&file, SOTTO_LEVEL_SIMD128, way);
  way.n_batch = 7;
  way.n_wave = 33;
  check_way(&file, SOTTO_LEVEL_DOT, way);
  way.n_threads = 2;
  check_way(&file, SOTTO_LEVEL_RELAXED, way);
  free(file.bytes);
}

static const uint32_t types[] = {GGUF_F32, GGUF_F16, GGUF_BF16, GGUF_Q4_0, GGUF_Q4_1, GGUF_Q5_0, GGUF_Q5_1, GGUF_Q8_0, GGUF_Q4_K, GGUF_Q5_K, GGUF_Q6_K,
                                 GGUF_Q2_K, GGUF_NVFP4, GGUF_TQ1_0, GGUF_IQ1_M, GGUF_IQ2_XS, GGUF_IQ3_XXS};

static const uint32_t kv_types[] = {SOTTO_KV_F32, SOTTO_KV_F16, SOTTO_KV_INT8};

static void llama_is_the_same_bits_in_every_way(void) {
  struct tiny_options options = tiny_llama;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    options.type = types[i];
    options.has_output = i % 2;
    options.has_rope_freqs = i % 3 == 0;
    check_ways(&options, kv_types[i % 3]);
  }
}

static void gemma_is_the_same_bits_in_every_way(void) {
  struct tiny_options options = tiny_gemma;
  for (size_t i = 0; i < sizeof types / sizeof *types; i += 4) {
    options.type = types[i];
    check_ways(&options, kv_types[i % 3]);
  }
}

/* Bytes come in any order, in any portions, twice, and the layers run as they become ready. */
static void weights_may_come_in_any_order(void) {
  struct tiny_options options = tiny_llama;
  options.type = GGUF_Q5_K; /* grows when it is packed */
  struct tiny_file file = tiny_make(&options);
  compute_expected(&file, SOTTO_KV_DEFAULT);
  for (uint32_t round = 0; round < 3; round++) {
    struct tiny_model m;
    struct sotto_error error;
    void *block;
    size_t n_reused, n_left = 1;
    uint32_t seed = 5 + round;
    REQUIRE(tiny_open(&m, file.bytes, file.n, SOTTO_LEVEL_BEST) == SOTTO_OK);
    sotto_session *session = tiny_session(m.model, NULL, (struct sotto_session_options){.n_ctx = 80, .n_batch = 16}, &block);
    CHECK(sotto_session_sync(session, tokens, N, &n_reused) == SOTTO_OK);
    CHECK(sotto_session_step(session, &n_left) == SOTTO_NOT_READY);
    const size_t portion = round == 0 ? 997 : round == 1 ? 10007 : 131; /* the last needs many separate ranges */
    const size_t n_portions = (file.n + portion - 1) / portion;
    uint32_t *order = malloc(n_portions * sizeof *order);
    for (uint32_t i = 0; i < n_portions; i++) order[i] = round == 2 ? (uint32_t)n_portions - 1 - i : i;
    if (round < 2)
      for (uint32_t i = (uint32_t)n_portions - 1; i; i--) {
        const uint32_t j = test_random(&seed) % (i + 1), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
      }
    for (uint32_t i = 0; i < n_portions; i++) {
      const size_t at = order[i] * portion, n = file.n - at < portion + 50 ? file.n - at : portion + 50; /* overlaps the next */
      uint8_t *copy = malloc(n);
      memcpy(copy, file.bytes + at, n);
      if (!CHECK(sotto_model_push(m.model, at, copy, n, &error) == SOTTO_OK)) break;
      free(copy);
      const enum sotto_status status = sotto_session_step(session, &n_left);
      CHECK(status == SOTTO_OK || status == SOTTO_NOT_READY);
    }
    CHECK(sotto_model_ready(m.model));
    compute(session);
    CHECK(logits_are(session, N - 1));
    struct sotto_model_info info;
    sotto_model_get_info(m.model, &info);
    CHECK(info.ready_bytes == info.total_bytes && info.n_layers == 2 && info.n_vocab == VOCAB);
    free(order);
    free(block);
    tiny_close(&m);
  }
  free(file.bytes);
}

static void wanted_ranges_cover_the_model_in_the_order_of_the_graph(void) {
  struct tiny_file file = tiny_make(&tiny_gemma);
  struct tiny_model m;
  struct sotto_error error;
  REQUIRE(tiny_open(&m, file.bytes, file.n, 0) == SOTTO_OK);
  uint64_t offset, n;
  uint32_t i = 0;
  for (; sotto_model_wanted(m.model, i, &offset, &n) == SOTTO_OK; i++)
    CHECK(sotto_model_push(m.model, offset, file.bytes + offset, (size_t)n, &error) == SOTTO_OK);
  CHECK(i == 2 + 13 * 6);
  CHECK(sotto_model_ready(m.model));
  tiny_close(&m);
  free(file.bytes);
}

/* ---- the list of what is wanted ---- */

/* A download: which bytes of the file have been pushed, and where each tensor is, as its directory says. */
struct download {
  const struct tiny_file *file;
  struct tiny_model m;
  sotto_session *session;
  uint8_t *is_pushed; /* (file->n) */
  void *block;
};

static void begin_download(struct download *download, const struct tiny_file *file, uint32_t n_ctx) {
  *download = (struct download){.file = file, .is_pushed = calloc(file->n, 1)};
  CHECK(tiny_open(&download->m, file->bytes, file->n, SOTTO_LEVEL_BEST) == SOTTO_OK);
  const struct sotto_session_options options = {.n_ctx = n_ctx, .n_batch = 16};
  download->session = tiny_session(download->m.model, NULL, options, &download->block);
}

static void end_download(struct download *download) {
  free(download->block);
  free(download->is_pushed);
  tiny_close(&download->m);
}

static bool push_range(struct download *download, uint64_t at, uint64_t n) {
  struct sotto_error error;
  if (!CHECK(n > 0 && at + n <= download->file->n)) return false;
  memset(download->is_pushed + at, 1, (size_t)n);
  return CHECK(sotto_model_push(download->m.model, at, download->file->bytes + at, (size_t)n, &error) == SOTTO_OK);
}

static bool is_there(const struct download *download, uint64_t at, uint64_t n) {
  return n == 0 || (download->is_pushed[at] && memcmp(download->is_pushed + at, download->is_pushed + at + 1, (size_t)n - 1) == 0);
}

/* Bytes of a group of the embedding's rows, fewer for the last. */
static struct range embedding_group(const struct download *download, int32_t token) {
  struct sotto_tensor_info info;
  CHECK(gguf_find_tensor(download->m.gguf, "token_embd.weight", &info) == SOTTO_OK);
  const uint64_t row = info.n_bytes / info.dims[1], first = (uint64_t)token / 8 * 8, last = first + 8 < info.dims[1] ? first + 8 : info.dims[1];
  return (struct range){info.file_offset + first * row, info.file_offset + last * row};
}

/* When the graph needs a byte: 0 rows of `n` tokens, 1 rope_freqs, 2 and up the layers, then norm, output, other rows. */
static uint32_t turn_of(const struct download *download, uint64_t at, const int32_t *ids, size_t n, uint32_t n_layers) {
  struct sotto_tensor_info info;
  for (size_t i = 0; i < n; i++) {
    const struct range group = embedding_group(download, ids[i]);
    if (at >= group.begin && at < group.end) return 0;
  }
  for (uint32_t i = 0; sotto_gguf_tensor(download->m.gguf, i, &info) == SOTTO_OK; i++) {
    if (at < info.file_offset || at >= info.file_offset + info.n_bytes) continue;
    if (strncmp(info.name, "blk.", 4) == 0) return 2 + (uint32_t)atoi(info.name + 4);
    if (strncmp(info.name, "rope_freqs", 10) == 0) return 1;
    if (strncmp(info.name, "output_norm", 11) == 0) return 2 + n_layers;
    return strncmp(info.name, "output.", 7) == 0 ? 3 + n_layers : 4 + n_layers;
  }
  CHECK(!"a range of some tensor");
  return 0;
}

/* Layers that can run for N tokens: those before the first that lacks a byte; none without rows or rope_freqs. */
static uint32_t layers_there(const struct download *download, uint32_t n_layers) {
  struct sotto_tensor_info info;
  uint32_t n = n_layers;
  for (size_t i = 0; i < N; i++) {
    const struct range group = embedding_group(download, tokens[i]);
    if (!is_there(download, group.begin, group.end - group.begin)) return 0;
  }
  for (uint32_t i = 0; sotto_gguf_tensor(download->m.gguf, i, &info) == SOTTO_OK; i++) {
    if (is_there(download, info.file_offset, info.n_bytes)) continue;
    if (strncmp(info.name, "rope_freqs", 10) == 0) return 0;
    if (strncmp(info.name, "blk.", 4) == 0 && (uint32_t)atoi(info.name + 4) < n) n = (uint32_t)atoi(info.name + 4);
  }
  return n;
}

/* Steps as far as the weights allow, which must be exactly as far as the pushed bytes do. */
static bool steps_follow(struct download *download, uint32_t n_layers) {
  size_t n_left, again;
  enum sotto_status status;
  do status = sotto_session_step(download->session, &n_left);
  while (status == SOTTO_OK && n_left);
  if (!CHECK(n_left == (n_layers - layers_there(download, n_layers)) * ((N + 15) / 16))) return false;
  return status == SOTTO_OK || (CHECK(status == SOTTO_NOT_READY && sotto_session_step(download->session, &again) == status) &&
                                CHECK(again == n_left && sotto_session_n_tokens(download->session) == N));
}

static void the_graph_follows_the_wanted_ranges(void) {
  for (int round = 0; round < 4; round++) {
    struct tiny_options options = round % 2 ? tiny_gemma : tiny_llama;
    options.has_output = round == 2; /* else the head is the embedding */
    struct tiny_file file = tiny_make(&options);
    struct download download;
    struct sotto_model_info info;
    const float *logits;
    size_t n_reused, n_pushed = 0;
    uint64_t at, n;
    compute_expected(&file, SOTTO_KV_DEFAULT);
    begin_download(&download, &file, 80);
    CHECK(sotto_session_sync(download.session, tokens, N, &n_reused) == SOTTO_OK);
    for (uint32_t turn = 0; sotto_session_wanted(download.session, 0, &at, &n) == SOTTO_OK; n_pushed += n) {
      const uint32_t next = turn_of(&download, at, tokens, N, options.n_layers);
      if (!CHECK(next >= turn && !download.is_pushed[at])) break;
      turn = next;
      const bool has_head = options.has_output && next > 3 + options.n_layers;
      CHECK((sotto_session_logits(download.session, N - 1, &logits) == SOTTO_OK) == has_head);
      if (!push_range(&download, at, n) || !steps_follow(&download, options.n_layers)) break;
    }
    sotto_model_get_info(download.m.model, &info);
    CHECK(n_pushed == info.total_bytes && sotto_model_ready(download.m.model));
    CHECK(logits_are(download.session, N - 1));
    end_download(&download);
    free(file.bytes);
  }
}

/* Any range of the list, or a part of it, at a time. */
static void the_wanted_ranges_may_come_in_any_order(void) {
  struct tiny_file file = tiny_make(&tiny_llama);
  struct download download;
  size_t n_reused;
  uint64_t at, n;
  uint32_t seed = 3;
  compute_expected(&file, SOTTO_KV_DEFAULT);
  begin_download(&download, &file, 80);
  CHECK(sotto_session_sync(download.session, tokens, N, &n_reused) == SOTTO_OK);
  for (uint32_t count; ; ) {
    for (count = 0; sotto_session_wanted(download.session, count, &at, &n) == SOTTO_OK; count++) continue;
    if (count == 0) break;
    CHECK(sotto_session_wanted(download.session, test_random(&seed) % count, &at, &n) == SOTTO_OK);
    const uint64_t part = n > 1000 ? n / 2 : n;
    if (!push_range(&download, at + test_random(&seed) % (n - part + 1), part) || !steps_follow(&download, tiny_llama.n_layers)) break;
  }
  CHECK(sotto_model_ready(download.m.model));
  CHECK(logits_are(download.session, N - 1));
  end_download(&download);
  free(file.bytes);
}

static void without_tokens_the_embedding_comes_last(void) {
  struct tiny_file file = tiny_make(&tiny_gemma);
  struct download download;
  uint64_t at, n;
  uint32_t count = 0, turn = 0;
  begin_download(&download, &file, 80);
  for (; sotto_session_wanted(download.session, count, &at, &n) == SOTTO_OK; count++) {
    const uint32_t next = turn_of(&download, at, NULL, 0, tiny_gemma.n_layers);
    CHECK(next >= turn);
    turn = next;
  }
  CHECK(count == 2 + 13 * 6 && turn == 4 + tiny_gemma.n_layers);
  end_download(&download);
  free(file.bytes);
}

/* A token whose row has not arrived: the logits before it can be read until its wave begins. */
static void a_step_that_is_not_ready_changes_nothing(void) {
  struct tiny_file file = tiny_make(&tiny_llama);
  struct download download;
  size_t n_left, last = 1; /* the first token in another group than those before it */
  uint64_t at, n;
  compute_expected(&file, SOTTO_KV_DEFAULT);
  while (tokens[last] / 8 == tokens[0] / 8) last++;
  begin_download(&download, &file, 80);
  const struct range missing = embedding_group(&download, tokens[last]);
  push_range(&download, 0, missing.begin);
  push_range(&download, missing.end, file.n - missing.end);
  CHECK(sotto_session_append(download.session, tokens, last) == SOTTO_OK);
  compute(download.session);
  CHECK(logits_are(download.session, last - 1));
  CHECK(sotto_session_append(download.session, tokens + last, 1) == SOTTO_OK);
  CHECK(sotto_session_step(download.session, &n_left) == SOTTO_NOT_READY && n_left == tiny_llama.n_layers);
  CHECK(logits_are(download.session, last - 1));
  CHECK(sotto_session_wanted(download.session, 0, &at, &n) == SOTTO_OK && at == missing.begin && at + n == missing.end);
  CHECK(sotto_session_wanted(download.session, 1, &at, &n) == SOTTO_INVALID_ARGUMENT);
  push_range(&download, missing.begin, missing.end - missing.begin);
  compute(download.session);
  CHECK(logits_are(download.session, last));
  end_download(&download);
  free(file.bytes);
}

/* More separate rows than the set of arrived ranges could hold. */
static void many_rows_are_few_ranges(void) {
  enum { N_ROWS = 1250 };
  struct tiny_options options = {.architecture = "llama", .type = GGUF_Q4_0, .n_layers = 1, .n_embd = 32, .n_heads = 1,
                                 .n_kv_heads = 1, .head_dim = 32, .n_ff = 32, .n_vocab = 16 * N_ROWS, .n_ctx = N_ROWS};
  struct tiny_file file = tiny_make(&options);
  struct download download;
  int32_t ids[N_ROWS];
  size_t n_left;
  uint64_t at, n;
  uint32_t n_rows = 0;
  for (int i = 0; i < N_ROWS; i++) ids[i] = 16 * ((i * 7) % N_ROWS);
  begin_download(&download, &file, N_ROWS);
  CHECK(sotto_session_append(download.session, ids, N_ROWS) == SOTTO_OK);
  while (sotto_session_wanted(download.session, 0, &at, &n) == SOTTO_OK) {
    n_rows += turn_of(&download, at, ids, N_ROWS, options.n_layers) == 0;
    if (!push_range(&download, at, n) || sotto_session_step(download.session, &n_left) == SOTTO_OK) break;
  }
  CHECK(n_rows > 0 && n_rows <= RANGES_CAP / 2);
  for (int i = 0; i < N_ROWS; i++) CHECK(download.is_pushed[embedding_group(&download, ids[i]).begin]);
  end_download(&download);
  free(file.bytes);
}

static void a_window_longer_than_any_context_is_none(void) {
  struct tiny_options options = tiny_gemma;
  struct tiny_model m;
  void *block;
  options.window = N;
  struct tiny_file file = tiny_make(&options);
  compute_expected(&file, SOTTO_KV_F32);
  free(file.bytes);
  options.window = UINT32_MAX;
  file = tiny_make(&options);
  REQUIRE(tiny_open(&m, file.bytes, file.n, SOTTO_LEVEL_SCALAR) == SOTTO_OK);
  push_all(m.model, &file);
  sotto_session *session = tiny_session(m.model, NULL, (struct sotto_session_options){.n_ctx = N, .kv_type = SOTTO_KV_F32}, &block);
  CHECK(sotto_session_append(session, tokens, N) == SOTTO_OK);
  compute(session);
  CHECK(logits_are(session, N - 1));
  free(block);
  tiny_close(&m);
  free(file.bytes);
}

/* After each loop all threads wait for the last one: five for a layer (q, k and v; attention; its output; gate and up; down),
 * one more where the last layer's keys and values come before its query, and the head. */
static void a_token_is_few_loops(void) {
  struct tiny_file file = tiny_make(&tiny_llama);
  struct tiny_model m;
  void *block, *pool_block = malloc(sotto_pool_measure(2));
  sotto_pool *pool = NULL;
  const float *logits;
  REQUIRE(tiny_open(&m, file.bytes, file.n, SOTTO_LEVEL_SIMD128) == SOTTO_OK);
  push_all(m.model, &file);
  REQUIRE(sotto_pool_open(pool_block, sotto_pool_measure(2), 2, &pool) == SOTTO_OK); /* nobody helps */
  const uint64_t *claim = (const uint64_t *)pool; /* counts loops in its upper half (pool.c) */
  sotto_session *session = tiny_session(m.model, pool, (struct sotto_session_options){.n_ctx = 80, .n_threads = 2}, &block);
  for (size_t i = 0; i < 2; i++) {
    const uint64_t before = *claim >> 32;
    CHECK(sotto_session_append(session, tokens + i, 1) == SOTTO_OK);
    compute(session);
    CHECK(sotto_session_logits(session, i, &logits) == SOTTO_OK);
    CHECK((*claim >> 32) - before == 5 * tiny_llama.n_layers + 2);
  }
  free(block);
  free(pool_block);
  tiny_close(&m);
  free(file.bytes);
}

static void limits_are_statuses(void) {
  struct tiny_file file = tiny_make(&tiny_llama);
  struct tiny_model m;
  void *block;
  size_t n_reused, n_left;
  const float *logits;
  REQUIRE(tiny_open(&m, file.bytes, file.n, 0) == SOTTO_OK);
  push_all(m.model, &file);
  sotto_session *session = tiny_session(m.model, NULL, (struct sotto_session_options){.n_ctx = 20}, &block);
  CHECK(sotto_session_n_ctx(session) == 20);
  CHECK(sotto_session_sync(session, tokens, 21, &n_reused) == SOTTO_CONTEXT_FULL && sotto_session_n_tokens(session) == 0);
  CHECK(sotto_session_sync(session, tokens, 20, &n_reused) == SOTTO_OK);
  CHECK(sotto_session_append(session, tokens, 1) == SOTTO_CONTEXT_FULL);
  CHECK(sotto_session_logits(session, 19, &logits) == SOTTO_INVALID_ARGUMENT);
  compute(session);
  CHECK(sotto_session_logits(session, 19, &logits) == SOTTO_OK);
  CHECK(sotto_session_logits(session, 20, &logits) == SOTTO_INVALID_ARGUMENT);
  CHECK(sotto_session_step(session, &n_left) == SOTTO_OK && n_left == 0);
  CHECK(sotto_session_rewind(session, 21) == SOTTO_INVALID_ARGUMENT);
  CHECK(sotto_session_rewind(session, 5) == SOTTO_OK && sotto_session_n_tokens(session) == 5);
  const int32_t bad[] = {-1, VOCAB};
  for (int i = 0; i < 2; i++) CHECK(sotto_session_append(session, bad + i, 1) == SOTTO_INVALID_ARGUMENT);
  struct sotto_session_options huge = {.sizeof_options = sizeof huge, .n_ctx = 1u << 30};
  size_t n;
  CHECK(sotto_session_measure(m.model, &huge, &n, NULL) == SOTTO_INVALID_ARGUMENT);
  free(block);
  tiny_close(&m);
  free(file.bytes);
}

int main(void) {
  RUN(llama_is_the_same_bits_in_every_way);
  RUN(gemma_is_the_same_bits_in_every_way);
  RUN(weights_may_come_in_any_order);
  RUN(wanted_ranges_cover_the_model_in_the_order_of_the_graph);
  RUN(the_graph_follows_the_wanted_ranges);
  RUN(the_wanted_ranges_may_come_in_any_order);
  RUN(without_tokens_the_embedding_comes_last);
  RUN(a_step_that_is_not_ready_changes_nothing);
  RUN(many_rows_are_few_ranges);
  RUN(a_window_longer_than_any_context_is_none);
  RUN(a_token_is_few_loops);
  RUN(limits_are_statuses);
  return test_end();
}
