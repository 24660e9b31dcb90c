/* vec.c: norms, rotary embedding, activations, softmax and quantisation. One source for every level: each element is
 * computed by the same operations in the same order, and sums run in LANES partial sums, so that vectors of four, which
 * clang makes for any machine, change no bit. */
#include "ops.h"

#define LANES 4

typedef float f32x4 __attribute__((ext_vector_type(LANES)));
typedef int32_t i32x4 __attribute__((ext_vector_type(LANES)));

/* Partial sums by i % LANES, then pairwise. */
static inline float sum_lanes(f32x4 x) { return (x[0] + x[1]) + (x[2] + x[3]); }

/* Up to four floats at p, n of them there; zero in the other lanes. */
static inline f32x4 load(const float *p, int n) {
  f32x4 x = 0;
  if (n >= LANES) __builtin_memcpy(&x, p, sizeof x);
  else __builtin_memcpy(&x, p, (size_t)n * sizeof *p);
  return x;
}

static inline void store(float *p, f32x4 x, int n) {
  if (n >= LANES) __builtin_memcpy(p, &x, sizeof x);
  else __builtin_memcpy(p, &x, (size_t)n * sizeof *p);
}

static inline f32x4 as_floats(i32x4 bits) {
  f32x4 x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}
static inline i32x4 as_bits(f32x4 x) {
  i32x4 bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* ---- e^x ---- */

/* Constants of exp4. V8 builds a vector constant anew at each use, so they are loaded once, by a pointer that the compiler
 * cannot look behind. */
struct exp_constants { f32x4 low, high, log2_e, rounder, ln2_high, ln2_low, c5, c4, c3, c2, one; };

static inline struct exp_constants load_exp(void) {
  static const float table[] = {-87.0f, 88.0f, 1.44269504f, 12582912.0f, 0.693359375f, -2.12194440e-4f,
                                8.31250126e-3f, 4.18903315e-2f, 0.166671154f, 0.499992303f, 1.0f};
  const float *c = table;
  __asm__("" : "+r"(c));
  return (struct exp_constants){c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10]};
}

/* e^x for x in [-87, 88], anything beyond; relative error below 2e-7. x = n ln 2 + r, |r| <= ln 2 / 2: adding
 * 1.5 * 2^23 leaves the nearest integer n in the low bits; ln 2 is split in two so that n * 0.693359375 is exact; e^r by
 * the polynomial 1 + r + c2 r^2 + ... + c5 r^5 whose largest relative error there is least (Remez's exchange: 1.05e-7); 2^n
 * goes into the exponent, to which the shift leaves the low bits alone. */
static inline f32x4 exp_bounded(f32x4 x, const struct exp_constants *c) {
  const f32x4 shifted = x * c->log2_e + c->rounder, n = shifted - c->rounder;
  const f32x4 r = (x - n * c->ln2_high) - n * c->ln2_low;
  f32x4 p = c->c5;
  p = p * r + c->c4;
  p = p * r + c->c3;
  p = p * r + c->c2;
  p = p * r + c->one;
  p = p * r + c->one;
  return as_floats(as_bits(p) + (as_bits(shifted) << 23));
}

/* Beyond it: 0 below, e^88 above. */
static inline f32x4 exp4(f32x4 x, const struct exp_constants *c) {
  x = x > c->high ? c->high : x;
  return x >= c->low ? exp_bounded(x, c) : (f32x4)0;
}

/* ---- elementwise ---- */

static inline float max_lanes(f32x4 x) {
  const float a = x[0] < x[1] ? x[1] : x[0], b = x[2] < x[3] ? x[3] : x[2];
  return a < b ? b : a;
}

/* Two maxima, so that no step waits for the one before. */
float vec_max(const float *x, int n) {
  f32x4 maxima[2] = {-__builtin_inff(), -__builtin_inff()};
  for (int i = 0; i < n; i += 2 * LANES)
    for (int j = 0; j < 2; j++) {
      const f32x4 y = load(x + i + j * LANES, LANES);
      maxima[j] = maxima[j] < y ? y : maxima[j];
    }
  return max_lanes(maxima[0] < maxima[1] ? maxima[1] : maxima[0]);
}

static float sum_of(const float *x, int n) {
  f32x4 sum = 0;
  for (int i = 0; i < n; i += LANES) sum += load(x + i, n - i);
  return sum_lanes(sum);
}

static float sum_of_squares(const float *x, int n) {
  f32x4 sum = 0;
  for (int i = 0; i < n; i += LANES) sum += load(x + i, n - i) * load(x + i, n - i);
  return sum_lanes(sum);
}

