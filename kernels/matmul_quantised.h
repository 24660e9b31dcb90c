/* matmul_quantised.h: gemv and gemm over quantised layouts for one SIMD level. The including file defines LEVEL, its name;
 * NARROW1, NARROW4, WIDE1 and WIDE4, the structs of activations of 8 and 12 bits; SHORT_SUMS, 1 if it adds products up in 16
 * bits; and how it multiplies 32 columns of 8 rows:
 *
 *   dot_tile(constants, layout, tile, act, sums)           one token: sums of (quant - zero point) * activation
 *   dot_panel(constants, layout, panel, act, zero, sums)   the same for the four tokens of a NARROW4 or WIDE4
 *
 * `layout` is a constant wherever these are inlined, so each instance is straight-line code. */
#include "panel.h"

/* Of 32 columns: [part][rows 0-3, rows 4-7], a row's sum in its 32-bit lane; with SHORT_SUMS it is that of the two halves of the
 * lane. Part 0 alone, or columns 0-15 and 16-31 apart. */
struct sums { v128_t v[2][2]; };

/* Whether the halves have scales of their own; or 16 bits have no room for 16 products of unsigned quants. */
INLINE bool has_parts(enum layout layout) {
  return has_halves(layout) || (SHORT_SUMS && quants_bytes(layout) > NIBBLES && !zero_point(layout));
}

/* The part that chunk c of 4 columns belongs to. */
INLINE int part_of(enum layout layout, int c) { return has_parts(layout) ? c / (CHUNKS / 2) : 0; }

INLINE void dot_tile(const struct constants *constants, enum layout layout, const uint8_t *tile, const void *act,
                     struct sums *sums);
INLINE void dot_panel(const struct constants *constants, enum layout layout, const struct panel_block *panel, const void *act,
                      v128_t zero, struct sums out[TILE_TOKENS]);

/* What quants that are not centred add to the sums of each part, as pairs of 16 bits: zero, which is in all lanes, times the
 * activations. Of a single token for each row; of four, one in each 32-bit lane. */
struct offsets { v128_t v[2]; };

INLINE struct offsets load_offsets(enum layout layout, int n_tokens, const void *act, v128_t zero) {
  struct offsets out;
  for (int h = 0; h < 2; h++)
    out.v[h] = n_tokens == 1 ? wasm_v128_load32_splat(((const NARROW1 *)act)->sums[h]) : wasm_v128_load(((const NARROW4 *)act)->sums[h]);
  if (!has_parts(layout)) out.v[0] = wasm_i16x8_add(out.v[0], out.v[1]);
  for (int h = 0; h < 2; h++) out.v[h] = wasm_i16x8_mul(out.v[h], zero);
  return out;
}

/* 32-bit lane i in all lanes. */
INLINE v128_t spread(v128_t v, int i) {
  switch (i) {
    case 0: return wasm_i32x4_shuffle(v, v, 0, 0, 0, 0);
    case 1: return wasm_i32x4_shuffle(v, v, 1, 1, 1, 1);
    case 2: return wasm_i32x4_shuffle(v, v, 2, 2, 2, 2);
    default: return wasm_i32x4_shuffle(v, v, 3, 3, 3, 3);
  }
}

/* The sums of a part as i32x4; and times a scale, which is there twice in each lane. */
INLINE v128_t widen(const struct constants *constants, v128_t sums) {
  return SHORT_SUMS ? wasm_i32x4_dot_i16x8(sums, constants->ones) : sums;
}
INLINE v128_t scale_sums(v128_t sums, v128_t scale) {
  return SHORT_SUMS ? wasm_i32x4_dot_i16x8(sums, scale) : wasm_i32x4_mul(sums, wasm_i32x4_shr(scale, 16));
}

