/* sample.c: logits -> token. llama.cpp's chain, in its order, on an array of candidates that each stage shortens.
 *
 *   bias, penalties   change single logits
 *   top-k             the k largest logits
 *   typical-p         those whose information -log p is nearest to the entropy, as many as hold more than that mass
 *   top-p             the likeliest candidates, as many as hold at least that mass
 *   min-p             those with p >= min_p * p of the likeliest
 *   temperature, draw p ~ exp(logit / temperature)
 *
 * A candidate's mass is taken among the candidates that are left. Nothing is ever sorted: top-k keeps a heap of k while
 * it passes over the logits, the two p stages take candidates off a heap until they have enough. Equal candidates rank
 * by token id, and sums are in double and in a fixed order: the same logits and seed give the same token everywhere.
 *
 * A logit that is no number counts as -infinity. When every logit is, token 0 is drawn: the first of the best. */
#include "sample.h"

#include "arena.h"
#include "error.h"
#include "../kernels/kernels.h"
#include "mathf.h"

#include <string.h>

#define IMPOSSIBLE (-__builtin_inff())
#define ALL_TOKENS (1 << 21) /* no context is longer (session.c): so many tokens looked back on are all of them */

struct sotto_sampler {
  struct sotto_sampler_options options; /* logit_biases is not used after open */
  uint32_t n_vocab;
  uint64_t random;              /* state of next_random */
  float *biases;                /* (n_vocab), or NULL */
  uint32_t *counts;             /* (n_vocab) how often a token was accepted in the last n, or NULL without penalties */
  int32_t *recent;              /* (n_recent_cap) a ring of accepted tokens; NULL when all of them count */
  uint32_t n_recent_cap;
  uint64_t n_accepted;
  struct candidate *candidates; /* (n_candidates_cap) */
  uint32_t n_candidates_cap;
};

/* ---- options, open ---- */

void sotto_sampler_defaults(struct sotto_sampler_options *options) {
  *options = (struct sotto_sampler_options){
      .sizeof_options = sizeof *options, .temperature = 0.8f, .top_k = 40, .top_p = 0.95f, .min_p = 0.05f,
      .typical_p = 1, .penalty_last_n = 64, .repeat_penalty = 1};
}

static bool is_finite(float x) { return x - x == 0; }

static bool options_are_valid(const struct sotto_sampler_options *options, uint32_t n_vocab) {
  if (options->sizeof_options != sizeof *options || n_vocab == 0 || n_vocab > INT32_MAX) return false;
  if (options->penalty_last_n < -1 || !(options->repeat_penalty > 0)) return false;
  if (!is_finite(options->temperature) || !is_finite(options->top_p) || !is_finite(options->min_p) ||
      !is_finite(options->typical_p) || !is_finite(options->repeat_penalty) || !is_finite(options->frequency_penalty) ||
      !is_finite(options->presence_penalty))
    return false;
  if (options->n_logit_biases > 0 && !options->logit_biases) return false;
  for (uint32_t i = 0; i < options->n_logit_biases; i++) {
    const struct sotto_logit_bias bias = options->logit_biases[i];
    if (bias.token < 0 || (uint32_t)bias.token >= n_vocab || bias.bias != bias.bias) return false;
  }
  return true;
}

static bool has_penalties(const struct sotto_sampler_options *options) {
  return options->penalty_last_n != 0 &&
         (options->repeat_penalty != 1 || options->frequency_penalty != 0 || options->presence_penalty != 0);
}

/* The whole block: the sampler, then what its options need. */
static void carve(struct sotto_sampler *sampler, struct arena *arena) {
  const struct sotto_sampler_options *options = &sampler->options;
  const uint64_t n_vocab = sampler->n_vocab;
  if (options->n_logit_biases > 0) sampler->biases = arena_carve(arena, n_vocab, sizeof *sampler->biases);
  if (has_penalties(options)) {
    sampler->counts = arena_carve(arena, n_vocab, sizeof *sampler->counts);
    if (options->penalty_last_n > 0 && options->penalty_last_n < ALL_TOKENS) {
      sampler->n_recent_cap = (uint32_t)options->penalty_last_n;
      sampler->recent = arena_carve(arena, sampler->n_recent_cap, sizeof *sampler->recent);
    }
  }
  const bool is_cut = options->top_k > 0 && (uint32_t)options->top_k < n_vocab;
  if (options->temperature > 0) sampler->n_candidates_cap = is_cut ? (uint32_t)options->top_k : (uint32_t)n_vocab;
  sampler->candidates = arena_carve(arena, sampler->n_candidates_cap, sizeof *sampler->candidates);
}

