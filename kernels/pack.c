/* pack.c: GGUF rows <-> packed groups of 8 rows. A tile is its blocks of 32 columns, each in planes of bits (planes.h), then
 * scales (kernels.h: enum scales_form); of F32, F16 and BF16 it is one column, 8 values.
 *
 * Nothing is rounded. Some types grow, as their 6-bit scales become bytes or their ternary digits 2 bits: Q3_K 3.6 %,
 * Q4_K 2.8 %, Q5_K 2.3 %, IQ4_XS 1.5 %, TQ1_0 22 %.
 * Block formats of the files: ggml's ggml-common.h. */
#include "grid.h"
#include "planes.h"

size_t layout_group_bytes(enum layout layout, int k) {
  return (size_t)(k / layouts[layout].columns) * (size_t)layouts[layout].tile_bytes;
}

size_t layout_row_bytes(enum layout layout, int k) {
  return (size_t)(k / layouts[layout].columns) * (size_t)layouts[layout].row_block_bytes;
}

/* Unaligned access; every machine that Sotto runs on is little-endian. */
static uint32_t load32(const uint8_t *p) { uint32_t v; __builtin_memcpy(&v, p, 4); return v; }
static uint16_t load16(const uint8_t *p) { uint16_t v; __builtin_memcpy(&v, p, 2); return v; }
static void store32(uint8_t *p, uint32_t v) { __builtin_memcpy(p, &v, 4); }

/* ---- file block -> 32 plain quants ---- */

/* Four bits, one into each byte. */
static uint32_t spread_bits(uint32_t bits) { return (bits & 15) * 0x00204081u & 0x01010101u; }

/* 32 quants of 2 bits: `bytes` has those of 128 columns, bits 2 j and 2 j + 1 those of columns 32 j to 32 j + 31. */
static void read_bits2(uint8_t q[BLOCK], const uint8_t *bytes, int j) {
  for (int i = 0; i < BLOCK; i += 4) store32(q + i, load32(bytes + i) >> 2 * j & 0x03030303u);
}

/* n columns: the low halves of the bytes, then the high halves. */
static void read_nibbles(uint8_t *q, const uint8_t *bytes, int n) {
  for (int i = 0; i < n / 2; i++) {
    q[i] = bytes[i] & 15;
    q[n / 2 + i] = bytes[i] >> 4;
  }
}

/* Column i of a block of TQ1_0, 0 to 2. A byte is a fraction of 256 whose first ternary digits are those of 5 columns (the
 * last four bytes: 4), which are as far apart as there are bytes in a row. */
static uint8_t read_ternary(const uint8_t *block, int i) {
  static const uint8_t powers[] = {1, 3, 9, 27, 81};
  const int from = i < 160 ? 0 : i < 240 ? 160 : 240, stride = i < 160 ? 32 : i < 240 ? 16 : 4;
  const uint8_t left = (uint8_t)(block[from / 5 + (i - from) % stride] * powers[(i - from) / stride]);
  return (uint8_t)(left * 3 >> 8);
}

