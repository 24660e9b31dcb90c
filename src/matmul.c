/* matmul.c: activations -> the forms that packed weights want -> products, shared among the pool's threads. One token
 * goes through the gemv kernels, more go through gemm in tiles of four. */
#include "session.h"

#include <string.h>

#define CHUNKS_PER_THREAD 4 /* so that a thread that is slowed down does not hold up the others for long */
#define MAX_CHUNK 32        /* groups of 8 rows in one kernel call: short calls reach the engine's optimised tier sooner */

struct prepare_job {
  struct sotto_session *session;
  const float *x;
  size_t x_stride;
  int n_tokens, k;
  bool wants[ACT_FORM_COUNT];
};

static void prepare_one(const struct prepare_job *job, const struct acts *acts, const struct kernels *kernels) {
  if (job->wants[ACT_NARROW]) kernels->narrow1(acts->forms[ACT_NARROW], job->x, job->k);
  if (job->wants[ACT_WIDE]) kernels->wide1(acts->forms[ACT_WIDE], job->x, job->k);
  if (job->wants[ACT_FLOAT]) memcpy(acts->forms[ACT_FLOAT], job->x, (size_t)job->k * sizeof(float));
}

/* One tile of four tokens. */
static void prepare_tile(void *argument, int task, int thread) {
  (void)thread;
  const struct prepare_job *job = argument;
  const struct acts *acts = &job->session->acts;
  const struct kernels *kernels = job->session->model->kernels;
  if (job->n_tokens == 1) {
    prepare_one(job, acts, kernels);
    return;
  }
  const size_t tile = (size_t)task, n_blocks = (size_t)(job->k / BLOCK), k = (size_t)job->k;
  const float *x = job->x + tile * TILE_TOKENS * job->x_stride;
  if (job->wants[ACT_NARROW])
    kernels->narrow4((struct act4 *)acts->forms[ACT_NARROW] + tile * n_blocks, x, (int)job->x_stride, job->k);
  if (job->wants[ACT_WIDE])
    kernels->wide4((struct wide4 *)acts->forms[ACT_WIDE] + tile * n_blocks, x, (int)job->x_stride, job->k);
  if (job->wants[ACT_FLOAT]) {
    float *out = (float *)acts->forms[ACT_FLOAT] + tile * k * TILE_TOKENS;
    for (size_t i = 0; i < k; i++)
      for (size_t t = 0; t < TILE_TOKENS; t++) *out++ = x[t * job->x_stride + i];
  }
}

static int n_tiles_of(int n_tokens) { return (n_tokens + TILE_TOKENS - 1) / TILE_TOKENS; }

/* The rows of x beyond n_tokens, up to a whole tile, are read: they hold what earlier slices left there. */
void matmul_prepare(struct sotto_session *session, const float *x, size_t x_stride, int n_tokens,
                    const struct product *products, int n_products) {
  struct prepare_job job = {session, x, x_stride, n_tokens, (int)products[0].weight->k, {false}};
  for (int i = 0; i < n_products; i++) job.wants[layouts[products[i].weight->layout].act] = true;
  pool_run(session->pool, prepare_tile, &job, n_tiles_of(n_tokens));
}

struct run_job {
  struct sotto_session *session;
  const struct product *products;
  int n_tokens, chunk;
};

static int n_groups_of(const struct product *product) { return (int)((product->weight->n_rows + TILE_ROWS - 1) / TILE_ROWS); }

/* One chunk of groups of one product. */
static void run_chunk(void *argument, int task, int thread) {
  const struct run_job *job = argument;
  const struct product *product = job->products;
  for (int n; task >= (n = (n_groups_of(product) + job->chunk - 1) / job->chunk); product++) task -= n;
  const struct tensor *weight = product->weight;
  const int first = task * job->chunk, left = n_groups_of(product) - first, n = left < job->chunk ? left : job->chunk;
  const uint8_t *data = weight->data + (size_t)first * weight->group_bytes;
  const void *x = job->session->acts.forms[layouts[weight->layout].act];
  const struct kernels *kernels = job->session->model->kernels;
  float *y = product->y + (size_t)first * TILE_ROWS;
  if (job->n_tokens == 1) kernels->gemv[weight->layout](y, data, x, (int)weight->k, n);
  else
    kernels->gemm[weight->layout](y, (int)product->y_stride, data, x, (int)weight->k, n, n_tiles_of(job->n_tokens),
                                  job->session->panels + (size_t)thread * job->session->panel_bytes);
}

void matmul_run(struct sotto_session *session, int n_tokens, const struct product *products, int n_products) {
  int n_groups = 0, n_tasks = 0;
  for (int i = 0; i < n_products; i++) n_groups += n_groups_of(&products[i]);
  int chunk = n_groups / (int)(session->n_threads * CHUNKS_PER_THREAD) + 1;
  if (chunk > MAX_CHUNK) chunk = MAX_CHUNK;
  for (int i = 0; i < n_products; i++) n_tasks += (n_groups_of(&products[i]) + chunk - 1) / chunk;
  struct run_job job = {session, products, n_tokens, chunk};
  pool_run(session->pool, run_chunk, &job, n_tasks);
}
