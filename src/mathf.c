/* mathf.c: exp, log, pow, sin and cos by argument reduction and Taylor series. Each series stops where the next term
 * is below 2^-56 of the result, so what remains is the rounding of the last additions.
 *
 *   exp x = 2^k * exp r       k = round(x / ln 2),    r = x - k ln 2        |r| <= ln 2 / 2 = 0.347
 *   log x = k ln 2 + log m    x = 2^k m,              m in [sqrt 1/2, sqrt 2]
 *   log m = 2 atanh s = 2 (s + s^3/3 + s^5/5 ...)     s = (m - 1) / (m + 1) |s| <= 0.172
 *   sin x = +-sin r or +-cos r    n = round(x / (pi/2)),  r = x - n pi/2    |r| <= pi / 4 = 0.785 */
#include "mathf.h"

#include <stdint.h>

/* ln 2 = LN2_HIGH + LN2_LOW; the high part ends after 38 binary places, so that k * LN2_HIGH is exact (|k| < 2^14). */
#define LN2_HIGH 0x1.62e42fefap-1
#define LN2_LOW 0x1.cf79abc9e3b3ap-40
#define LOG2_E 0x1.71547652b82fep+0
#define SQRT2 0x1.6a09e667f3bcdp+0

#define INFINITE __builtin_inf()
#define NOT_A_NUMBER __builtin_nan("")

union number {
  double value;
  uint64_t bits;
};

/* 2^exponent, for an exponent in [-1022, 1023]. */
static double power_of_two(int32_t exponent) {
  const union number power = {.bits = (uint64_t)(exponent + 1023) << 52};
  return power.value;
}

static int32_t round_to_int(double x) { return (int32_t)(x < 0 ? x - 0.5 : x + 0.5); }

/* ---- exp ---- */

double math_exp(double x) {
  if (x != x) return x;
  if (x > 709.8) return INFINITE; /* log of the largest double is 709.78 */
  if (x < -745.2) return 0;       /* log of half the smallest one is -745.13 */
  const int32_t k = round_to_int(x * LOG2_E);
  const double r = (x - k * LN2_HIGH) - k * LN2_LOW;
  /* exp r = 1 + (r + r^2 tail): the tail is small, so that only the two last additions round visibly. */
  double tail = 1.0 / 6227020800; /* 1/13!; the next term is 0.347^14/14! = 4e-18 */
  tail = tail * r + 1.0 / 479001600;
  tail = tail * r + 1.0 / 39916800;
  tail = tail * r + 1.0 / 3628800;
  tail = tail * r + 1.0 / 362880;
  tail = tail * r + 1.0 / 40320;
  tail = tail * r + 1.0 / 5040;
  tail = tail * r + 1.0 / 720;
  tail = tail * r + 1.0 / 120;
  tail = tail * r + 1.0 / 24;
  tail = tail * r + 1.0 / 6;
  tail = tail * r + 0.5;
  const double result = 1.0 + (r + r * r * tail);
  const int32_t half = k / 2; /* in two steps: 2^1024 is no double, and neither is 2^-1074 normal */
  return result * power_of_two(half) * power_of_two(k - half);
}

/* ---- log ---- */

/* An unevaluated sum: high holds the leading 53 bits, low what they lack. */
struct sum {
  double high, low;
};

/* a + b without error, where |a| >= |b| or a is 0. */
static struct sum add_exactly(double a, double b) {
  const double high = a + b;
  return (struct sum){high, b - (high - a)};
}

/* a * b without error (Dekker): each factor is cut into halves of 26 bits, whose products are exact. */
static struct sum multiply_exactly(double a, double b) {
  const double cut = 134217729; /* 2^27 + 1 */
  const double a_high = a * cut - (a * cut - a), a_low = a - a_high;
  const double b_high = b * cut - (b * cut - b), b_low = b - b_high;
  const double high = a * b;
  return (struct sum){high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low};
}