/* q: 32 quants as the file has them (unsigned, zero point inside; Q8_0 signed). block: that of `layout`, j: which 32. */
static void read_quants(enum layout layout, const uint8_t *block, int j, uint8_t q[BLOCK]) {
  const uint32_t m4 = 0x0f0f0f0f;
  switch (layout) {
    case LAYOUT_Q4_0: case LAYOUT_Q4_1: case LAYOUT_Q5_0: case LAYOUT_Q5_1: case LAYOUT_IQ4_NL: case LAYOUT_MXFP4: {
      const uint8_t *low = block + layouts[layout].row_block_bytes - 16;
      read_nibbles(q, low, BLOCK);
      if (layouts[layout].planes == BITS5) {
        uint32_t high = load32(low - 4); /* bit i belongs to column i */
        for (int i = 0; i < BLOCK; i += 4) store32(q + i, load32(q + i) | spread_bits(high >> i) << 4);
      }
      break;
    }
    case LAYOUT_IQ4_XS: read_nibbles(q, block + 8 + 16 * j, BLOCK); break;
    case LAYOUT_NVFP4: for (int h = 0; h < 2; h++) read_nibbles(q + 16 * h, block + 4 + 16 * j + 8 * h, 16); break;
    case LAYOUT_Q8_0: __builtin_memcpy(q, block + 2, BLOCK); break;
    case LAYOUT_Q1_0: for (int i = 0; i < BLOCK; i += 4) store32(q + i, spread_bits(load32(block + 2 + 4 * j) >> i) << 1); break;
    case LAYOUT_Q2_0: for (int i = 0; i < BLOCK; i++) q[i] = block[2 + 8 * j + i / 4] >> 2 * (i % 4) & 3; break;
    case LAYOUT_TQ1_0: for (int i = 0; i < BLOCK; i++) q[i] = read_ternary(block, BLOCK * j + i); break;
    case LAYOUT_TQ2_0: read_bits2(q, block + 32 * (j / 4), j % 4); break;
    case LAYOUT_Q2_K: read_bits2(q, block + 16 + 32 * (j / 4), j % 4); break;
    case LAYOUT_Q3_K: /* bit j of byte i belongs to column i of block j */
      read_bits2(q, block + 32 + 32 * (j / 4), j % 4);
      for (int i = 0; i < BLOCK; i += 4) store32(q + i, load32(q + i) | (load32(block + i) >> j & 0x01010101u) << 2);
      break;
    case LAYOUT_Q4_K: case LAYOUT_Q5_K: {
      const uint8_t *low = block + layouts[layout].row_block_bytes - 128 + 32 * (j / 2);
      for (int i = 0; i < BLOCK; i += 4) store32(q + i, load32(low + i) >> 4 * (j & 1) & m4);
      if (layout == LAYOUT_Q5_K) /* as in Q3_K */
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

/* ---- 32 plain quants <-> planes ---- */

/* block: of planes; its row's bytes are 4 in each plane, columns 4 c to 4 c + 3 a word of q. */
INLINE uint32_t piece_mask(struct piece piece) { return (0xffu >> (8 - piece.n)) * 0x01010101u; }

INLINE void put_planes(int n_planes, uint8_t *block, int row, const uint8_t q[BLOCK]) {
  uint32_t words[BYTES / PLANE_BYTES] = {0};
  UNROLL
  for (int c = 0; c < CHUNKS; c++)
    UNROLL
    for (int i = 0; i < MOST_PIECES; i++) {
      const struct piece p = pieces[n_planes][c][i];
      if (p.n) words[p.plane] |= (load32(q + 4 * c) >> p.to & piece_mask(p)) << p.at;
    }
  for (int i = 0; i < n_planes; i++) store32(block + i * PLANE_BYTES + 4 * row, words[i]);
}

/* A constant number of planes each, since packing takes its share of a load. */
/* Where the quants of block j lie in a tile, behind the scales. */
static int quants_at(const struct layout_info *info, int j) {
  return info->tile_bytes - (info->columns / BLOCK - j) * info->planes;
}

static void put_quants(int n_planes, uint8_t *block, int row, const uint8_t q[BLOCK]) {
  switch (n_planes) {
    case BITS1 / PLANE_BYTES: put_planes(BITS1 / PLANE_BYTES, block, row, q); break;
    case BITS2 / PLANE_BYTES: put_planes(BITS2 / PLANE_BYTES, block, row, q); break;
    case BITS3 / PLANE_BYTES: put_planes(BITS3 / PLANE_BYTES, block, row, q); break;
    case NIBBLES / PLANE_BYTES: put_planes(NIBBLES / PLANE_BYTES, block, row, q); break;
    case BITS5 / PLANE_BYTES: put_planes(BITS5 / PLANE_BYTES, block, row, q); break;
    case BITS6 / PLANE_BYTES: put_planes(BITS6 / PLANE_BYTES, block, row, q); break;
    default: put_planes(BYTES / PLANE_BYTES, block, row, q);
  }
}

static void get_quants(int n_planes, const uint8_t *block, int row, uint8_t q[BLOCK]) {
  for (int c = 0; c < CHUNKS; c++) {
    uint32_t word = 0;
    for (const struct piece *p = pieces[n_planes][c]; p < pieces[n_planes][c] + MOST_PIECES && p->n; p++)
      word |= (load32(block + p->plane * PLANE_BYTES + 4 * row) >> p->at & piece_mask(*p)) << p->to;
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

/* Scale i (0-15, of 16 columns) in the 12 bytes of Q3_K, and that of block j (0-7) of IQ4_XS; both have 32 added. */
static uint8_t read_q3_scale(const uint8_t *s, int i) {
  return (uint8_t)(((s[i % 8] >> 4 * (i / 8) & 15) | (s[8 + i % 4] >> 2 * (i / 4) & 3) << 4) - 32);
}
static uint8_t read_iq4_scale(const uint8_t *block, int j) {
  return (uint8_t)(((block[4 + j / 2] >> 4 * (j % 2) & 15) | (load16(block + 2) >> 2 * j & 3) << 4) - 32);
}

/* Half of a scale of NVFP4, whose codes are doubled: UE4M3 -> E5M3 (see e5m3_to_f32), which has the room to make subnormals
 * normal: multiplying those costs hundreds of cycles. NaN counts as 0, and the sign says nothing. */
static uint8_t read_ue4m3(uint8_t e) {
  static const uint8_t subnormals[8] = {0, 8, 16, 20, 24, 26, 28, 30};
  return e == 0x7f ? 0 : (e & 0x7f) < 8 ? subnormals[e & 7] : (uint8_t)((e & 0x7f) + (3 << 3));
}

static void put_scales(enum layout layout, uint8_t *scales, int row, const uint8_t *block) {
  const struct layout_info *info = &layouts[layout];
  uint8_t *d = scales; /* behind the other scales */
  switch (info->scales) {
    case SCALES_E8M0: scales[row] = block[0]; return;
    case SCALES_E5M3: for (int i = 0; i < 4; i++) scales[8 * i + row] = read_ue4m3(block[i]); return;
    case SCALES_BLOCKS:
      for (int j = 0; j < 8; j++) scales[8 * j + row] = read_iq4_scale(block, j);
      d += 64;
      break;
    case SCALES_K:
      for (int j = 0; j < 8; j++) read_k_scale(block + 4, j, scales + 8 * j + row, scales + 64 + 8 * j + row);
      d += 128;
      break;
    case SCALES_HALVES:
      for (int i = 0; i < 16; i++)
        scales[8 * i + row] = layout == LAYOUT_Q3_K ? read_q3_scale(block + 96, i) : block[192 + i];
      d += 128;
      break;
    case SCALES_Q2_K:
      for (int i = 0; i < 16; i++) scales[16 * (i / 2) + 2 * row + i % 2] = block[i];
      d += 128;
      break;
    default: break;
  }
  __builtin_memcpy(d + 2 * row, block + info->d_at, 2);
  if (layout_has_minima(layout)) __builtin_memcpy(d + 16 + 2 * row, block + info->d_at + 2, 2);
}

/* Of block j of a tile. */
static void get_scales(enum layout layout, struct row_block *out, const uint8_t *scales, int row, int j) {
  for (int h = 0; h < 2; h++) out->scale[h] = out->min[h] = 1;
  const uint8_t *d = scales;
  float factor = 1, min_factor = 1;
  switch (layouts[layout].scales) {
    case SCALES_E8M0: out->d[0] = out->d[1] = e8m0_to_f32_half(scales[row]); out->m = 0; return;
    case SCALES_E5M3:
      for (int h = 0; h < 2; h++) out->d[h] = e5m3_to_f32(scales[8 * (2 * j + h) + row]);
      out->m = 0;
      return;
    case SCALES_BLOCKS:
      factor = (float)(int8_t)scales[8 * j + row];
      d += 64;
      break;
    case SCALES_K:
      factor = (float)scales[8 * j + row];
      min_factor = -(float)scales[64 + 8 * j + row];
      d += 128;
      break;
    case SCALES_HALVES:
      for (int h = 0; h < 2; h++) out->scale[h] = (int8_t)scales[8 * (2 * j + h) + row];
      d += 128;
      break;
    case SCALES_Q2_K:
      for (int h = 0; h < 2; h++) {
        out->scale[h] = scales[16 * j + 2 * row + h] & 15;
        out->min[h] = scales[16 * j + 2 * row + h] >> 4;
      }
      min_factor = -1;
      d += 128;
      break;
    default: break;
  }
  out->d[0] = out->d[1] = f16_to_f32(load16(d + 2 * row)) * factor;
  out->m = layout_has_minima(layout) ? f16_to_f32(load16(d + 16 + 2 * row)) * min_factor : 0;
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
  const int n_tiles = k / info->columns, n_blocks = info->columns / BLOCK;
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
      for (int j = 0; j < n_blocks; j++) {
        read_quants(layout, block, j, q);
        put_quants(info->planes / PLANE_BYTES, tile + quants_at(info, j), row, q);
      }
      put_scales(layout, tile, row, block);
    }
  }
}

/* ---- packed -> plain ---- */

void layout_unpack_block(enum layout layout, struct row_block *out, const void *group, int row, int block) {
  const struct layout_info *info = &layouts[layout];
  const int n_blocks = info->columns / BLOCK, j = block % n_blocks;
  const uint8_t *tile = (const uint8_t *)group + (size_t)(block / n_blocks) * (size_t)info->tile_bytes;
  if (is_grid(layout)) {
    grid_unpack(layout, out, tile, row, j);
    return;
  }
  uint8_t q[BLOCK];
  get_quants(info->planes / PLANE_BYTES, tile + quants_at(info, j), row, q);
  for (int i = 0; i < BLOCK; i++) out->q[i] = (int8_t)((info->codebook ? codebooks[info->codebook][q[i]] : (int8_t)q[i]) - info->zero);
  get_scales(layout, out, tile, row, j);
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
      out[b * BLOCK + i] = block.d[i / 16] * (float)(block.scale[i / 16] * block.q[i]) + block.m * (float)block.min[i / 16];
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

/* Of 0 and 1 that is subnormal. */
float e8m0_to_f32_half(uint8_t e) {
  const uint32_t bits = e < 2 ? (uint32_t)(e + 1) << 21 : (uint32_t)(e - 1) << 23;
  float f;
  __builtin_memcpy(&f, &bits, 4);
  return f;
}

float e5m3_to_f32(uint8_t e) {
  const uint32_t bits = (uint32_t)e << 20;
  float f;
  __builtin_memcpy(&f, &bits, 4);
  return f * 0x1p116f; /* the biases are 127 and 11 */
}
