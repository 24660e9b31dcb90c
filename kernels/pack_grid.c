/* pack_grid.c: IQ1, IQ2 and IQ3 blocks of a file <-> packed tiles (grid.h draws them). Formats of the files: ggml's
 * ggml-common.h, and the meaning of their bits its dequantize_row functions. */
#include "grid.h"

#include "grid_points.inc"

#define EIGHTHS_IQ1 {-7, 1, 9, 0, 0, 0, 0, 0, -9, -1, 7} /* -1, 0, 1, and an eighth more or less */
#define VALUES_IQ2 {8, 25, 43, 0, 0, 0, 0, 0, -8, -25, -43}
#define VALUES_IQ3_XXS {4, 12, 20, 28, 36, 44, 52, 62, -4, -12, -20, -28, -36, -44, -52, -62}
#define VALUES_IQ3_S {1, 3, 5, 7, 9, 11, 13, 15, -1, -3, -5, -7, -9, -11, -13, -15}

const struct grid *grid_of(enum layout layout) {
  static const struct grid grids[LAYOUT_COUNT] = {
      [LAYOUT_IQ1_S] = {points_IQ1, EIGHTHS_IQ1, 0.125f},
      [LAYOUT_IQ1_M] = {points_IQ1, EIGHTHS_IQ1, 0.125f},
      [LAYOUT_IQ2_XXS] = {points_IQ2_XXS, VALUES_IQ2, 0.125f},
      [LAYOUT_IQ2_XS] = {points_IQ2_XS, VALUES_IQ2, 0.125f},
      [LAYOUT_IQ2_S] = {points_IQ2_S, VALUES_IQ2, 0.125f},
      [LAYOUT_IQ3_XXS] = {points_IQ3_XXS, VALUES_IQ3_XXS, 0.25f},
      [LAYOUT_IQ3_S] = {points_IQ3_S, VALUES_IQ3_S, 1},
  };
  return &grids[layout];
}

/* Unaligned access; every machine that Sotto runs on is little-endian. */
static uint16_t load16(const uint8_t *p) { uint16_t v; __builtin_memcpy(&v, p, 2); return v; }
static uint32_t load32(const uint8_t *p) { uint32_t v; __builtin_memcpy(&v, p, 4); return v; }
static void store16(uint8_t *p, uint32_t v) { __builtin_memcpy(p, &v, 2); }

/* ---- file block -> 32 columns of one row ---- */

struct columns {
  uint16_t index[8]; /* of the groups */
  uint32_t signs;    /* bit i: that of column i */
  uint8_t scale[2];  /* of the halves */
};

/* Signs of 8 columns, of which the file has 7: they are even in number. */
static uint32_t eight_signs(uint32_t bits) { return (bits & 127) | (uint32_t)__builtin_parity(bits & 127) << 7; }

/* Four bits, each for 8 columns. */
static uint32_t repeat_signs(uint32_t bits) { return ((bits & 15) * 0x00204081u & 0x01010101u) * 0xff; }

/* n low bytes, and high bits that begin at bit `step` i of `high`. */
static void read_index(struct columns *out, int n, const uint8_t *low, uint32_t high, int step, int high_mask) {
  for (int i = 0; i < n; i++) out->index[i] = (uint16_t)(low[i] | (high >> step * i << 8 & (uint32_t)high_mask));
}

static void read_scales(struct columns *out, int first, int second) {
  out->scale[0] = (uint8_t)first;
  out->scale[1] = (uint8_t)second;
}

/* What follows the indices of an XXS block: signs of four groups of 8, and a scale. */
static void read_signs_and_scale(struct columns *out, uint32_t bits) {
  out->signs = 0;
  for (int i = 0; i < 4; i++) out->signs |= eight_signs(bits >> 7 * i) << 8 * i;
  read_scales(out, (int)(bits >> 28), (int)(bits >> 28));
}

static void read_iq2_xs(struct columns *out, const uint8_t *groups) {
  out->signs = 0;
  for (int i = 0; i < 4; i++) {
    const uint32_t group = load16(groups + 2 * i);
    out->index[i] = group & 511;
    out->signs |= eight_signs(group >> 9) << 8 * i;
  }
}

/* high: nibbles of 3 bits of an index and a sign. */
static void read_iq1_m(struct columns *out, const uint8_t *low, uint32_t high) {
  read_index(out, 4, low, high, 4, 0x700);
  out->signs = repeat_signs((high >> 3 & 1) | (high >> 6 & 2) | (high >> 9 & 4) | (high >> 12 & 8));
}

