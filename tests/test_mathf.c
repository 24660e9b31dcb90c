/* test_mathf.c: the engine's own maths against the C library's in long double, on dense grids; and a few exact results. */
#include "mathf.h"
#include "test.h"

#include <math.h>

#define N 400000 /* points of a grid */

/* What mathf.h promises. */
#define EXP_ERROR 2.5e-16
#define LOG_ERROR 2.5e-16
#define POW_ERROR 3e-16
#define SIN_ERROR 2.5e-16

static double relative(double got, long double expected) { return (double)fabsl((got - expected) / expected); }

/* The i-th of N points between low and high, never on a round number. */
static double point(int i, double low, double high) { return low + (high - low) * ((i + 0.375) / N); }

static void exp_is_close(void) {
  double worst = 0;
  for (int i = 0; i < N; i++) {
    const double wide = point(i, -708, 709.7), narrow = point(i, -1, 1);
    worst = fmax(worst, relative(math_exp(wide), expl(wide)));
    worst = fmax(worst, relative(math_exp(narrow), expl(narrow)));
  }
  CHECK(worst < EXP_ERROR);
}

static void log_is_close(void) {
  double worst = 0;
  for (int i = 0; i < N; i++) {
    const double wide = exp(point(i, -708, 709)), narrow = point(i, 0.5, 2), near_one = 1 + point(i, -1e-6, 1e-6);
    worst = fmax(worst, relative(math_log(wide), logl(wide)));
    worst = fmax(worst, relative(math_log(narrow), logl(narrow)));
    worst = fmax(worst, relative(math_log(near_one), logl(near_one)));
  }
  CHECK(worst < LOG_ERROR);
}

static void pow_is_close(void) {
  const double bases[] = {10000, 500000, 1e6, 1e30, 1e-3, 1.0000001, 2};
  double worst = 0;
  for (int b = 0; b < 7; b++)
    for (int i = 0; i < N / 8; i++) {
      const double y = point(8 * i, -10, 10);
      worst = fmax(worst, relative(math_pow(bases[b], y), powl(bases[b], y)));
    }
  CHECK(worst < POW_ERROR);
}

static void sin_and_cos_are_close(void) {
  double worst = 0;
  for (int i = 0; i < N; i++) {
    const double quarter = i * 6.75 * 1.5707963267948966; /* where sin or cos is next to 0, and between */
    const double angles[] = {point(i, -10, 10), point(i, -MATH_ANGLE_MAX, MATH_ANGLE_MAX), quarter, i * 5.0};
    for (int a = 0; a < 4; a++) {
      worst = fmax(worst, (double)fabsl(math_sin(angles[a]) - sinl(angles[a])));
      worst = fmax(worst, (double)fabsl(math_cos(angles[a]) - cosl(angles[a])));
    }
  }
  CHECK(worst < SIN_ERROR);
}

static void special_values_are_right(void) {
  CHECK(math_exp(0) == 1 && math_log(1) == 0 && math_pow(7, 0) == 1 && math_sin(0) == 0 && math_cos(0) == 1);
  CHECK(math_exp(-INFINITY) == 0 && math_exp(-746) == 0 && math_exp(710) == INFINITY && math_exp(INFINITY) == INFINITY);
  CHECK(math_exp(-745) == exp(-745) && isnan(math_exp(NAN)));
  CHECK(math_log(0) == -INFINITY && math_log(INFINITY) == INFINITY && isnan(math_log(-1)) && isnan(math_log(NAN)));
  CHECK(relative(math_log(5e-324), logl(5e-324)) < LOG_ERROR && relative(math_log(1e-310), logl(1e-310)) < LOG_ERROR);
  CHECK(math_pow(2, 10) == 1024 && math_pow(2, -1022) == 0x1p-1022 && math_pow(1e4, 1e300) == INFINITY);
  CHECK(math_pow(1e4, -1e300) == 0 && isnan(math_pow(0, 1)) && isnan(math_pow(-2, 2)));
  CHECK(isnan(math_sin(NAN)) && isnan(math_cos(INFINITY)) && isnan(math_sin(2 * MATH_ANGLE_MAX)));
  CHECK(!isnan(math_sin(MATH_ANGLE_MAX)) && !isnan(math_cos(-MATH_ANGLE_MAX)));
}

int main(void) {
  RUN(exp_is_close);
  RUN(log_is_close);
  RUN(pow_is_close);
  RUN(sin_and_cos_are_close);
  RUN(special_values_are_right);
  return test_end();
}
