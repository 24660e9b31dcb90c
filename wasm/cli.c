/* cli.c: the command line: picks the command, reads its options, prints help (exit codes: 0 done, 1 failed, 2 wrong
 * usage). Commands, options and formats are those of the npm package's program, web/lib/bin. */
#include "cli.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- commands ---- */

enum { RUN = 1, INFO = 2, BENCH = 4, TOKENS = 8, LOGITS = 16, GREEDY = 32, EMBED = 64 };

struct command {
  void (*run)(struct options *options);
  uint32_t bit; /* in struct option */
  uint32_t n_operands;
  const char *name, *usage;
};

static const struct command commands[] = {
    {run_command, RUN, 1, "run", "sotto run MODEL [-p \"...\"] [options]"},
    {info_command, INFO, 1, "info", "sotto info MODEL [options]"},
    {bench_command, BENCH, 1, "bench", "sotto bench MODEL [options]"},
    {tokens_command, TOKENS, 1, "tokens", "sotto tokens MODEL [options] < JSON strings"},
    {logits_command, LOGITS, 1, "logits", "sotto logits MODEL [options] < JSON lists of token ids"},
    {greedy_command, GREEDY, 2, "greedy", "sotto greedy MODEL N [options] < JSON lists of token ids"},
    {embed_command, EMBED, 1, "embed", "sotto embed MODEL [options] < JSON lists of token ids"},
};

static const char help[] =
    "usage: sotto COMMAND MODEL [options]\n"
    "\n"
    "MODEL is the path of a GGUF file, in a folder that the WASI runtime was given:\n"
    "  wasmtime --dir=models sotto.wasm run models/model.gguf -p \"Hello\"\n"
    "\n"
    "  run MODEL -p \"...\"   answer one prompt\n"
    "  info MODEL           what the file holds and needs\n"
    "  bench MODEL          tokens a second\n"
    "\n"
    "for machines, requests on standard input, one JSON value a line:\n"
    "  tokens MODEL         texts -> token ids\n"
    "  logits MODEL         token ids -> log-probabilities of the next token\n"
    "  greedy MODEL N       token ids -> N more of them\n"
    "  embed MODEL          token ids -> an embedding\n"
    "\n"
    "sotto COMMAND --help tells a command's options.\n";

/* ---- options ---- */

enum kind { FLAG, TEXT, NUMBER, COUNT, WHOLE, SIGNED, KV, LEVEL };

struct option {
  uint32_t commands; /* that have it */
  enum kind kind;
  size_t offset;     /* in struct options */
  char letter;
  const char *name, *help;
};

#define COMPUTES (RUN | BENCH | LOGITS | GREEDY | EMBED)
#define AT(field) offsetof(struct options, field)

static const struct option table[] = {
    {RUN, TEXT, AT(prompt), 'p', "prompt", "the prompt; standard input without this"},
    {RUN, TEXT, AT(system), 0, "system", "what the model should be"},
    {RUN, FLAG, AT(is_raw), 0, "raw", "go on with the prompt as it is: write the turns of a chat yourself"},
    {RUN, COUNT, AT(max_tokens), 'n', "max-tokens", "the answer's length at most"},
    {RUN, NUMBER, AT(sampler.temperature), 0, "temperature", "0: the most likely token each time; 0.8 without this"},
    {RUN, SIGNED, AT(sampler.top_k), 0, "top-k", "draw from so many tokens; 40"},
    {RUN, NUMBER, AT(sampler.top_p), 0, "top-p", "draw from so much probability; 0.95"},
    {RUN, NUMBER, AT(sampler.min_p), 0, "min-p", "draw what is as likely as this, against the best; 0.05"},
    {RUN, NUMBER, AT(sampler.repeat_penalty), 0, "repeat-penalty", "of recent tokens; 1 is none"},
    {RUN, WHOLE, AT(sampler.seed), 0, "seed", "the same seed gives the same answer"},
    {RUN, COUNT, AT(session.n_ctx), 0, "ctx", "tokens that prompt and answer may have together"},
    {INFO, COUNT, AT(session.n_ctx), 0, "ctx", "tokens of the context whose memory is told"},
    {BENCH, COUNT, AT(n_prompt), 0, "prompt", "tokens of the prompt; 256"},
    {BENCH, COUNT, AT(n_new), 0, "new", "tokens of the answer; 64"},
    {BENCH, WHOLE, AT(n_depth), 0, "depth", "tokens before the prompt, not timed; 0"},
    {BENCH, COUNT, AT(n_runs), 0, "runs", "timed runs; 5"},
    {BENCH, FLAG, AT(is_json), 0, "json", "one JSON object"},
    {TOKENS, FLAG, AT(is_special), 0, "special", "text that spells a special token becomes that token"},
    {TOKENS, FLAG, AT(has_bos_eos), 0, "bos", "add the tokens that the model wants at the beginning and the end"},
    {LOGITS, FLAG, AT(has_positions), 0, "positions", "of every position, not only the last"},
    {LOGITS, WHOLE, AT(n_top), 0, "top", "show so many of the most likely tokens; 20"},
    {LOGITS, TEXT, AT(full), 0, "full", "write all logits to this file, as float32"},
    {COMPUTES | INFO, KV, AT(session.kv_type), 0, "kv", "the cache's type: f16, f32 or int8"},
    {COMPUTES, COUNT, AT(session.n_batch), 0, "batch", "prompt tokens that are computed together"},
    {COMPUTES, LEVEL, AT(model.level), 0, "level", "kernels: scalar or simd128; the results are the same bits"},
};