void vec_rms_norm(float *out, const float *x, const float *weight, int n, float epsilon) {
  const float scale = 1.0f / __builtin_sqrtf(sum_of_squares(x, n) / (float)n + epsilon);
  for (int i = 0; i < n; i++) out[i] = x[i] * scale * weight[i];
}

void vec_layer_norm(float *out, const float *x, const float *weight, const float *bias, int n, float epsilon) {
  const float mean = sum_of(x, n) / (float)n;
  for (int i = 0; i < n; i++) out[i] = x[i] - mean;
  const float scale = 1.0f / __builtin_sqrtf(sum_of_squares(out, n) / (float)n + epsilon);
  for (int i = 0; i < n; i++) out[i] *= scale;
  for (int i = 0; weight && i < n; i++) out[i] *= weight[i];
  for (int i = 0; bias && i < n; i++) out[i] += bias[i];
}

void vec_add(float *x, const float *y, int n) {
  for (int i = 0; i < n; i++) x[i] += y[i];
}

void vec_scale(float *x, float factor, int n) {
  for (int i = 0; i < n; i++) x[i] *= factor;
}

void vec_divide(float *x, const float *by, int n) {
  for (int i = 0; i < n; i++) x[i] /= by[i];
}

void vec_clamp(float *x, float limit, int n) {
  for (int i = 0; i < n; i++) x[i] = x[i] > limit ? limit : x[i] < -limit ? -limit : x[i];
}

void vec_silu_mul(float *gate, const float *up, int n) {
  const struct exp_constants c = load_exp();
  for (int i = 0; i < n; i += LANES) {
    const f32x4 x = load(gate + i, n - i);
    store(gate + i, x / (1.0f + exp4(-x, &c)) * load(up + i, n - i), n - i);
  }
}

/* 0.5 x (1 + tanh(u)) = x / (1 + exp(-2 u)), u = sqrt(2 / pi) (x + 0.044715 x^3). Hendrycks and Gimpel, 2016. */
static inline f32x4 gelu(f32x4 x, const struct exp_constants *c) {
  const f32x4 u = 0.797884561f * (x + 0.044715f * x * x * x);
  return x / (1.0f + exp4(-2.0f * u, c));
}

void vec_gelu_mul(float *gate, const float *up, int n) {
  const struct exp_constants c = load_exp();
  for (int i = 0; i < n; i += LANES) store(gate + i, gelu(load(gate + i, n - i), &c) * load(up + i, n - i), n - i);
}

void vec_gelu(float *x, int n) {
  const struct exp_constants c = load_exp();
  for (int i = 0; i < n; i += LANES) store(x + i, gelu(load(x + i, n - i), &c), n - i);
}

void vec_swiglu_clamped(float *gate, const float *up, int n) {
  const struct exp_constants c = load_exp();
  for (int i = 0; i < n; i += LANES) {
    const f32x4 x = load(gate + i, n - i), y = load(up + i, n - i);
    const f32x4 g = x > 7.0f ? (f32x4)7.0f : x, u = y > 7.0f ? (f32x4)7.0f : y < -7.0f ? (f32x4)-7.0f : y;
    store(gate + i, g / (1.0f + exp4(-1.702f * g, &c)) * (1.0f + u), n - i);
  }
}

void vec_relu_squared(float *x, int n) {
  for (int i = 0; i < n; i++) x[i] = x[i] > 0 ? x[i] * x[i] : 0;
}

/* tanh(y) = 1 - 2 / (1 + exp(2 y)). */
void vec_soft_cap(float *x, float cap, int n) {
  const struct exp_constants c = load_exp();
  for (int i = 0; i < n; i += LANES)
    store(x + i, cap * (1.0f - 2.0f / (1.0f + exp4(2.0f * (load(x + i, n - i) / cap), &c))), n - i);
}

void vec_rope_neox(float *x, const float *cos_sin, int n) {
  const int half = n / 2;
  for (int i = 0; i < half; i++) {
    float a = x[i], b = x[i + half];
    x[i] = a * cos_sin[i] - b * cos_sin[half + i];
    x[i + half] = a * cos_sin[half + i] + b * cos_sin[i];
  }
}

void vec_rope_normal(float *x, const float *cos_sin, int n) {
  const int half = n / 2;
  for (int i = 0; i < half; i++) {
    float a = x[2 * i], b = x[2 * i + 1];
    x[2 * i] = a * cos_sin[i] - b * cos_sin[half + i];
    x[2 * i + 1] = a * cos_sin[half + i] + b * cos_sin[i];
  }
}

/* ---- softmax ---- */

