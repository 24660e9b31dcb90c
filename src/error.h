/* error.h: how a status travels: return it, and write the sentence into the caller's struct sotto_error. */
#ifndef SOTTO_ERROR_H
#define SOTTO_ERROR_H

#include "sotto.h"

#define NOWHERE UINT64_MAX /* for an error that no file offset explains */

#define RETURN_IF(condition, status) do { if (condition) return (status); } while (0)
#define TRY(call) do { enum sotto_status try_status = (call); if (try_status != SOTTO_OK) return try_status; } while (0)

/* Fills `error` (may be NULL) and returns `status`. format: %s a C string, %.*s an int and a pointer, %u uint32_t,
 * %U uint64_t; nothing else. The text is cut at the end of its buffer. */
enum sotto_status error_set(struct sotto_error *error, enum sotto_status status, uint64_t at_byte, const char *format, ...);

#endif
