/* arena.h: carves objects out of one block that the caller supplied. The same code measures: an arena without
 * memory counts what it would hand out, so an object's measure and open are one function (rule: carve first,
 * then `if (arena_measures(arena)) return SOTTO_OK;`, then write). */
#ifndef SOTTO_ARENA_H
#define SOTTO_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARENA_ALIGN 16 /* one v128 */

struct arena {
  uint8_t *base; /* NULL: measure only */
  uint64_t used; /* bytes, in 64 bits so that a hostile file cannot wrap it */
  uint64_t cap;  /* bytes; the arena overflows, but never hands out memory beyond it */
};

/* n_items * item_bytes, 16-byte aligned, not cleared. NULL when measuring or when the arena overflows. */
void *arena_carve(struct arena *arena, uint64_t n_items, uint64_t item_bytes);
bool arena_measures(const struct arena *arena);
bool arena_overflows(const struct arena *arena); /* asked for more than cap, or more than an address can hold */

#endif
