/* simd.h: the 128-bit intrinsics: wasm's own, or the same natively through SIMDe (for sanitizers and debuggers), where
 * the one relaxed instruction that the kernels use is written out. */
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
#endif

/* Keeps a sum where it stands: LLVM would otherwise sink the chain of dots below all its loads and spill. LLVM 19 to 21
 * do without: some of them crash on vectors in inline assembly (github.com/llvm/llvm-project/pull/146574). */
#if defined(__wasm__) && __clang_major__ >= 22
#define PIN(v) __asm__ volatile("" : "+r"(v))
#else
#define PIN(v) (void)(v)
#endif

#define UNROLL _Pragma("clang loop unroll(full)")
#define INLINE static inline __attribute__((always_inline))

/* Four f16 at p (see f16_to_f32: the same arithmetic in each lane). */
INLINE v128_t load_f16x4(const void *p) {
  v128_t bits = wasm_v128_and(wasm_i32x4_shl(wasm_i32x4_load16x4(p), 13), wasm_i32x4_splat((int32_t)0x8fffe000));
  return wasm_f32x4_mul(bits, wasm_f32x4_splat(0x1p112f));
}

/* Four bf16 at p. */
INLINE v128_t load_bf16x4(const void *p) { return wasm_i32x4_shl(wasm_u32x4_load16x4(p), 16); }

#endif
