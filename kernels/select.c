/* select.c: one table of kernels a level, and the choice among them. */
#include "ops.h"

#define NAME_(op, level) op##_##level
#define NAME(op, level) NAME_(op, level)
#define TEXT_(name) #name
#define TEXT(name) TEXT_(name)

#define TABLE scalar
#define LEVEL scalar
#define NARROW_LEVEL scalar
#define WIDE_LEVEL scalar
#define SCORES_LEVEL scalar
#define NARROW_FORM ACT_NARROW
#define WIDE_FORM ACT_WIDE
#include "table.inc"

#define TABLE simd128
#define LEVEL simd128
#define NARROW_LEVEL simd128
#define WIDE_LEVEL simd128
#define SCORES_LEVEL simd128
#define NARROW_FORM ACT_WIDENED
#define WIDE_FORM ACT_WIDE
#include "table.inc"

#ifdef SOTTO_HAVE_RELAXED
#define TABLE relaxed
#define LEVEL simd128
#define NARROW_LEVEL relaxed
#define WIDE_LEVEL simd128
#define SCORES_LEVEL simd128
#define NARROW_FORM ACT_NARROW
#define WIDE_FORM ACT_WIDE
#include "table.inc"

#define TABLE dot
#define LEVEL simd128
#define NARROW_LEVEL dot
#define WIDE_LEVEL dot
#define SCORES_LEVEL dot
#define NARROW_FORM ACT_NARROW
#define WIDE_FORM ACT_SPLIT
#include "table.inc"
#endif

volatile int kernels_streams = 1;
volatile bool kernels_load_ahead;

const struct kernels *kernels_select(int level, int *chosen) {
#ifdef SOTTO_HAVE_RELAXED
  if ((level == 0 || level == LEVEL_RELAXED) && kernels_test_relaxed()) {
    *chosen = LEVEL_RELAXED;
    return &relaxed;
  }
  if (level == LEVEL_DOT && kernels_test_dot()) {
    *chosen = LEVEL_DOT;
    return &dot;
  }
#endif
  if (level == 0 || level == LEVEL_SIMD128) {
    *chosen = LEVEL_SIMD128;
    return &simd128;
  }
  *chosen = LEVEL_SCALAR;
  return level == LEVEL_SCALAR ? &scalar : NULL;
}

/* Four bits, as most weights have; a few groups, so that the call itself costs nothing beside them. */
bool kernels_try(int level, int n_times) {
  enum { K = 256, N_GROUPS = 4, N_TILES = 4, N_TOKENS = N_TILES * TILE_TOKENS };
  uint8_t weights[N_GROUPS * K / BLOCK * 144] = {0}, panel[K / BLOCK * PANEL_BLOCK_BYTES] __attribute__((aligned(16)));
  struct wide4 acts[N_TILES * K / BLOCK] = {0}; /* no form needs more */
  float y[N_TOKENS * N_GROUPS * TILE_ROWS];
  int chosen;
  const struct kernels *kernels = kernels_select(level, &chosen);
  for (int i = 0; kernels && i < n_times; i++)
    kernels->gemm[LAYOUT_Q4_0](y, N_GROUPS * TILE_ROWS, weights, acts, K, N_GROUPS, N_TILES, panel);
  return kernels != NULL;
}
