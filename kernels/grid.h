/* grid.h: the types below 4 bits whose columns are points of a grid (a codebook): an index says the magnitudes of 8
 * columns (IQ1, IQ2) or 4 (IQ3) at once. An index stays an index in memory. A tile is 256 columns of 8 rows: 8 blocks of
 * 32 columns, then d[8] (f16). A block, byte by byte (r row 0-7):
 *
 *   index  at 8 i + r: the low byte of the index of group i; 4 groups of 8 columns, IQ3: 8 of 4
 *   high   the rest of the indices. IQ2_XS, IQ2_S: a byte at r, bits 2 i and 2 i + 1 are those of group i
 *          IQ3_S: a byte at r, bit i is that of group i        IQ2_XXS, IQ3_XXS: nothing
 *          IQ1: 16 bits at 2 r, bits 3 i to 3 i + 2 are those of group i, bit 12 + i is its sign
 *   signs  (not IQ1) 16 bits at 16 h + 2 r: those of columns 16 h to 16 h + 15; that of column 16 h + 4 c + j is bit
 *          4 j + 3 - c, so that shifting by c brings four columns into place beside their codes
 *   scale  at r: s of columns 0-15 in the low half, of columns 16-31 in the high half
 *
 * A point is 16 bits: four columns at 4 j of 3 bits, or eight of 2, the last four of them in the upper halves. Code and
 * sign of a column are 4 bits, which are an index themselves: weight = d * factor * (2 s + 1) * values[code | sign << 3].
 *
 * The growth: IQ1_S 16 %, IQ1_M 4 %, IQ2_XXS 12 %, IQ2_XS 11 %, IQ2_S none, IQ3_XXS 8 %, IQ3_S 4 %. */
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

/* Bits of an index above its low byte, and the distance of those of two groups. */
static inline int grid_high_mask(enum layout layout) {
  switch (layout) {
    case LAYOUT_IQ1_S: case LAYOUT_IQ1_M: return 0x700;
    case LAYOUT_IQ2_S: return 0x300;
    case LAYOUT_IQ2_XS: case LAYOUT_IQ3_S: return 0x100;
    default: return 0;
  }
}
static inline int grid_high_step(enum layout layout) { return is_iq1(layout) ? 3 : layout == LAYOUT_IQ3_S ? 1 : 2; }

/* Where the parts of a block begin. */
static inline int grid_high_at(enum layout layout) { return is_iq3(layout) ? 64 : 32; }
static inline int grid_signs_at(enum layout layout) {
  return grid_high_at(layout) + (is_iq1(layout) ? 16 : grid_high_mask(layout) ? 8 : 0);
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
