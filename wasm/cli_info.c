/* cli_info.c: sotto info: what a file's header says. Reads no further than that. */
#include "cli.h"

#include <float.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 72    /* characters of a value that are shown */
#define KEY_COLUMNS 44
#define MAX_TYPES 32  /* more than sotto_type_name has names */

/* ---- the first line ---- */

/* "120 Q4_1, 61 F32", in the order in which the file has them first. */
static void print_types(const sotto_gguf *gguf, uint32_t n_tensors) {
  struct { const char *name; uint32_t n; } types[MAX_TYPES] = {{0}};
  for (uint32_t i = 0; i < n_tensors; i++) {
    struct sotto_tensor_info info;
    check(sotto_gguf_tensor(gguf, i, &info));
    uint32_t at = 0;
    while (types[at].name && strcmp(types[at].name, sotto_type_name(info.type)) != 0) at++;
    types[at].name = sotto_type_name(info.type);
    types[at].n++;
  }
  for (uint32_t at = 0; types[at].name; at++) printf("%s%" PRIu32 " %s", at ? ", " : "", types[at].n, types[at].name);
}

static void print_text(const sotto_gguf *gguf, const char *key, const char *otherwise) {
  struct sotto_value value;
  if (sotto_gguf_find(gguf, key, &value) != SOTTO_OK || value.type != SOTTO_VALUE_STRING) printf("%s", otherwise);
  else printf("%.*s", (int)value.data_bytes, (const char *)value.data);
}

static void print_summary(const sotto_gguf *gguf) {
  const uint32_t n_tensors = sotto_gguf_n_tensors(gguf);
  print_text(gguf, "general.name", "unnamed");
  printf(": ");
  print_text(gguf, "general.architecture", "unknown architecture");
  printf(", %.1f MB, %" PRIu32 " tensors (", sotto_gguf_file_bytes(gguf) / 1e6, n_tensors);
  print_types(gguf, n_tensors);
  printf(")\n\n");
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
  for (uint32_t i = 0; i < sotto_gguf_n_keys(engine.gguf); i++) {
    struct sotto_value value;
    check(sotto_gguf_key(engine.gguf, i, &value));
    const int n_spaces = value.key_bytes < KEY_COLUMNS ? (int)(KEY_COLUMNS - value.key_bytes) : 0;
    printf("%.*s%*s ", (int)value.key_bytes, value.key, n_spaces, "");
    print_value(&value);
    printf("\n");
  }
}
