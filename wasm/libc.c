/* libc.c: the functions that a freestanding compiler may call by itself. The bulk-memory instructions would be
 * shorter, but not every engine with SIMD128 alone had to have them. */
#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n) {
  uint8_t *t = to;
  const uint8_t *f = from;
  for (; n >= 16; n -= 16, t += 16, f += 16) wasm_v128_store(t, wasm_v128_load(f));
  while (n--) *t++ = *f++;
  return to;
}

void *memmove(void *to, const void *from, size_t n) {
  uint8_t *t = to;
  const uint8_t *f = from;
  if (t <= f || t >= f + n) return memcpy(to, from, n);
  while (n--) t[n] = f[n];
  return to;
}

void *memset(void *to, int byte, size_t n) {
  uint8_t *t = to;
  const v128_t bytes = wasm_i8x16_splat((int8_t)byte);
  for (; n >= 16; n -= 16, t += 16) wasm_v128_store(t, bytes);
  while (n--) *t++ = (uint8_t)byte;
  return to;
}

int memcmp(const void *a, const void *b, size_t n) {
  const uint8_t *p = a, *q = b;
  for (; n; n--, p++, q++)
    if (*p != *q) return *p - *q;
  return 0;
}

size_t strlen(const char *text) {
  size_t n = 0;
  while (text[n]) n++;
  return n;
}

/* The product of two 128-bit integers, of which the compiler makes 64-bit multiplications that notice an overflow. The
 * lower halves are multiplied in 32-bit pieces; of the upper halves only what stays within 128 bits counts. */
__int128 __multi3(__int128 a, __int128 b) {
  const uint64_t x = (uint64_t)a, y = (uint64_t)b, low = 0xffffffff;
  const uint64_t ll = (x & low) * (y & low), lh = (x & low) * (y >> 32), hl = (x >> 32) * (y & low), hh = (x >> 32) * (y >> 32);
  const uint64_t middle = (ll >> 32) + (lh & low) + (hl & low);
  const uint64_t upper = hh + (lh >> 32) + (hl >> 32) + (middle >> 32) + (uint64_t)(a >> 64) * y + x * (uint64_t)(b >> 64);
  return (__int128)((unsigned __int128)upper << 64 | middle << 32 | (ll & low));
}
