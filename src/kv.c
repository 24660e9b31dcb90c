/* kv.c: writes a token's keys and values where the attention kernels read them. */
#include "session.h"

#include <string.h>

size_t kv_item_bytes(enum kv_type type) { return type == KV_F32 ? 4 : type == KV_F16 ? 2 : 1; }

static size_t n_slots_of(const struct sotto_session *session) { return round_up(session->n_ctx, 8); }

struct kv_head kv_head(const struct sotto_session *session, const struct kv_layer *layer, size_t head) {
  const size_t slot = head * n_slots_of(session);
  const size_t at = slot * session->model->config.head_stride * kv_item_bytes(session->kv_type);
  return (struct kv_head){layer->keys + at, layer->values + at, layer->key_scales + slot, layer->value_scales + slot};
}

static void put(bool f16, void *cache, size_t index, float x) {
  if (f16) ((uint16_t *)cache)[index] = f16_from_f32(x);
  else ((float *)cache)[index] = x;
}

static void write_floats(bool f16, const struct kv_head *kv, size_t position, size_t dim, const float *k, const float *v) {
  for (size_t d = 0; d < dim; d++) {
    put(f16, (void *)kv->keys, position / 8 * 8 * dim + 8 * d + position % 8, k[d]);
    put(f16, (void *)kv->values, position * dim + d, v[d]);
  }
}

static void write_bytes(const struct kv_head *kv, size_t position, size_t dim, const float *k, const float *v) {
  int32_t q[MAX_HEAD_DIM];
  int8_t *keys = (int8_t *)kv->keys + position / 8 * 8 * dim + position % 8 * 4;
  int8_t *values = (int8_t *)kv->values + position / 4 * 4 * dim + position % 4;
  ((float *)kv->key_scales)[position] = vec_quantise(q, k, (int)dim, 127);
  for (size_t d = 0; d < dim; d++) keys[d / 4 * 32 + d % 4] = (int8_t)q[d];
  ((float *)kv->value_scales)[position] = vec_quantise(q, v, (int)dim, 127);
  for (size_t d = 0; d < dim; d++) values[4 * d] = (int8_t)q[d];
}

/* k, v: (n_heads, head_stride). Tokens of one slice may be written at the same time. */
void kv_write(const struct sotto_session *session, struct kv_layer *layer, size_t position, const float *k, const float *v) {
  const struct config *config = &session->model->config;
  const size_t dim = config->head_stride;
  for (size_t head = 0; head < layer->n_heads; head++, k += dim, v += dim) {
    const struct kv_head kv = kv_head(session, layer, head);
    if (session->kv_type == KV_INT8) write_bytes(&kv, position, dim, k, v);
    else write_floats(session->kv_type == KV_F16, &kv, position, dim, k, v);
  }
}

void kv_clear_after(const struct sotto_session *session, struct kv_layer *layer, size_t position) {
  const struct config *config = &session->model->config;
  const size_t row_bytes = config->head_stride * kv_item_bytes(session->kv_type), n_after = 7 - position % 8;
  if (session->kv_type == KV_INT8) return; /* bytes are always numbers */
  for (size_t head = 0; head < layer->n_heads; head++)
    memset(layer->values + (head * n_slots_of(session) + position + 1) * row_bytes, 0, n_after * row_bytes);
}
