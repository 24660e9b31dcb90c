/* pack.c: GGUF rows <-> packed groups of 8 rows. The layouts, byte by byte (r row 0-7, c chunk, j column in chunk):
 *
 *   nibbles (128)  at 32 c + 4 r + j, c 0-3: column 4 c + j in the low half, column 16 + 4 c + j in the high half
 *   bit 5   (32)   at 4 r + j: bit c is that of column 4 c + j, c 0-7
 *   bits 6  (64)   at 32 h + 4 r + j: bits 2 c, 2 c + 1 are those of column 16 h + 4 c + j, c 0-3
 *   bytes   (256)  at 32 c + 4 r + j, c 0-7: column 4 c + j
 *
 *   F32, F16, BF16  a tile is one column: 8 values                               Q8_0  bytes, d[8]
 *   Q4_0  nibbles, d[8]        Q4_1  nibbles, d[8], m[8]        (d, m, dmin are f16, one a row)
 *   Q5_0  nibbles, bit 5, d[8]   Q5_1  nibbles, bit 5, d[8], m[8]
 *   Q4_K  8 x nibbles, scale[8][8], min[8][8], d[8], dmin[8]   (scales: u8 [block][row])
 *   Q5_K  8 x (nibbles, bit 5), scale[8][8], min[8][8], d[8], dmin[8]
 *   Q6_K  8 x (nibbles, bits 6), scale[16][8] (i8, one for 16 columns), d[8]
 *
 * Nothing is rounded. Only the K types grow, by 2.8 % (Q4_K) and 2.3 % (Q5_K), as their 6-bit scales become bytes.
 * Block formats of the files: ggml's ggml-common.h. */
#include "grid.h"

#define SUPER 256 /* columns of a K type's block */

const struct layout_info layouts[LAYOUT_COUNT] = {
    [LAYOUT_F32] = {1, 32, 4, ACT_FLOAT},          [LAYOUT_F16] = {1, 16, 2, ACT_FLOAT},
    [LAYOUT_BF16] = {1, 16, 2, ACT_FLOAT},         [LAYOUT_Q4_0] = {BLOCK, 144, 18, ACT_NARROW},
    [LAYOUT_Q4_1] = {BLOCK, 160, 20, ACT_NARROW},  [LAYOUT_Q5_0] = {BLOCK, 176, 22, ACT_NARROW},
    [LAYOUT_Q5_1] = {BLOCK, 192, 24, ACT_NARROW},  [LAYOUT_Q8_0] = {BLOCK, 272, 34, ACT_WIDE},
    [LAYOUT_Q4_K] = {SUPER, 1184, 144, ACT_NARROW}, [LAYOUT_Q5_K] = {SUPER, 1440, 176, ACT_NARROW},
    [LAYOUT_Q6_K] = {SUPER, 1680, 210, ACT_NARROW},
    [LAYOUT_IQ1_S] = {SUPER, 464, 50, ACT_WIDE},
    [LAYOUT_IQ1_M] = {SUPER, 464, 56, ACT_WIDE},
    [LAYOUT_IQ2_XXS] = {SUPER, 592, 66, ACT_WIDE},
    [LAYOUT_IQ2_XS] = {SUPER, 656, 74, ACT_WIDE},
    [LAYOUT_IQ2_S] = {SUPER, 656, 82, ACT_WIDE},
    [LAYOUT_IQ3_XXS] = {SUPER, 848, 98, ACT_WIDE},
    [LAYOUT_IQ3_S] = {SUPER, 912, 110, ACT_WIDE},
};

size_t layout_group_bytes(enum layout layout, int k) {
  return (size_t)(k / layouts[layout].columns) * (size_t)layouts[layout].tile_bytes;
}

size_t layout_row_bytes(enum layout layout, int k) {
  return (size_t)(k / layouts[layout].columns) * (size_t)layouts[layout].row_block_bytes;
}

bool layout_has_minima(enum layout layout) {
  return layout == LAYOUT_Q4_1 || layout == LAYOUT_Q5_1 || layout == LAYOUT_Q4_K || layout == LAYOUT_Q5_K;
}

/* Widths of a quant: bytes of 32 columns x 8 rows of nibbles, with bit 5, with bits 6, of whole bytes. */
enum { NIBBLES = 128, NIBBLES_BIT5 = 160, NIBBLES_BITS6 = 192, BYTES = 256 };