/* Sums of 32 bits of n_tokens, before the first product: less what the zero point adds. */
INLINE void start_sums(const struct constants *constants, enum layout layout, int n_tokens, const void *act, v128_t zero,
                       struct sums *out) {
  for (int t = 0; t < n_tokens; t++)
    for (int part = 0; part < 2; part++) out[t].v[part][0] = out[t].v[part][1] = wasm_i32x4_splat(0);
  if (!zero_point(layout)) return;
  const struct offsets offsets = load_offsets(layout, n_tokens, act, zero);
  for (int t = 0; t < n_tokens; t++)
    for (int part = 0; part < (has_parts(layout) ? 2 : 1); part++) {
      const v128_t offset = n_tokens == 1 ? offsets.v[part] : spread(offsets.v[part], t);
      out[t].v[part][0] = out[t].v[part][1] = wasm_i32x4_neg(wasm_i32x4_dot_i16x8(offset, constants->ones));
    }
}

/* The activation's side of a block: scale, scale times sum, sums of the halves as pairs of 16 bits; each in all lanes. */
struct act_scales { v128_t d, ds, sums[2]; };

INLINE struct act_scales load_act(enum layout layout, int n_tokens, const void *act, int t) {
  struct act_scales out = {wasm_i32x4_splat(0), wasm_i32x4_splat(0), {wasm_i32x4_splat(0), wasm_i32x4_splat(0)}};
  if (is_wide(layout)) {
    out.d = wasm_v128_load32_splat(n_tokens == 1 ? &((const WIDE1 *)act)->d : &((const WIDE4 *)act)->d[t]);
  } else if (n_tokens == 1) {
    const NARROW1 *a = act;
    out = (struct act_scales){wasm_v128_load32_splat(&a->d), wasm_v128_load32_splat(&a->ds),
                              {wasm_v128_load32_splat(a->sums[0]), wasm_v128_load32_splat(a->sums[1])}};
  } else {
    const NARROW4 *a = act;
    out = (struct act_scales){wasm_v128_load32_splat(&a->d[t]), wasm_v128_load32_splat(&a->ds[t]),
                              {wasm_v128_load32_splat(a->sums[0][t]), wasm_v128_load32_splat(a->sums[1][t])}};
  }
  return out;
}

INLINE size_t act_bytes(enum layout layout, int n_tokens) {
  if (is_wide(layout)) return n_tokens == 1 ? sizeof(WIDE1) : sizeof(WIDE4);
  return n_tokens == 1 ? sizeof(NARROW1) : sizeof(NARROW4);
}

/* a and b, which fit into 16 bits, side by side in each 32-bit lane. */
INLINE v128_t pair(v128_t a, v128_t b) {
  return wasm_i16x8_shuffle(a, wasm_i32x4_shl(b, 16), 0, 9, 2, 11, 4, 13, 6, 15);
}

INLINE v128_t add_product(v128_t acc, v128_t i32x4, v128_t scale, v128_t act_scale) {
  return wasm_f32x4_add(acc, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(i32x4), wasm_f32x4_mul(scale, act_scale)));
}

/* acc + the block's contribution to rows 4 h to 4 h + 3. */
INLINE v128_t add_block(const struct constants *constants, enum layout layout, v128_t acc, const struct sums *sums,
                        const struct scales *scales, int h, struct act_scales act) {
  const v128_t part0 = sums->v[0][h], part1 = sums->v[1][h];
  switch (layouts[layout].scales) {
    case SCALES_HALVES: {
      const v128_t total = wasm_i32x4_add(scale_sums(part0, scales->s[0][h]), scale_sums(part1, scales->s[1][h]));
      return add_product(acc, total, scales->d[h], act.d);
    }
    case SCALES_Q2_K: {
      const v128_t ones = constants->ones;
      const v128_t act_sums = pair(wasm_i32x4_dot_i16x8(act.sums[0], ones), wasm_i32x4_dot_i16x8(act.sums[1], ones));
      const v128_t total = wasm_i32x4_dot_i16x8(pair(widen(constants, part0), widen(constants, part1)), scales->s[0][h]);
      acc = add_product(acc, total, scales->d[h], act.d);
      return add_product(acc, wasm_i32x4_dot_i16x8(act_sums, scales->s[1][h]), scales->m[h], act.d);
    }
    case SCALES_E5M3:
      acc = add_product(acc, widen(constants, part0), scales->s[0][h], act.d);
      return add_product(acc, widen(constants, part1), scales->s[1][h], act.d);
    default: {
      v128_t total = widen(constants, part0);
      if (has_parts(layout)) total = wasm_i32x4_add(total, widen(constants, part1));
      acc = add_product(acc, total, scales->d[h], act.d);
    }
  }
  return layout_has_minima(layout) ? wasm_f32x4_add(acc, wasm_f32x4_mul(scales->m[h], act.ds)) : acc;
}

