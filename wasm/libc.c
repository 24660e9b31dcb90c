/* libc.c: the four functions that a freestanding compiler may call by itself. The bulk-memory instructions would be
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
