/* vec.c: norms, rotary embedding, activations and softmax. One source for every level: each element is computed by the
 * same operations in the same order, and sums run in LANES partial sums, so the compiler may vectorise without
 * changing a bit. */
#include "ops.h"

#define LANES 4

/* Partial sums by i % LANES, then pairwise. n is a multiple of nothing in particular. */
static float sum_lanes(const float lanes[LANES]) { return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]); }

/* e^x for x in [-87, 88], relative error below 2e-7; 0 below, clamped above. x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 is
 * split in two so that n * 0.693359375 is exact; e^r by its Taylor polynomial of degree 6 (the remainder is
 * 0.3466^7 / 7! = 1.2e-7 of the result); 2^n goes into the exponent. */
static inline float exp_lane(float x) {
  const float rounder = 12582912.0f; /* 1.5 * 2^23: adding it leaves the nearest integer in the low bits */
  float clamped = x > 88.0f ? 88.0f : x;
  clamped = clamped > -87.0f ? clamped : -87.0f; /* NaN too */
  float n = (clamped * 1.44269504f + rounder) - rounder;
  float r = (clamped - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1 / 720.0f;
  p = p * r + 1 / 120.0f;
  p = p * r + 1 / 24.0f;
  p = p * r + 1 / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  uint32_t bits;
  __builtin_memcpy(&bits, &p, 4);
  bits += (uint32_t)(int32_t)n << 23;
  __builtin_memcpy(&p, &bits, 4);
  return x < -87.0f ? 0.0f : p;
}

void vec_rms_norm(float *out, const float *x, const float *weight, int n, float epsilon) {
  float lanes[LANES] = {0};
  int i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int j = 0; j < LANES; j++) lanes[j] += x[i + j] * x[i + j];
  for (int j = 0; i < n; i++, j++) lanes[j] += x[i] * x[i];
  float scale = 1.0f / __builtin_sqrtf(sum_lanes(lanes) / (float)n + epsilon);
  for (i = 0; i < n; i++) out[i] = x[i] * scale * weight[i];
}

void vec_add(float *x, const float *y, int n) {
  for (int i = 0; i < n; i++) x[i] += y[i];
}

void vec_scale(float *x, float factor, int n) {
  for (int i = 0; i < n; i++) x[i] *= factor;
}

void vec_silu_mul(float *gate, const float *up, int n) {
  for (int i = 0; i < n; i++) gate[i] = gate[i] / (1.0f + exp_lane(-gate[i])) * up[i];
}

/* 0.5 x (1 + tanh(u)) = x / (1 + exp(-2 u)), u = sqrt(2 / pi) (x + 0.044715 x^3). Hendrycks and Gimpel, 2016. */
void vec_gelu_mul(float *gate, const float *up, int n) {
  for (int i = 0; i < n; i++) {
    float x = gate[i], u = 0.797884561f * (x + 0.044715f * x * x * x);
    gate[i] = x / (1.0f + exp_lane(-2.0f * u)) * up[i];
  }
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

/* Weights below e^-80 of the largest vanish: as denormals they would cost hundreds of cycles each in the mix. */
float vec_softmax(float *scores, int begin, int end, float scale) {
  const int first = begin & ~7, last = (end + 7) & ~7;
  float max = scores[begin] * scale;
  for (int i = begin; i < end; i++) {
    scores[i] *= scale;
    max = max < scores[i] ? scores[i] : max;
  }
  for (int i = first; i < begin; i++) scores[i] = -1e38f;
  for (int i = end; i < last; i++) scores[i] = -1e38f;
  float lanes[LANES] = {0};
  for (int i = first; i < last; i += LANES)
    for (int j = 0; j < LANES; j++) {
      float x = scores[i + j] - max, p = exp_lane(x);
      p = x < -80.0f ? 0.0f : p;
      scores[i + j] = p;
      lanes[j] += p;
    }
  return sum_lanes(lanes);
}

/* tanh(y) = 1 - 2 / (1 + exp(2 y)). */
void vec_soft_cap(float *x, float cap, int n) {
  for (int i = 0; i < n; i++) x[i] = cap * (1.0f - 2.0f / (1.0f + exp_lane(2.0f * (x[i] / cap))));
}

float vec_quantise(int32_t *q, const float *x, int n, float limit) {
  float lanes[LANES] = {0}, max = 0;
  for (int i = 0; i < n; i += LANES)
    for (int j = 0; j < LANES && i + j < n; j++) {
      const float magnitude = __builtin_fabsf(x[i + j]);
      lanes[j] = lanes[j] < magnitude ? magnitude : lanes[j];
    }
  for (int j = 0; j < LANES; j++) max = max < lanes[j] ? lanes[j] : max;
  const bool is_zero = max < ACT_TINY;
  const float inverse = is_zero ? 0 : limit / max;
  for (int i = 0; i < n; i++) {
    const float scaled = x[i] * inverse;
    q[i] = scaled == scaled ? (int32_t)__builtin_rintf(scaled) : 0;
  }
  return is_zero ? 0 : max * (1 / limit);
}

int hadamard_size(int n) { return n & -n; }

void vec_hadamard(float *x, int n) {
  const int size = hadamard_size(n);
  for (int half = 1; half < size; half *= 2)
    for (int from = 0; from < n; from += 2 * half)
      for (int i = from; i < from + half; i++) {
        const float a = x[i], b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
}
