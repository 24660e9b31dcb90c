/* fuzz_gguf.c: any bytes as a model file: scanned in portions, opened, pushed in ranges of any order, and run. The last
 * four bytes decide how. Blocks have their exact size; those beyond MAX_BLOCK are not opened. */
#include "tiny.h"

#define MAX_BLOCK (64u << 20)
#define N_CTX 8

static const struct sotto_session_options session_options = {
    .sizeof_options = sizeof session_options, .n_ctx = N_CTX, .n_batch = 4, .n_wave = 4};

static uint8_t *copy_of(const uint8_t *bytes, size_t n) {
  uint8_t *copy = malloc(n ? n : 1);
  memcpy(copy, bytes, n);
  return copy;
}

/* Scans prefixes that grow, each at another place. NULL: this is no GGUF file. */
static uint8_t *scan(sotto_gguf *gguf, const uint8_t *file, size_t n, uint32_t *seed) {
  uint8_t *prefix = NULL;
  enum sotto_status status = SOTTO_TRUNCATED;
  struct sotto_error error;
  size_t need = 0;
  for (size_t at = 0; status == SOTTO_TRUNCATED && at < n; at = at < need && need <= n ? need : n) {
    at += test_random(seed) % (n - at + 1) >> test_random(seed) % 16;
    free(prefix);
    prefix = copy_of(file, at);
    status = sotto_gguf_scan(gguf, prefix, at, &need, &error);
    if (status == SOTTO_TRUNCATED && need <= at) abort();
  }
  if (status == SOTTO_OK) return prefix;
  free(prefix);
  return NULL;
}

static void read_directory(const sotto_gguf *gguf) {
  struct sotto_value value;
  struct sotto_tensor_info info;
  uint64_t number;
  float real;
  for (uint32_t i = 0; sotto_gguf_key(gguf, i, &value) == SOTTO_OK; i++) {
    const char *text;
    uint32_t at = 0, n_bytes;
    gguf_value_u64(&value, value.n_items - 1, &number);
    gguf_value_f32(&value, value.n_items - 1, &real);
    while (gguf_next_string(&value, &at, &text, &n_bytes)) free(copy_of((const uint8_t *)text, n_bytes));
  }
  for (uint32_t i = 0; sotto_gguf_tensor(gguf, i, &info) == SOTTO_OK; i++)
    free(copy_of((const uint8_t *)info.name, info.name_bytes));
}

/* Ranges of random places and lengths, then everything. */
static void push_all(sotto_model *model, const uint8_t *file, size_t n, uint32_t *seed) {
  struct sotto_error error;
  for (int i = 0; i < 8; i++) {
    const size_t begin = test_random(seed) % (n + 1), length = test_random(seed) % (n - begin + 1);
    uint8_t *part = copy_of(file + begin, length);
    sotto_model_push(model, begin, part, length, &error);
    free(part);
  }
  sotto_model_push(model, UINT64_MAX - 3, file, n < 8 ? n : 8, &error);
  uint8_t *whole = copy_of(file, n);
  sotto_model_push(model, 0, whole, n, &error);
  free(whole);
}

static void run(const sotto_model *model, uint32_t *seed) {
  struct sotto_error error;
  struct sotto_model_info info;
  sotto_session *session;
  size_t n_bytes, n_reused, n_left = 1;
  sotto_model_get_info(model, &info);
  if (sotto_session_measure(model, &session_options, &n_bytes, &error) != SOTTO_OK || n_bytes > MAX_BLOCK) return;
  void *block = malloc(n_bytes);
  if (sotto_session_open(block, n_bytes, model, NULL, &session_options, &session, &error) == SOTTO_OK) {
    int32_t tokens[N_CTX];
    const float *logits, *embedding;
    for (int i = 0; i < N_CTX; i++) tokens[i] = (int32_t)(test_random(seed) % info.n_vocab);
    sotto_session_sync(session, tokens, test_random(seed) % (N_CTX + 1), &n_reused);
    while (n_left && sotto_session_step(session, &n_left) == SOTTO_OK) continue;
    if (sotto_session_n_tokens(session)) sotto_session_logits(session, sotto_session_n_tokens(session) - 1, &logits);
    if (sotto_session_embedding(session, test_random(seed) >> 30, &embedding, &n_bytes) == SOTTO_OK)
      free(copy_of((const uint8_t *)embedding, n_bytes * sizeof *embedding));
  }
  free(block);
}

static void open_and_run(const sotto_gguf *gguf, const uint8_t *file, size_t n, uint32_t *seed) {
  const struct sotto_model_options options = {sizeof options, test_random(seed) >> 30, test_random(seed) >> 31 ? n : 0};
  struct sotto_error error;
  size_t n_bytes;
  sotto_model *model;
  if (sotto_model_measure(gguf, &options, &n_bytes, &error) != SOTTO_OK || n_bytes > MAX_BLOCK) return;
  void *block = malloc(n_bytes);
  if (sotto_model_open(block, n_bytes, gguf, &options, &model, &error) == SOTTO_OK) {
    uint64_t offset, length;
    for (uint32_t i = 0; sotto_model_wanted(model, i, &offset, &length) == SOTTO_OK; i++) continue;
    if (test_random(seed) >> 29) push_all(model, file, n, seed);
    run(model, seed);
  }
  free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  uint32_t seed = 1;
  if (n >= 4) memcpy(&seed, data + n - 4, 4);
  void *block = malloc(sotto_gguf_measure());
  sotto_gguf *gguf = sotto_gguf_open(block);
  uint8_t *prefix = scan(gguf, data, n, &seed);
  if (prefix) {
    struct sotto_error error;
    read_directory(gguf);
    for (uint32_t i = 0; sotto_model_problem(gguf, i, &error) != SOTTO_OK; i++) continue;
    open_and_run(gguf, data, n, &seed);
  }
  free(prefix);
  free(block);
  return 0;
}
