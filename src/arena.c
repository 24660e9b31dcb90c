/* arena.c: a bump allocator over caller memory. */
#include "arena.h"

void *arena_carve(struct arena *arena, uint64_t n_items, uint64_t item_bytes) {
  uint64_t n_bytes;
  if (__builtin_mul_overflow(n_items, item_bytes, &n_bytes) || n_bytes > UINT64_MAX / 4 - arena->used) {
    arena->used = UINT64_MAX / 4; /* stays an overflow whatever is carved after it */
    return NULL;
  }
  uint64_t at = (arena->used + ARENA_ALIGN - 1) & ~(uint64_t)(ARENA_ALIGN - 1);
  arena->used = at + n_bytes;
  if (arena_measures(arena) || arena_overflows(arena)) return NULL;
  return arena->base + at;
}

bool arena_measures(const struct arena *arena) { return arena->base == NULL; }

bool arena_overflows(const struct arena *arena) {
  return arena->used > (arena_measures(arena) ? (uint64_t)SIZE_MAX : arena->cap);
}
