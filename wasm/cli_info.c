/* cli_info.c: sotto info: what a file's header says, what the model needs, and what of it Sotto does not support. Reads
 * no further than the header. The npm package's web/lib/bin/info.mjs prints the same. */
#include "cli.h"

#include <float.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 72    /* characters of a value that are shown */
#define KEY_COLUMNS 44
#define MAX_TYPES 64  /* more than sotto_type_name has names */

/* ---- what it is ---- */

struct share {
  const char *name;
  uint32_t n_tensors;
  uint64_t n_bytes;
};

/* "Q8_0 31.1 % (1), F32 0.1 % (61)": of the bytes, in the order in which the file has them first. */
static void print_types(const sotto_gguf *gguf) {
  struct share shares[MAX_TYPES] = {{0}};
  uint64_t all_bytes = 0;
  for (uint32_t i = 0; i < sotto_gguf_n_tensors(gguf); i++) {
    struct sotto_tensor_info info;
    check(sotto_gguf_tensor(gguf, i, &info));
    struct share *share = shares;
    while (share->name && strcmp(share->name, sotto_type_name(info.type)) != 0) share++;
    share->name = sotto_type_name(info.type);
    share->n_tensors++;
    share->n_bytes += info.n_bytes;
    all_bytes += info.n_bytes;
  }
  printf("types        %s", shares[0].name ? "" : "none");
  for (const struct share *share = shares; share->name; share++)
    printf("%s%s %.1f %% (%" PRIu32 ")", share > shares ? ", " : "", share->name,
           all_bytes ? 100.0 * (double)share->n_bytes / (double)all_bytes : 0, share->n_tensors);
  printf("\n");
}

static bool find_text(const sotto_gguf *gguf, const char *key, struct sotto_value *value) {
  return sotto_gguf_find(gguf, key, value) == SOTTO_OK && value->type == SOTTO_VALUE_STRING;
}

static void print_text(const sotto_gguf *gguf, const char *key, const char *before, const char *after, const char *otherwise) {
  struct sotto_value value;
  if (find_text(gguf, key, &value)) printf("%s%.*s%s", before, (int)value.data_bytes, (const char *)value.data, after);
  else printf("%s", otherwise);
}

static void print_tokenizer(const sotto_gguf *gguf) {
  struct sotto_value tokens;
  const bool has_tokens = sotto_gguf_find(gguf, "tokenizer.ggml.tokens", &tokens) == SOTTO_OK;
  printf("tokenizer    ");
  print_text(gguf, "tokenizer.ggml.model", "", "", "none");
  print_text(gguf, "tokenizer.ggml.pre", " (", ")", "");
  printf(", %" PRIu32 " tokens\n", has_tokens ? tokens.n_items : 0);
}

static void print_summary(const sotto_gguf *gguf) {
  struct sotto_value template;
  print_text(gguf, "general.name", "", "", "unnamed");
  print_text(gguf, "general.architecture", ": ", "", ": unknown architecture");
  printf(", %.1f MB, %" PRIu32 " tensors\n", sotto_gguf_file_bytes(gguf) / 1e6, sotto_gguf_n_tensors(gguf));
  print_types(gguf);
  print_tokenizer(gguf);
  printf("template     %s\n", find_text(gguf, "tokenizer.chat_template", &template)
                                   ? "in the file" : "none: chats are written in ChatML");
}

/* ---- what it needs, and what is unsupported ---- */

static enum sotto_status open_model(struct engine *engine, const struct options *options, size_t *n_bytes,
                                    struct sotto_error *error) {
  const enum sotto_status status = sotto_model_measure(engine->gguf, &options->model, n_bytes, error);
  if (status != SOTTO_OK) return status;
  return sotto_model_open(allocate(1, *n_bytes), *n_bytes, engine->gguf, &options->model, &engine->model, error);
}

static enum sotto_status open_session(struct engine *engine, const struct sotto_session_options *options, size_t *n_bytes,
                                      struct sotto_error *error) {
  const enum sotto_status status = sotto_session_measure(engine->model, options, n_bytes, error);
  if (status != SOTTO_OK) return status;
  return sotto_session_open(allocate(1, *n_bytes), *n_bytes, engine->model, NULL, options, &engine->session, error);
}

static void print_context(const sotto_gguf *gguf) {
  struct sotto_value family, length;
  char key[128];
  uint32_t n_ctx = 0;
  if (find_text(gguf, "general.architecture", &family)) {
    snprintf(key, sizeof key, "%.*s.context_length", (int)family.data_bytes, (const char *)family.data);
    if (sotto_gguf_find(gguf, key, &length) == SOTTO_OK && length.type == SOTTO_VALUE_U32)
      memcpy(&n_ctx, length.data, sizeof n_ctx);
  }
  if (n_ctx) printf("context      %" PRIu32 "\n", n_ctx);
  else printf("context      unknown\n");
}

static void print_problem(enum sotto_status status, const struct sotto_error *error) {
  printf("unsupported  %.*s (%s) [%s]\n", (int)error->text_bytes, error->text, sotto_status_text(status),
         sotto_status_name(status));
}

