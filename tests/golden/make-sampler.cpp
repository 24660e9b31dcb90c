// make-sampler.cpp: what llama.cpp's own samplers make of random logits, as lines for tests/test_sample.c.
//   g++ -O2 -I$LLAMA/include -I$LLAMA/ggml/include make-sampler.cpp -L$BIN -lllama -lggml -lggml-base -Wl,-rpath,$BIN
//   ./a.out > sampler.vec
// ./a.out N makes N cases of all sizes; "test_sample FILE" checks them (20,000 were).
#include "llama.h"
#include "sampler_case.h"
#include <algorithm>
#include <cmath>
#include <vector>

static uint32_t state = 20261123;

static int pick(int n) { return int(test_random(&state) % uint32_t(n)); }
static float uniform(float low, float high) { return low + (high - low) * (test_random_float(&state) + 1) / 2; }

// Each stage is off about half of the time. Rounded to two decimals, so that the text says the same number.
static sampler_case random_case() {
  auto maybe = [](float off, float low, float high) { return pick(2) ? off : std::round(uniform(low, high) * 100) / 100; };
  sampler_case one = {};
  one.seed = test_random(&state);
  one.n_vocab = pick(4) ? 5 + pick(60) : 200 + pick(3800);
  one.temperature = maybe(0.8f, 0.2f, 2);
  one.top_k = pick(2) ? 0 : 1 + pick(50);
  one.typical_p = maybe(1, 0.1f, 0.99f);
  one.top_p = maybe(1, 0.1f, 0.99f);
  one.min_p = maybe(0, 0.01f, 0.5f);
  one.last_n = pick(3) ? 1 + pick(40) : 0;
  one.repeat = maybe(1, 0.8f, 1.5f);
  one.frequency = maybe(0, -1, 1);
  one.presence = maybe(0, -1, 1);
  one.n_biases = pick(CASE_BIASES_MAX + 1);
  one.n_accepted = pick(CASE_ACCEPTED_MAX + 1);
  return one;
}

static llama_sampler *make_chain(const sampler_case &one, const sampler_data &data) {
  std::vector<llama_logit_bias> biases;
  for (int i = 0; i < one.n_biases; i++) biases.push_back({data.bias_tokens[i], data.biases[i]});
  llama_sampler *chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
  llama_sampler *stages[] = {
      llama_sampler_init_logit_bias(one.n_vocab, one.n_biases, biases.data()),
      llama_sampler_init_penalties(one.n_vocab, one.last_n, one.repeat, one.frequency, one.presence),
      llama_sampler_init_top_k(one.top_k), llama_sampler_init_typical(one.typical_p, 0),
      llama_sampler_init_top_p(one.top_p, 0), llama_sampler_init_min_p(one.min_p, 0),
      llama_sampler_init_temp(one.temperature)};
  for (llama_sampler *stage : stages) llama_sampler_chain_add(chain, stage);
  for (int i = 0; i < one.n_accepted; i++) llama_sampler_accept(chain, data.accepted[i]);
  return chain;
}

static void print_case(const sampler_case &one) {
  sampler_data data;
  case_expand(&one, &data);
  std::vector<llama_token_data> tokens;
  for (int i = 0; i < one.n_vocab; i++) tokens.push_back({i, data.logits[i], 0});
  llama_token_data_array kept = {tokens.data(), tokens.size(), -1, false};
  llama_sampler *chain = make_chain(one, data);
  llama_sampler_apply(chain, &kept);
  llama_sampler_free(chain);
  std::sort(kept.data, kept.data + kept.size, [](auto &a, auto &b) { return a.id < b.id; });
  double max = -INFINITY, sum = 0;
  for (size_t i = 0; i < kept.size; i++) max = std::max<double>(max, kept.data[i].logit);
  for (size_t i = 0; i < kept.size; i++) sum += std::exp(kept.data[i].logit - max);
  printf("%u %d %g %d %g %g %g %d %g %g %g %d %d %zu", one.seed, one.n_vocab, one.temperature, one.top_k, one.typical_p,
         one.top_p, one.min_p, one.last_n, one.repeat, one.frequency, one.presence, one.n_biases, one.n_accepted, kept.size);
  for (size_t i = 0; i < kept.size; i++) printf(" %d %.7g", kept.data[i].id, std::exp(kept.data[i].logit - max) / sum);
  printf("\n");
}

int main(int argc, char **argv) {
  for (int i = 0, n = argc > 1 ? atoi(argv[1]) : 160; i < n;) {
    const sampler_case one = random_case();
    if (argc < 2 && one.n_vocab > 64) continue; // the committed file stays small
    print_case(one);
    i++;
  }
}