size_t sotto_sampler_measure(uint32_t n_vocab, const struct sotto_sampler_options *options) {
  struct sotto_sampler sampler = {.options = *options, .n_vocab = n_vocab};
  struct arena arena = {0};
  arena_carve(&arena, 1, sizeof sampler);
  carve(&sampler, &arena);
  return arena_overflows(&arena) ? SIZE_MAX : (size_t)arena.used;
}

enum sotto_status sotto_sampler_open(void *block, size_t block_bytes, uint32_t n_vocab,
                                     const struct sotto_sampler_options *options, sotto_sampler **sampler) {
  RETURN_IF(!options_are_valid(options, n_vocab), SOTTO_INVALID_ARGUMENT);
  struct arena arena = {block, 0, block_bytes};
  struct sotto_sampler *opened = arena_carve(&arena, 1, sizeof *opened);
  RETURN_IF(!opened, SOTTO_OUT_OF_MEMORY);
  *opened = (struct sotto_sampler){.options = *options, .n_vocab = n_vocab, .random = options->seed};
  carve(opened, &arena);
  RETURN_IF(arena_overflows(&arena), SOTTO_OUT_OF_MEMORY);
  if (opened->counts) memset(opened->counts, 0, n_vocab * sizeof *opened->counts);
  if (opened->biases) memset(opened->biases, 0, n_vocab * sizeof *opened->biases);
  for (uint32_t i = 0; i < options->n_logit_biases; i++)
    opened->biases[options->logit_biases[i].token] += options->logit_biases[i].bias;
  *sampler = opened;
  return SOTTO_OK;
}

void sotto_sampler_accept(sotto_sampler *sampler, int32_t token) {
  if (!sampler->counts || token < 0 || (uint32_t)token >= sampler->n_vocab) return;
  if (sampler->recent) {
    int32_t *slot = &sampler->recent[sampler->n_accepted % sampler->n_recent_cap];
    if (sampler->n_accepted >= sampler->n_recent_cap) sampler->counts[*slot]--;
    *slot = token;
  }
  sampler->n_accepted++;
  sampler->counts[token]++;
}

/* ---- logits ---- */

static float clean(float logit) { return logit == logit ? logit : IMPOSSIBLE; }

static float penalise(const struct sotto_sampler_options *options, float logit, uint32_t count) {
  logit = logit <= 0 ? logit * options->repeat_penalty : logit / options->repeat_penalty;
  return logit - ((float)count * options->frequency_penalty + options->presence_penalty);
}

/* The token's logit after bias and penalties. */
static float logit_of(const struct sotto_sampler *sampler, const float *logits, uint32_t token) {
  float logit = logits[token];
  if (sampler->biases) logit += sampler->biases[token];
  if (sampler->counts && sampler->counts[token]) logit = penalise(&sampler->options, logit, sampler->counts[token]);
  return clean(logit);
}

#define SKIP 64 /* logits that are looked at at once */

/* The first token from `token` on whose logit is above the limit; n_vocab: there is none. */
static uint32_t next_above(const struct sotto_sampler *sampler, const float *logits, uint32_t token, float limit) {
  const bool is_plain = !sampler->biases && !sampler->counts;
  for (; token < sampler->n_vocab; token++) {
    while (is_plain && token % SKIP == 0 && token + SKIP <= sampler->n_vocab && vec_max(logits + token, SKIP) <= limit) token += SKIP;
    if (token == sampler->n_vocab || logit_of(sampler, logits, token) > limit) break;
  }
  return token;
}

static int32_t most_likely(const struct sotto_sampler *sampler, const float *logits) {
  uint32_t best = 0;
  for (uint32_t i = 0; i < sampler->n_vocab; i = next_above(sampler, logits, i + 1, logit_of(sampler, logits, best))) best = i;
  return (int32_t)best;
}

