/* test.h: the harness of the native tests. A test is a function without arguments; CHECK notes a failure and goes on,
 * REQUIRE gives the test up. The closing line is "N passed, N failed". */
#ifndef SOTTO_TEST_H
#define SOTTO_TEST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int test_n_passed, test_n_failed, test_n_skipped;
static bool test_is_failed, test_is_skipped;

#define CHECK(condition) test_check((condition), #condition, __FILE__, __LINE__)
#define REQUIRE(condition) do { if (!CHECK(condition)) return; } while (0)
#define SKIP(reason) do { printf("skipped: %s\n", reason); test_is_skipped = true; return; } while (0)
#define RUN(test) test_run(test, #test)

static inline bool test_check(bool is_true, const char *condition, const char *file, int line) {
  if (!is_true) printf("%s:%d: not so: %s\n", file, line, condition);
  if (!is_true) test_is_failed = true;
  return is_true;
}

static inline void test_run(void (*test)(void), const char *name) {
  test_is_failed = test_is_skipped = false;
  test();
  printf("%s %s\n", test_is_failed ? "FAILED" : test_is_skipped ? "skipped" : "ok", name);
  fflush(stdout); /* a sanitizer that ends the next test ends the program */
  if (test_is_failed) test_n_failed++;
  else if (test_is_skipped) test_n_skipped++;
  else test_n_passed++;
}

/* The closing line; main returns this. */
static inline int test_end(void) {
  printf("%d passed, %d failed, %d skipped\n", test_n_passed, test_n_failed, test_n_skipped);
  return test_n_failed ? 1 : 0;
}

/* Repeatable random numbers (xorshift, Marsaglia 2003). */
static inline uint32_t test_random(uint32_t *state) {
  uint32_t x = *state ? *state : 1;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

/* -1 to 1 */
static inline float test_random_float(uint32_t *state) { return (float)(int32_t)test_random(state) / 2147483648.0f; }

#endif
