/* test_experts.c: a mixture's logits and an encoder's embedding are the same bits on any threads, batches and levels. */
#include "helpers.h"
#include "tiny.h"

enum { N = 70, MOST_ITEMS = 7 * 101 };

/* As many tasks as threads, which go on when all have come: each thread has one. */
struct meeting {
  uint32_t n_here, n_threads;
};

static void meet(void *argument, int task, int thread) {
  (void)task;
  (void)thread;
  struct meeting *meeting = argument;
  __atomic_add_fetch(&meeting->n_here, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&meeting->n_here, __ATOMIC_SEQ_CST) < meeting->n_threads) continue;
}

/* Returns how many numbers there are: the logits of some positions, or the embedding. */
static size_t read_results(sotto_session *session, bool is_encoder, float *out) {
  static const size_t positions[] = {0, 6, 7, 35, 63, 64, N - 1};
  const float *results;
  size_t n = 0;
  if (is_encoder) {
    if (!CHECK(sotto_session_embedding(session, SOTTO_POOLING_DEFAULT, &results, &n) == SOTTO_OK)) return 0;
    memcpy(out, results, n * sizeof *out);
    return n;
  }
  for (size_t i = 0; i < sizeof positions / sizeof *positions; i++, n += 101) {
    if (!CHECK(sotto_session_logits(session, positions[i], &results) == SOTTO_OK)) return 0;
    memcpy(out + n, results, 101 * sizeof *out);
  }
  return n;
}

static size_t compute(const sotto_model *model, sotto_pool *pool, struct sotto_session_options way, bool is_encoder, float *out) {
  void *block;
  size_t n_left;
  int32_t tokens[N];
  uint32_t seed = 99;
  for (int i = 0; i < N; i++) tokens[i] = (int32_t)(test_random(&seed) % 101);
  sotto_session *session = tiny_session(model, pool, way, &block);
  CHECK(sotto_session_append(session, tokens, N) == SOTTO_OK);
  do CHECK(sotto_session_step(session, &n_left) == SOTTO_OK);
  while (n_left);
  const size_t n = read_results(session, is_encoder, out);
  free(block);
  return n;
}

static size_t compute_with_threads(const sotto_model *model, struct sotto_session_options way, bool is_encoder, float *out) {
  struct helped_pool helped;
  struct meeting meeting = {0, way.n_threads};
  open_pool(&helped, way.n_threads, way.n_threads - 1, 0);
  pool_run(helped.pool, meet, &meeting, (int)way.n_threads);
  const size_t n = compute(model, helped.pool, way, is_encoder, out);
  close_pool(&helped);
  return n;
}

static void check_ways(struct tiny_options options) {
  static const uint32_t levels[] = {SOTTO_LEVEL_SCALAR, SOTTO_LEVEL_SIMD128, SOTTO_LEVEL_RELAXED, SOTTO_LEVEL_DOT};
  static const uint32_t batches[] = {1, 7, 64}, threads[] = {1, 2, 4};
  static float expected[MOST_ITEMS], found[MOST_ITEMS];
  struct tiny_file file = tiny_make(&options);
  size_t n_expected = 0;
  for (int level = 0; level < 4; level++) {
    struct tiny_model m;
    REQUIRE(tiny_open(&m, file.bytes, file.n, levels[level]) == SOTTO_OK);
    REQUIRE(sotto_model_push(m.model, 0, file.bytes, file.n, &m.error) == SOTTO_OK);
    for (int i = 0; i < 9; i++) {
      const struct sotto_session_options way = {.n_ctx = 80, .n_batch = batches[i / 3], .n_threads = threads[i % 3]};
      const size_t n = compute_with_threads(m.model, way, options.pooling, found);
      if (n_expected == 0) memcpy(expected, found, (n_expected = n) * sizeof *found);
      if (!CHECK(n > 0 && n == n_expected && memcmp(found, expected, n * sizeof *found) == 0))
        printf("  level %u, batch %u, %u threads\n", levels[level], way.n_batch, way.n_threads);
    }
    tiny_close(&m);
  }
  float low = expected[0], high = low;
  for (size_t i = 0; i < n_expected; i++) {
    CHECK(expected[i] == expected[i]);
    if (expected[i] < low) low = expected[i];
    if (expected[i] > high) high = expected[i];
  }
  CHECK(high - low > 0.1f); /* the graph does something */
  free(file.bytes);
}

static void a_mixture_is_the_same_bits_in_every_way(void) {
  struct tiny_options options = tiny_mixture;
  check_ways(options);
  options.expert_type = GGUF_Q4_1;
  check_ways(options);
}

static void an_encoder_is_the_same_bits_in_every_way(void) { check_ways(tiny_encoder); }

int main(void) {
  RUN(a_mixture_is_the_same_bits_in_every_way);
  RUN(an_encoder_is_the_same_bits_in_every_way);
  return test_end();
}