/* logit - max, also where both are the same infinity. */
static double below(float logit, float max) { return logit == max ? 0 : (double)logit - max; }

/* ---- heaps ---- */

static bool is_better(const struct candidate *a, const struct candidate *b) {
  return a->rank > b->rank || (a->rank == b->rank && a->token < b->token);
}

/* Restores the heap (n) whose element `at` may belong further down. worst_first: the worst is on top, else the best. */
static void sift_down(struct candidate *heap, size_t n, size_t at, bool worst_first) {
  const struct candidate moved = heap[at];
  for (size_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && is_better(&heap[child + 1], &heap[child]) != worst_first) child++;
    if (is_better(&heap[child], &moved) == worst_first) break;
    heap[at] = heap[child];
  }
  heap[at] = moved;
}

static void make_heap(struct candidate *candidates, size_t n, bool worst_first) {
  for (size_t at = n / 2; at-- > 0;) sift_down(candidates, n, at, worst_first);
}

/* ---- stages: each returns how many candidates are left, at the front of the array ---- */

static size_t keep_top_k(struct sotto_sampler *sampler, const float *logits) {
  struct candidate *candidates = sampler->candidates;
  const uint32_t n = sampler->n_candidates_cap;
  for (uint32_t i = 0; i < n; i++) {
    const float logit = logit_of(sampler, logits, i);
    candidates[i] = (struct candidate){logit, logit, 0, (int32_t)i};
  }
  if (n == sampler->n_vocab) return n;
  make_heap(candidates, n, true);
  uint32_t i = n;
  while ((i = next_above(sampler, logits, i, candidates[0].rank)) < sampler->n_vocab) { /* an equal one has the larger id */
    const float logit = logit_of(sampler, logits, i);
    candidates[0] = (struct candidate){logit, logit, 0, (int32_t)i++};
    sift_down(candidates, n, 0, true);
  }
  return n;
}

static float find_max(const struct candidate *candidates, size_t n) {
  float max = IMPOSSIBLE;
  for (size_t i = 0; i < n; i++)
    if (candidates[i].logit > max) max = candidates[i].logit;
  return max;
}

/* Sets the weights and returns their sum. */
static double weigh(struct candidate *candidates, size_t n, float temperature) {
  const float max = find_max(candidates, n);
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    candidates[i].weight = (float)math_exp(below(candidates[i].logit, max) / temperature);
    sum += candidates[i].weight;
  }
  return sum;
}

/* Keeps the best by rank until their weights reach `mass`; with `exceed`, until they are above it. */
static size_t keep_mass(struct candidate *candidates, size_t n, double mass, bool exceed) {
  make_heap(candidates, n, false);
  double sum = 0;
  size_t n_kept = 0;
  while (n_kept < n) {
    const struct candidate best = candidates[0];
    const size_t last = n - 1 - n_kept++; /* the heap shrinks from its end, where the kept ones gather */
    candidates[0] = candidates[last];
    candidates[last] = best;
    sift_down(candidates, last, 0, false);
    sum += best.weight;
    if (exceed ? sum > mass : sum >= mass) break;
  }
  memmove(candidates, candidates + n - n_kept, n_kept * sizeof *candidates);
  return n_kept;
}

/* -log p = max + log sum - logit, so that the distance from the entropy is that of the logit from one centre. */
static size_t keep_typical(struct candidate *candidates, size_t n, float typical_p) {
  if (typical_p >= 1) return n;
  const double sum = weigh(candidates, n, 1), log_sum = math_log(sum), max = find_max(candidates, n);
  double entropy = 0;
  for (size_t i = 0; i < n; i++) {
    const double p = candidates[i].weight / sum;
    if (p > 0) entropy -= p * math_log(p);
  }
  const double centre = max + log_sum - entropy;
  for (size_t i = 0; i < n; i++) {
    const double distance = candidates[i].logit - centre;
    candidates[i].rank = clean((float)(distance < 0 ? distance : -distance));
  }
  n = keep_mass(candidates, n, typical_p * sum, true);
  for (size_t i = 0; i < n; i++) candidates[i].rank = candidates[i].logit;
  return n;
}

