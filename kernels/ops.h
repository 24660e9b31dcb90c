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
#define WIDE(layout) DECLARE(layout, scalar) DECLARE(layout, simd128) DECLARE(layout, dot)
#define SAME(layout, as)
#include "kernels.inc"

#define DECLARE_PREPARE(level)                                                 \
  prepare1_fn narrow1_##level, widened1_##level, wide1_##level, split1_##level; \
  prepare4_fn narrow4_##level, widened4_##level, wide4_##level, split4_##level;
DECLARE_PREPARE(scalar)
DECLARE_PREPARE(simd128)
prepare1_fn float1;
prepare4_fn float4;

#define DECLARE_ATTN(level)                                                              \
  attn_scores_fn attn_scores_f32_##level, attn_scores_f16_##level, attn_scores_int8_##level; \
  attn_mix_fn attn_mix_f32_##level, attn_mix_f16_##level, attn_mix_int8_##level;
DECLARE_ATTN(scalar)
DECLARE_ATTN(simd128)
attn_scores_fn attn_scores_int8_dot;
attn_mix_fn attn_mix_int8_relaxed, attn_mix_int8_dot;

#endif