/* ---- one token ---- */

/* A processor fetches by itself what is read in the order of addresses, but in each page only so far ahead. Read in turn, several
 * pages have so much more under way. One of the groups that take turns: its sums so far; its tile's scales, for several blocks. */
struct stream {
  v128_t acc[2];
  struct tile_scales scales;
};

/* n_streams (1 to STREAMS) groups, `stride` bytes and y_stride rows apart: the same block of each in turn. */
INLINE void gemv_streams(enum layout layout, int n_streams, float *y, int y_stride, const uint8_t *w, size_t stride,
                         const uint8_t *x, int k) {
  const struct constants constants = load_constants();
  const int n_blocks = tile_columns(layout) / BLOCK, stretch = layouts[layout].tile_bytes / n_blocks;
  struct stream array[STREAMS], *streams = array;
  PIN(streams); /* there are no registers to keep them in */
  const struct stream *end = streams + n_streams;
  PIN(end);
  for (struct stream *s = streams; s < end; s++) s->acc[0] = s->acc[1] = wasm_f32x4_splat(0);
  for (int t = 0; t < k / tile_columns(layout); t++, w += layouts[layout].tile_bytes) {
    const uint8_t *tile = w;
    for (struct stream *s = streams; n_blocks > 1 && s < end; s++, tile += stride)
      s->scales = load_tile_scales(&constants, layout, tile);
    for (int j = 0; j < n_blocks; j++, x += act_bytes(layout, 1)) {
      tile = w;
      for (struct stream *s = streams; s < end; s++, tile += stride) {
        struct sums sums;
        struct scales scales;
        touch_ahead(tile + j * stretch, stretch);
        dot_tile(&constants, layout, tile + tile_scale_bytes(layout) + j * quants_bytes(layout), x, &sums);
        const struct tile_scales tile_scales = n_blocks > 1 ? s->scales : load_tile_scales(&constants, layout, tile);
        load_scales(&constants, layout, &scales, &tile_scales, tile, j);
        const struct act_scales act = load_act(layout, 1, x, 0);
        /* Both before either is stored: behind a store `act` would be loaded anew. */
        const v128_t acc0 = add_block(&constants, layout, s->acc[0], &sums, &scales, 0, act);
        s->acc[1] = add_block(&constants, layout, s->acc[1], &sums, &scales, 1, act);
        s->acc[0] = acc0;
      }
    }
  }
  for (struct stream *s = streams; s < end; s++, y += y_stride) {
    wasm_v128_store(y, s->acc[0]);
    wasm_v128_store(y + 4, s->acc[1]);
  }
}

INLINE void gemv(enum layout layout, float *y, const uint8_t *w, const uint8_t *acts, int k, int n_groups) {
  const size_t group_bytes = layout_group_bytes(layout, k);
  const int n_streams = kernels_streams, n_each = n_groups / n_streams; /* groups of a stream; the last ones go one by one */
  for (int g = 0; g < n_groups; g = g + 1 == n_each ? n_streams * n_each : g + 1)
    gemv_streams(layout, g < n_each ? n_streams : 1, y + g * TILE_ROWS, n_each * TILE_ROWS, w + (size_t)g * group_bytes,
                 (size_t)n_each * group_bytes, acts, k);
}

/* ---- tiles of four tokens ---- */

/* y (4 n_tiles, y_stride) of one group. acts (n_tiles, n_blocks). */
typedef void panel_fn(float *y, int y_stride, const struct panel_block *panel, const uint8_t *acts, int n_blocks, int n_tiles,
                      v128_t zero);

