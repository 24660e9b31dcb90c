/* test_sha256.c: the digests that FIPS 180-4 and NIST's examples give, whatever the portions. */
#include "../src/sotto.h"
#include "test.h"

/* The digest of n bytes, pushed in portions of at most `most` bytes (0: all at once). */
static const char *digest_of(const uint8_t *bytes, size_t n, size_t most, uint32_t *seed) {
  static char hex[65];
  uint8_t digest[32];
  void *block = malloc(sotto_sha256_measure());
  sotto_sha256 *sha = sotto_sha256_open(block);
  for (size_t at = 0, portion; at < n; at += portion) {
    portion = most ? test_random(seed) % (most + 1) : n; /* none at all, now and then */
    if (portion > n - at) portion = n - at;
    uint8_t *copy = malloc(portion);
    memcpy(copy, bytes + at, portion);
    sotto_sha256_push(sha, copy, portion);
    free(copy);
  }
  sotto_sha256_finish(sha, digest);
  for (int i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
  free(block);
  return hex;
}

static const struct { const char *text, *digest; } examples[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};

static void the_standards_examples(void) {
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
    CHECK(strcmp(digest_of((const uint8_t *)examples[i].text, strlen(examples[i].text), 0, NULL), examples[i].digest) == 0);
}

static void a_million_times_a(void) {
  enum { N = 1000000 };
  uint8_t *bytes = malloc(N);
  uint32_t seed = 1;
  memset(bytes, 'a', N);
  const char *expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
  CHECK(strcmp(digest_of(bytes, N, 0, NULL), expected) == 0);
  CHECK(strcmp(digest_of(bytes, N, 5000, &seed), expected) == 0);
  free(bytes);
}

/* Every length around the padding's border, in every kind of portions. */
static void portions_change_nothing(void) {
  uint8_t bytes[300];
  char whole[65];
  uint32_t seed = 2;
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)test_random(&seed);
  for (size_t n = 0; n <= sizeof bytes; n++) {
    strcpy(whole, digest_of(bytes, n, 0, NULL));
    for (size_t most = 1; most < 200; most = most * 3 + 1)
      if (!CHECK(strcmp(digest_of(bytes, n, most, &seed), whole) == 0)) return;
  }
}

int main(void) {
  RUN(the_standards_examples);
  RUN(a_million_times_a);
  RUN(portions_change_nothing);
  return test_end();
}
