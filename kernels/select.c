/* select.c: one table of kernels a level, and the choice among them. */
#include "ops.h"

#define ROW(op, layout, level) [LAYOUT_##layout] = op##_##layout##_##level,
#define ATTN(level)                                                                                        \
  .attn_scores = {attn_scores_f32_##level, attn_scores_f16_##level, attn_scores_int8_##level},             \
  .attn_mix = {attn_mix_f32_##level, attn_mix_f16_##level, attn_mix_int8_##level},

static const struct kernels scalar = {
    .name = "scalar",
    .narrow1 = narrow1_scalar,
    .narrow4 = narrow4_scalar,
    .wide1 = wide1_scalar,
    .wide4 = wide4_scalar,
    .gemv = {
#define FLOATING(layout) ROW(gemv, layout, scalar)
#define NARROW(layout) ROW(gemv, layout, scalar)
#define BYTES(layout) ROW(gemv, layout, scalar)
#define GRID(layout) ROW(gemv, layout, scalar)
#include "kernels.inc"
    },
    .gemm = {
#define FLOATING(layout) ROW(gemm, layout, scalar)
#define NARROW(layout) ROW(gemm, layout, scalar)
#define BYTES(layout) ROW(gemm, layout, scalar)
#define GRID(layout) ROW(gemm, layout, scalar)
#include "kernels.inc"
    },
    ATTN(scalar)
};

static const struct kernels simd128 = {
    .name = "simd128",
    .narrow1 = narrow1_simd128,
    .narrow4 = narrow4_simd128,
    .wide1 = wide1_simd128,
    .wide4 = wide4_simd128,
    .gemv = {
#define FLOATING(layout) ROW(gemv, layout, simd128)
#define NARROW(layout) ROW(gemv, layout, simd128)
#define BYTES(layout) ROW(gemv, layout, simd128)
#define GRID(layout) ROW(gemv, layout, simd128)
#include "kernels.inc"
    },
    .gemm = {
#define FLOATING(layout) ROW(gemm, layout, simd128)
#define NARROW(layout) ROW(gemm, layout, simd128)
#define BYTES(layout) ROW(gemm, layout, simd128)
#define GRID(layout) ROW(gemm, layout, simd128)
#include "kernels.inc"
    },
    ATTN(simd128)
};

#ifdef SOTTO_HAVE_RELAXED
static const struct kernels relaxed = {
    .name = "relaxed",
    .narrow1 = narrow1_simd128,
    .narrow4 = narrow4_simd128,
    .wide1 = wide1_simd128,
    .wide4 = wide4_simd128,
    .gemv = {
#define FLOATING(layout) ROW(gemv, layout, simd128)
#define NARROW(layout) ROW(gemv, layout, relaxed)
#define BYTES(layout) ROW(gemv, layout, simd128)
#define GRID(layout) ROW(gemv, layout, simd128)
#include "kernels.inc"
    },
    .gemm = {
#define FLOATING(layout) ROW(gemm, layout, simd128)
#define NARROW(layout) ROW(gemm, layout, relaxed)
#define BYTES(layout) ROW(gemm, layout, simd128)
#define GRID(layout) ROW(gemm, layout, simd128)
#include "kernels.inc"
    },
    ATTN(simd128)
};
#endif

const struct kernels *kernels_select(int level, int *chosen) {
#ifdef SOTTO_HAVE_RELAXED
  if ((level == 0 || level == LEVEL_RELAXED) && kernels_test_relaxed()) {
    *chosen = LEVEL_RELAXED;
    return &relaxed;
  }
#endif
  if (level == 0 || level == LEVEL_SIMD128) {
    *chosen = LEVEL_SIMD128;
    return &simd128;
  }
  *chosen = LEVEL_SCALAR;
  return level == LEVEL_SCALAR ? &scalar : NULL;
}