static const struct option operands[] = {{0, TEXT, AT(path), 0, "MODEL", ""}, {0, WHOLE, AT(n_greedy), 0, "N", ""}};

#define N_OPTIONS (sizeof table / sizeof *table)

/* What a value may be: of numbers their range, of words those at their enum's values in sotto.h. */
static const struct { int64_t low, high; } ranges[] = {
    [COUNT] = {1, UINT32_MAX}, [WHOLE] = {0, UINT32_MAX}, [SIGNED] = {INT32_MIN, INT32_MAX}};
static const char *const words[][4] = {
    [KV] = {[SOTTO_KV_F16] = "f16", [SOTTO_KV_F32] = "f32", [SOTTO_KV_INT8] = "int8"},
    [LEVEL] = {[SOTTO_LEVEL_SCALAR] = "scalar", [SOTTO_LEVEL_SIMD128] = "simd128", [SOTTO_LEVEL_RELAXED] = "relaxed"}};

static void set_defaults(struct options *options) {
  *options = (struct options){.n_top = 20, .n_prompt = 256, .n_new = 64, .n_runs = 5};
  options->model.sizeof_options = sizeof options->model;
  options->session.sizeof_options = sizeof options->session;
  sotto_sampler_defaults(&options->sampler);
  getentropy(&options->sampler.seed, sizeof options->sampler.seed); /* where there is none, each answer has seed 0 */
}

/* ---- help ---- */

static void print_option(FILE *stream, char letter, const char *name, const char *value, const char *text) {
  char flag[32];
  const char start[] = {'-', letter, ',', ' ', 0};
  snprintf(flag, sizeof flag, "%s--%s%s", letter ? start : "    ", name, value);
  fprintf(stream, "  %-24s %s\n", flag, text);
}

static void print_help(FILE *stream, const struct command *command) {
  static const char *const values[] = {[FLAG] = "", [TEXT] = " X", [NUMBER] = " N", [COUNT] = " N",
                                         [WHOLE] = " N", [SIGNED] = " N", [KV] = " X", [LEVEL] = " X"};
  fprintf(stream, "usage: %s\n\n", command->usage);
  for (const struct option *option = table; option < table + N_OPTIONS; option++)
    if (option->commands & command->bit)
      print_option(stream, option->letter, option->name, values[option->kind], option->help);
  print_option(stream, 'h', "help", "", "show this");
  if (command->bit == RUN)
    fputs("\nThe prompt becomes a turn of a chat where the file's own template is of ChatML's or Gemma's kind.\n"
          "This program knows no other: it goes on with the prompt as it is then, and says so.\n", stream);
}

__attribute__((format(printf, 2, 3)))
_Noreturn static void fail_parsing(const struct command *command, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("sotto: ", stderr);
  vfprintf(stderr, format, args);
  fputs("\n\n", stderr);
  print_help(stderr, command);
  exit(2);
}

/* ---- parsing ---- */