/* log of a positive, finite x to about 70 bits: pow multiplies it, and so its error, by up to 700. */
static struct sum log_sum(double x) {
  int32_t k = 0;
  if (x < 0x1p-1022) { /* subnormal */
    x *= 0x1p54;
    k = -54;
  }
  union number m = {.value = x};
  k += (int32_t)(m.bits >> 52) - 1023;
  m.bits = (m.bits & 0xfffffffffffffu) | (uint64_t)1023 << 52;
  if (m.value > SQRT2) {
    m.value *= 0.5;
    k++;
  }
  const struct sum denominator = add_exactly(m.value > 1 ? m.value : 1, m.value > 1 ? 1 : m.value);
  const double numerator = m.value - 1, s = numerator / denominator.high;
  const struct sum product = multiply_exactly(s, denominator.high);
  const double s_low = ((numerator - product.high) - product.low - s * denominator.low) / denominator.high;

  const double square = s * s;
  double tail = 1.0 / 23; /* the next term is 2 * 0.172^25/25 = 6e-21 */
  tail = tail * square + 1.0 / 21;
  tail = tail * square + 1.0 / 19;
  tail = tail * square + 1.0 / 17;
  tail = tail * square + 1.0 / 15;
  tail = tail * square + 1.0 / 13;
  tail = tail * square + 1.0 / 11;
  tail = tail * square + 1.0 / 9;
  tail = tail * square + 1.0 / 7;
  tail = tail * square + 1.0 / 5;
  tail = tail * square + 1.0 / 3;
  const struct sum lead = add_exactly(k * LN2_HIGH, 2 * s);
  return add_exactly(lead.high, lead.low + (k * LN2_LOW + 2 * (s_low + s * square * tail)));
}

double math_log(double x) {
  if (x == 0) return -INFINITE;
  if (!(x > 0)) return NOT_A_NUMBER;
  if (x == INFINITE) return x;
  return log_sum(x).high;
}

double math_pow(double x, double y) {
  if (!(x > 0)) return NOT_A_NUMBER;
  const struct sum log = log_sum(x);
  const struct sum exponent = multiply_exactly(log.high, y);
  const double result = math_exp(exponent.high);
  if (!(result > 0 && result < INFINITE)) return result;
  return result + result * (exponent.low + log.low * y); /* that sum is below 2^-43, so that exp of it is 1 + it */
}

/* ---- sin and cos ---- */

/* pi/2 in three parts; the first two have 30 bits each, so that their products with n (below 2^22) are exact. */
#define HALF_PI_1 0x1.921fb54p+0
#define HALF_PI_2 0x1.10b46118p-30
#define HALF_PI_3 0x1.313198a2e037p-61
#define TWO_OVER_PI 0x1.45f306dc9c883p-1

static double sin_series(double r) {
  const double square = r * r;
  double tail = 1.0 / 355687428096000; /* 1/17!; the next term is 0.785^19/19! = 8e-20 */
  tail = 1.0 / 1307674368000 - tail * square;
  tail = 1.0 / 6227020800 - tail * square;
  tail = 1.0 / 39916800 - tail * square;
  tail = 1.0 / 362880 - tail * square;
  tail = 1.0 / 5040 - tail * square;
  tail = 1.0 / 120 - tail * square;
  tail = 1.0 / 6 - tail * square;
  return r - r * square * tail;
}

static double cos_series(double r) {
  const double square = r * r;
  double tail = 1.0 / 20922789888000; /* 1/16!; the next term is 0.785^18/18! = 2e-18 */
  tail = 1.0 / 87178291200 - tail * square;
  tail = 1.0 / 479001600 - tail * square;
  tail = 1.0 / 3628800 - tail * square;
  tail = 1.0 / 40320 - tail * square;
  tail = 1.0 / 720 - tail * square;
  tail = 1.0 / 24 - tail * square;
  const double half = 0.5 * square, lead = 1.0 - half;
  return lead + (((1.0 - lead) - half) + square * square * tail); /* what the first subtraction rounded away, too */
}

/* sin(x + quarters * pi/2) */
static double sin_of(double x, int32_t quarters) {
  if (!(x >= -MATH_ANGLE_MAX && x <= MATH_ANGLE_MAX)) return NOT_A_NUMBER;
  const int32_t n = round_to_int(x * TWO_OVER_PI);
  const double r = ((x - n * HALF_PI_1) - n * HALF_PI_2) - n * HALF_PI_3;
  const uint32_t quarter = (uint32_t)(n + quarters) & 3;
  const double value = quarter & 1 ? cos_series(r) : sin_series(r);
  return quarter & 2 ? -value : value;
}

double math_sin(double x) { return sin_of(x, 0); }
double math_cos(double x) { return sin_of(x, 1); }
