/* tokenize_bpe.c: byte-level byte-pair encoding (Radford et al., 2019). A regular expression cuts the text into words; in
 * each word every byte is a symbol, and the pair of neighbours that comes first in the file's list of merges becomes one,
 * again and again. Patterns: the tokenizer.json of the models, in the form in which llama.cpp follows them. */
#include "tokenize.h"

#include "pattern.h"
#include "unicode.h"

#include <string.h>

#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define CONTRACTION "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
#define WORD "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
#define MARKS_AND_SPACE " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

static const struct pre_tokenizer pre_tokenizers[] = {
    {.names = "gpt-2 phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de a.x-4.0 mellum modern-bert mpt olmo jais trillion "
              "granite-docling exaone4 jina-v1-en jina-v2-code roberta-bpe ",
     .patterns = {GPT2}},
    {.names = "smollm starcoder refact command-r codeshell exaone minerva-7b mellum2 ", .patterns = {"\\p{N}", GPT2}},
    {.names = "default ", .patterns = {"[\\p{P}$+<=>^~|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}},
    {.names = "falcon ", .patterns = {"[\\p{P}$+<=>^~|`]+", GPT2, "[0-9][0-9][0-9]"}},
    {.names = "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano ",
     .patterns = {CONTRACTION "|" WORD "|\\p{N}{1,3}|" MARKS_AND_SPACE}, .ignores_merges = true, .add_bos = true},
    {.names = "dbrx smaug-bpe ", .patterns = {CONTRACTION "|" WORD "|\\p{N}{1,3}|" MARKS_AND_SPACE}},
    {.names = "qwen2 deepseek-r1-qwen kormo f2llmv2 stablelm2 megrez hunyuan solar-open grok-2 ",
     .patterns = {CONTRACTION "|" WORD "|\\p{N}|" MARKS_AND_SPACE}},
    {.names = "qwen35 ",
     .patterns = {CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|"
                              "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
};

const struct pre_tokenizer *pre_tokenizer_find(const uint8_t *name, uint32_t n_bytes) {
  for (size_t i = 0; i < sizeof pre_tokenizers / sizeof *pre_tokenizers; i++)
    for (const char *n = pre_tokenizers[i].names; *n; n++) {
      uint32_t length = 0;
      while (n[length] != ' ') length++;
      if (length == n_bytes && !memcmp(n, name, length)) return &pre_tokenizers[i];
      n += length;
    }
  return NULL;
}

/* ---- bytes as characters ---- */

/* Printable ones stand for themselves; the 68 others, in their order, are U+0100 and on. */
static bool is_printable(uint32_t c) { return (c >= 0x21 && c <= 0x7e) || (c >= 0xa1 && c <= 0xff && c != 0xad); }

uint32_t bpe_char_of_byte(uint8_t byte) {
  if (is_printable(byte)) return byte;
  return 0x100 + (byte <= 0x20 ? byte : byte == 0xad ? 67 : byte - 0x7fu + 33);
}

int bpe_byte_of_char(uint32_t c) {
  if (is_printable(c)) return (int)c;
  if (c < 0x100 || c > 0x100 + 67) return -1;
  c -= 0x100;
  return (int)(c <= 0x20 ? c : c == 67 ? 0xad : c - 33 + 0x7f);
}

/* ---- one word ---- */

static bool rank_pair(const struct vocab *vocab, const uint8_t *text, uint32_t left_bytes, uint32_t right_bytes, uint32_t *rank) {
  *rank = strings_find_pair(&vocab->merges, text, left_bytes, right_bytes);
  return *rank != UINT32_MAX;
}

/* A symbol that is no token: its bytes, as far as they are. */
static void put_bytes(struct tokenization *job, const uint8_t *text, uint32_t n_bytes) {
  for (uint32_t i = 0; i < n_bytes; i++) {
    const int32_t token = vocab_find(job->vocab, text + i, 1);
    if (token != NO_TOKEN) put_token(job, token);
  }
}

static void tokenize_word(struct tokenization *job, const uint8_t *text, size_t n_bytes) {
  const struct vocab *vocab = job->vocab;
  uint32_t n = 0;
  job->n_symbols = 0;
  for (size_t i = 0; i < n_bytes; i++) {
    const uint32_t length = (uint32_t)utf8_write(job->word + n, bpe_char_of_byte(text[i]));
    add_symbol(job, n, length);
    n += length;
  }
  const int32_t whole = vocab->pre->ignores_merges ? vocab_find(vocab, job->word, n) : NO_TOKEN;
  if (whole != NO_TOKEN) {
    put_token(job, whole);
    return;
  }
  merge_symbols(job, job->word, rank_pair);
  for (uint32_t i = 0; i != NO_SYMBOL; i = job->symbols[i].next) {
    const struct symbol *symbol = &job->symbols[i];
    const int32_t token = vocab_find(vocab, job->word + symbol->begin, symbol->n_bytes);
    if (token != NO_TOKEN) put_token(job, token);
    else put_bytes(job, job->word + symbol->begin, symbol->n_bytes);
  }
}

/* ---- text -> words ---- */

/* Each match of the first pattern and each stretch between two goes on to the next pattern. */
static void split(struct tokenization *job, const char *const *patterns, const uint8_t *text, size_t n_bytes) {
  if (!*patterns) {
    tokenize_word(job, text, n_bytes);
    return;
  }
  size_t done = 0;
  for (size_t at = 0; at < n_bytes;) {
    const size_t end = pattern_match(*patterns, text, n_bytes, at);
    if (end == NO_MATCH || end == at) {
      at += utf8_length(text[at]);
      continue;
    }
    if (at > done) split(job, patterns + 1, text + done, at - done);
    split(job, patterns + 1, text + at, end - at);
    at = done = end;
  }
  if (n_bytes > done) split(job, patterns + 1, text + done, n_bytes - done);
}

void tokenize_bpe(struct tokenization *job, const uint8_t *text, size_t n_bytes) {
  size_t n = 0;
  for (size_t at = 0; at < n_bytes;) n += utf8_write(job->text + n, utf8_read(text, n_bytes, &at));
  split(job, job->vocab->pre->patterns, job->text, n);
}
