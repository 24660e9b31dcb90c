/* panel_simd128.c: packed groups -> panels, the form in which a gemm of any level multiplies them: a byte for each quant, and
 * scales that are floats or integers of 32 bits. */
#include "panel.h"

INLINE void unpack(enum layout layout, struct panel_block *panel, const uint8_t *tile, int k) {
  const struct constants constants = load_constants();
  const int n_blocks = tile_columns(layout) / BLOCK;
  for (int t = 0; t < k / tile_columns(layout); t++, tile += layouts[layout].tile_bytes) {
    touch_ahead(tile, layouts[layout].tile_bytes);
    const struct tile_scales tile_scales = load_tile_scales(&constants, layout, tile);
    for (int j = 0; j < n_blocks; j++, panel++) {
      const uint8_t *block = tile + tile_scale_bytes(layout) + j * quants_bytes(layout);
      struct loaded last = {.plane = {-1, -1}};
      v128_t sums[2] = {wasm_i16x8_splat(0), wasm_i16x8_splat(0)};
      UNROLL
      for (int c = 0; c < CHUNKS; c++)
        for (int h = 0; h < 2; h++) {
          const v128_t q = take_quants(&constants, layout, block, c, h, &last);
          wasm_v128_store(panel->q + 32 * c + 16 * h, q);
          sums[h] = wasm_i16x8_add(sums[h], wasm_i16x8_extadd_pairwise_i8x16(q));
        }
      load_scales(&constants, layout, &panel->scales, &tile_scales, tile, j);
      for (int h = 0; h < 2 && is_wide(layout); h++)
        panel->scales.s[0][h] = wasm_i32x4_shl(wasm_i32x4_extadd_pairwise_i16x8(sums[h]), 4);
    }
  }
}

void unpack_panel(enum layout layout, struct panel_block *panel, const uint8_t *group, int k) {
  switch (layout) {
#define ANY(layout)
#define NARROW(layout) case LAYOUT_##layout: unpack(LAYOUT_##layout, panel, group, k); break;
#define WIDE(layout) NARROW(layout)
#define SAME(layout, as) case LAYOUT_##layout: unpack(LAYOUT_##as, panel, group, k); break;
#include "kernels.inc"
    default: break;
  }
}
