/* sample.h: the sampler from inside, for its test: the candidates between which the draw decides. */
#ifndef SOTTO_SAMPLE_H
#define SOTTO_SAMPLE_H

#include "sotto.h"

struct candidate {
  float logit;
  float rank;   /* what the heaps order by: the logit, or how typical it is */
  float weight; /* p times a factor that all candidates share; 1 for the likeliest */
  int32_t token;
};

/* Runs the chain up to the temperature, for a sampler that is not greedy. Returns how many candidates are left, at
 * least one, in no order but always the same; their weights are of the temperature. */
size_t sampler_choose(struct sotto_sampler *sampler, const float *logits, const struct candidate **candidates);

#endif
