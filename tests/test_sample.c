/* test_sample.c: the sampler against llama.cpp's own results (tests/golden/sampler.vec, or the file that is the first
 * argument), against its definition, and with logits that no model should make. */
#include "golden/sampler_case.h"
#include "sample.h"

#include <math.h>

#define N_VOCAB 1000

static const char *golden_path = "tests/golden/sampler.vec";

/* A sampler in a block of exactly the size it asked for, so that ASan sees every overrun. */
static sotto_sampler *open_sampler(uint32_t n_vocab, const struct sotto_sampler_options *options) {
  const size_t n_bytes = sotto_sampler_measure(n_vocab, options);
  void *block = aligned_alloc(16, (n_bytes + 15) / 16 * 16);
  memset(block, 0xa5, n_bytes);
  sotto_sampler *sampler = NULL;
  CHECK(sotto_sampler_open(block, n_bytes, n_vocab, options, &sampler) == SOTTO_OK);
  if (!sampler) exit(1);
  return sampler; /* which stands first in its block: free(sampler) frees it */
}

static struct sotto_sampler_options defaults(void) {
  struct sotto_sampler_options options;
  sotto_sampler_defaults(&options);
  return options;
}

/* Nothing but temperature 1. */
static struct sotto_sampler_options neutral(void) {
  struct sotto_sampler_options options = defaults();
  options.temperature = 1;
  options.top_k = 0;
  options.top_p = 1;
  options.min_p = 0;
  return options;
}

static void fill(float *logits, size_t n, uint32_t seed) {
  for (size_t i = 0; i < n; i++) logits[i] = 8 * test_random_float(&seed);
}

static int32_t sample(sotto_sampler *sampler, const float *logits) {
  int32_t token = -1;
  CHECK(sotto_sampler_sample(sampler, logits, &token) == SOTTO_OK);
  return token;
}

static int32_t sample_once(const struct sotto_sampler_options *options, const float *logits, uint32_t n_vocab) {
  sotto_sampler *sampler = open_sampler(n_vocab, options);
  const int32_t token = sample(sampler, logits);
  free(sampler);
  return token;
}

/* ---- llama.cpp's results ---- */

#define P_ERROR 2e-6 /* llama.cpp divides by the temperature and sums in floats */

static sotto_sampler *open_case(const struct sampler_case *one, const struct sampler_data *data) {
  struct sotto_logit_bias biases[CASE_BIASES_MAX];
  for (int i = 0; i < one->n_biases; i++) biases[i] = (struct sotto_logit_bias){data->bias_tokens[i], data->biases[i]};
  struct sotto_sampler_options options = defaults();
  options.temperature = one->temperature;
  options.top_k = one->top_k;
  options.typical_p = one->typical_p;
  options.top_p = one->top_p;
  options.min_p = one->min_p;
  options.penalty_last_n = one->last_n;
  options.repeat_penalty = one->repeat;
  options.frequency_penalty = one->frequency;
  options.presence_penalty = one->presence;
  options.n_logit_biases = (uint32_t)one->n_biases;
  options.logit_biases = biases;
  sotto_sampler *sampler = open_sampler((uint32_t)one->n_vocab, &options);
  for (int i = 0; i < one->n_accepted; i++) sotto_sampler_accept(sampler, data->accepted[i]);
  return sampler;
}

static bool read_case(FILE *file, struct sampler_case *one) {
  return fscanf(file, "%u %d %f %d %f %f %f %d %f %f %f %d %d", &one->seed, &one->n_vocab, &one->temperature, &one->top_k,
                &one->typical_p, &one->top_p, &one->min_p, &one->last_n, &one->repeat, &one->frequency, &one->presence,
                &one->n_biases, &one->n_accepted) == 13;
}

/* The probabilities (n_vocab) of the candidates that the sampler leaves, 0 for the others. Returns their number. */
static size_t our_probabilities(sotto_sampler *sampler, const float *logits, double *p) {
  const struct candidate *candidates;
  const size_t n = sampler_choose(sampler, logits, &candidates);
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += candidates[i].weight;
  for (size_t i = 0; i < n; i++) p[candidates[i].token] = candidates[i].weight / sum;
  return n;
}

