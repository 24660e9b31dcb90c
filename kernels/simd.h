/* simd.h: the 128-bit intrinsics: wasm's own, or the same natively through SIMDe (for sanitizers and debuggers), where
 * the two relaxed instructions that the kernels use are written out. */
#ifndef SOTTO_SIMD_H
#define SOTTO_SIMD_H

#include "kernels.h"

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#else
#define SIMDE_ENABLE_NATIVE_ALIASES
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#include <simde/wasm/simd128.h>
#pragma clang diagnostic pop

/* Pairs of signed a times b (0 to 127), added in 16 bits. */
static inline v128_t wasm_i16x8_relaxed_dot_i8x16_i7x16(v128_t a, v128_t b) {
  v128_t even = wasm_i16x8_mul(wasm_i16x8_shr(wasm_i16x8_shl(a, 8), 8), wasm_i16x8_shr(wasm_i16x8_shl(b, 8), 8));
  v128_t odd = wasm_i16x8_mul(wasm_i16x8_shr(a, 8), wasm_i16x8_shr(b, 8));
  return wasm_i16x8_add(even, odd);
}

/* The same, of four, added to 32 bits. */
static inline v128_t wasm_i32x4_relaxed_dot_i8x16_i7x16_add(v128_t a, v128_t b, v128_t sum) {
  return wasm_i32x4_add(sum, wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_relaxed_dot_i8x16_i7x16(a, b)));
}
#endif

/* Keeps a sum where it stands: LLVM would otherwise sink the chain of dots below all its loads and spill. LLVM 19 to 21
 * do without: some of them crash on vectors in inline assembly (github.com/llvm/llvm-project/pull/146574). */
#if defined(__wasm__) && __clang_major__ >= 22
#define PIN(v) __asm__ volatile("" : "+r"(v))
#else
#define PIN(v) (void)(v)
#endif

/* sum += the dot of signed bytes and bytes of 0 to 127, kept where it stands. Relaxed SIMD. */
#define ADD_DOT(sum, signed_bytes, bits7)                                     \
  do {                                                                        \
    (sum) = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(signed_bytes, bits7, sum); \
    PIN(sum);                                                                 \
  } while (0)

/* Loads ahead, which bring into the cache what is wanted soon, where that pays. Wasm has no instruction for it; a load whose value
 * nobody uses holds up nobody until the processor's window of instructions in flight is full, so they stand close together. */
INLINE void touch(const void *bytes, int n_bytes) {
  for (int i = 0; i < n_bytes; i += CACHE_LINE) {
#ifdef __wasm__
    (void)*((const volatile uint8_t *)bytes + i);
#else
    __builtin_prefetch((const uint8_t *)bytes + i);
#endif
  }
}

/* A processor's own prefetching stops at the end of a page: in the next one the look-up of its address, which in a virtual machine
 * is two, and the first lines are waited for. So who enters a page with the next n_bytes begins with the one that follows, and with
 * a few lines of the one behind that, so that the look-up is not in the way of the others. */
#define PAGE_BYTES 4096
#define FIRST_LINES 20
#define EARLY_LINES 4
_Static_assert(READ_AHEAD >= 2 * PAGE_BYTES + EARLY_LINES * CACHE_LINE, "more is read ahead than may be");

INLINE void touch_next_page(const uint8_t *bytes, int n_bytes) {
  if (((uintptr_t)bytes & (PAGE_BYTES - 1)) >= (uintptr_t)n_bytes) return;
  const uint8_t *next = bytes - ((uintptr_t)bytes & (PAGE_BYTES - 1)) + PAGE_BYTES;
  touch(next + PAGE_BYTES, EARLY_LINES * CACHE_LINE);
  touch(next, FIRST_LINES * CACHE_LINE);
}

/* For one stretch of packed quants after the other: the next page, and what is LINES_AHEAD further on, each line once. */
#define LINES_AHEAD 40

INLINE void touch_ahead(const uint8_t *bytes, int n_bytes) {
  if (!kernels_load_ahead) return;
  touch_next_page(bytes, n_bytes);
  const uint8_t *line = bytes + (-(uintptr_t)bytes & (CACHE_LINE - 1)); /* the first one that begins here */
  const int n_whole = n_bytes / CACHE_LINE * CACHE_LINE;
  touch(line + LINES_AHEAD * CACHE_LINE, n_whole);
  if (line + n_whole < bytes + n_bytes) touch(line + LINES_AHEAD * CACHE_LINE + n_whole, CACHE_LINE);
}

/* Constants of hot loops; masks[m]: m in each byte. V8 builds a vector constant anew at each of its uses, but keeps what it has
 * loaded; the pointers are such that the compiler cannot look behind. */
#define MASKS 64
struct constants { v128_t masks[MASKS], ones, low_bytes, f16_bits, f16_scale, codebooks[CODEBOOK_COUNT]; };

INLINE struct constants load_constants(void) {
  static const uint32_t table[] = {0x00010001, 0x00ff00ff, 0x8fffe000, 0x77800000 /* 2^112 */};
  static const uint8_t bytes[MASKS] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                       22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
                                       44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
  const uint32_t *c = table;
  const uint8_t *m = bytes;
  const int8_t(*values)[16] = codebooks;
  __asm__("" : "+r"(c), "+r"(m), "+r"(values));
  struct constants out = {.ones = wasm_v128_load32_splat(c), .low_bytes = wasm_v128_load32_splat(c + 1),
                          .f16_bits = wasm_v128_load32_splat(c + 2), .f16_scale = wasm_v128_load32_splat(c + 3)};
  UNROLL
  for (int i = 0; i < MASKS; i++) out.masks[i] = wasm_v128_load8_splat(m + i);
  UNROLL
  for (int i = 0; i < CODEBOOK_COUNT; i++) out.codebooks[i] = wasm_v128_load(values[i]);
  return out;
}

/* Four f16 at p (see f16_to_f32: the same arithmetic in each lane). */
INLINE v128_t load_f16x4(const struct constants *c, const void *p) {
  return wasm_f32x4_mul(wasm_v128_and(wasm_i32x4_shl(wasm_i32x4_load16x4(p), 13), c->f16_bits), c->f16_scale);
}

/* The same of numbers that may well be subnormal, as scales are that are meant to be multiplied by integers: as the operand of
 * a multiplication such a float costs processors tens of cycles, or hundreds. With 112 added to its exponent it becomes
 * x = 2^-15 (1 + f) where 2^-14 f is meant, 2 x - 2^-14, which is less; of all other numbers that is no less than x. */
INLINE v128_t load_small_f16x4(const struct constants *c, const void *p) {
  const v128_t bits = wasm_v128_and(wasm_i32x4_shl(wasm_i32x4_load16x4(p), 13), c->f16_bits);
  const v128_t x = wasm_i32x4_add(wasm_v128_and(bits, wasm_i32x4_splat(0x7fffffff)), wasm_i32x4_splat(112 << 23));
  const v128_t magnitude = wasm_f32x4_pmin(x, wasm_f32x4_sub(wasm_f32x4_add(x, x), wasm_f32x4_splat(0x1p-14f)));
  return wasm_v128_or(magnitude, wasm_v128_and(bits, wasm_i32x4_splat(INT32_MIN)));
}

/* Four bf16 at p. */
INLINE v128_t load_bf16x4(const void *p) { return wasm_i32x4_shl(wasm_u32x4_load16x4(p), 16); }

#endif
