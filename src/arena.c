/* arena.c: a bump allocator over caller memory. */
#include "arena.h"

/* Under AddressSanitizer a stretch that nobody may touch lies behind each piece, as behind a block of malloc. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define GUARD_BYTES 32
#endif
#endif
#ifndef GUARD_BYTES
#define GUARD_BYTES 0
#define ASAN_UNPOISON_MEMORY_REGION(at, n_bytes) ((void)0)
#define ASAN_POISON_MEMORY_REGION(at, n_bytes) ((void)0)
#endif

void *arena_carve(struct arena *arena, uint64_t n_items, uint64_t item_bytes) {
  uint64_t n_bytes;
  if (__builtin_mul_overflow(n_items, item_bytes, &n_bytes) || n_bytes > UINT64_MAX / 4 - arena->used) {
    arena->used = UINT64_MAX / 4; /* stays an overflow whatever is carved after it */
    return NULL;
  }
  uint64_t at = (arena->used + ARENA_ALIGN - 1) & ~(uint64_t)(ARENA_ALIGN - 1);
  arena->used = at + n_bytes + GUARD_BYTES;
  if (arena_measures(arena) || arena_overflows(arena)) return NULL;
  ASAN_UNPOISON_MEMORY_REGION(arena->base + at, n_bytes);
  ASAN_POISON_MEMORY_REGION(arena->base + at + n_bytes, GUARD_BYTES);
  return arena->base + at;
}

bool arena_measures(const struct arena *arena) { return arena->base == NULL; }

bool arena_overflows(const struct arena *arena) {
  return arena->used > (arena_measures(arena) ? (uint64_t)SIZE_MAX : arena->cap);
}
