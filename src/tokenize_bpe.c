/* tokenize_bpe.c: byte-level byte-pair encoding (Radford et al., 2019). A regular expression cuts the text into words; in
 * each word every byte is a symbol, and the pair of neighbours that comes first in the file's list of merges becomes one,
 * again and again. Patterns: the tokenizer.json of the models, in the form in which llama.cpp follows them. */
#include "tokenize.h"

#include "unicode.h"

#include <string.h>

/* ---- how words are cut ---- */

#define MARKS_AND_SPACE PART_MARKS "|" PART_LINES_AND_SPACE
#define LLAMA3 PART_CONTRACTION "|" PART_WORD "|\\p{N}{1,3}|" MARKS_AND_SPACE
#define QWEN2 PART_CONTRACTION "|" PART_WORD "|\\p{N}|" MARKS_AND_SPACE

/* Capitals and then small letters, or capitals alone; letters without case are both. */
#define CASED(set, ending) \
  "[^\\r\\n\\p{L}\\p{N}]?[" set "&&[^a-z]]*[" set "&&[^A-Z]]+" ending "|[^\\r\\n\\p{L}\\p{N}]?[" set \
  "&&[^a-z]]+[" set "&&[^A-Z]]*" ending
#define MARKS_OF_PATHS " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|"
#define GPT4O(set) CASED(set, PART_CONTRACTION "?") "|\\p{N}{1,3}|" MARKS_OF_PATHS PART_LINES_AND_SPACE
#define WORD_WITH_MARKS "[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+" PART_CONTRACTION "?|"

#define HAN "\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002ebef\U0002f800-\U0002fa1f"
#define DEEPSEEK3 PART_AFTER_A_MARK "| ?[\\p{P}\\p{S}]+[\\r\\n]*|" PART_LINES_AND_SPACE
#define BLOOM " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"
#define DEEPSEEK_LETTERS \
  "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376" \
  "\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-" \
  "\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a" \
  "\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4" \
  "\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc" \
  "\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f" \
  "\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b" \
  "\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a" \
  "\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2" \
  "\U000118a0-\U000118df\U0001e900-\U0001e943"