static int quant_bytes(enum layout layout) {
  switch (layout) {
    case LAYOUT_Q5_0: case LAYOUT_Q5_1: case LAYOUT_Q5_K: return NIBBLES_BIT5;
    case LAYOUT_Q6_K: return NIBBLES_BITS6;
    case LAYOUT_Q8_0: return BYTES;
    default: return NIBBLES;
  }
}

/* Unaligned access; every machine that Sotto runs on is little-endian. */
static uint32_t load32(const uint8_t *p) { uint32_t v; __builtin_memcpy(&v, p, 4); return v; }
static uint16_t load16(const uint8_t *p) { uint16_t v; __builtin_memcpy(&v, p, 2); return v; }
static void store32(uint8_t *p, uint32_t v) { __builtin_memcpy(p, &v, 4); }

/* ---- file block -> 32 plain quants ---- */

/* Four bits, one into each byte. */
static uint32_t spread_bits(uint32_t bits) { return (bits & 15) * 0x00204081u & 0x01010101u; }

/* q: 32 quants as the file has them (unsigned, zero point inside; Q8_0 signed). block: that of `layout`, j: which 32. */
static void read_quants(enum layout layout, const uint8_t *block, int j, uint8_t q[BLOCK]) {
  const uint32_t m4 = 0x0f0f0f0f;
  switch (layout) {
    case LAYOUT_Q4_0: case LAYOUT_Q4_1: case LAYOUT_Q5_0: case LAYOUT_Q5_1: {
      const uint8_t *low = block + layouts[layout].row_block_bytes - 16;
      for (int i = 0; i < 16; i += 4) {
        store32(q + i, load32(low + i) & m4);
        store32(q + 16 + i, load32(low + i) >> 4 & m4);
      }
      if (quant_bytes(layout) == NIBBLES_BIT5) {
        uint32_t high = load32(low - 4); /* bit i belongs to column i */
        for (int i = 0; i < BLOCK; i += 4) store32(q + i, load32(q + i) | spread_bits(high >> i) << 4);
      }
      break;
    }
    case LAYOUT_Q8_0: __builtin_memcpy(q, block + 2, BLOCK); break;
    case LAYOUT_Q4_K: case LAYOUT_Q5_K: {
      const uint8_t *low = block + layouts[layout].row_block_bytes - 128 + 32 * (j / 2);
      for (int i = 0; i < BLOCK; i += 4) store32(q + i, load32(low + i) >> 4 * (j & 1) & m4);
      if (layout == LAYOUT_Q5_K) /* bit j of high byte i belongs to column i of block j */
        for (int i = 0; i < BLOCK; i += 4) store32(q + i, load32(q + i) | (load32(block + 16 + i) >> j & 0x01010101u) << 4);
      break;
    }
    default: { /* Q6_K: halves of 128 columns; 64 low bytes and 32 high bytes each */
      const uint8_t *low = block + 64 * (j / 4) + 32 * (j & 1), *high = block + 128 + 32 * (j / 4);
      for (int i = 0; i < BLOCK; i += 4)
        store32(q + i, (load32(low + i) >> 4 * (j / 2 & 1) & m4) | (load32(high + i) >> 2 * (j & 3) & 0x03030303u) << 4);
    }
  }
}

/* ---- 32 plain quants <-> tile ---- */

static void put_quants(int width, uint8_t *tile, int row, const uint8_t q[BLOCK]) {
  uint8_t *lane = tile + 4 * row;
  if (width == BYTES) {
    for (int c = 0; c < 8; c++) __builtin_memcpy(lane + 32 * c, q + 4 * c, 4);
    return;
  }
  for (int c = 0; c < 4; c++)
    store32(lane + 32 * c, (load32(q + 4 * c) & 0x0f0f0f0f) | (load32(q + 16 + 4 * c) & 0x0f0f0f0f) << 4);
  if (width == NIBBLES_BIT5) {
    uint32_t bits = 0;
    for (int c = 0; c < 8; c++) bits |= (load32(q + 4 * c) >> 4 & 0x01010101u) << c;
    store32(lane + NIBBLES, bits);
  } else if (width == NIBBLES_BITS6) {
    for (int h = 0; h < 2; h++) {
      uint32_t bits = 0;
      for (int c = 0; c < 4; c++) bits |= (load32(q + 16 * h + 4 * c) >> 4 & 0x03030303u) << 2 * c;
      store32(lane + NIBBLES + 32 * h, bits);
    }
  }
}

