/* test_pool.c: every task of a loop is run exactly once, whoever helps, late, after a sleep or never. */
#include "helpers.h"

enum { MOST_TASKS = 64 };

struct loop {
  int n_runs[MOST_TASKS];    /* how often each task was run */
  int n_by[MOST_THREADS];    /* and how many by each thread */
  int is_waiting_for_help;   /* the caller's first task waits for a helper's */
};

static int helped(const struct loop *loop) {
  int n = 0;
  for (int i = 1; i < MOST_THREADS; i++) n += __atomic_load_n(&loop->n_by[i], __ATOMIC_SEQ_CST);
  return n;
}

static void count(void *argument, int task, int thread) {
  struct loop *loop = argument;
  __atomic_add_fetch(&loop->n_runs[task], 1, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&loop->n_by[thread], 1, __ATOMIC_SEQ_CST);
  while (loop->is_waiting_for_help && thread == 0 && !helped(loop)) continue;
}

static bool runs_once(sotto_pool *pool, int n_tasks, bool with_help) {
  struct loop loop = {.is_waiting_for_help = with_help};
  pool_run(pool, count, &loop, n_tasks);
  for (int i = 0; i < MOST_TASKS; i++)
    if (!CHECK(loop.n_runs[i] == (i < n_tasks))) return false;
  return true;
}

/* Of n_threads the first n_helpers + 1 exist, the caller included. */
struct way {
  uint32_t n_threads, n_helpers;
  int64_t delay_ns; /* until the helpers come */
  int64_t pause_ns; /* after every 100th loop */
  int n_loops;
};

static void check_way(struct way way) {
  struct helped_pool helped;
  uint32_t seed = way.n_threads;
  open_pool(&helped, way.n_threads, way.n_helpers, way.delay_ns);
  for (int i = 0; i < way.n_loops; i++) {
    if (!runs_once(helped.pool, (int)(test_random(&seed) % (MOST_TASKS + 1)), false)) break;
    if (way.pause_ns && i % 100 == 99) sleep_ns(way.pause_ns);
  }
  if (way.n_helpers) runs_once(helped.pool, 2, true);
  close_pool(&helped);
}

static void a_loop_runs_each_task_once(void) {
  for (uint32_t n = 1; n <= MOST_THREADS; n++) check_way((struct way){.n_threads = n, .n_helpers = n - 1, .n_loops = 5000});
}

static void helpers_may_come_late(void) {
  for (uint32_t n = 2; n <= MOST_THREADS; n++)
    check_way((struct way){.n_threads = n, .n_helpers = n - 1, .n_loops = 5000, .delay_ns = 1000000});
}

static void helpers_may_never_come(void) {
  for (uint32_t n = 2; n <= MOST_THREADS; n++) check_way((struct way){.n_threads = n, .n_loops = 5000});
  check_way((struct way){.n_threads = MOST_THREADS, .n_helpers = 1, .n_loops = 5000});
}

/* Longer than helpers spin. */
static void callers_may_pause(void) {
  for (uint32_t n = 2; n <= MOST_THREADS; n++)
    check_way((struct way){.n_threads = n, .n_helpers = n - 1, .n_loops = 2000, .pause_ns = 2000000});
}

static void without_a_pool_the_caller_runs_all(void) { runs_once(NULL, MOST_TASKS, false); }

int main(void) {
  RUN(a_loop_runs_each_task_once);
  RUN(helpers_may_come_late);
  RUN(helpers_may_never_come);
  RUN(callers_may_pause);
  RUN(without_a_pool_the_caller_runs_all);
  return test_end();
}
