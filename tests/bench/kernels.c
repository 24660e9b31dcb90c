/* kernels.c: the kernels as exports, for kernels.mjs to time: each by its level's table and the number of its layout. */
#include "../../kernels/simd.h"

#define EXPORT(name) __attribute__((export_name(#name))) name

const struct kernels *EXPORT(table)(int level) {
  int chosen;
  return kernels_select(level, &chosen);
}

void EXPORT(set_reading)(int n_streams, bool is_ahead) {
  kernels_streams = n_streams;
  kernels_load_ahead = is_ahead;
}

int EXPORT(tile_bytes)(const struct kernels *kernels, int layout, int k) {
  return (int)act_tile_bytes(act_form(kernels, (enum layout)layout), k);
}
int EXPORT(group_bytes)(int layout, int k) { return (int)layout_group_bytes((enum layout)layout, k); }
int EXPORT(block_bytes)(int layout) { return layouts[layout].row_block_bytes; }
int EXPORT(row_bytes)(int layout, int k) { return (int)layout_row_bytes((enum layout)layout, k); }
int EXPORT(panel_bytes)(int k) { return (int)gemm_panel_bytes(k); }

void EXPORT(pack)(int layout, void *group, const void *rows, int k) {
  layout_pack((enum layout)layout, group, rows, TILE_ROWS, k);
}

/* x (k) for one token, or (4 n_tiles, k) */
void EXPORT(quantise)(const struct kernels *kernels, int layout, uint8_t *out, const float *x, int k, int n_tiles) {
  const enum act_form form = act_form(kernels, (enum layout)layout);
  if (n_tiles == 0) kernels->prepare1[form](out, x, k);
  for (int t = 0; t < n_tiles; t++)
    kernels->prepare4[form](out + (size_t)t * act_tile_bytes(form, k), x + (size_t)(t * TILE_TOKENS * k), k, k);
}

void EXPORT(gemv)(const struct kernels *kernels, int layout, float *y, const void *w, const void *x, int k, int n_groups) {
  kernels->gemv[layout](y, w, x, k, n_groups);
}

void EXPORT(gemm)(const struct kernels *kernels, int layout, float *y, int y_stride, const void *w, const void *x, int k,
                  int n_groups, int n_tiles, void *panel) {
  kernels->gemm[layout](y, y_stride, w, x, k, n_groups, n_tiles, panel);
}

/* Attention of n_tokens with n_heads each that share a KV head, over positions 0 to n: scores, softmax, mix. */
void EXPORT(attention)(const struct kernels *kernels, int type, float *out, float *scores, const float *q, int n_heads,
                       int n_tokens, const void *keys, const void *values, const float *scales, int head_dim, int n, int part) {
  const struct kv_head kv = {keys, values, scales, scales};
  const struct attn_rows rows = {n_heads, n_tokens, n_heads * head_dim};
  const int stride = n + 16;
  if (part & 1) kernels->attn_scores[type](scores, stride, q, rows, &kv, head_dim, 0, n);
  if (part & 2) for (int r = 0; r < n_heads * n_tokens; r++) vec_softmax(scores + r * stride, 0, n, 0, n, 0.125f, NO_SINK);
  if (part & 4) kernels->attn_mix[type](out, scores, stride, rows, &kv, head_dim, 0, n);
}

/* The streaming read that weights are compared with: STREAMS parts in turn, 256 bytes of each. */
int EXPORT(read_stream)(const uint8_t *bytes, int n_bytes) {
  const int turn = 4 * CACHE_LINE, part = n_bytes / STREAMS;
  v128_t sums[4] = {0};
  for (int at = 0; at < part; at += turn)
    for (int s = 0; s < STREAMS; s++) {
      const uint8_t *p = bytes + s * part + at;
      for (int i = 0; i < turn; i += CACHE_LINE)
        for (int j = 0; j < 4; j++) sums[j] ^= wasm_v128_load(p + i + 16 * j);
    }
  const v128_t sum = (sums[0] ^ sums[1]) ^ (sums[2] ^ sums[3]);
  return wasm_i32x4_extract_lane(sum, 0) ^ wasm_i32x4_extract_lane(sum, 3);
}
