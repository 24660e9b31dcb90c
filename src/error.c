/* error.c: status names and texts, and the few printf conversions that error sentences need. */
#include "error.h"

#include <stdarg.h>

static const struct { const char *name, *text; } statuses[SOTTO_STATUS_COUNT] = {
#define ITEM(name, text) {#name, text},
    SOTTO_STATUS_LIST(ITEM)
#undef ITEM
};

const char *sotto_version(void) { return SOTTO_VERSION; }

const char *sotto_status_name(enum sotto_status status) {
  return (unsigned)status < SOTTO_STATUS_COUNT ? statuses[status].name : "UNKNOWN";
}

const char *sotto_status_text(enum sotto_status status) {
  return (unsigned)status < SOTTO_STATUS_COUNT ? statuses[status].text : "an unknown status";
}

static void put(struct sotto_error *error, char c) {
  if (error->text_bytes < sizeof error->text) error->text[error->text_bytes++] = c;
}

static void put_number(struct sotto_error *error, uint64_t value) {
  char digits[20]; /* 2^64 has 20 */
  int n = 0;
  do digits[n++] = (char)('0' + value % 10);
  while (value /= 10);
  while (n) put(error, digits[--n]);
}

enum sotto_status error_set(struct sotto_error *error, enum sotto_status status, uint64_t at_byte, const char *format, ...) {
  if (!error) return status;
  error->status = (int32_t)status;
  error->at_byte = at_byte;
  error->text_bytes = 0;
  va_list args;
  va_start(args, format);
  for (const char *f = format; *f; f++) {
    if (*f != '%') {
      put(error, *f);
    } else if (*++f == 'u') {
      put_number(error, va_arg(args, uint32_t));
    } else if (*f == 'U') {
      put_number(error, va_arg(args, uint64_t));
    } else if (*f == 's') {
      for (const char *s = va_arg(args, const char *); *s; s++) put(error, *s);
    } else { /* %.*s */
      f += 2;
      int n = va_arg(args, int);
      const char *s = va_arg(args, const char *);
      for (int i = 0; i < n; i++) put(error, s[i]);
    }
  }
  va_end(args);
  return status;
}
