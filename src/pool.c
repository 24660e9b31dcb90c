/* pool.c: a loop's tasks, claimed by whoever is free: several at once while many are left, one by one in the end.
 *
 * `claim` holds the loop's number (upper half) and its next task (lower half). Whoever raises it by a compare-and-swap
 * owns the tasks between, and knows that the loop's fields, read before, belong to it: they lie in two slots in turn, so
 * those of a loop change only when `claim` has gone on to the next one. A helper may come late, be paused anywhere or not
 * exist at all, and every loop still ends. Helpers spin for a moment, then sleep; the caller does the same when the last
 * tasks are others'.
 *
 * What costs is a cache line that goes from core to core. The next loop's begin is one, which helpers wait for on `claim`
 * itself; each claim is one where the last was another's; and all that a helper has finished of a loop is told at once.
 *
 * A helper whose core is taken away in the middle of a task holds up the caller for a slice of the system's scheduler,
 * thousands of times a task's length. When that happens the caller goes on alone for a while, for longer each time unless the
 * helpers had been of use for long enough before. */
#include "pool.h"

#include <limits.h>
#include <stddef.h>

#define SPINS 20000      /* 20 to 100 microseconds: longer than the pause between two loops of one layer, cheaper than being woken */
#define CLAIMS 4         /* of n tasks that are left, n / (CLAIMS * threads) are claimed at once */
#define STALL_NS 1000000 /* a helper that is this late has lost its core */

/* Time in tasks, each of some microseconds, of prompts and of single tokens alike. */
#define ALONE_LEAST 512    /* some milliseconds */
#define ALONE_MOST 131072  /* a second */
#define WORTH_A_STALL 8192 /* with helpers: saves more than a stall costs */

struct loop {
  pool_task *run;
  void *argument;
  uint32_t n_tasks;
};

struct sotto_pool {
  _Alignas(64) uint64_t claim;  /* helpers sleep on it */
  struct loop loops[2];         /* by the lowest bit of the loop's number */
  uint32_t n_threads;
  _Alignas(64) uint32_t n_done; /* tasks that helpers have finished, of all loops */
  _Alignas(64) uint32_t n_sleeping, is_waiting, is_closing; /* helpers that sleep; whether the caller does */
  _Alignas(64) uint32_t n_alone; /* the caller's own: tasks that it still runs alone, */
  uint32_t alone_last;           /* and did after the last stall; */
  uint32_t n_together;           /* tasks with helpers since */
};

#if defined(__wasm_atomics__)
/* Returns whether it slept for timeout_ns without being woken. */
static bool sleep_at_done(uint32_t *n_done, uint32_t value, int64_t timeout_ns) {
  return __builtin_wasm_memory_atomic_wait32((int *)n_done, (int)value, timeout_ns) == 2;
}
static void sleep_at_claim(uint64_t *claim, uint64_t value) {
  __builtin_wasm_memory_atomic_wait64((long long *)claim, (long long)value, -1);
}
static void wake(void *address) { __builtin_wasm_memory_atomic_notify(address, UINT_MAX); }
static void pause_briefly(void) {}
#else /* no futex without an operating system: spin */
static bool sleep_at_done(uint32_t *n_done, uint32_t value, int64_t timeout_ns) {
  (void)n_done;
  (void)value;
  (void)timeout_ns;
  return false;
}
static void sleep_at_claim(uint64_t *claim, uint64_t value) {
  (void)claim;
  (void)value;
}
static void wake(void *address) { (void)address; }
static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}
#endif

size_t sotto_pool_measure(uint32_t n_threads) {
  (void)n_threads;
  return sizeof(struct sotto_pool) + _Alignof(struct sotto_pool);
}

enum sotto_status sotto_pool_open(void *block, size_t block_bytes, uint32_t n_threads, sotto_pool **pool) {
  if (n_threads == 0 || block_bytes < sotto_pool_measure(n_threads)) return SOTTO_INVALID_ARGUMENT;
  const uintptr_t align = _Alignof(struct sotto_pool);
  sotto_pool *opened = (sotto_pool *)(((uintptr_t)block + align - 1) & ~(align - 1));
  *opened = (struct sotto_pool){.n_threads = n_threads, .alone_last = ALONE_LEAST / 2};
  *pool = opened;
  return SOTTO_OK;
}

