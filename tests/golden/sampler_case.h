/* sampler_case.h: the cases of sampler.vec, shared by what makes them (make-sampler.cpp) and what checks them
 * (tests/test_sample.c). Logits, biases and accepted tokens follow from a seed; a line of the file is
 *
 *   seed n_vocab temperature top_k typical_p top_p min_p last_n repeat frequency presence n_biases n_accepted
 *   n_kept (token p)*        in order of token id; p to 7 digits, after the temperature */
#ifndef SAMPLER_CASE_H
#define SAMPLER_CASE_H

#include "../test.h"

#define CASE_VOCAB_MAX 4096
#define CASE_BIASES_MAX 8
#define CASE_ACCEPTED_MAX 64

struct sampler_case {
  uint32_t seed;
  int n_vocab;
  float temperature;
  int top_k;
  float typical_p, top_p, min_p;
  int last_n;
  float repeat, frequency, presence;
  int n_biases, n_accepted;
};

struct sampler_data {
  float logits[CASE_VOCAB_MAX];
  int bias_tokens[CASE_BIASES_MAX];
  float biases[CASE_BIASES_MAX];
  int accepted[CASE_ACCEPTED_MAX];
};

static inline void case_expand(const struct sampler_case *one, struct sampler_data *data) {
  uint32_t state = one->seed;
  for (int i = 0; i < one->n_vocab; i++) {
    float sum = test_random_float(&state);
    sum += test_random_float(&state);
    sum += test_random_float(&state);
    data->logits[i] = 6 * sum;
  }
  for (int i = 0; i < one->n_biases; i++) {
    data->bias_tokens[i] = (int)(test_random(&state) % (uint32_t)one->n_vocab);
    data->biases[i] = 8 * test_random_float(&state);
  }
  for (int i = 0; i < one->n_accepted; i++) data->accepted[i] = (int)(test_random(&state) % (uint32_t)one->n_vocab);
}

#endif
