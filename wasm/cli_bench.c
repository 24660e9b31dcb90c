/* cli_bench.c: sotto bench: tokens a second of prefill and decode. The median of several runs after one that does not
 * count; the best token is found inside the timing. */
#include "cli.h"

#include <stdlib.h>
#include <time.h>

#define SPARE_TOKENS 64 /* of the context, beside those that are computed */

static double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Queues token ids, all different in their neighbourhood where the vocabulary is not tiny. */
static void append_sequence(struct engine *engine, uint32_t length, uint32_t stride, uint32_t first) {
  int32_t *tokens = allocate(length, sizeof *tokens);
  for (uint32_t i = 0; i < length; i++) tokens[i] = (int32_t)((first + (uint64_t)i * stride % 4000) % engine->info.n_vocab);
  engine_append(engine, tokens, length);
  free(tokens);
}

static void measure(struct engine *engine, const struct options *plan, uint32_t run, double *prefill, double *decode) {
  check(sotto_session_rewind(engine->session, 0));
  append_sequence(engine, plan->n_depth, 31, 300);
  engine_compute(engine);
  const double begin = now_s();
  append_sequence(engine, plan->n_prompt, 37, 300 + run);
  const float *logits = engine_last_logits(engine);
  const double middle = now_s();
  for (uint32_t i = 0; i < plan->n_new; i++) {
    const int32_t best = (int32_t)argmax(logits, engine->info.n_vocab);
    engine_append(engine, &best, 1);
    logits = engine_last_logits(engine);
  }
  *prefill = plan->n_prompt / (middle - begin);
  *decode = plan->n_new / (now_s() - middle);
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print_json(const char *name, const double *sorted, uint32_t n) {
  printf(",\"%s\":{\"median\":%.1f,\"min\":%.1f,\"max\":%.1f}", name, sorted[n / 2], sorted[0], sorted[n - 1]);
}

static void print_line(const char *name, uint32_t n_tokens, const double *sorted, uint32_t n) {
  printf("%s of %u tokens: %.1f tokens/s (%.1f to %.1f)\n", name, (unsigned)n_tokens, sorted[n / 2], sorted[0],
         sorted[n - 1]);
}

void bench_command(struct options *plan) {
  const uint32_t n_runs = plan->n_runs;
  double *prefill = allocate(n_runs, sizeof *prefill), *decode = allocate(n_runs, sizeof *decode);
  struct engine engine;
  const double begin = now_s();
  plan->session.n_ctx = plan->n_prompt + plan->n_new + plan->n_depth + SPARE_TOKENS;
  engine_open(&engine, plan);
  const double load_ms = 1e3 * (now_s() - begin);
  measure(&engine, plan, 0, &prefill[0], &decode[0]); /* overwritten by the first run that counts */
  for (uint32_t i = 0; i < n_runs; i++) measure(&engine, plan, i + 1, &prefill[i], &decode[i]);
  qsort(prefill, n_runs, sizeof *prefill, compare);
  qsort(decode, n_runs, sizeof *decode, compare);
  if (plan->is_json) {
    printf("{\"threads\":1,\"load_ms\":%.0f", load_ms);
    print_json("prefill", prefill, n_runs);
    print_json("decode", decode, n_runs);
    printf("}\n");
  } else {
    printf("loaded in %.0f ms, 1 thread\n", load_ms);
    print_line("prefill", plan->n_prompt, prefill, n_runs);
    print_line("decode", plan->n_new, decode, n_runs);
  }
}
