/* kv.c: writes a token's keys and values where the attention kernels read them. */
#include "session.h"

#include <string.h>

static void put(bool f16, void *cache, size_t index, float x) {
  if (f16) ((uint16_t *)cache)[index] = f16_from_f32(x);
  else ((float *)cache)[index] = x;
}

/* k, v: (n_kv_heads, head_dim). Tokens of one slice may be written at the same time. */
void kv_write(const struct sotto_session *session, struct kv_layer *layer, size_t position, const float *k, const float *v) {
  const struct config *config = &session->model->config;
  const size_t dim = config->head_dim, n_slots = round_up(session->n_ctx, 8);
  for (size_t head = 0; head < config->n_kv_heads; head++) {
    const size_t base = head * n_slots * dim, value_at = base + position * dim;
    const size_t key_at = base + position / 8 * 8 * dim + position % 8;
    for (size_t d = 0; d < dim; d++) {
      put(session->kv_f16, layer->keys, key_at + 8 * d, k[head * dim + d]);
      put(session->kv_f16, layer->values, value_at + d, v[head * dim + d]);
    }
  }
}

void kv_clear_after(const struct sotto_session *session, struct kv_layer *layer, size_t position) {
  const struct config *config = &session->model->config;
  const size_t dim = config->head_dim, n_slots = round_up(session->n_ctx, 8), item = session->kv_f16 ? 2 : 4;
  const size_t n_after = 7 - position % 8;
  for (size_t head = 0; head < config->n_kv_heads; head++)
    memset((uint8_t *)layer->values + (head * n_slots + position + 1) * dim * item, 0, n_after * dim * item);
}
