/* helpers.h: a pool with its helper threads, for tests. */
#ifndef SOTTO_TESTS_HELPERS_H
#define SOTTO_TESTS_HELPERS_H

#include "test.h"

#include "../src/pool.h"

#include <pthread.h>
#include <time.h>

enum { MOST_THREADS = 4 };

struct helper {
  sotto_pool *pool;
  pthread_t thread;
  uint32_t index;
  int64_t delay_ns; /* until it comes */
};

struct helped_pool {
  sotto_pool *pool;
  void *block;
  uint32_t n_helpers;
  struct helper helpers[MOST_THREADS];
};

static void sleep_ns(int64_t ns) { nanosleep(&(struct timespec){ns / 1000000000, ns % 1000000000}, NULL); }

static void *help(void *argument) {
  const struct helper *helper = argument;
  sleep_ns(helper->delay_ns);
  sotto_pool_work(helper->pool, helper->index);
  return NULL;
}

/* A pool for n_threads, of which n_helpers + 1 exist, the caller included. */
static void open_pool(struct helped_pool *out, uint32_t n_threads, uint32_t n_helpers, int64_t delay_ns) {
  const size_t n_bytes = sotto_pool_measure(n_threads);
  out->block = malloc(n_bytes);
  out->n_helpers = n_helpers;
  REQUIRE(sotto_pool_open(out->block, n_bytes, n_threads, &out->pool) == SOTTO_OK);
  for (uint32_t i = 0; i < n_helpers; i++) {
    struct helper *helper = &out->helpers[i];
    *helper = (struct helper){.pool = out->pool, .index = i + 1, .delay_ns = delay_ns};
    pthread_create(&helper->thread, NULL, help, helper);
  }
}

static void close_pool(struct helped_pool *pool) {
  sotto_pool_close(pool->pool);
  for (uint32_t i = 0; i < pool->n_helpers; i++) pthread_join(pool->helpers[i].thread, NULL);
  free(pool->block);
}

#endif