static const struct pre_tokenizer pre_tokenizers[] = {
    {.names = "gpt-2 phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de a.x-4.0 mellum modern-bert mpt olmo jais trillion "
              "granite-docling exaone4 ",
     .patterns = {PART_GPT2}},
    {.names = "jina-v1-en jina-v2-code roberta-bpe ", .patterns = {PART_GPT2}, .add_separator = true},
    {.names = "smollm starcoder refact command-r codeshell exaone minerva-7b mellum2 ", .patterns = {"\\p{N}", PART_GPT2}},
    {.names = "default ", .patterns = {"[\\p{P}$+<=>^~|]+", PART_GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}},
    {.names = "falcon ", .patterns = {"[\\p{P}$+<=>^~|`]+", PART_GPT2, "[0-9][0-9][0-9]"}},
    {.names = "chameleon ",
     .patterns = {"<sentinel:[0-9]+>", "IMGIMG[A-I]{1,4}Z", "[\\t\\n]|    |  ", "\\p{N}", "[\\p{P}!-/:-@\\[-`{-~]", PART_GPT2},
     .add_bos = true},
    {.names = "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano ",
     .patterns = {LLAMA3}, .ignores_merges = true, .add_bos = true},
    {.names = "dbrx smaug-bpe ", .patterns = {LLAMA3}},
    {.names = "chatglm-bpe ", .patterns = {LLAMA3}, .lacks_bos = true},
    {.names = "glm4 glm5 ", .patterns = {LLAMA3}, .lacks_bos = true, .ignores_merges = true},
    {.names = "jais-2 ",
     .patterns = {PART_CONTRACTION "|" PART_WORD "|\\p{N}{1,3}|" PART_MARKS "|\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|"
                  "\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!\\S)|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s"}},
    {.names = "minicpm5 ", .patterns = {"\\p{N}{1,3}", PART_CONTRACTION "|" PART_WORD "|\\p{N}+|" MARKS_AND_SPACE},
     .ignores_merges = true},
    {.names = "qwen2 deepseek-r1-qwen kormo f2llmv2 stablelm2 megrez hunyuan solar-open grok-2 ", .patterns = {QWEN2}},
    {.names = "laguna ", .patterns = {"\\n+", QWEN2}},
    {.names = "ufakzeka ", .patterns = {PART_WORD "|\\p{N}|" MARKS_AND_SPACE}},
    {.names = "qwen35 ",
     .patterns = {PART_CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|"
                  PART_LINES_AND_SPACE}},
    {.names = "bailingmoe bailingmoe2 llada-moe ",
     .patterns = {"'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|" PART_WORD "|\\p{N}|" PART_MARKS "|\\s*[\\r\\n]|" PART_SPACE}},
    {.names = "seed-coder ",
     .patterns = {PART_CONTRACTION "|" PART_WORD "|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|" PART_LINES_AND_SPACE}},
    {.names = "exaone-moe ",
     .patterns = {PART_CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}(?:[\\p{L}\\p{M}]| \\p{L})*|\\p{N}|"
                  " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|" PART_SPACE}},
    {.names = "tekken ", .patterns = {CASED("\\p{L}", "") "|\\p{N}|" MARKS_OF_PATHS PART_LINES_AND_SPACE},
     .ignores_merges = true, .add_bos = true},
    {.names = "gpt-4o llama4 kanana2 talkie minimax-m2 ", .patterns = {GPT4O("\\p{L}")}},
    {.names = "granite-embed-multi-97m ", .patterns = {GPT4O("\\p{L}\\p{M}")}, .ignores_merges = true},
    {.names = "tiny_aya cohere2moe ",
     .patterns = {WORD_WITH_MARKS "\\p{N}{1,3}|" MARKS_OF_PATHS PART_LINES_AND_SPACE}, .grouping = GROUPS_OF_NUMBERS},
    {.names = "superbpe ", .patterns = {"\\p{N}+"}, .grouping = GROUPS_OF_DIGITS},
    {.names = "kimi-k2 ",
     .patterns = {"[" HAN "]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}&&[^" HAN "]]+" PART_CONTRACTION "?|\\p{N}{1,3}|" MARKS_AND_SPACE},
     .needs_no_merges = true},
    {.names = "deepseek-llm ",
     .patterns = {"[\\r\\n]", "\\s?[" DEEPSEEK_LETTERS "]+", "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3001\u3002]+",
                  "\\s+$", PART_EASTERN, "\\p{N}+"}},
    {.names = "deepseek-coder ", .patterns = {"[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", PART_EASTERN, "\\p{N}"}},
    {.names = "deepseek-v3 hunyuan-dense joyai-llm hy_v4 ", .patterns = {"\\p{N}{1,3}", PART_CJK, DEEPSEEK3}},
    {.names = "spark2_5 ",
     .patterns = {"\\p{N}{1,3}", PART_CJK, PART_AFTER_A_MARK "| ?[\\p{P}\\p{S}]+|[\\r\\n]|" PART_SPACE, "\\p{N}"}},
    {.names = "afmoe ",
     .patterns = {"[\u4e00-\ufaff\u3400-\u4dbf\u3040-\u30ff\uff65-\uff9f\u2f00-\u2fdf\u0e40-\u0eff\u1780-\u17ff\u1000-\u109f"
                  "\u1100-\u11ff]+", DEEPSEEK3},
     .grouping = GROUPS_OF_NUMBERS},
    {.names = "youtu ",
     .patterns = {"[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f"
                  "\ufe30-\ufe4f]+|[\u3105-\u312f]+|" PART_CJK, WORD_WITH_MARKS "\\p{N}|" MARKS_OF_PATHS PART_LINES_AND_SPACE},
     .ignores_merges = true},
    {.names = "poro-chat bloom gpt3-finnish ", .patterns = {BLOOM}},
    {.names = "viking ", .patterns = {BLOOM, "\\p{N}"}},
    {.names = "gemma4 granite-embed-multi-311m ", .patterns = {"\\n+"},
     .is_plain = true, .escapes_spaces = true, .joins_lines = true, .forces_bos = true},
    {.names = "sarvam-moe ", .patterns = {"\\n+"}, .is_plain = true, .escapes_spaces = true},
    {.names = "whitespace ", .patterns = {"\\S+"}, .is_plain = true},
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
    const int32_t token = job->vocab->pre->is_plain ? vocab_find_byte(job->vocab, text[i]) : vocab_find(job->vocab, text + i, 1);
    if (token != NO_TOKEN) put_token(job, token);
  }
}

