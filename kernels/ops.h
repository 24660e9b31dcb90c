/* ops.h: what the levels share: the names of their kernels, <op>_<layout>_<level>, and constants of the specification. */
#ifndef SOTTO_OPS_H
#define SOTTO_OPS_H

#include "kernels.h"

#define PANEL_BLOCK_BYTES 1024 /* 32 columns of a group, unpacked once for all tokens of a gemm, need at most these: floats */
#define ACT_TINY 1e-30f /* a block of activations below this is zero: its scale would not invert */

#define DECLARE(layout, level)               \
  gemv_fn gemv_##layout##_##level;           \
  gemm_fn gemm_##layout##_##level;

#define ANY(layout) DECLARE(layout, scalar) DECLARE(layout, simd128)
#define NARROW(layout) DECLARE(layout, scalar) DECLARE(layout, simd128) DECLARE(layout, relaxed) DECLARE(layout, dot)
#define SAME(layout, as)
#include "kernels.inc"

#define DECLARE_QUANTIZE(level)                                              \
  void narrow1_##level(struct act1 *out, const float *x, int k);             \
  void narrow4_##level(struct act4 *out, const float *x, int x_stride, int k); \
  void wide1_##level(struct wide1 *out, const float *x, int k);              \
  void wide4_##level(struct wide4 *out, const float *x, int x_stride, int k);
DECLARE_QUANTIZE(scalar)
DECLARE_QUANTIZE(simd128)

#define DECLARE_ATTN(level)                                                              \
  attn_scores_fn attn_scores_f32_##level, attn_scores_f16_##level, attn_scores_int8_##level; \
  attn_mix_fn attn_mix_f32_##level, attn_mix_f16_##level, attn_mix_int8_##level;
DECLARE_ATTN(scalar)
DECLARE_ATTN(simd128)

#endif
