/* make-corpus.c: writes the fuzzers' seeds, small files that are right, from which they go astray:
 * make build/make-corpus && build/make-corpus */
#include "tiny_vocab.h"

#define SOME TOKENS(UNKNOWN, CONTROL("<s>"), CONTROL("</s>"), NORMAL("a"), NORMAL("b"), SCORED("ab", -1), NORMAL("▁"), \
                    BYTE("<0xC3>"))

static void write_file(const char *name, const void *bytes, size_t n) {
  char path[64];
  snprintf(path, sizeof path, "tests/corpus/%s", name);
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(bytes, 1, n, file) != n || fclose(file)) exit(1);
}

static void write_model(const char *name, struct tiny_options options, struct tiny_tokenizer tokenizer) {
  options.n_vocab = 9;
  options.tokenizer = &tokenizer;
  struct tiny_file file = tiny_make(&options);
  write_file(name, file.bytes, file.n);
  free(file.bytes);
}

int main(void) {
  struct tiny_options options = tiny_small;
  write_model("fuzz_gguf/llama-q8_0.gguf", options, tiny_bpe(SOME, TEXTS("a b")));
  options.type = GGUF_Q4_1;
  options.has_output = options.has_rope_freqs = true;
  write_model("fuzz_gguf/llama-q4_1.gguf", options, tiny_bpe(SOME, TEXTS("a b")));
  options = (struct tiny_options){.architecture = "gemma3", .type = GGUF_Q5_0, .n_layers = 1, .n_embd = 32,
                                  .n_heads = 2, .n_kv_heads = 1, .head_dim = 16, .n_ff = 32, .n_ctx = 64, .window = 4};
  write_model("fuzz_gguf/gemma3-q5_0.gguf", options, tiny_spm(SOME));

  /* Flags, tokens, merges, stop strings, text: as fuzz_tokenize.c reads them. */
  static const char bpe[] = "\x40" "\x06" "\1\x80" "a\0" "\1\x80" "b\0" "\1\x80" "ab\0" "\1\x80" "Ġ\0" "\3\x80" "<s>\0"
                            "\4\x80" "<u>\0" "\x01" "a b\0" "\x01" "ab\0" "ab a<s>b<u>é \xf0\x9f\x98\x80";
  static const char spm[] = "\xf1" "\x06" "\1\x80" "a\0" "\1\x80" "▁\0" "\1\x7f" "▁a\0" "\6\x80" "<0xC3>\0"
                            "\3\x80" "<s>\0" "\2\x80" "<unk>\0" "\x00" "\x02" "a\0" "é\0" "a a<s> aé\xc3 ";
  write_file("fuzz_tokenize/bpe", bpe, sizeof bpe - 1);
  write_file("fuzz_tokenize/spm", spm, sizeof spm - 1);
  return 0;
}