static void get_quants(int width, const uint8_t *tile, int row, uint8_t q[BLOCK]) {
  const uint8_t *lane = tile + 4 * row;
  if (width == BYTES) {
    for (int c = 0; c < 8; c++) __builtin_memcpy(q + 4 * c, lane + 32 * c, 4);
    return;
  }
  for (int c = 0; c < 8; c++) {
    uint32_t word = load32(lane + 32 * (c & 3)) >> 4 * (c / 4) & 0x0f0f0f0f;
    if (width == NIBBLES_BIT5) word |= (load32(lane + NIBBLES) >> c & 0x01010101u) << 4;
    if (width == NIBBLES_BITS6) word |= (load32(lane + NIBBLES + 32 * (c / 4)) >> 2 * (c & 3) & 0x03030303u) << 4;
    store32(q + 4 * c, word);
  }
}

/* ---- scales ---- */

/* The 6-bit scale and minimum of block j (0-7) in the 12 bytes of Q4_K and Q5_K. */
static void read_k_scale(const uint8_t *s, int j, uint8_t *scale, uint8_t *min) {
  if (j < 4) {
    *scale = s[j] & 63;
    *min = s[j + 4] & 63;
  } else {
    *scale = (uint8_t)((s[j + 4] & 15) | (s[j - 4] >> 6) << 4);
    *min = (uint8_t)((s[j + 4] >> 4) | (s[j] >> 6) << 4);
  }
}

static void put_scales(enum layout layout, uint8_t *tile, int row, const uint8_t *block) {
  int n_blocks = layouts[layout].columns / BLOCK;
  uint8_t *scales = tile + n_blocks * quant_bytes(layout);
  switch (layout) {
    case LAYOUT_Q4_K: case LAYOUT_Q5_K:
      for (int j = 0; j < 8; j++) read_k_scale(block + 4, j, scales + 8 * j + row, scales + 64 + 8 * j + row);
      __builtin_memcpy(scales + 128 + 2 * row, block, 2);
      __builtin_memcpy(scales + 144 + 2 * row, block + 2, 2);
      break;
    case LAYOUT_Q6_K:
      for (int j = 0; j < 16; j++) scales[8 * j + row] = block[192 + j];
      __builtin_memcpy(scales + 128 + 2 * row, block + 208, 2);
      break;
    default: /* d, and m after it */
      __builtin_memcpy(scales + 2 * row, block, 2);
      if (layout_has_minima(layout)) __builtin_memcpy(scales + 16 + 2 * row, block + 2, 2);
  }
}

static void pack_floats(int item_bytes, uint8_t *group, const uint8_t *rows, int n_rows, int k) {
  for (int row = 0; row < n_rows; row++, rows += k * item_bytes)
    for (int i = 0; i < k; i++) {
      if (item_bytes == 4) store32(group + 32 * i + 4 * row, load32(rows + 4 * i));
      else __builtin_memcpy(group + 16 * i + 2 * row, rows + 2 * i, 2);
    }
}

void layout_pack(enum layout layout, void *group, const void *rows, int n_rows, int k) {
  const struct layout_info *info = &layouts[layout];
  const int n_tiles = k / info->columns, width = quant_bytes(layout);
  const size_t row_bytes = layout_row_bytes(layout, k);
  if (n_rows < TILE_ROWS) __builtin_memset(group, 0, layout_group_bytes(layout, k));
  if (info->act == ACT_FLOAT) {
    pack_floats(info->row_block_bytes, group, rows, n_rows, k);
    return;
  }
  for (int row = 0; row < n_rows; row++) {
    const uint8_t *block = (const uint8_t *)rows + (size_t)row * row_bytes;
    uint8_t *tile = group;
    for (int t = 0; t < n_tiles; t++, block += info->row_block_bytes, tile += info->tile_bytes) {
      if (is_grid(layout)) {
        grid_pack(layout, tile, row, block);
        continue;
      }
      uint8_t q[BLOCK];
      for (int j = 0; j < info->columns / BLOCK; j++) {
        read_quants(layout, block, j, q);
        put_quants(width, tile + j * width, row, q);
      }
      put_scales(layout, tile, row, block);
    }
  }
}