static void the_chain_is_llama_cpps(void) {
  static struct sampler_data data;
  FILE *file = fopen(golden_path, "r");
  REQUIRE(file != NULL);
  struct sampler_case one;
  int n_cases = 0, n_wrong = 0;
  for (; read_case(file, &one); n_cases++) {
    double ours[CASE_VOCAB_MAX] = {0}, worst = 0;
    case_expand(&one, &data);
    sotto_sampler *sampler = open_case(&one, &data);
    const int n_ours = (int)our_probabilities(sampler, data.logits, ours);
    free(sampler);
    int n_kept = 0;
    REQUIRE(fscanf(file, "%d", &n_kept) == 1);
    for (int i = 0; i < n_kept; i++) {
      int token;
      double p;
      REQUIRE(fscanf(file, "%d %lf", &token, &p) == 2 && token >= 0 && token < one.n_vocab);
      worst = fmax(worst, fabs(ours[token] - p));
      worst = ours[token] > 0 || p < P_ERROR ? worst : 1;
    }
    if (n_ours == n_kept && worst < P_ERROR) continue;
    if (n_wrong++ < 10)
      printf("case %d, seed %u: %d candidates, not %d; p differs by %g\n", n_cases, one.seed, n_ours, n_kept, worst);
  }
  fclose(file);
  if (n_wrong > 0) printf("%d of %d cases are wrong\n", n_wrong, n_cases);
  CHECK(n_cases >= 160 && n_wrong == 0);
}

/* ---- the draw ---- */

static void the_defaults_are_llama_cpps(void) {
  const struct sotto_sampler_options options = defaults();
  CHECK(options.sizeof_options == sizeof options && options.temperature == 0.8f && options.top_k == 40);
  CHECK(options.top_p == 0.95f && options.min_p == 0.05f && options.typical_p == 1 && options.penalty_last_n == 64);
  CHECK(options.repeat_penalty == 1 && options.frequency_penalty == 0 && options.presence_penalty == 0);
}

static void draws_follow_the_probabilities(void) {
  enum { N = 8, DRAWS = 200000 };
  float logits[N];
  int counts[N] = {0};
  double sum = 0;
  fill(logits, N, 5);
  for (int i = 0; i < N; i++) sum += exp(logits[i] / 2);
  struct sotto_sampler_options options = neutral();
  options.temperature = 2;
  options.seed = 42;
  sotto_sampler *sampler = open_sampler(N, &options);
  for (int i = 0; i < DRAWS; i++) counts[sample(sampler, logits)]++;
  for (int i = 0; i < N; i++) {
    const double p = exp(logits[i] / 2) / sum, deviation = sqrt(p * (1 - p) * DRAWS);
    CHECK(fabs(counts[i] - p * DRAWS) < 4.5 * deviation + 1);
  }
  free(sampler);
}

static void a_seed_repeats(void) {
  float logits[N_VOCAB];
  fill(logits, N_VOCAB, 9);
  struct sotto_sampler_options options = neutral();
  int32_t first[50];
  int n_same = 0;
  for (uint32_t run = 0; run < 3; run++) {
    options.seed = run == 2 ? 8 : 7;
    sotto_sampler *sampler = open_sampler(N_VOCAB, &options);
    for (int i = 0; i < 50; i++) {
      const int32_t token = sample(sampler, logits);
      if (run == 0) first[i] = token;
      if (run == 1) CHECK(token == first[i]);
      if (run == 2) n_same += token == first[i];
    }
    free(sampler);
  }
  CHECK(n_same < 25);
}

static void greedy_takes_the_first_of_the_best(void) {
  float logits[N_VOCAB];
  fill(logits, N_VOCAB, 3);
  logits[700] = logits[123] = 50;
  struct sotto_sampler_options options = defaults();
  options.temperature = 0;
  CHECK(sample_once(&options, logits, N_VOCAB) == 123);
  options.temperature = 1;
  options.top_k = 1;
  CHECK(sample_once(&options, logits, N_VOCAB) == 123);
  options.top_k = 0;
  options.top_p = 0.1f;
  CHECK(sample_once(&options, logits, N_VOCAB) == 123);
}

