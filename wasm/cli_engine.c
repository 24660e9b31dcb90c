/* cli_engine.c: a file -> header -> model -> session -> logits, each object in a block of the size that it measured;
 * and how the program ends when one of them fails. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORTION_BYTES (1u << 20)

/* ---- failing ---- */

/* Begins a sentence on standard error, below what has been answered so far. */
static void say(const char *format, va_list args) {
  fflush(stdout);
  fputs("sotto: ", stderr);
  vfprintf(stderr, format, args);
}

void fail_status(enum sotto_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(format, args);
  fprintf(stderr, " (%s) [%s]\n", sotto_status_text(status), sotto_status_name(status));
  exit(1);
}

void fail_usage(const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(format, args);
  fputc('\n', stderr);
  exit(2);
}

void fail_file(const char *path, const char *problem, const char *code) {
  fprintf(stderr, "sotto: %s %s: %s [%s]\n", path, problem, strerror(errno), code);
  exit(1);
}

void check(enum sotto_status status) {
  if (status == SOTTO_OK) return;
  fflush(stdout);
  fprintf(stderr, "sotto: %s [%s]\n", sotto_status_text(status), sotto_status_name(status));
  exit(1);
}

static void check_error(enum sotto_status status, const struct sotto_error *error) {
  if (status != SOTTO_OK) fail_status(status, "%.*s", (int)error->text_bytes, error->text);
}

void flush_output(void) {
  if (fflush(stdout) == 0) return;
  /* A reader that has seen enough, `sotto ... | head`, is no error. Where pipes are sockets it may be a reset. */
  if (errno == EPIPE || errno == ECONNRESET) exit(0);
  fail_file("standard output", "could not be written", "WRITE_FAILED");
}

void *reallocate(void *block, size_t n_items, size_t item_bytes) {
  _Static_assert(_Alignof(max_align_t) >= 16, "malloc's blocks are aligned as sotto.h wants them");
  size_t n_bytes;
  if (!__builtin_mul_overflow(n_items, item_bytes, &n_bytes)) block = realloc(block, n_bytes ? n_bytes : 1);
  else block = NULL;
  if (!block)
    fail_status(SOTTO_OUT_OF_MEMORY, "%.0f MB of memory were refused", (double)n_items * (double)item_bytes / 1e6);
  return block;
}

void *allocate(size_t n_items, size_t item_bytes) { return reallocate(NULL, n_items, item_bytes); }

/* ---- the file ---- */

static void open_file(struct engine *engine, const char *path) {
  struct stat stat;
  *engine = (struct engine){.path = path, .file = fopen(path, "rb")};
  if (!engine->file)
    fail_usage("%s cannot be opened: %s (a WASI runtime shows only the folders that it is given, as by --dir=FOLDER)",
               path, strerror(errno));
  if (fstat(fileno(engine->file), &stat) == 0 && S_ISREG(stat.st_mode)) engine->file_bytes = (uint64_t)stat.st_size;
}

/* Reads the file's next bytes; fewer than a portion: it ends there. */
static size_t read_portion(struct engine *engine, uint8_t *bytes) {
  const size_t n = fread(bytes, 1, PORTION_BYTES, engine->file);
  if (ferror(engine->file)) fail_file(engine->path, "could not be read", "READ_FAILED");
  return n;
}

void engine_read_header(struct engine *engine, const char *path) {
  struct sotto_error error;
  enum sotto_status status;
  size_t n, need_bytes;
  open_file(engine, path);
  engine->gguf = sotto_gguf_open(allocate(1, sotto_gguf_measure()));
  do {
    engine->prefix = reallocate(engine->prefix, engine->prefix_bytes + PORTION_BYTES, 1);
    n = read_portion(engine, engine->prefix + engine->prefix_bytes);
    engine->prefix_bytes += n;
    status = sotto_gguf_scan(engine->gguf, engine->prefix, engine->prefix_bytes, &need_bytes, &error);
  } while (status == SOTTO_TRUNCATED && n > 0);
  check_error(status, &error);
}

/* For people only: a log file wants no progress bar. */
static void show_progress(const struct engine *engine, uint64_t n_bytes) {
  if (!isatty(STDERR_FILENO)) return;
  if (n_bytes >= engine->file_bytes) fputs("\r\x1b[K", stderr);
  else fprintf(stderr, "\rloading: %.1f of %.1f MB\x1b[K", n_bytes / 1e6, engine->file_bytes / 1e6);
}

static void push(struct engine *engine, uint64_t offset, const uint8_t *bytes, size_t n) {
  struct sotto_error error;
  check_error(sotto_model_push(engine->model, offset, bytes, n, &error), &error);
  show_progress(engine, offset + n);
}