/* Works on whatever loop is open until none of its tasks is left. Returns how many it ran; *seen gets the claim that has none. */
static uint32_t work(sotto_pool *pool, int thread, uint64_t *seen) {
  uint32_t n_run = 0;
  uint64_t claim = __atomic_load_n(&pool->claim, __ATOMIC_SEQ_CST);
  for (;;) {
    struct loop *loop = &pool->loops[claim >> 32 & 1];
    pool_task *run = __atomic_load_n(&loop->run, __ATOMIC_ACQUIRE);
    void *argument = __atomic_load_n(&loop->argument, __ATOMIC_ACQUIRE);
    const uint32_t first = (uint32_t)claim, end = __atomic_load_n(&loop->n_tasks, __ATOMIC_ACQUIRE);
    if (first >= end) break;
    const uint32_t n = 1 + (end - first - 1) / (CLAIMS * pool->n_threads);
    if (!__atomic_compare_exchange_n(&pool->claim, &claim, claim + n, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) continue;
    for (uint32_t i = 0; i < n; i++) run(argument, (int)(first + i), thread);
    n_run += n;
    claim = __atomic_load_n(&pool->claim, __ATOMIC_SEQ_CST);
  }
  *seen = claim;
  return n_run;
}

/* Waits until helpers have finished n_done tasks. Returns whether one of them stalled. */
static bool wait_for_others(sotto_pool *pool, uint32_t n_done) {
  bool is_stalled = false;
  for (int spins = 0;; spins++) {
    const uint32_t n = __atomic_load_n(&pool->n_done, __ATOMIC_SEQ_CST);
    if (n == n_done) return is_stalled;
    if (spins < SPINS) pause_briefly();
    else {
      __atomic_store_n(&pool->is_waiting, 1, __ATOMIC_SEQ_CST);
      is_stalled |= sleep_at_done(&pool->n_done, n, STALL_NS);
      __atomic_store_n(&pool->is_waiting, 0, __ATOMIC_SEQ_CST);
    }
  }
}

/* Its fields are written before `claim`, so whoever sees its number sees them, or those of the loop after the next. */
static void open_loop(sotto_pool *pool, pool_task *run, void *argument, uint32_t n_tasks) {
  const uint64_t number = (__atomic_load_n(&pool->claim, __ATOMIC_SEQ_CST) >> 32) + 1;
  struct loop *loop = &pool->loops[number & 1];
  __atomic_store_n(&loop->run, run, __ATOMIC_RELEASE);
  __atomic_store_n(&loop->argument, argument, __ATOMIC_RELEASE);
  __atomic_store_n(&loop->n_tasks, n_tasks, __ATOMIC_RELEASE);
  __atomic_store_n(&pool->claim, number << 32, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&pool->n_sleeping, __ATOMIC_SEQ_CST)) wake(&pool->claim);
}

/* After a loop of n_tasks with others: whether the next ones are run alone. */
static void note_stall(sotto_pool *pool, uint32_t n_tasks, bool is_stalled) {
  pool->n_together += n_tasks;
  if (!is_stalled) return;
  if (pool->n_together >= WORTH_A_STALL) pool->alone_last = ALONE_LEAST;
  else if (pool->alone_last < ALONE_MOST) pool->alone_last *= 2;
  pool->n_alone = pool->alone_last;
  pool->n_together = 0;
}

void pool_run(sotto_pool *pool, pool_task *run, void *argument, int n_tasks) {
  const bool is_alone = !pool || pool->n_threads == 1 || pool->n_alone > 0;
  if (is_alone || n_tasks <= 1) {
    for (int i = 0; i < n_tasks; i++) run(argument, i, 0);
    if (pool && pool->n_alone > 0) pool->n_alone -= (uint32_t)n_tasks < pool->n_alone ? (uint32_t)n_tasks : pool->n_alone;
    return;
  }
  const uint32_t n_done = __atomic_load_n(&pool->n_done, __ATOMIC_SEQ_CST);
  open_loop(pool, run, argument, (uint32_t)n_tasks);
  uint64_t seen;
  const uint32_t n_run = work(pool, 0, &seen);
  note_stall(pool, (uint32_t)n_tasks, wait_for_others(pool, n_done + (uint32_t)n_tasks - n_run));
}

void sotto_pool_work(sotto_pool *pool, uint32_t index) {
  while (!__atomic_load_n(&pool->is_closing, __ATOMIC_SEQ_CST)) {
    uint64_t seen;
    const uint32_t n_run = work(pool, (int)index, &seen);
    if (n_run) __atomic_add_fetch(&pool->n_done, n_run, __ATOMIC_SEQ_CST);
    if (n_run && __atomic_load_n(&pool->is_waiting, __ATOMIC_SEQ_CST)) wake(&pool->n_done);
    int spins = 0;
    while (spins < SPINS && __atomic_load_n(&pool->claim, __ATOMIC_SEQ_CST) == seen) {
      pause_briefly();
      spins++;
    }
    if (spins < SPINS) continue;
    __atomic_add_fetch(&pool->n_sleeping, 1, __ATOMIC_SEQ_CST);
    sleep_at_claim(&pool->claim, seen);
    __atomic_sub_fetch(&pool->n_sleeping, 1, __ATOMIC_SEQ_CST);
  }
}

void sotto_pool_close(sotto_pool *pool) {
  __atomic_store_n(&pool->is_closing, 1, __ATOMIC_SEQ_CST);
  open_loop(pool, NULL, NULL, 0);
}
