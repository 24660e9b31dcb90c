/* cli_run.c: sotto run: one prompt, its answer alone on standard output as it comes. Chat templates are Jinja programs,
 * which this one does not run: it knows the two common forms of a turn by their marks in the file's template. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct text {
  char *bytes; /* (n) */
  size_t n;
};

static void append(struct text *text, const char *bytes, size_t n) {
  text->bytes = reallocate(text->bytes, text->n + n, 1);
  memcpy(text->bytes + text->n, bytes, n);
  text->n += n;
}

static void append_string(struct text *text, const char *string) { append(text, string, strlen(string)); }

/* ---- the prompt ---- */

static struct text read_prompt(const struct options *options) {
  struct text prompt = {0};
  char portion[4096];
  if (options->prompt) {
    append_string(&prompt, options->prompt);
    return prompt;
  }
  if (isatty(STDIN_FILENO)) fail_usage("run needs a prompt: -p \"...\"");
  for (size_t n; (n = fread(portion, 1, sizeof portion, stdin)) > 0;) append(&prompt, portion, n);
  if (ferror(stdin)) fail_file("standard input", "could not be read", "READ_FAILED");
  return prompt;
}

struct form {
  const char *mark; /* a template that holds it is of this form */
  const char *before_system, *after_system, *before_prompt, *after_prompt;
};

static const struct form forms[] = {
    {"<|im_start|>", "<|im_start|>system\n", "<|im_end|>\n<|im_start|>user\n", "<|im_start|>user\n",
     "<|im_end|>\n<|im_start|>assistant\n"},
    {"<start_of_turn>", "<start_of_turn>user\n", "\n\n", "<start_of_turn>user\n",
     "<end_of_turn>\n<start_of_turn>model\n"},
};

/* NULL: the file has no template, or one of another form. */
static const struct form *find_form(const sotto_gguf *gguf) {
  struct sotto_value template;
  if (sotto_gguf_find(gguf, "tokenizer.chat_template", &template) != SOTTO_OK) return NULL;
  for (const struct form *form = forms; form < forms + sizeof forms / sizeof *forms; form++)
    if (memmem(template.data, template.data_bytes, form->mark, strlen(form->mark))) return form;
  return NULL;
}

static struct text write_turns(const struct form *form, const char *system, struct text prompt) {
  struct text turns = {0};
  append_string(&turns, system ? form->before_system : form->before_prompt);
  if (system) append_string(&turns, system);
  if (system) append_string(&turns, form->after_system);
  append(&turns, prompt.bytes, prompt.n);
  append_string(&turns, form->after_prompt);
  return turns;
}

static int32_t *prompt_tokens(const struct engine *engine, const struct options *options, struct text prompt,
                              size_t *n_tokens) {
  const uint32_t flags = SOTTO_TOKENIZE_SPECIAL | SOTTO_TOKENIZE_BOS_EOS;
  if (options->is_raw) return engine_tokenize(engine, prompt.bytes, prompt.n, flags, n_tokens);
  const struct form *form = find_form(engine->gguf);
  if (form) prompt = write_turns(form, options->system, prompt);
  else fputs("sotto: the file has no chat template of ChatML's or Gemma's kind: the prompt is used as it is\n", stderr);
  int32_t *tokens = engine_tokenize(engine, prompt.bytes, prompt.n, flags, n_tokens);
  const int32_t bos = engine->info.bos_token;
  const bool has_two = *n_tokens > 1 && tokens[0] == bos && tokens[1] == bos; /* where a turn begins with it, too */
  *n_tokens -= has_two;
  return tokens + has_two;
}

/* ---- the answer ---- */

static sotto_sampler *open_sampler(const struct engine *engine, const struct sotto_sampler_options *options) {
  const size_t n_bytes = sotto_sampler_measure(engine->info.n_vocab, options);
  sotto_sampler *sampler;
  check(sotto_sampler_open(allocate(1, n_bytes), n_bytes, engine->info.n_vocab, options, &sampler));
  return sampler;
}

static sotto_emitter *open_emitter(const struct engine *engine) {
  const size_t n_bytes = sotto_emitter_measure(0);
  sotto_emitter *emitter;
  check(sotto_emitter_open(allocate(1, n_bytes), n_bytes, engine->model, NULL, 0, 0, &emitter));
  return emitter;
}

static void print(const char *text, size_t n) {
  fwrite(text, 1, n, stdout);
  flush_output();
}

/* Until an end token, max_tokens (0: as many as fit) or the end of the context. */
static void answer(struct engine *engine, sotto_sampler *sampler, uint32_t max_tokens) {
  sotto_emitter *emitter = open_emitter(engine);
  const size_t cap = sotto_emitter_out_cap(emitter);
  char *text = allocate(cap, 1);
  size_t n;
  for (uint32_t n_new = 0;;) {
    int32_t token;
    bool is_stopped;
    check(sotto_sampler_sample(sampler, engine_last_logits(engine), &token));
    if (sotto_token_is_end(engine->model, token)) break;
    check(sotto_emitter_push(emitter, token, text, cap, &n, &is_stopped));
    print(text, n);
    if (++n_new == max_tokens || sotto_session_n_tokens(engine->session) == sotto_session_n_ctx(engine->session)) break;
    engine_append(engine, &token, 1);
  }
  check(sotto_emitter_flush(emitter, text, cap, &n));
  print(text, n);
}

void run_command(struct options *options) {
  const struct text prompt = read_prompt(options);
  struct engine engine;
  size_t n_tokens;
  engine_open(&engine, options);
  const int32_t *tokens = prompt_tokens(&engine, options, prompt, &n_tokens);
  if (n_tokens == 0) fail_status(SOTTO_INVALID_ARGUMENT, "the prompt is empty: pass some text");
  engine_append(&engine, tokens, n_tokens);
  sotto_sampler *sampler = open_sampler(&engine, &options->sampler);
  for (size_t i = 0; i < n_tokens; i++) sotto_sampler_accept(sampler, tokens[i]);
  answer(&engine, sampler, options->max_tokens);
  putchar('\n');
}
