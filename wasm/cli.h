/* cli.h: what the files of the command-line program share. It runs in any WASI runtime, and compiles natively too.
 * What fails ends the process with a sentence on standard error, so nothing here returns a status. */
#ifndef SOTTO_CLI_H
#define SOTTO_CLI_H

#include "sotto.h"

#include <stdio.h>

/* ---- cli.c: what the command line said ---- */

/* A command reads its own part; cli.c has the table that fills it. Numbers that are zero mean the default. */
struct options {
  struct sotto_model_options model;
  struct sotto_session_options session;
  struct sotto_sampler_options sampler;
  const char *path;                   /* MODEL */
  const char *prompt, *system, *full; /* NULL: not given */
  bool is_raw, is_special, has_bos_eos, has_positions, is_json;
  uint32_t max_tokens, n_top;
  uint32_t n_greedy;                  /* N */
  uint32_t n_prompt, n_new, n_depth, n_runs;
};

void run_command(struct options *options);    /* cli_run.c */
void info_command(struct options *options);   /* cli_info.c */
void bench_command(struct options *options);  /* cli_bench.c */
void tokens_command(struct options *options); /* cli_machine.c, and the next three */
void logits_command(struct options *options);
void greedy_command(struct options *options);
void embed_command(struct options *options);

/* ---- cli_engine.c: failing, memory, and a file as an open model ---- */

/* "sotto: sentence (way out) [CODE]" and exit code 1; wrong usage has no code, and exit code 2. */
_Noreturn void fail_status(enum sotto_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void fail_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void fail_file(const char *path, const char *problem, const char *code); /* and why, by errno */
void check(enum sotto_status status);
void flush_output(void); /* ends the process when nobody reads any more */

void *allocate(size_t n_items, size_t item_bytes);                 /* 16-byte aligned */
void *reallocate(void *block, size_t n_items, size_t item_bytes);

struct engine {
  FILE *file;
  const char *path;
  uint64_t file_bytes; /* 0: unknown */
  uint8_t *prefix;     /* (prefix_bytes) the file's beginning: the header, and what was read with it */
  size_t prefix_bytes;
  sotto_gguf *gguf;
  sotto_model *model;
  sotto_session *session;
  struct sotto_model_info info;
};

void engine_read_header(struct engine *engine, const char *path);
void engine_open_model(struct engine *engine, const struct options *options); /* for text: without weights */
void engine_open(struct engine *engine, const struct options *options);       /* the header, the model and a session */

int32_t *engine_tokenize(const struct engine *engine, const char *text, size_t text_bytes, uint32_t flags,
                         size_t *n_tokens); /* to be freed */
void engine_check_fits(const struct engine *engine, size_t n_tokens); /* more of them into the context */
void engine_append(struct engine *engine, const int32_t *tokens, size_t n_tokens);
void engine_compute(struct engine *engine);
const float *engine_logits(struct engine *engine, size_t position);
const float *engine_last_logits(struct engine *engine); /* computes what is queued */
uint32_t argmax(const float *logits, uint32_t n_vocab);

/* ---- cli_json.c: requests ---- */

struct line {
  char *text; /* (n_bytes) */
  size_t n_bytes, cap, number;
};

bool next_line(struct line *line); /* the next line of standard input that is not blank */
size_t json_string(struct line *line); /* decodes a text in place; returns its length in bytes */
int32_t *json_ids(const struct line *line, size_t *n_ids); /* a list of token ids, to be freed */

#endif