static void read_weights(struct engine *engine) {
  uint8_t *portion = allocate(PORTION_BYTES, 1);
  uint64_t offset = engine->prefix_bytes;
  push(engine, 0, engine->prefix, engine->prefix_bytes);
  for (size_t n; (n = read_portion(engine, portion)) > 0; offset += n) push(engine, offset, portion, n);
  free(portion);
  sotto_model_get_info(engine->model, &engine->info);
  if (!sotto_model_ready(engine->model))
    fail_status(SOTTO_TRUNCATED, "the file ends after %llu of %llu bytes of weights",
                (unsigned long long)engine->info.ready_bytes, (unsigned long long)engine->info.total_bytes);
}

/* ---- the engine ---- */

void engine_open_model(struct engine *engine, const struct options *options) {
  struct sotto_model_options model = options->model;
  struct sotto_error error;
  size_t n_bytes;
  engine_read_header(engine, options->path);
  model.file_bytes = engine->file_bytes;
  check_error(sotto_model_measure(engine->gguf, &model, &n_bytes, &error), &error);
  void *block = allocate(1, n_bytes);
  check_error(sotto_model_open(block, n_bytes, engine->gguf, &model, &engine->model, &error), &error);
  sotto_model_get_info(engine->model, &engine->info);
}

static void open_session(struct engine *engine, const struct sotto_session_options *options) {
  struct sotto_error error;
  size_t n_bytes;
  check_error(sotto_session_measure(engine->model, options, &n_bytes, &error), &error);
  void *block = allocate(1, n_bytes);
  check_error(sotto_session_open(block, n_bytes, engine->model, NULL, options, &engine->session, &error), &error);
}

void engine_open(struct engine *engine, const struct options *options) {
  engine_open_model(engine, options);
  open_session(engine, &options->session); /* before the weights: memory that is refused is refused at once */
  read_weights(engine);
}

static void check_tokenizer(const struct engine *engine) {
  struct sotto_error error;
  const enum sotto_status status = engine->info.can_tokenize ? SOTTO_OK : sotto_model_problem(engine->gguf, 0, &error);
  if (status != SOTTO_OK) fail_status(status, "%.*s", (int)error.text_bytes, error.text);
}

int32_t *engine_tokenize(const struct engine *engine, const char *text, size_t text_bytes, uint32_t flags,
                         size_t *n_tokens) {
  const size_t scratch_bytes = sotto_tokenize_measure(engine->model, text, text_bytes);
  const size_t cap = 3 * text_bytes + 3; /* a byte that is no UTF-8 becomes U+FFFD, which has three */
  void *scratch = allocate(1, scratch_bytes);
  int32_t *tokens = allocate(cap, sizeof *tokens);
  check_tokenizer(engine);
  check(sotto_tokenize(engine->model, text, text_bytes, flags, scratch, scratch_bytes, tokens, cap, n_tokens));
  free(scratch);
  return tokens;
}

void engine_check_fits(const struct engine *engine, size_t n_tokens) {
  const size_t wanted = sotto_session_n_tokens(engine->session) + n_tokens;
  const size_t n_ctx = sotto_session_n_ctx(engine->session);
  if (wanted > n_ctx) fail_status(SOTTO_CONTEXT_FULL, "%zu tokens do not fit into a context of %zu", wanted, n_ctx);
}

void engine_append(struct engine *engine, const int32_t *tokens, size_t n_tokens) {
  engine_check_fits(engine, n_tokens);
  for (size_t i = 0; i < n_tokens; i++)
    if (tokens[i] < 0 || (uint32_t)tokens[i] >= engine->info.n_vocab)
      fail_status(SOTTO_INVALID_ARGUMENT, "there is no token %d", (int)tokens[i]);
  check(sotto_session_append(engine->session, tokens, n_tokens));
}

void engine_compute(struct engine *engine) {
  size_t n_left;
  do check(sotto_session_step(engine->session, &n_left));
  while (n_left > 0);
}

const float *engine_logits(struct engine *engine, size_t position) {
  const float *logits;
  check(sotto_session_logits(engine->session, position, &logits));
  return logits;
}

const float *engine_last_logits(struct engine *engine) {
  engine_compute(engine);
  return engine_logits(engine, sotto_session_n_tokens(engine->session) - 1);
}

uint32_t argmax(const float *logits, uint32_t n_vocab) {
  uint32_t best = 0;
  for (uint32_t i = 1; i < n_vocab; i++)
    if (logits[i] > logits[best]) best = i;
  return best;
}
