/* sha256.c: SHA-256 of bytes that come in any portions (FIPS 180-4). */
#include "sotto.h"

#include <string.h>

#define BLOCK_BYTES 64
#define LENGTH_BYTES 8 /* at the end of the last block: how many bits there were */

struct sotto_sha256 {
  uint32_t state[8];
  uint64_t n_bytes;
  uint8_t block[BLOCK_BYTES]; /* the n_bytes % 64 bytes that do not fill a block yet */
};

/* The first 32 bits behind the point of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

static uint32_t load(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void store(uint8_t *bytes, uint32_t x) {
  for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(x >> (24 - 8 * i));
}

/* The next 16 words of the message schedule, each in the place of the one 16 before it. */
static void next_words(uint32_t w[16]) {
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i++) {
    const uint32_t a = w[(i + 1) % 16], b = w[(i + 14) % 16];
    const uint32_t small0 = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3, small1 = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10;
    w[i] += small0 + w[(i + 9) % 16] + small1;
  }
}

/* The standard moves the values of a to h along by one name each round; here they stay, and the names move. */
static void rounds(uint32_t s[8], const uint32_t w[16], const uint32_t k[16]) {
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i++) {
    const uint32_t a = s[(16 - i) % 8], b = s[(17 - i) % 8], c = s[(18 - i) % 8];
    const uint32_t e = s[(20 - i) % 8], f = s[(21 - i) % 8], g = s[(22 - i) % 8];
    uint32_t *d = &s[(19 - i) % 8], *h = &s[(23 - i) % 8];
    const uint32_t sum = *h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) + k[i] + w[i];
    *d += sum;
    *h = sum + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));
  }
}

static void take_block(uint32_t state[8], const uint8_t *bytes) {
  uint32_t s[8], w[16];
  memcpy(s, state, sizeof s);
  for (int i = 0; i < 16; i++) w[i] = load(bytes + 4 * i);
  for (int i = 0; i < 64; i += 16) {
    if (i) next_words(w);
    rounds(s, w, constants + i);
  }
  for (int i = 0; i < 8; i++) state[i] += s[i];
}

size_t sotto_sha256_measure(void) { return sizeof(struct sotto_sha256); }

sotto_sha256 *sotto_sha256_open(void *block) {
  /* The first 32 bits behind the point of the square roots of the first 8 primes. */
  static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  sotto_sha256 *sha = block;
  memcpy(sha->state, initial, sizeof initial);
  sha->n_bytes = 0;
  return sha;
}

void sotto_sha256_push(sotto_sha256 *sha, const void *bytes, size_t n_bytes) {
  const uint8_t *at = bytes, *end = at + n_bytes;
  const size_t n_held = sha->n_bytes % BLOCK_BYTES;
  sha->n_bytes += n_bytes;
  if (n_held) {
    const size_t n = n_bytes < BLOCK_BYTES - n_held ? n_bytes : BLOCK_BYTES - n_held;
    memcpy(sha->block + n_held, at, n);
    at += n;
    if (n_held + n < BLOCK_BYTES) return;
    take_block(sha->state, sha->block);
  }
  for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) take_block(sha->state, at);
  memcpy(sha->block, at, (size_t)(end - at));
}

/* A bit of 1, zeros up to the last 8 bytes of a block, and the number of bits. */
void sotto_sha256_finish(sotto_sha256 *sha, uint8_t digest[32]) {
  static const uint8_t padding[BLOCK_BYTES] = {0x80};
  const uint64_t n_bits = sha->n_bytes * 8;
  const size_t n_held = sha->n_bytes % BLOCK_BYTES, n_last = BLOCK_BYTES - LENGTH_BYTES;
  uint8_t length[LENGTH_BYTES];
  store(length, (uint32_t)(n_bits >> 32));
  store(length + 4, (uint32_t)n_bits);
  sotto_sha256_push(sha, padding, (n_held < n_last ? n_last : n_last + BLOCK_BYTES) - n_held);
  sotto_sha256_push(sha, length, sizeof length);
  for (int i = 0; i < 8; i++) store(digest + 4 * i, sha->state[i]);
}
