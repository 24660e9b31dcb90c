/* cli_json.c: lines of standard input, and the two JSON values that a request can be: a text, and a list of token ids.
 * Strict, RFC 8259: whatever else a line holds ends the program with its number and the byte where it goes wrong. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT 0xFFFD /* for half of a surrogate pair, as JavaScript writes it in UTF-8 */

struct json {
  const struct line *line;
  const char *at, *end;
};

static struct json json_of(const struct line *line) {
  return (struct json){line, line->text, line->text + line->n_bytes};
}

_Noreturn static void fail_at(const struct json *json, const char *wanted) {
  fail_usage("line %zu of standard input is not %s: byte %zu is wrong", json->line->number, wanted,
             (size_t)(json->at - json->line->text) + 1);
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static void skip_space(struct json *json) {
  while (json->at < json->end && is_space(*json->at)) json->at++;
}

/* Passes over one character when it is next. */
static bool take(struct json *json, char c) {
  if (json->at == json->end || *json->at != c) return false;
  json->at++;
  return true;
}

bool next_line(struct line *line) {
  for (;;) {
    const ssize_t n = getline(&line->text, &line->cap, stdin);
    if (n < 0) return false;
    line->number++;
    line->n_bytes = (size_t)n;
    struct json json = json_of(line);
    skip_space(&json);
    if (json.at < json.end) return true;
  }
}

/* ---- a text ---- */

static bool take_hex(struct json *json, uint32_t *unit) {
  *unit = 0;
  for (int i = 0; i < 4; i++) {
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *digit = json->at < json->end ? memchr(digits, *json->at, 22) : NULL;
    if (!digit) return false;
    const uint32_t value = (uint32_t)(digit - digits);
    *unit = *unit << 4 | (value < 16 ? value : value - 6);
    json->at++;
  }
  return true;
}

/* What follows \u: a UTF-16 unit, or two that make a pair. */
static bool take_unicode(struct json *json, uint32_t *code) {
  uint32_t low;
  if (!take_hex(json, code)) return false;
  if (*code < 0xD800 || *code > 0xDFFF) return true;
  const char *after = json->at;
  if (*code < 0xDC00 && take(json, '\\') && take(json, 'u') && take_hex(json, &low) && low >= 0xDC00 && low <= 0xDFFF) {
    *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
    return true;
  }
  json->at = after;
  *code = REPLACEMENT;
  return true;
}

static bool take_escape(struct json *json, uint32_t *code) {
  static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  const char *letter = json->at < json->end ? memchr(letters, *json->at, 8) : NULL;
  if (!letter) return take(json, 'u') && take_unicode(json, code);
  *code = (uint8_t)values[letter - letters];
  json->at++;
  return true;
}

static char *put_utf8(char *out, uint32_t code) {
  if (code < 0x80) {
    *out++ = (char)code;
    return out;
  }
  const int n_more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  *out++ = (char)(0xF0 << (3 - n_more) | code >> 6 * n_more);
  for (int i = n_more - 1; i >= 0; i--) *out++ = (char)(0x80 | (code >> 6 * i & 0x3F));
  return out;
}

/* In place: a text is never longer than its JSON. */
size_t json_string(struct line *line) {
  static const char wanted[] = "a JSON string";
  struct json json = json_of(line);
  char *out = line->text;
  uint32_t code;
  skip_space(&json);
  if (!take(&json, '"')) fail_at(&json, wanted);
  while (!take(&json, '"')) {
    if (json.at == json.end || (uint8_t)*json.at < ' ') fail_at(&json, wanted);
    if (!take(&json, '\\')) *out++ = *json.at++;
    else if (take_escape(&json, &code)) out = put_utf8(out, code);
    else fail_at(&json, wanted);
  }
  skip_space(&json);
  if (json.at < json.end) fail_at(&json, wanted);
  return (size_t)(out - line->text);
}

/* ---- a list of token ids ---- */

static bool take_id(struct json *json, int32_t *id) {
  const int64_t sign = take(json, '-') ? -1 : 1;
  const char *begin = json->at;
  int64_t value = 0;
  while (json->at < json->end && *json->at >= '0' && *json->at <= '9' && value <= INT32_MAX)
    value = value * 10 + (*json->at++ - '0');
  *id = (int32_t)(sign * value);
  const ptrdiff_t n_digits = json->at - begin;
  const bool has_leading_zero = n_digits > 1 && *begin == '0';
  return n_digits > 0 && !has_leading_zero && value <= INT32_MAX;
}

int32_t *json_ids(const struct line *line, size_t *n_ids) {
  static const char wanted[] = "a JSON list of token ids";
  struct json json = json_of(line);
  int32_t *ids = allocate(line->n_bytes / 2 + 1, sizeof *ids); /* each has a comma or a bracket */
  *n_ids = 0;
  skip_space(&json);
  if (!take(&json, '[')) fail_at(&json, wanted);
  skip_space(&json);
  bool is_open = !take(&json, ']');
  while (is_open) {
    skip_space(&json);
    if (!take_id(&json, &ids[*n_ids])) fail_at(&json, wanted);
    ++*n_ids;
    skip_space(&json);
    is_open = take(&json, ',');
    if (!is_open && !take(&json, ']')) fail_at(&json, wanted);
  }
  skip_space(&json);
  if (json.at < json.end) fail_at(&json, wanted);
  return ids;
}