static void print_memory(struct engine *engine, const struct options *options) {
  struct sotto_error error;
  size_t model_bytes, session_bytes;
  enum sotto_status status = open_model(engine, options, &model_bytes, &error);
  if (status == SOTTO_OK) status = open_session(engine, &options->session, &session_bytes, &error);
  if (status != SOTTO_OK) print_problem(status, &error);
  else printf("memory       %.1f MB with a context of %zu\n", ((double)model_bytes + (double)session_bytes) / 1e6,
              sotto_session_n_ctx(engine->session));
}

/* Memory, where nothing but an unknown tokenizer is in the way, and what is. */
static void print_needs(struct engine *engine, const struct options *options) {
  struct sotto_error error;
  enum sotto_status status = sotto_model_problem(engine->gguf, 0, &error);
  if (status == SOTTO_OK || status == SOTTO_UNSUPPORTED_TOKENIZER) print_memory(engine, options);
  for (uint32_t i = 1; status != SOTTO_OK; i++) {
    print_problem(status, &error);
    status = sotto_model_problem(engine->gguf, i, &error);
  }
}

/* ---- values ---- */

/* Prints a character's byte while there is room; *n_shown counts characters. */
static void show(char byte, uint32_t *n_shown) {
  const bool begins_character = (byte & 0xC0) != 0x80;
  if (*n_shown + begins_character > LONGEST) *n_shown = LONGEST + 1;
  else *n_shown += begins_character;
  if (*n_shown <= LONGEST) putchar(byte);
}

/* As JSON writes it, cut to the length that is shown. */
static void print_string(const char *text, uint32_t n_bytes) {
  static const char specials[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
  uint32_t n_shown = 0;
  show('"', &n_shown);
  for (uint32_t i = 0; i < n_bytes && n_shown <= LONGEST; i++) {
    const char *special = memchr(specials, text[i], sizeof specials - 1);
    char escape[8] = {text[i], 0};
    if (special) snprintf(escape, sizeof escape, "\\%c", letters[special - specials]);
    else if ((uint8_t)text[i] < ' ') snprintf(escape, sizeof escape, "\\u%04x", text[i]);
    for (const char *c = escape; *c; c++) show(*c, &n_shown);
  }
  show('"', &n_shown);
  if (n_shown > LONGEST) printf("...");
}

/* With as few digits as read back as the same number. */
static void print_f32(float number) {
  char digits[32];
  for (int n = FLT_DIG; n <= FLT_DECIMAL_DIG; n++) {
    snprintf(digits, sizeof digits, "%.*g", n, number);
    if (strtof(digits, NULL) == number) break;
  }
  printf("%s", digits);
}

static void print_value(const struct sotto_value *value) {
  static const char *const type_names[SOTTO_VALUE_TYPE_COUNT] = {"u8", "i8", "u16", "i16", "u32", "i32", "f32",
                                                                 "bool", "string", "array", "u64", "i64", "f64"};
  union { uint64_t u64; int8_t i8; int16_t i16; int32_t i32; int64_t i64; float f32; double f64; } number = {0};
  if (value->type == SOTTO_VALUE_ARRAY) {
    printf("%" PRIu32 " x %s", value->n_items, type_names[value->item_type]);
    return;
  }
  if (value->type != SOTTO_VALUE_STRING) memcpy(&number, value->data, value->data_bytes);
  switch ((enum sotto_value_type)value->type) {
    case SOTTO_VALUE_STRING: print_string((const char *)value->data, value->data_bytes); break;
    case SOTTO_VALUE_BOOL: printf("%s", number.u64 ? "true" : "false"); break;
    case SOTTO_VALUE_I8: printf("%d", number.i8); break;
    case SOTTO_VALUE_I16: printf("%d", number.i16); break;
    case SOTTO_VALUE_I32: printf("%" PRId32, number.i32); break;
    case SOTTO_VALUE_I64: printf("%" PRId64, number.i64); break;
    case SOTTO_VALUE_F32: print_f32(number.f32); break;
    case SOTTO_VALUE_F64: printf("%.*g", DBL_DECIMAL_DIG, number.f64); break;
    default: printf("%" PRIu64, number.u64); /* little-endian, whatever its width */
  }
}

void info_command(struct options *options) {
  struct engine engine;
  engine_read_header(&engine, options->path);
  print_summary(engine.gguf);
  print_context(engine.gguf);
  print_needs(&engine, options);
  printf("\n");
  for (uint32_t i = 0; i < sotto_gguf_n_keys(engine.gguf); i++) {
    struct sotto_value value;
    check(sotto_gguf_key(engine.gguf, i, &value));
    const int n_spaces = value.key_bytes < KEY_COLUMNS ? (int)(KEY_COLUMNS - value.key_bytes) : 0;
    printf("%.*s%*s ", (int)value.key_bytes, value.key, n_spaces, "");
    print_value(&value);
    printf("\n");
  }
}