static const struct option *find_option(const struct command *command, const char *name, size_t n) {
  for (const struct option *option = table; option < table + N_OPTIONS; option++) {
    if (!(option->commands & command->bit)) continue;
    const bool is_long = n > 2 && strncmp(name, "--", 2) == 0 && strlen(option->name) == n - 2;
    if (is_long && strncmp(option->name, name + 2, n - 2) == 0) return option;
    if (n == 2 && name[1] == option->letter) return option;
  }
  return NULL;
}

static bool set_integer(enum kind kind, uint32_t *field, const char *value) {
  char *end;
  const long long number = strtoll(value, &end, 10);
  if (end == value || *end || number < ranges[kind].low || number > ranges[kind].high) return false;
  *field = (uint32_t)number;
  return true;
}

static bool set_number(float *field, const char *value) {
  char *end;
  *field = (float)strtod(value, &end);
  return end != value && !*end && isfinite(*field);
}

static bool set_word(enum kind kind, uint32_t *field, const char *value) {
  for (uint32_t i = 0; i < sizeof words[kind] / sizeof *words[kind]; i++) {
    if (!words[kind][i] || strcmp(words[kind][i], value) != 0) continue;
    *field = i;
    return true;
  }
  return false;
}

static bool set_option(const struct option *option, void *field, const char *value) {
  switch (option->kind) {
    case FLAG: *(bool *)field = true; return true;
    case TEXT: *(const char **)field = value; return true;
    case NUMBER: return set_number(field, value);
    case COUNT: case WHOLE: case SIGNED: return set_integer(option->kind, field, value);
    case KV: case LEVEL: return set_word(option->kind, field, value);
  }
  return false;
}

static void take_value(const struct command *command, const struct option *option, const char *value,
                       struct options *options) {
  static const char *const wanted[] = {[NUMBER] = "a number", [COUNT] = "a whole number from 1",
                                       [WHOLE] = "a whole number from 0", [SIGNED] = "a whole number",
                                       [KV] = "f16, f32 or int8", [LEVEL] = "scalar or simd128"};
  const char *dashes = option->commands ? "--" : "";
  if (!set_option(option, (char *)options + option->offset, value))
    fail_parsing(command, "%s%s needs %s, not \"%s\"", dashes, option->name, wanted[option->kind], value);
}

/* Takes the option args[0]: "--name value", "--name=value" or "-n value". Returns its last argument. */
static char **take_option(const struct command *command, char **args, struct options *options) {
  const char *name = args[0], *equals = strchr(name, '=');
  const struct option *option = find_option(command, name, equals ? (size_t)(equals - name) : strlen(name));
  if (!option) fail_parsing(command, "there is no option %s", name);
  const char *value = equals ? equals + 1 : option->kind == FLAG ? NULL : *++args;
  if (option->kind == FLAG && value) fail_parsing(command, "--%s takes no value", option->name);
  if (option->kind != FLAG && !value) fail_parsing(command, "--%s needs a value", option->name);
  take_value(command, option, value, options);
  return args;
}

static bool asks_for_help(const char *arg) { return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0; }

static void parse(const struct command *command, char **args, struct options *options) {
  uint32_t n_operands = 0;
  set_defaults(options);
  for (; *args; args++) {
    if (asks_for_help(*args)) {
      print_help(stdout, command);
      exit(0);
    }
    if (args[0][0] == '-' && args[0][1]) args = take_option(command, args, options);
    else if (n_operands < command->n_operands) take_value(command, &operands[n_operands++], *args, options);
    else fail_parsing(command, "%s is one argument too many", *args);
  }
  if (n_operands < command->n_operands) fail_parsing(command, "%s is missing", operands[n_operands].name);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fputs(help, stderr);
    return 2;
  }
  if (asks_for_help(argv[1]) || strcmp(argv[1], "help") == 0) {
    fputs(help, stdout);
    return 0;
  }
  if (strcmp(argv[1], "--version") == 0) {
    puts(sotto_version());
    return 0;
  }
  for (const struct command *command = commands; command < commands + sizeof commands / sizeof *commands; command++) {
    if (strcmp(argv[1], command->name) != 0) continue;
    struct options options;
    parse(command, argv + 2, &options);
    command->run(&options);
    flush_output();
    return 0;
  }
  fail_usage("there is no command %s\n\n%s", argv[1], help);
}