/* Constants of exp2_bounded, loaded as those of exp4. */
struct exp2_constants { f32x4 rounder, c5, c4, c3, c2, c1, one, least; };

static inline struct exp2_constants load_exp2(void) {
  static const float table[] = {12582912.0f, 1.32647273e-3f, 9.67151299e-3f, 5.55073358e-2f, 0.240222424f, 0.693147004f, 1.0f, -115.0f};
  const float *c = table;
  __asm__("" : "+r"(c));
  return (struct exp2_constants){c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]};
}

/* 2^x for x in [-126, 127], as exp_bounded does it, but the polynomial in pairs (Estrin, 1960): a processor waits for chains
 * of operations here, not for their number. Relative error below 2e-7 (Remez's exchange: 9.2e-8). */
static inline f32x4 exp2_bounded(f32x4 x, const struct exp2_constants *c) {
  const f32x4 shifted = x + c->rounder, r = x - (shifted - c->rounder), r2 = r * r;
  const f32x4 p = ((c->c5 * r + c->c4) * r2 + (c->c3 * r + c->c2)) * r2 + (c->c1 * r + c->one);
  return as_floats(as_bits(p) + (as_bits(shifted) << 23));
}

/* e^x = 2^(x log2 e), whose factor goes into the scale. Weights below 2^-115 of the largest, and those of no number, vanish: as
 * denormals they would cost hundreds of cycles each in the mix. */
float vec_softmax(float *scores, int from, int to, int begin, int end, float scale, float sink) {
  const struct exp2_constants c = load_exp2();
  const float log2_e = 1.44269504f;
  const f32x4 factor = scale * log2_e, last = sink * log2_e;
  for (int i = from; i < begin; i++) scores[i] = -1e38f;
  for (int i = end; i < to; i++) scores[i] = -1e38f;
  f32x4 maxima[2] = {last, last}, sum = 0; /* two, so that no step waits for the one before */
  for (int i = from; i < to; i += 2 * LANES)
    for (int j = 0; j < 2; j++) {
      const f32x4 x = load(scores + i + j * LANES, LANES) * factor;
      maxima[j] = maxima[j] < x ? x : maxima[j];
    }
  const f32x4 max = max_lanes(maxima[0] < maxima[1] ? maxima[1] : maxima[0]);
  for (int i = from; i < to; i += LANES) {
    const f32x4 x = load(scores + i, LANES) * factor - max, p = x >= c.least ? exp2_bounded(x, &c) : (f32x4)0;
    store(scores + i, p, LANES);
    sum += p;
  }
  const f32x4 rest = last - max;
  return sum_lanes(sum) + (rest >= c.least ? exp2_bounded(rest, &c) : (f32x4)0)[0];
}

void vec_add_slope(float *scores, int begin, int end, int at, float slope) {
  for (int p = begin; p < end; p++) scores[p] -= slope * (float)(p < at ? at - p : p - at);
}

/* ---- quantisation ---- */

float vec_quantise(int32_t *q, const float *x, int n, float limit) {
  f32x4 maxima = 0;
  for (int i = 0; i < n; i += LANES) {
    const f32x4 magnitude = __builtin_elementwise_abs(load(x + i, LANES));
    maxima = maxima < magnitude ? magnitude : maxima;
  }
  const float max = max_lanes(maxima);
  const bool is_zero = max < ACT_TINY;
  const float inverse = is_zero ? 0 : limit / max;
  for (int i = 0; i < n; i += LANES) {
    const f32x4 scaled = load(x + i, LANES) * inverse, rounded = __builtin_elementwise_rint(scaled);
    const i32x4 quants = __builtin_convertvector(scaled == scaled ? rounded : (f32x4)0, i32x4);
    __builtin_memcpy(q + i, &quants, sizeof quants);
  }
  return is_zero ? 0 : max * (1 / limit);
}

int hadamard_size(int n) { return n & -n; }

static f32x4 hadamard4(f32x4 x) {
  x = x.xxzz + x.yyww * (f32x4){1, -1, 1, -1};
  return x.xyxy + x.zwzw * (f32x4){1, 1, -1, -1};
}

/* n is a multiple of 8, and so is the size. */
void vec_hadamard(float *x, int n) {
  for (int i = 0; i < n; i += LANES) store(x + i, hadamard4(load(x + i, LANES)), LANES);
  for (int half = LANES; half < hadamard_size(n); half *= 2)
    for (int from = 0; from < n; from += 2 * half)
      for (int i = from; i < from + half; i += LANES) {
        const f32x4 a = load(x + i, LANES), b = load(x + i + half, LANES);
        store(x + i, a + b, LANES);
        store(x + i + half, a - b, LANES);
      }
}