/* b: a block of 256 columns, j: which 32 of it. */
static void read_columns(enum layout layout, struct columns *out, const uint8_t *b, int j) {
  const int mask = grid_high_mask(layout);
  switch (layout) {
    case LAYOUT_IQ1_S: {
      const uint32_t high = load16(b + 34 + 2 * j);
      read_index(out, 4, b + 2 + 4 * j, high, 3, mask);
      out->signs = high >> 15 ? 0xffffffff : 0;
      read_scales(out, high >> 12 & 7, high >> 12 & 7);
      break;
    }
    case LAYOUT_IQ1_M: {
      const int scales = load16(b + 48 + j / 2 * 2) >> 6 * (j & 1);
      read_iq1_m(out, b + 4 * j, load16(b + 32 + 2 * j));
      read_scales(out, scales & 7, scales >> 3 & 7);
      break;
    }
    case LAYOUT_IQ2_XXS:
      read_index(out, 4, b + 2 + 8 * j, 0, 0, 0);
      read_signs_and_scale(out, load32(b + 6 + 8 * j));
      break;
    case LAYOUT_IQ2_XS:
      read_iq2_xs(out, b + 2 + 8 * j);
      read_scales(out, b[66 + j] & 15, b[66 + j] >> 4);
      break;
    case LAYOUT_IQ2_S:
      read_index(out, 4, b + 2 + 4 * j, b[66 + j], 2, mask);
      out->signs = load32(b + 34 + 4 * j);
      read_scales(out, b[74 + j] & 15, b[74 + j] >> 4);
      break;
    case LAYOUT_IQ3_XXS:
      read_index(out, 8, b + 2 + 8 * j, 0, 0, 0);
      read_signs_and_scale(out, load32(b + 66 + 4 * j));
      break;
    default: { /* IQ3_S */
      const int scale = b[106 + j / 2] >> 4 * (j & 1) & 15;
      read_index(out, 8, b + 2 + 8 * j, b[66 + j], 1, mask);
      out->signs = load32(b + 74 + 4 * j);
      read_scales(out, scale, scale);
    }
  }
}

/* ---- 32 columns <-> block of a tile ---- */

/* Four bits, one into each nibble. */
static uint32_t spread_bits(uint32_t bits) {
  bits &= 15;
  return (bits | bits << 3 | bits << 6 | bits << 9) & 0x1111;
}

static void put_columns(enum layout layout, uint8_t *block, int row, const struct columns *in) {
  uint32_t high = 0;
  const int n_groups = grid_half_groups(layout);
  for (int i = 0; i < 2 * n_groups; i++) {
    const int at = i / n_groups * grid_half_bits(layout);
    block[8 * i + row] = (uint8_t)in->index[i];
    high |= (uint32_t)in->index[i] >> 8 << (at + grid_high_bits(layout) * (i % n_groups));
    if (is_iq1(layout)) high |= (in->signs >> 8 * i & 1) << (at + 6 + i % n_groups);
  }
  if (is_iq1(layout)) store16(block + grid_high_at(layout) + 2 * row, high);
  else if (grid_high_bits(layout)) block[grid_high_at(layout) + row] = (uint8_t)high;
  for (int h = 0; h < 2 && !is_iq1(layout); h++) {
    uint32_t signs = 0;
    for (int c = 0; c < 4; c++) signs |= spread_bits(in->signs >> (16 * h + 4 * c)) << (3 - c);
    store16(block + grid_signs_at(layout) + 16 * h + 2 * row, signs);
  }
  block[grid_scale_at(layout) + row] = (uint8_t)(in->scale[0] | in->scale[1] << 4);
}

static uint32_t get_high(enum layout layout, const uint8_t *block, int row) {
  const uint8_t *high = block + grid_high_at(layout);
  return is_iq1(layout) ? load16(high + 2 * row) : grid_high_bits(layout) ? high[row] : 0;
}

/* Codes and signs of columns 16 h + 4 c to 16 h + 4 c + 3, in nibbles. */
static uint32_t get_nibbles(enum layout layout, const uint8_t *block, int row, int h, int c) {
  const int n_groups = grid_half_groups(layout), i = c * n_groups / 4;
  const uint32_t high = get_high(layout, block, row) >> h * grid_half_bits(layout);
  const uint32_t index = block[8 * (h * n_groups + i) + row] |
                         (high >> grid_high_bits(layout) * i << 8 & (uint32_t)grid_high_mask(layout));
  const uint32_t point = grid_of(layout)->points[index];
  const uint32_t codes = is_iq3(layout) ? point : point >> 2 * (c % 2) & 0x3333;
  if (is_iq1(layout)) return codes | (high >> (6 + i) & 1) * 0x8888;
  return codes | (load16(block + grid_signs_at(layout) + 16 * h + 2 * row) << c & 0x8888);
}

/* ---- tiles ---- */

static uint16_t scale_of(enum layout layout, const uint8_t *block) {
  if (layout != LAYOUT_IQ1_M) return load16(block);
  uint32_t d = 0; /* in the upper nibbles of the four words of scales */
  for (int i = 0; i < 4; i++) d |= (uint32_t)block[49 + 2 * i] >> 4 << 4 * i;
  return (uint16_t)d;
}

void grid_pack(enum layout layout, uint8_t *tile, int row, const uint8_t *block) {
  for (int j = 0; j < GRID_BLOCKS; j++) {
    struct columns columns;
    read_columns(layout, &columns, block, j);
    put_columns(layout, tile + j * grid_block_bytes(layout), row, &columns);
  }
  store16(tile + GRID_BLOCKS * grid_block_bytes(layout) + 2 * row, scale_of(layout, block));
}

void grid_unpack(enum layout layout, struct row_block *out, const uint8_t *tile, int row, int j) {
  const struct grid *grid = grid_of(layout);
  const uint8_t *block = tile + j * grid_block_bytes(layout);
  for (int c = 0; c < BLOCK / 4; c++) {
    const uint32_t nibbles = get_nibbles(layout, block, row, c / 4, c % 4);
    for (int i = 0; i < 4; i++) out->q[4 * c + i] = grid->values[nibbles >> 4 * i & 15];
  }
  for (int h = 0; h < 2; h++) out->scale[h] = 2 * (block[grid_scale_at(layout) + row] >> 4 * h & 15) + 1;
  out->d[0] = out->d[1] = f16_to_f32(load16(tile + GRID_BLOCKS * grid_block_bytes(layout) + 2 * row)) * grid->factor;
  out->m = 0;
  out->min[0] = out->min[1] = 1;
}