/* ---- packed -> plain ---- */

void layout_unpack_block(enum layout layout, struct row_block *out, const void *group, int row, int block) {
  const struct layout_info *info = &layouts[layout];
  const int width = quant_bytes(layout), n_blocks = info->columns / BLOCK, j = block % n_blocks;
  const uint8_t *tile = (const uint8_t *)group + (size_t)(block / n_blocks) * (size_t)info->tile_bytes;
  const uint8_t *scales = tile + n_blocks * width;
  if (is_grid(layout)) {
    grid_unpack(layout, out, tile, row, j);
    return;
  }
  uint8_t q[BLOCK];
  get_quants(width, tile + j * width, row, q);
  int zero = layout == LAYOUT_Q4_0 ? 8 : layout == LAYOUT_Q5_0 ? 16 : layout == LAYOUT_Q6_K ? 32 : 0;
  for (int i = 0; i < BLOCK; i++) out->q[i] = (int8_t)((int8_t)q[i] - zero);
  out->half_scale[0] = out->half_scale[1] = 1;
  out->m = 0;
  switch (layout) {
    case LAYOUT_Q4_K: case LAYOUT_Q5_K:
      out->d = f16_to_f32(load16(scales + 128 + 2 * row)) * (float)scales[8 * j + row];
      out->m = -(f16_to_f32(load16(scales + 144 + 2 * row)) * (float)scales[64 + 8 * j + row]);
      break;
    case LAYOUT_Q6_K:
      for (int h = 0; h < 2; h++) out->half_scale[h] = (int8_t)scales[8 * (2 * j + h) + row];
      out->d = f16_to_f32(load16(scales + 128 + 2 * row));
      break;
    default:
      out->d = f16_to_f32(load16(scales + 2 * row));
      if (layout_has_minima(layout)) out->m = f16_to_f32(load16(scales + 16 + 2 * row));
  }
}

void layout_unpack_row(enum layout layout, float *out, const void *group, int row, int k) {
  const uint8_t *column = group;
  switch (layout) {
    case LAYOUT_F32: for (int i = 0; i < k; i++) __builtin_memcpy(out + i, column + 32 * i + 4 * row, 4); return;
    case LAYOUT_F16: for (int i = 0; i < k; i++) out[i] = f16_to_f32(load16(column + 16 * i + 2 * row)); return;
    case LAYOUT_BF16: for (int i = 0; i < k; i++) out[i] = bf16_to_f32(load16(column + 16 * i + 2 * row)); return;
    default: break;
  }
  for (int b = 0; b < k / BLOCK; b++) {
    struct row_block block;
    layout_unpack_block(layout, &block, group, row, b);
    for (int i = 0; i < BLOCK; i++)
      out[b * BLOCK + i] = block.d * (float)(block.half_scale[i / 16] * block.q[i]) + block.m;
  }
}

/* ---- 16-bit floats ---- */

/* Shifts the exponent into place and scales by 2^112 (the difference of the biases, 127 - 15): exact for subnormals
 * too. The largest exponent, infinities and NaN in IEEE 754, goes on as a number: no weight or key has it. */
float f16_to_f32(uint16_t h) {
  uint32_t bits = (uint32_t)(h & 0x8000) << 16 | (uint32_t)(h & 0x7fff) << 13;
  float f;
  __builtin_memcpy(&f, &bits, 4);
  return f * 0x1p112f;
}

uint16_t f16_from_f32(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, 4);
  uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
  bits &= 0x7fffffff;
  if (bits >= 0x477ff000) return sign | 0x7bff; /* rounds to 65,520 or more, or NaN: the largest finite value */
  if (bits < 0x38800000) {                      /* below 2^-14, subnormal: adding 0.5 rounds at 2^-24 */
    float magnitude;
    __builtin_memcpy(&magnitude, &bits, 4);
    magnitude += 0.5f;
    __builtin_memcpy(&bits, &magnitude, 4);
    return sign | (uint16_t)(bits - 0x3f000000);
  }
  bits += 0xfff + (bits >> 13 & 1); /* to nearest, ties to even */
  return sign | (uint16_t)((bits - (112u << 23)) >> 13);
}

float bf16_to_f32(uint16_t h) {
  uint32_t bits = (uint32_t)h << 16;
  float f;
  __builtin_memcpy(&f, &bits, 4);
  return f;
}
