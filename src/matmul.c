/* matmul.c: activations -> the forms that packed weights want -> products, shared among the pool's threads. One token
 * goes through the gemv kernels, more go through gemm in tiles of four. */
#include "session.h"

/* Chunks of a loop for each thread: many, so that one that is slowed down does not hold up the others for long; few where a
 * chunk is a microsecond, not much more than claiming it. */
#define TOKEN_CHUNKS 2
#define PROMPT_CHUNKS 32
#define MAX_CHUNK 512 /* groups of 8 rows in one kernel call: short calls reach the engine's optimised tier sooner */
/* Products of a chunk, some 0.3 ms: a thread that takes a millisecond counts as stalled (pool.c). */
#define MAX_PRODUCTS (1 << 24)
#define MAX_TOKEN_PRODUCTS (1 << 22) /* of one token, which waits for memory */

struct prepare_job {
  struct sotto_session *session;
  const float *x;
  size_t x_stride;
  int n_tokens, k;
  bool wants[ACT_FORM_COUNT];
};

/* One tile of four tokens. */
static void prepare_tile(void *argument, int task, int thread) {
  (void)thread;
  const struct prepare_job *job = argument;
  const struct kernels *kernels = job->session->model->kernels;
  const float *x = job->x + (size_t)task * TILE_TOKENS * job->x_stride;
  for (enum act_form form = 0; form < ACT_FORM_COUNT; form++) {
    if (!job->wants[form]) continue;
    uint8_t *out = (uint8_t *)job->session->acts.forms[form] + (size_t)task * act_tile_bytes(form, job->k);
    if (job->n_tokens == 1) kernels->prepare1[form](out, x, job->k);
    else kernels->prepare4[form](out, x, (int)job->x_stride, job->k);
  }
}

static int n_tiles_of(int n_tokens) { return (n_tokens + TILE_TOKENS - 1) / TILE_TOKENS; }

/* The rows of x beyond n_tokens, up to a whole tile, are read: they hold what earlier slices left there. */
void matmul_prepare(struct sotto_session *session, const float *x, size_t x_stride, int n_tokens,
                    const struct product *products, int n_products) {
  struct prepare_job job = {session, x, x_stride, n_tokens, (int)products[0].weight->k, {false}};
  for (int i = 0; i < n_products; i++) job.wants[act_form(session->model->kernels, products[i].weight->layout)] = true;
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
  const struct kernels *kernels = job->session->model->kernels;
  const void *x = job->session->acts.forms[act_form(kernels, weight->layout)];
  float *y = product->y + (size_t)first * TILE_ROWS;
  if (job->n_tokens == 1) kernels->gemv[weight->layout](y, data, x, (int)weight->k, n);
  else
    kernels->gemm[weight->layout](y, (int)product->y_stride, data, x, (int)weight->k, n, n_tiles_of(job->n_tokens),
                                  job->session->panels + (size_t)thread * job->session->panel_bytes);
}

void matmul_run(struct sotto_session *session, int n_tokens, const struct product *products, int n_products) {
  int n_groups = 0, n_tasks = 0;
  for (int i = 0; i < n_products; i++) n_groups += n_groups_of(&products[i]);
  int chunk = n_groups / ((int)session->n_threads * (n_tokens == 1 ? TOKEN_CHUNKS : PROMPT_CHUNKS)) + 1;
  const uint64_t group_products = (uint64_t)TILE_ROWS * products[0].weight->k * (uint64_t)n_tokens;
  const uint64_t most = (n_tokens == 1 ? MAX_TOKEN_PRODUCTS : MAX_PRODUCTS) / group_products;
  if (chunk > MAX_CHUNK) chunk = MAX_CHUNK;
  if ((uint64_t)chunk > most) chunk = most ? (int)most : 1;
  for (int i = 0; i < n_products; i++) n_tasks += (n_groups_of(&products[i]) + chunk - 1) / chunk;
  struct run_job job = {session, products, n_tokens, chunk};
  pool_run(session->pool, run_chunk, &job, n_tasks);
}