/* Equal logits at the edge of top-k: the lower ids stay. */
static void ties_go_to_the_lower_id(void) {
  float logits[N_VOCAB];
  for (int i = 0; i < N_VOCAB; i++) logits[i] = (float)(i % 10);
  struct sotto_sampler_options options = neutral();
  options.top_k = 50; /* of the 100 tokens with logit 9 */
  sotto_sampler *sampler = open_sampler(N_VOCAB, &options);
  double p[N_VOCAB] = {0};
  CHECK(our_probabilities(sampler, logits, p) == 50);
  for (int i = 0; i < N_VOCAB; i++) CHECK((p[i] > 0) == (i % 10 == 9 && i < 500));
  free(sampler);
}

/* ---- penalties, biases ---- */

static void penalties_forget_what_is_far_back(void) {
  float logits[4] = {2, 1, 0, -1};
  struct sotto_sampler_options options = defaults();
  options.temperature = 0;
  options.presence_penalty = 10;
  options.penalty_last_n = 2;
  sotto_sampler *sampler = open_sampler(4, &options);
  const int32_t expected[] = {0, 1, 2, 0, 1, 2};
  for (int i = 0; i < 6; i++) CHECK(sample(sampler, logits) == expected[i]);
  free(sampler);
  options.penalty_last_n = -1; /* everything counts, as often as it came */
  options.presence_penalty = 0;
  options.frequency_penalty = 0.75f;
  sampler = open_sampler(4, &options);
  const int32_t counted[] = {0, 0, 1, 0, 1, 2, 0};
  for (int i = 0; i < 7; i++) CHECK(sample(sampler, logits) == counted[i]);
  free(sampler);
}

static void a_prompt_counts(void) {
  float logits[3] = {2, 1, 0};
  struct sotto_sampler_options options = defaults();
  options.temperature = 0;
  options.repeat_penalty = 4;
  sotto_sampler *sampler = open_sampler(3, &options);
  sotto_sampler_accept(sampler, 0);
  sotto_sampler_accept(sampler, -1); /* no token: passed over */
  sotto_sampler_accept(sampler, 3);
  CHECK(sample(sampler, logits) == 1);
  free(sampler);
}

static void a_bias_of_minus_infinity_forbids(void) {
  float logits[3] = {9, 1, 0};
  const struct sotto_logit_bias biases[] = {{0, -INFINITY}, {2, 0.75f}, {2, 0.75f}};
  struct sotto_sampler_options options = neutral();
  options.n_logit_biases = 3;
  options.logit_biases = biases;
  for (options.seed = 0; options.seed < 200; options.seed++) CHECK(sample_once(&options, logits, 3) != 0);
  options.temperature = 0;
  CHECK(sample_once(&options, logits, 3) == 2); /* biases of the same token add up */
}

/* ---- hostile logits and options ---- */

static void check_hostile(const float *logits, uint32_t n_vocab, bool (*is_allowed)(int32_t)) {
  struct sotto_sampler_options options = neutral();
  for (uint32_t stages = 0; stages < 64; stages++) {
    options.top_k = stages & 1 ? 3 : 0;
    options.typical_p = stages & 2 ? 0.5f : 1;
    options.top_p = stages & 4 ? 0.5f : 1;
    options.min_p = stages & 8 ? 0.1f : 0;
    options.temperature = stages & 16 ? 1e-40f : 1;
    options.repeat_penalty = stages & 32 ? 1.5f : 1;
    options.seed = stages;
    sotto_sampler *sampler = open_sampler(n_vocab, &options);
    for (int i = 0; i < 10; i++) CHECK(is_allowed(sample(sampler, logits)));
    free(sampler);
  }
}

static bool is_zero(int32_t token) { return token == 0; }
static bool is_four(int32_t token) { return token == 4; }
static bool is_one_or_four(int32_t token) { return token == 1 || token == 4; }
static bool is_in_range(int32_t token) { return token >= 0 && token < 6; }

static void hostile_logits_survive(void) {
  const float nan = NAN, inf = INFINITY;
  check_hostile((const float[]){nan, nan, nan, nan, nan, nan}, 6, is_zero);
  check_hostile((const float[]){-inf, -inf, -inf, -inf, -inf, -inf}, 6, is_zero);
  check_hostile((const float[]){-inf, nan, -inf, nan, 1, -inf}, 6, is_four);
  check_hostile((const float[]){-inf, inf, 3, nan, inf, 1e38f}, 6, is_one_or_four);
  check_hostile((const float[]){3e38f, -3e38f, 1e-45f, 0, -0.0f, 3e38f}, 6, is_in_range);
  check_hostile((const float[]){5}, 1, is_zero);
}