static size_t keep_top_p(struct candidate *candidates, size_t n, float top_p) {
  if (top_p >= 1) return n;
  const double sum = weigh(candidates, n, 1);
  return keep_mass(candidates, n, top_p * sum, false);
}

static size_t keep_min_p(struct candidate *candidates, size_t n, float min_p) {
  if (min_p <= 0) return n;
  const float max = find_max(candidates, n);
  const float least = min_p < 1 ? max + (float)math_log(min_p) : max;
  size_t n_kept = 0;
  for (size_t i = 0; i < n; i++)
    if (candidates[i].logit >= least) candidates[n_kept++] = candidates[i];
  return n_kept;
}

/* ---- draw ---- */

/* splitmix64 (Steele, Lea and Flood, 2014): a counter in steps of the golden ratio, each value well mixed. */
static uint64_t next_random(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static int32_t draw(const struct candidate *candidates, size_t n, uint64_t *random) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += candidates[i].weight;
  const double target = sum * ((double)(next_random(random) >> 11) * 0x1p-53); /* of [0, 1): below the sum */
  double reached = 0;
  size_t at = 0;
  while ((reached += candidates[at].weight) <= target && at + 1 < n) at++;
  return candidates[at].token;
}

size_t sampler_choose(struct sotto_sampler *sampler, const float *logits, const struct candidate **chosen) {
  const struct sotto_sampler_options *options = &sampler->options;
  struct candidate *candidates = sampler->candidates;
  size_t n = keep_top_k(sampler, logits);
  *chosen = candidates;
  if (find_max(candidates, n) == IMPOSSIBLE) {
    candidates[0] = (struct candidate){IMPOSSIBLE, IMPOSSIBLE, 1, 0};
    return 1;
  }
  n = keep_typical(candidates, n, options->typical_p);
  n = keep_top_p(candidates, n, options->top_p);
  n = keep_min_p(candidates, n, options->min_p);
  weigh(candidates, n, options->temperature);
  return n;
}

enum sotto_status sotto_sampler_sample(sotto_sampler *sampler, const float *logits, int32_t *token) {
  if (sampler->options.temperature > 0) {
    const struct candidate *candidates;
    const size_t n = sampler_choose(sampler, logits, &candidates);
    *token = draw(candidates, n, &sampler->random);
  } else {
    *token = most_likely(sampler, logits);
  }
  sotto_sampler_accept(sampler, *token);
  return SOTTO_OK;
}

/* ---- log-probabilities ---- */

/* Inserts a token into the list (n_top, best first) if it belongs there; an equal one that is there has the lower id. */
static void insert_top(uint32_t n_top, int32_t *tokens, float *logits, int32_t token, float logit) {
  if (n_top == 0 || (tokens[n_top - 1] >= 0 && !(logit > logits[n_top - 1]))) return;
  uint32_t at = n_top - 1;
  for (; at > 0 && (tokens[at - 1] < 0 || logit > logits[at - 1]); at--) {
    tokens[at] = tokens[at - 1];
    logits[at] = logits[at - 1];
  }
  tokens[at] = token;
  logits[at] = logit;
}

void sotto_logprobs(const float *logits, uint32_t n_vocab, int32_t token, float *logprob, uint32_t n_top,
                    int32_t *top_tokens, float *top_logprobs) {
  float max = IMPOSSIBLE;
  for (uint32_t i = 0; i < n_vocab; i++)
    if (logits[i] > max) max = logits[i];
  for (uint32_t i = 0; i < n_top; i++) {
    top_tokens[i] = -1; /* stays where n_top exceeds n_vocab */
    top_logprobs[i] = IMPOSSIBLE;
  }
  double sum = 0;
  for (uint32_t i = 0; i < n_vocab; i++) {
    const float logit = clean(logits[i]);
    sum += math_exp(below(logit, max));
    insert_top(n_top, top_tokens, top_logprobs, (int32_t)i, logit);
  }
  const double log_sum = math_log(sum);
  for (uint32_t i = 0; i < n_top; i++)
    if (top_tokens[i] >= 0) top_logprobs[i] = (float)(below(top_logprobs[i], max) - log_sum);
  if (token < 0 || (uint32_t)token >= n_vocab) return;
  *logprob = (float)(below(clean(logits[token]), max) - log_sum);
}