/* Makes a symbol of each byte, written as a character to job->word; of a plain word's characters, where they are. */
static const uint8_t *add_symbols(struct tokenization *job, const uint8_t *text, size_t n_bytes, uint32_t *n) {
  const bool is_plain = job->vocab->pre->is_plain;
  *n = job->n_symbols = 0;
  for (size_t at = 0; at < n_bytes;) {
    const uint32_t length = (uint32_t)(is_plain ? utf8_length(text[at]) : utf8_write(job->word + *n, bpe_char_of_byte(text[at])));
    add_symbol(job, *n, length);
    at += is_plain ? length : 1;
    *n += length;
  }
  return is_plain ? text : job->word;
}

static bool are_newlines(const uint8_t *text, size_t n_bytes) {
  while (n_bytes && text[n_bytes - 1] == '\n') n_bytes--;
  return n_bytes == 0;
}

static void tokenize_word(struct tokenization *job, const uint8_t *text, size_t n_bytes) {
  const struct vocab *vocab = job->vocab;
  const bool may_stay = vocab->pre->ignores_merges || (vocab->pre->joins_lines && are_newlines(text, n_bytes));
  uint32_t n;
  const uint8_t *word = add_symbols(job, text, n_bytes, &n);
  const int32_t whole = may_stay ? vocab_find(vocab, word, n) : NO_TOKEN;
  if (whole != NO_TOKEN) {
    put_token(job, whole);
    return;
  }
  merge_symbols(job, word, rank_pair);
  for (uint32_t i = 0; i != NO_SYMBOL; i = job->symbols[i].next) {
    const struct symbol *symbol = &job->symbols[i];
    const int32_t token = vocab_find(vocab, word + symbol->begin, symbol->n_bytes);
    if (token != NO_TOKEN) put_token(job, token);
    else put_bytes(job, word + symbol->begin, symbol->n_bytes);
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
    const size_t end = pattern_match(*patterns, job->cache, text, n_bytes, at);
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

/* The characters from `at` on that are of one number. */
static size_t count_digits(enum grouping grouping, const uint8_t *text, size_t n_bytes, size_t at) {
  size_t n = 0;
  for (; at < n_bytes; n++) {
    const uint32_t c = utf8_read(text, n_bytes, &at);
    if (grouping == GROUPS_OF_DIGITS ? c < '0' || c > '9' : unicode_class(c) != CLASS_NUMBER) break;
  }
  return n;
}

/* Cuts numbers so that their last digits are in groups of three, and then goes on to the patterns. */
static void split_groups(struct tokenization *job, const uint8_t *text, size_t n_bytes) {
  const struct pre_tokenizer *pre = job->vocab->pre;
  const bool joins_ends = pre->grouping == GROUPS_OF_NUMBERS;
  size_t done = 0, n_left = 0; /* n_left: digits of the number at `at` */
  bool is_inside = false;
  for (size_t at = 0; at < n_bytes; at += utf8_length(text[at])) {
    if (n_left == 0) n_left = count_digits(pre->grouping, text, n_bytes, at);
    const bool is_begin = !is_inside && n_left, is_end = is_inside && !n_left;
    if (at > done && (joins_ends ? is_end || (n_left && n_left % 3 == 0 && !is_begin) : n_left && n_left % 3 == 0)) {
      split(job, pre->patterns, text + done, at - done);
      done = at;
    }
    is_inside = n_left > 0;
    if (n_left) n_left--;
  }
  split(job, pre->patterns, text + done, n_bytes - done);
}

static void split_all(struct tokenization *job, const uint8_t *text, size_t n_bytes) {
  if (job->vocab->pre->grouping) split_groups(job, text, n_bytes);
  else split(job, job->vocab->pre->patterns, text, n_bytes);
}

void tokenize_bpe(struct tokenization *job, const uint8_t *text, size_t n_bytes) {
  const struct vocab *vocab = job->vocab;
  size_t begin = 0, n = 0;
  pattern_forget_text(job->cache); /* another stretch lay where this one goes */
  for (size_t at = 0; at < n_bytes;) {
    uint32_t c = utf8_read(text, n_bytes, &at);
    if (c == ' ' && vocab->pre->escapes_spaces) c = ESCAPED_SPACE;
    if (vocab->lowercases) c = unicode_lowercase(c);
    if (vocab->drops_spaces && unicode_is_space(c)) {
      split_all(job, job->text + begin, n - begin);
      begin = n;
    } else {
      n += utf8_write(job->text + n, c);
    }
  }
  split_all(job, job->text + begin, n - begin);
}