static void bad_options_are_refused(void) {
  uint8_t block[65536];
  sotto_sampler *sampler;
  const struct sotto_logit_bias outside = {6, 1}, no_number = {0, NAN};
  struct sotto_sampler_options bad[12];
  for (int i = 0; i < 12; i++) bad[i] = defaults();
  bad[0].sizeof_options = 4;
  bad[1].temperature = NAN;
  bad[2].top_p = INFINITY;
  bad[3].min_p = NAN;
  bad[4].typical_p = NAN;
  bad[5].repeat_penalty = 0;
  bad[6].frequency_penalty = INFINITY;
  bad[7].presence_penalty = NAN;
  bad[8].penalty_last_n = -2;
  bad[9].n_logit_biases = 1;
  bad[10].n_logit_biases = bad[11].n_logit_biases = 1;
  bad[10].logit_biases = &outside;
  bad[11].logit_biases = &no_number;
  for (int i = 0; i < 12; i++) CHECK(sotto_sampler_open(block, sizeof block, 6, &bad[i], &sampler) == SOTTO_INVALID_ARGUMENT);
  const struct sotto_sampler_options good = defaults();
  CHECK(sotto_sampler_open(block, sizeof block, 0, &good, &sampler) == SOTTO_INVALID_ARGUMENT);
  CHECK(sotto_sampler_open(block, sizeof block, 6, &good, &sampler) == SOTTO_OK);
  for (size_t n = 0, all = sotto_sampler_measure(6, &good); n < all; n++)
    CHECK(sotto_sampler_open(block, n, 6, &good, &sampler) == SOTTO_OUT_OF_MEMORY);
}

/* ---- log-probabilities ---- */

static void logprobs_are_those_of_the_raw_logits(void) {
  enum { TOP = 20 };
  float logits[N_VOCAB], logprob, top[TOP];
  int32_t tokens[TOP];
  fill(logits, N_VOCAB, 11);
  logits[77] = NAN;
  logits[900] = logits[33]; /* equal: 33 stands first */
  double sum = 0;
  for (int i = 0; i < N_VOCAB; i++) sum += isnan(logits[i]) ? 0 : exp(logits[i]);
  sotto_logprobs(logits, N_VOCAB, 500, &logprob, TOP, tokens, top);
  CHECK(fabs(logprob - (logits[500] - log(sum))) < 1e-6);
  for (int rank = 0; rank < TOP; rank++) {
    int n_before = 0;
    for (int i = 0; i < N_VOCAB; i++)
      n_before += logits[i] > logits[tokens[rank]] || (logits[i] == logits[tokens[rank]] && i < tokens[rank]);
    CHECK(n_before == rank);
    CHECK(fabs(top[rank] - (logits[tokens[rank]] - log(sum))) < 1e-6);
  }
  sotto_logprobs(logits, N_VOCAB, 77, &logprob, 0, NULL, NULL);
  CHECK(logprob == -INFINITY);
}

static void logprobs_of_few_tokens(void) {
  const float logits[2] = {-INFINITY, 1};
  float logprob, top[3];
  int32_t tokens[3];
  sotto_logprobs(logits, 2, 0, &logprob, 3, tokens, top);
  CHECK(logprob == -INFINITY && tokens[0] == 1 && top[0] == 0 && tokens[1] == 0 && top[1] == -INFINITY);
  CHECK(tokens[2] == -1 && top[2] == -INFINITY);
  sotto_logprobs((const float[]){1, INFINITY}, 2, 1, &logprob, 1, tokens, top);
  CHECK(logprob == 0 && tokens[0] == 1 && top[0] == 0);
}

int main(int argc, char **argv) {
  if (argc > 1) golden_path = argv[1];
  RUN(the_chain_is_llama_cpps);
  RUN(the_defaults_are_llama_cpps);
  RUN(draws_follow_the_probabilities);
  RUN(a_seed_repeats);
  RUN(greedy_takes_the_first_of_the_best);
  RUN(ties_go_to_the_lower_id);
  RUN(penalties_forget_what_is_far_back);
  RUN(a_prompt_counts);
  RUN(a_bias_of_minus_infinity_forbids);
  RUN(hostile_logits_survive);
  RUN(bad_options_are_refused);
  RUN(logprobs_are_those_of_the_raw_logits);
  RUN(logprobs_of_few_tokens);
  return test_end();
}