INLINE void multiply_panel(enum layout layout, float *y, int y_stride, const struct panel_block *panel, const uint8_t *x,
                           int n_blocks, int n_tiles, v128_t zero) {
  const struct constants constants = load_constants();
  for (int t = 0; t < n_tiles; t++, y += TILE_TOKENS * (size_t)y_stride) {
    v128_t acc[TILE_TOKENS][2];
    for (int i = 0; i < TILE_TOKENS; i++) acc[i][0] = acc[i][1] = wasm_f32x4_splat(0);
    for (int b = 0; b < n_blocks; b++, x += act_bytes(layout, TILE_TOKENS)) {
      struct sums sums[TILE_TOKENS];
      dot_panel(&constants, layout, &panel[b], x, zero, sums);
      for (int i = 0; i < TILE_TOKENS; i++)
        for (int h = 0; h < 2; h++)
          acc[i][h] = add_block(&constants, layout, acc[i][h], &sums[i], &panel[b].scales, h, load_act(layout, TILE_TOKENS, x, i));
    }
    for (int i = 0; i < TILE_TOKENS; i++)
      for (int h = 0; h < 2; h++) wasm_v128_store(y + (size_t)i * (size_t)y_stride + 4 * h, acc[i][h]);
  }
}

/* Layouts whose panels differ in nothing but the zero point and how large quants are share the code of one of them, their
 * kind; those of Q4_1 and Q5_1 differ in has_parts. */
#define NARROW_KINDS(DO) DO(Q4_0) DO(Q4_1) DO(Q5_1) DO(Q2_K) DO(Q6_K) DO(NVFP4)
#define WIDE_KINDS(DO) DO(Q8_0)

INLINE enum layout panel_kind(enum layout layout) {
  switch (layout) {
    case LAYOUT_Q5_0: case LAYOUT_MXFP4: case LAYOUT_Q1_0: case LAYOUT_Q2_0: case LAYOUT_TQ2_0: return LAYOUT_Q4_0;
    case LAYOUT_Q4_K: return LAYOUT_Q4_1;
    case LAYOUT_Q5_K: return LAYOUT_Q5_1;
    case LAYOUT_Q3_K: return LAYOUT_Q6_K;
    case LAYOUT_IQ4_NL: case LAYOUT_IQ4_XS: return LAYOUT_Q8_0;
    default: return layout;
  }
}

static void gemm(panel_fn *multiply, enum layout layout, float *y, int y_stride, const uint8_t *w, const uint8_t *acts, int k,
                 int n_groups, int n_tiles, struct panel_block *panel) {
  for (int g = 0; g < n_groups; g++, w += layout_group_bytes(layout, k), y += TILE_ROWS) {
    unpack_panel(layout, panel, w, k);
    multiply(y, y_stride, panel, acts, k / BLOCK, n_tiles, wasm_i16x8_splat(zero_point(layout)));
  }
}

#define PASTE_(name, level) name##_##level
#define PASTE(name, level) PASTE_(name, level)

/* The code of a kind, its row in `panels`, and gemv_<layout>_<LEVEL> and gemm_<layout>_<LEVEL>. */
#define PANEL(kind)                                                                                                  \
  static void PASTE(panel_##kind, LEVEL)(float *y, int y_stride, const struct panel_block *panel, const uint8_t *acts, \
                                         int n_blocks, int n_tiles, v128_t zero) {                                   \
    multiply_panel(LAYOUT_##kind, y, y_stride, panel, acts, n_blocks, n_tiles, zero);                                \
  }
#define PANEL_ROW(kind) [LAYOUT_##kind] = PASTE(panel_##kind, LEVEL),
#define INSTANCE(layout)                                                                                             \
  void PASTE(gemv_##layout, LEVEL)(float *y, const void *w, const void *x, int k, int n_groups) {                    \
    gemv(LAYOUT_##layout, y, w, x, k, n_groups);                                                                     \
  }                                                                                                                  \
  void PASTE(gemm_##layout, LEVEL)(float *y, int y_stride, const void *w, const void *x, int k, int n_groups,        \
                                   int n_tiles, void *panel) {                                                       \
    gemm(panels[panel_kind(LAYOUT_##layout)], LAYOUT_##layout, y, y_stride, w, x, k, n_groups, n_tiles, panel);      \
  }
