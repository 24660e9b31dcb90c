/* cli_machine.c: sotto tokens, logits, greedy, embed: requests on standard input, answers on standard output, one JSON value
 * a line each. Logits are written as log-probabilities with six digits, in double precision of the raw logits. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_CTX 8192 /* tokens of the longest request */

static void open_for_machines(struct engine *engine, struct options *options) {
  options->session.n_ctx = N_CTX;
  if (options->session.kv_type == SOTTO_KV_DEFAULT) options->session.kv_type = SOTTO_KV_F32;
  engine_open(engine, options);
}

/* The next request, a list of token ids to be freed; NULL: there are no more. */
static int32_t *next_ids(struct line *line, size_t *n_ids) {
  if (!next_line(line)) return NULL;
  int32_t *ids = json_ids(line, n_ids);
  if (*n_ids == 0) fail_status(SOTTO_INVALID_ARGUMENT, "line %zu of standard input has no token", line->number);
  return ids;
}

static void print_ids(const int32_t *ids, size_t n) {
  printf("\"ids\":[");
  for (size_t i = 0; i < n; i++) printf("%s%d", i ? "," : "", (int)ids[i]);
  printf("]");
}

static double log_sum_exp(const float *logits, uint32_t n_vocab) {
  const double max = logits[argmax(logits, n_vocab)];
  double sum = 0;
  for (uint32_t i = 0; i < n_vocab; i++) sum += exp(logits[i] - max);
  return max + log(sum);
}

/* ---- tokens ---- */

void tokens_command(struct options *options) {
  const uint32_t special = options->is_special ? SOTTO_TOKENIZE_SPECIAL : 0;
  const uint32_t bos_eos = options->has_bos_eos ? SOTTO_TOKENIZE_BOS_EOS : 0;
  struct engine engine;
  struct line line = {0};
  engine_open_model(&engine, options);
  while (next_line(&line)) {
    size_t n_ids;
    const size_t text_bytes = json_string(&line);
    int32_t *ids = engine_tokenize(&engine, line.text, text_bytes, special | bos_eos, &n_ids);
    printf("{");
    print_ids(ids, n_ids);
    printf("}\n");
    flush_output();
    free(ids);
  }
}

/* ---- logits ---- */

struct writer {
  FILE *full;         /* NULL: nobody wants all logits */
  const char *path;
  uint32_t n_vocab, n_top;
  uint32_t *top;      /* (n_top) scratch */
};

static struct writer open_writer(const struct options *options, uint32_t n_vocab) {
  struct writer writer = {.path = options->full, .n_vocab = n_vocab};
  writer.n_top = options->n_top < n_vocab ? options->n_top : n_vocab;
  writer.top = allocate(writer.n_top, sizeof *writer.top);
  if (writer.path) writer.full = fopen(writer.path, "wb");
  if (writer.path && !writer.full) fail_file(writer.path, "could not be written", "WRITE_FAILED");
  return writer;
}

/* The n_top largest logits, largest first, by insertion: n_top is small and rows are long. */
static void find_top(const struct writer *writer, const float *logits) {
  uint32_t n = 0, *top = writer->top;
  for (uint32_t i = 0; i < writer->n_vocab; i++) {
    if (n < writer->n_top) n++;
    else if (n == 0 || !(logits[i] > logits[top[n - 1]])) continue;
    uint32_t at = n - 1;
    for (; at > 0 && logits[i] > logits[top[at - 1]]; at--) top[at] = top[at - 1];
    top[at] = i;
  }
}

static void write_row(const struct writer *writer, const int32_t *ids, size_t n_ids, size_t position,
                      const float *logits) {
  const double normalizer = log_sum_exp(logits, writer->n_vocab);
  find_top(writer, logits);
  printf("{\"position\":%zu,\"top\":[", position);
  for (uint32_t i = 0; i < writer->n_top; i++)
    printf("%s[%u,%.6f]", i ? "," : "", (unsigned)writer->top[i], logits[writer->top[i]] - normalizer);
  printf("]");
  if (position + 1 < n_ids) printf(",\"next\":%.6f", logits[ids[position + 1]] - normalizer);
  printf("}\n");
  flush_output();
  if (!writer->full) return;
  const size_t n_written = fwrite(logits, sizeof *logits, writer->n_vocab, writer->full);
  if (n_written < writer->n_vocab || fflush(writer->full) != 0)
    fail_file(writer->path, "could not be written", "WRITE_FAILED");
}

