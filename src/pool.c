/* pool.c: a loop's tasks, claimed one by one by whoever is free.
 *
 * `claim` holds the loop's number (upper half) and its next task (lower half). Whoever raises it by a compare-and-swap
 * owns that task, and knows that the loop's fields, read before, still belong to it: they change only while the lower
 * half says CLOSED. So a helper may come late, be paused anywhere or not exist at all, and every loop still ends.
 * Helpers spin for a moment, then sleep; the caller does the same when the last tasks are others'.
 *
 * A helper whose core is taken away in the middle of a task holds up the caller for a slice of the system's scheduler,
 * thousands of times a task's length. When that happens the caller goes on alone for some loops, for more each time. */
#include "pool.h"

#include <limits.h>
#include <stddef.h>

#define CLOSED 0xffffffffu
#define SPINS 20000 /* 20 to 100 microseconds: longer than the pause between two loops of one layer, cheaper than being woken */
#define STALL_NS 1000000      /* a helper that is this late has lost its core */
#define ALONE_LEAST 512       /* loops, about two tokens of a small model */
#define ALONE_MOST 32768      /* a second of it */
#define FORGIVING 16          /* loops without a stall that shorten the next time alone by one */

struct sotto_pool {
  _Alignas(64) uint64_t claim;
  _Alignas(64) int32_t n_done;    /* tasks of this loop that are finished */
  _Alignas(64) int32_t epoch;     /* raised when there is something new; helpers sleep on it */
  int32_t n_sleeping, is_waiting, is_closing; /* helpers that sleep; whether the caller does */
  uint32_t n_threads;
  uint32_t n_alone, alone_next; /* loops that the caller still runs alone; and after the next stall */
  uint32_t n_good;              /* loops without a stall */
  pool_task *run;
  void *argument;
  uint32_t n_tasks;
};

#if defined(__wasm_atomics__)
/* Returns whether it slept for timeout_ns, -1 for ever, without being woken. */
static bool sleep_while(int32_t *address, int32_t value, int64_t timeout_ns) {
  return __builtin_wasm_memory_atomic_wait32(address, value, timeout_ns) == 2;
}
static void wake(int32_t *address) { __builtin_wasm_memory_atomic_notify(address, UINT_MAX); }
static void pause_briefly(void) {}
#else /* no futex without an operating system: spin */
static bool sleep_while(int32_t *address, int32_t value, int64_t timeout_ns) {
  (void)address;
  (void)value;
  (void)timeout_ns;
  return false;
}
static void wake(int32_t *address) { (void)address; }
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
  *opened = (struct sotto_pool){.claim = CLOSED, .n_threads = n_threads, .alone_next = ALONE_LEAST};
  *pool = opened;
  return SOTTO_OK;
}

/* Works on whatever loop is open until none of its tasks is left. */
static void work(sotto_pool *pool, int thread) {
  for (;;) {
    uint64_t claim = __atomic_load_n(&pool->claim, __ATOMIC_SEQ_CST);
    const uint32_t task = (uint32_t)claim;
    if (task == CLOSED) return;
    pool_task *run = __atomic_load_n(&pool->run, __ATOMIC_RELAXED);
    void *argument = __atomic_load_n(&pool->argument, __ATOMIC_RELAXED);
    if (task >= __atomic_load_n(&pool->n_tasks, __ATOMIC_RELAXED)) return;
    if (!__atomic_compare_exchange_n(&pool->claim, &claim, claim + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) continue;
    run(argument, (int)task, thread);
    __atomic_add_fetch(&pool->n_done, 1, __ATOMIC_SEQ_CST);
    if (thread && __atomic_load_n(&pool->is_waiting, __ATOMIC_SEQ_CST)) wake(&pool->n_done);
  }
}

/* Waits for the tasks that others have claimed. Returns whether one of them stalled. */
static bool wait_for_others(sotto_pool *pool, int32_t n_tasks) {
  bool is_stalled = false;
  for (int spins = 0;; spins++) {
    const int32_t n_done = __atomic_load_n(&pool->n_done, __ATOMIC_SEQ_CST);
    if (n_done == n_tasks) return is_stalled;
    if (spins < SPINS) pause_briefly();
    else {
      __atomic_store_n(&pool->is_waiting, 1, __ATOMIC_SEQ_CST);
      is_stalled |= sleep_while(&pool->n_done, n_done, STALL_NS);
      __atomic_store_n(&pool->is_waiting, 0, __ATOMIC_SEQ_CST);
    }
  }
}

/* After a loop with others: whether the next ones are run alone. */
static void note_stall(sotto_pool *pool, bool is_stalled) {
  if (is_stalled) {
    pool->n_alone = pool->alone_next;
    if (pool->alone_next < ALONE_MOST) pool->alone_next *= 2;
  } else if (pool->alone_next > ALONE_LEAST && ++pool->n_good % FORGIVING == 0) {
    pool->alone_next--;
  }
}

void pool_run(sotto_pool *pool, pool_task *run, void *argument, int n_tasks) {
  const bool is_alone = !pool || pool->n_threads == 1 || pool->n_alone > 0;
  if (is_alone || n_tasks == 1) {
    for (int i = 0; i < n_tasks; i++) run(argument, i, 0);
    if (pool && pool->n_alone > 0) pool->n_alone--;
    return;
  }
  const uint64_t loop = (__atomic_load_n(&pool->claim, __ATOMIC_SEQ_CST) >> 32) + 1;
  __atomic_store_n(&pool->claim, loop << 32 | CLOSED, __ATOMIC_SEQ_CST);
  __atomic_store_n(&pool->run, run, __ATOMIC_RELAXED);
  __atomic_store_n(&pool->argument, argument, __ATOMIC_RELAXED);
  __atomic_store_n(&pool->n_tasks, (uint32_t)n_tasks, __ATOMIC_RELAXED);
  __atomic_store_n(&pool->n_done, 0, __ATOMIC_SEQ_CST);
  __atomic_store_n(&pool->claim, loop << 32, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&pool->epoch, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&pool->n_sleeping, __ATOMIC_SEQ_CST)) wake(&pool->epoch);
  work(pool, 0);
  note_stall(pool, wait_for_others(pool, n_tasks));
}

void sotto_pool_work(sotto_pool *pool, uint32_t index) {
  int32_t seen = __atomic_load_n(&pool->epoch, __ATOMIC_SEQ_CST);
  while (!__atomic_load_n(&pool->is_closing, __ATOMIC_SEQ_CST)) {
    work(pool, (int)index);
    int32_t epoch = seen;
    for (int spins = 0; spins < SPINS && epoch == seen; spins++) {
      pause_briefly();
      epoch = __atomic_load_n(&pool->epoch, __ATOMIC_SEQ_CST);
    }
    if (epoch == seen) {
      __atomic_add_fetch(&pool->n_sleeping, 1, __ATOMIC_SEQ_CST);
      sleep_while(&pool->epoch, seen, -1);
      __atomic_sub_fetch(&pool->n_sleeping, 1, __ATOMIC_SEQ_CST);
    }
    seen = __atomic_load_n(&pool->epoch, __ATOMIC_SEQ_CST);
  }
}

void sotto_pool_close(sotto_pool *pool) {
  __atomic_store_n(&pool->is_closing, 1, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&pool->epoch, 1, __ATOMIC_SEQ_CST);
  wake(&pool->epoch);
}
