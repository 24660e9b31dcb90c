/* grid.h: the types below 4 bits whose columns are points of a grid (a codebook): an index says the magnitudes of a
 * group of 8 columns (IQ1, IQ2) or 4 (IQ3) at once. An index stays an index in memory. A tile is 256 columns of 8 rows:
 * 8 blocks of 32 columns, then d[8] (f16). A block, byte by byte (r row 0-7, h half of 16 columns):
 *
 *   index  at 8 i + r: the low byte of the index of group i
 *   high   at r: what the index has above that, 1 bit (IQ2_XS, IQ3_S) or 2 (IQ2_S), those of group i at i or 2 i;
 *          none for IQ2_XXS and IQ3_XXS. IQ1: a byte for each half, at 2 r + h: two times 3 bits, the signs of both groups
 *   signs  (not IQ1) 16 bits at 16 h + 2 r: that of column 16 h + 4 c + j is bit 4 j + 3 - c, so that shifting by c brings
 *          those of four columns into place beside their codes
 *   scale  at r: s of both halves, in 4 bits each
 *
 * A point is 16 bits: codes of four columns at 4 j, or those of eight columns of 2 bits, the last four at 4 j + 2. Code and
 * sign of a column are 4 bits, an index themselves: weight = d * factor * (2 s + 1) * values[code | sign << 3].
 * With activations of 12 bits 32 columns stay within 32 bits: 32 * 2,047 * 31 * 62 is 0.06 of 2^31.
 *
 * This is larger than in a file: IQ1_S 16 %, IQ1_M 4 %, IQ2_XXS 12 %, IQ2_XS 11 %, IQ2_S 0, IQ3_XXS 8 %, IQ3_S 4 %. */
#ifndef SOTTO_GRID_H
#define SOTTO_GRID_H

#include "kernels.h"

#define GRID_BLOCKS 8 /* of 32 columns in a tile */

struct grid {
  const uint16_t *points;
  int8_t values[16];
  float factor;
};

static inline bool is_grid(enum layout layout) { return layout >= LAYOUT_IQ1_S && layout <= LAYOUT_IQ3_S; }
static inline bool is_iq1(enum layout layout) { return layout == LAYOUT_IQ1_S || layout == LAYOUT_IQ1_M; }
static inline bool is_iq3(enum layout layout) { return layout == LAYOUT_IQ3_XXS || layout == LAYOUT_IQ3_S; }

static inline int grid_half_groups(enum layout layout) { return is_iq3(layout) ? 4 : 2; } /* of 16 columns */

/* Bits of an index above its low byte; bits of `high` for 16 columns. */
static inline int grid_high_bits(enum layout layout) {
  switch (layout) {
    case LAYOUT_IQ1_S: case LAYOUT_IQ1_M: return 3;
    case LAYOUT_IQ2_S: return 2;
    case LAYOUT_IQ2_XS: case LAYOUT_IQ3_S: return 1;
    default: return 0;
  }
}
static inline int grid_high_mask(enum layout layout) { return ((1 << grid_high_bits(layout)) - 1) << 8; }
static inline int grid_half_bits(enum layout layout) {
  return is_iq1(layout) ? 8 : grid_high_bits(layout) * grid_half_groups(layout);
}

/* Where the parts of a block begin. */
static inline int grid_high_at(enum layout layout) { return is_iq3(layout) ? 64 : 32; }
static inline int grid_signs_at(enum layout layout) {
  return grid_high_at(layout) + (is_iq1(layout) ? 16 : grid_high_bits(layout) ? 8 : 0);
}
static inline int grid_scale_at(enum layout layout) { return grid_signs_at(layout) + (is_iq1(layout) ? 0 : 32); }
static inline int grid_block_bytes(enum layout layout) { return grid_scale_at(layout) + 8; }
static inline size_t grid_tile_bytes(enum layout layout) { return (size_t)(GRID_BLOCKS * grid_block_bytes(layout) + 2 * TILE_ROWS); }

/* ---- pack_grid.c ---- */

const struct grid *grid_of(enum layout layout);
/* Puts one row's block of a file into a tile. */
void grid_pack(enum layout layout, uint8_t *tile, int row, const uint8_t *block);
/* Columns 32 j to 32 j + 31 of one row of a tile. */
void grid_unpack(enum layout layout, struct row_block *out, const uint8_t *tile, int row, int j);

#endif