/* Wave by wave, since the logits of the last one alone can be read. */
static void write_positions(struct engine *engine, const struct writer *writer, const int32_t *ids, size_t n_ids) {
  engine_check_fits(engine, n_ids);
  for (size_t at = 0, n; at < n_ids; at += n) {
    n = n_ids - at < SOTTO_DEFAULT_WAVE ? n_ids - at : SOTTO_DEFAULT_WAVE;
    engine_append(engine, ids + at, n);
    engine_compute(engine);
    for (size_t i = at; i < at + n; i++) write_row(writer, ids, n_ids, i, engine_logits(engine, i));
  }
}

void logits_command(struct options *options) {
  struct engine engine;
  struct line line = {0};
  open_for_machines(&engine, options);
  const struct writer writer = open_writer(options, engine.info.n_vocab);
  int32_t *ids;
  for (size_t n_ids; (ids = next_ids(&line, &n_ids)); free(ids)) {
    check(sotto_session_rewind(engine.session, 0));
    if (options->has_positions) {
      write_positions(&engine, &writer, ids, n_ids);
    } else {
      engine_append(&engine, ids, n_ids);
      write_row(&writer, ids, n_ids, n_ids - 1, engine_last_logits(&engine));
    }
  }
}

/* ---- greedy ---- */

static void write_greedy(struct engine *engine, const int32_t *prompt, size_t n_prompt, size_t count) {
  int32_t *ids = allocate(count, sizeof *ids);
  double *logprobs = allocate(count, sizeof *logprobs);
  check(sotto_session_rewind(engine->session, 0));
  engine_append(engine, prompt, n_prompt);
  for (size_t i = 0; i < count; i++) {
    const float *logits = engine_last_logits(engine);
    ids[i] = (int32_t)argmax(logits, engine->info.n_vocab);
    logprobs[i] = logits[ids[i]] - log_sum_exp(logits, engine->info.n_vocab);
    if (i + 1 < count) engine_append(engine, &ids[i], 1);
  }
  printf("{");
  print_ids(ids, count);
  printf(",\"logprobs\":[");
  for (size_t i = 0; i < count; i++) printf("%s%.6f", i ? "," : "", logprobs[i]);
  printf("]}\n");
  flush_output();
  free(logprobs);
  free(ids);
}

void greedy_command(struct options *options) {
  struct engine engine;
  struct line line = {0};
  open_for_machines(&engine, options);
  int32_t *ids;
  for (size_t n_ids; (ids = next_ids(&line, &n_ids)); free(ids)) write_greedy(&engine, ids, n_ids, options->n_greedy);
}

/* ---- embed ---- */

/* Below 10^15, with seven digits, as JavaScript writes it: ties go up, zeros at the end are left out, "1.5e-7". */
static void print_number(double x) {
  char text[32];
  if (x == 0) {
    printf("0");
    return;
  }
  snprintf(text, sizeof text, "%.6e", nextafter(fabs(x), INFINITY));
  const int exponent = atoi(strchr(text, 'e') + 1);
  int n_digits = 7;
  while (n_digits > 1 && text[n_digits] == '0') n_digits--;
  const int n_decimals = n_digits - 1 - exponent;
  const double rounded = copysign(strtod(text, NULL), x);
  if (exponent >= -6) {
    printf("%.*f", n_decimals > 0 ? n_decimals : 0, rounded);
    return;
  }
  snprintf(text, sizeof text, "%.*e", n_digits - 1, rounded);
  printf("%.*se%d", (int)(strchr(text, 'e') - text), text, exponent);
}

void embed_command(struct options *options) {
  struct engine engine;
  struct line line = {0};
  open_for_machines(&engine, options);
  int32_t *ids;
  for (size_t n_ids; (ids = next_ids(&line, &n_ids)); free(ids)) {
    const float *embedding;
    size_t n_items;
    check(sotto_session_rewind(engine.session, 0));
    engine_append(&engine, ids, n_ids);
    engine_compute(&engine);
    check(sotto_session_embedding(engine.session, SOTTO_POOLING_DEFAULT, &embedding, &n_items));
    printf("{\"embedding\":[");
    for (size_t i = 0; i < n_items; i++) {
      if (i) printf(",");
      print_number(embedding[i]);
    }
    printf("]}\n");
    flush_output();
  }
}
