/* pool.h: threads that share the tasks of one loop at a time. */
#ifndef SOTTO_POOL_H
#define SOTTO_POOL_H

#include "sotto.h"

/* One task of a loop; thread is 0 (the caller) to n_threads - 1 and picks the scratch. */
typedef void pool_task(void *argument, int task, int thread);

/* Runs task 0 to n_tasks - 1, in any order, and returns when all are done. pool may be NULL. */
void pool_run(sotto_pool *pool, pool_task *run, void *argument, int n_tasks);

#endif
