/* vocab.c: the keys tokenizer.ggml.* -> the vocabulary's tables. Key names: the GGUF specification; what is not in the
 * file, llama.cpp's defaults. */
#include "vocab.h"

#include "tokenize.h"
#include "unicode.h"

#include <string.h>

#define MAX_PROBES 256 /* with half the slots free, real vocabularies need up to 39; in a hostile one all collide */

/* ---- hash tables of the file's strings ---- */

static uint32_t hash_more(uint32_t hash, const uint8_t *p, uint32_t n) { /* FNV-1a */
  for (uint32_t i = 0; i < n; i++) hash = (hash ^ p[i]) * 16777619u;
  return hash;
}
#define HASH_START 2166136261u

const uint8_t *strings_get(const struct strings *strings, uint32_t index, uint32_t *n_bytes) {
  const uint8_t *text = strings->data + strings->offsets[index];
  memcpy(n_bytes, text - 8, 4); /* lengths have 8 bytes, and are below 2^28 (gguf.c) */
  return text;
}

uint32_t strings_find(const struct strings *strings, const uint8_t *text, uint32_t n_bytes) {
  return strings_find_pair(strings, text, n_bytes, UINT32_MAX);
}

/* right_bytes UINT32_MAX: the left part alone. */
uint32_t strings_find_pair(const struct strings *strings, const uint8_t *text, uint32_t left_bytes, uint32_t right_bytes) {
  const bool is_pair = right_bytes != UINT32_MAX;
  const uint32_t n_bytes = is_pair ? left_bytes + 1 + right_bytes : left_bytes;
  if (strings->n_slots == 0) return UINT32_MAX;
  uint32_t hash = hash_more(HASH_START, text, left_bytes);
  if (is_pair) hash = hash_more(hash_more(hash, (const uint8_t *)" ", 1), text + left_bytes, right_bytes);
  for (uint32_t slot = hash; strings->slots[slot &= strings->n_slots - 1]; slot++) {
    const uint32_t index = strings->slots[slot] - 1;
    uint32_t n;
    const uint8_t *other = strings_get(strings, index, &n);
    if (n != n_bytes || memcmp(other, text, left_bytes)) continue;
    if (!is_pair || (other[left_bytes] == ' ' && !memcmp(other + left_bytes + 1, text + left_bytes, right_bytes))) return index;
  }
  return UINT32_MAX;
}

/* Puts string `index` into the table; of equal ones the first stays. False: too many strings want the same slots. */
static bool strings_add(struct strings *strings, uint32_t index) {
  uint32_t n_bytes, n;
  const uint8_t *text = strings_get(strings, index, &n_bytes);
  uint32_t slot = hash_more(HASH_START, text, n_bytes) & (strings->n_slots - 1);
  for (int probes = 0; probes < MAX_PROBES; probes++, slot = (slot + 1) & (strings->n_slots - 1)) {
    if (!strings->slots[slot]) {
      strings->slots[slot] = index + 1;
      return true;
    }
    const uint8_t *other = strings_get(strings, strings->slots[slot] - 1, &n);
    if (n == n_bytes && !memcmp(other, text, n)) return true;
  }
  return false;
}

/* Carves the tables of an array of strings, and fills them when there is memory. */
static enum sotto_status strings_open(struct strings *strings, const struct sotto_value *array, struct arena *arena,
                                      const sotto_gguf *gguf, struct sotto_error *error) {
  strings->data = array->data;
  strings->n = array->n_items;
  for (strings->n_slots = 8; strings->n_slots < 2 * (uint64_t)strings->n;) strings->n_slots *= 2;
  strings->offsets = arena_carve(arena, strings->n, sizeof *strings->offsets);
  strings->slots = arena_carve(arena, strings->n_slots, sizeof *strings->slots);
  if (arena_measures(arena) || arena_overflows(arena)) return SOTTO_OK;
  memset(strings->slots, 0, strings->n_slots * sizeof *strings->slots);
  const char *text;
  uint32_t n_bytes;
  for (uint32_t i = 0, at = 0; gguf_next_string(array, &at, &text, &n_bytes); i++) {
    strings->offsets[i] = at - n_bytes;
    if (!strings_add(strings, i))
      return error_set(error, SOTTO_MALFORMED, gguf_value_offset(gguf, array), "the key %.*s holds strings that were made to collide",
                       (int)array->key_bytes, array->key);
  }
  return SOTTO_OK;
}

/* ---- keys ---- */

static bool text_equals(const uint8_t *text, uint32_t n_bytes, const char *name) {
  return strlen(name) == n_bytes && !memcmp(text, name, n_bytes);
}

/* An array of at least n items of one type, or absent. */
static enum sotto_status read_array(const sotto_gguf *gguf, const char *key, uint32_t item_type, uint32_t n,
                                    struct sotto_value *value, struct sotto_error *error) {
  value->data = NULL;
  if (sotto_gguf_find(gguf, key, value) != SOTTO_OK) return SOTTO_OK;
  if (value->type == SOTTO_VALUE_ARRAY && value->item_type == item_type && value->n_items >= n) return SOTTO_OK;
  return error_set(error, SOTTO_MALFORMED, gguf_value_offset(gguf, value), "the key %s is not an array of %u or more items of type %u",
                   key, n, item_type);
}

static void read_bool(const sotto_gguf *gguf, const char *key, bool *out) {
  struct sotto_value value;
  uint64_t number;
  if (sotto_gguf_find(gguf, key, &value) == SOTTO_OK && gguf_value_u64(&value, 0, &number)) *out = number != 0;
}

/* A token's id; one that is out of range is passed over, as llama.cpp does. */
static void read_token(const struct vocab *vocab, const sotto_gguf *gguf, const char *key, int32_t *out) {
  struct sotto_value value;
  uint64_t number;
  if (*out >= 0 && (uint32_t)*out >= vocab->tokens.n) *out = NO_TOKEN;
  if (sotto_gguf_find(gguf, key, &value) != SOTTO_OK || !gguf_value_u64(&value, 0, &number)) return;
  if (number < vocab->tokens.n) *out = (int32_t)number;
}

static void read_tokenizer(struct vocab *vocab, const sotto_gguf *gguf) {
  struct sotto_value model, pre;
  if (sotto_gguf_find(gguf, "tokenizer.ggml.model", &model) != SOTTO_OK || model.type != SOTTO_VALUE_STRING) return;
  if (text_equals(model.data, model.n_items, "llama")) {
    vocab->tokenizer = TOKENIZER_SPM;
    vocab->add_bos = vocab->add_space_prefix = vocab->can_tokenize = true;
    vocab->bos = 1;
    vocab->eos = 2;
    vocab->unknown = 0;
  } else if (text_equals(model.data, model.n_items, "bert")) {
    vocab->tokenizer = TOKENIZER_WPM;
    vocab->lowercases = vocab->can_tokenize = true;
    vocab->bos = 101;
    vocab->separator = 102;
    vocab->unknown = 100;
  } else if (text_equals(model.data, model.n_items, "gpt2") || text_equals(model.data, model.n_items, "gemma4")) {
    const bool is_gemma4 = model.data[0] == 'g' && model.n_items == 6;
    const bool is_named = !is_gemma4 && sotto_gguf_find(gguf, "tokenizer.ggml.pre", &pre) == SOTTO_OK &&
                          pre.type == SOTTO_VALUE_STRING && pre.n_items;
    const char *name = is_named ? (const char *)pre.data : is_gemma4 ? "gemma4" : "default";
    vocab->tokenizer = TOKENIZER_BPE;
    vocab->pre = pre_tokenizer_find((const uint8_t *)name, is_named ? pre.n_items : (uint32_t)strlen(name));
    vocab->can_tokenize = vocab->pre != NULL;
    vocab->bos = is_gemma4 || (vocab->pre && vocab->pre->lacks_bos) ? NO_TOKEN : 11;
    vocab->eos = is_gemma4 ? NO_TOKEN : 11;
    vocab->add_bos = vocab->pre && vocab->pre->add_bos;
  }
}

/* ---- tokens with a meaning ---- */

/* Tokens that llama.cpp knows by their text, whatever the file says of their kind: those that end a text or a turn (the
 * first of them that the vocabulary has is the end of a turn, where the file names none), and those around code to fill in. */
static const struct { const char *text; bool ends; } known[] = {
    {"<|eot_id|>", true}, {"<|im_end|>", true}, {"<|end|>", true}, {"<end_of_turn>", true}, {"<|endoftext|>", true},
    {"<|end_of_text|>", true}, {"<EOT>", true}, {"_<EOT>", true}, {"[EOT]", true}, {"<｜end▁of▁sentence｜>", true},
    {"<end_of_utterance>", true}, /* N_TURN_ENDS up to here */
    {"<|return|>", true}, {"<|call|>", true}, {"<|flush|>", true}, {"<|calls|>", true}, {"</s>", true}, {"<|eom_id|>", true},
    {"[EOS]", true}, {"<eos>", true}, {"<turn|>", true}, {"<|tool_response>", true}, {"[e~[", true},
    {"<|fim_pad|>", true}, {"<fim-pad>", true}, {"<fim_pad>", true}, {"<PAD>", true}, {"[PAD]", true},
    {"<|fim_repo|>", true}, {"<|repo_name|>", true}, {"<fim-repo>", true}, {"<REPO>", true}, {"<reponame>", true},
    {"<|file_sep|>", true},
    {"<|fim_prefix|>", false}, {"<fim-prefix>", false}, {"<fim_prefix>", false}, {"<｜fim▁begin｜>", false}, {"<PRE>", false},
    {"▁<PRE>", false}, {"<|code_prefix|>", false}, {"<|prefix|>", false},
    {"<|fim_suffix|>", false}, {"<fim-suffix>", false}, {"<fim_suffix>", false}, {"<｜fim▁hole｜>", false}, {"<SUF>", false},
    {"▁<SUF>", false}, {"<|code_suffix|>", false}, {"<|suffix|>", false},
    {"<|fim_middle|>", false}, {"<fim-middle>", false}, {"<fim_middle>", false}, {"<｜fim▁end｜>", false}, {"<MID>", false},
    {"▁<MID>", false}, {"<|code_middle|>", false}, {"<|middle|>", false},
};
#define N_TURN_ENDS 11

static int32_t find_text(const struct vocab *vocab, const char *text) {
  return vocab_find(vocab, (const uint8_t *)text, (uint32_t)strlen(text));
}

static bool has_end(const struct vocab *vocab, const char *text) {
  const int32_t token = find_text(vocab, text);
  return token != NO_TOKEN && vocab->traits[token] & TRAIT_ENDS;
}

static void set_kind(struct vocab *vocab, const char *text, enum token_kind kind) {
  const int32_t token = find_text(vocab, text);
  if (token == NO_TOKEN) return;
  vocab->kinds[token] = kind;
  vocab->traits[token] &= ~TRAIT_ENDS;
}

/* Tokens around the channels of a turn are shown, and what ends a message there does not end the turn; nor does </s>
 * where it is no more than a piece of text. */
static void find_exceptions(struct vocab *vocab) {
  static const char *const shown[] = {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
    const int32_t token = find_text(vocab, shown[i]);
    if (token != NO_TOKEN) vocab->kinds[token] = TOKEN_USER_DEFINED;
  }
  const bool calls = has_end(vocab, "<|call|>") || has_end(vocab, "<|calls|>");
  if (calls && has_end(vocab, "<|end|>") && (has_end(vocab, "<|return|>") || has_end(vocab, "<|flush|>")))
    set_kind(vocab, "<|end|>", TOKEN_USER_DEFINED);
  if (has_end(vocab, "<|tool_response>") && has_end(vocab, "</s>")) set_kind(vocab, "</s>", TOKEN_NORMAL);
}

static void find_ends(struct vocab *vocab, const sotto_gguf *gguf) {
  static const char *const keys[] = {"tokenizer.ggml.eom_token_id", "tokenizer.ggml.fim_pad_token_id",
                                     "tokenizer.ggml.fim_rep_token_id", "tokenizer.ggml.fim_sep_token_id"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    const int32_t token = find_text(vocab, known[i].text);
    if (token == NO_TOKEN) continue;
    vocab->kinds[token] = TOKEN_CONTROL;
    if (known[i].ends) vocab->traits[token] |= TRAIT_ENDS;
    if (vocab->eot == NO_TOKEN && i < N_TURN_ENDS) vocab->eot = token;
  }
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    int32_t token = NO_TOKEN;
    read_token(vocab, gguf, keys[i], &token);
    if (token != NO_TOKEN) vocab->traits[token] |= TRAIT_ENDS;
  }
  if (vocab->eos != NO_TOKEN) vocab->traits[vocab->eos] |= TRAIT_ENDS;
  if (vocab->eot != NO_TOKEN) vocab->traits[vocab->eot] |= TRAIT_ENDS;
  find_exceptions(vocab);
}

bool vocab_is_special(const struct vocab *vocab, int32_t token) {
  const uint8_t kind = vocab->kinds[token];
  return kind == TOKEN_CONTROL || kind == TOKEN_USER_DEFINED || kind == TOKEN_UNKNOWN;
}

/* Whether the string of this key has one of the texts in it, in small letters or capitals; a space after each text. */
static bool key_contains(const sotto_gguf *gguf, const char *key, const char *texts) {
  struct sotto_value value;
  if (sotto_gguf_find(gguf, key, &value) != SOTTO_OK || value.type != SOTTO_VALUE_STRING) return false;
  for (uint32_t n; *texts; texts += n + 1) {
    for (n = 0; texts[n] != ' ';) n++;
    for (uint32_t at = 0; at + n <= value.n_items; at++) {
      uint32_t same = 0;
      while (same < n && unicode_lowercase(value.data[at + same]) == (uint8_t)texts[same]) same++;
      if (same == n) return true;
    }
  }
  return false;
}

static void add_trait(struct vocab *vocab, const char *text, enum token_trait trait) {
  const int32_t token = find_text(vocab, text);
  if (token != NO_TOKEN) vocab->traits[token] |= trait;
}

/* GGUF has no key for it: llama.cpp knows by names which tokens take spaces away. */
static void find_strippers(struct vocab *vocab, const sotto_gguf *gguf) {
  static const char *const keeping[] = {"<unk>", "<s>", "<|endoftext|>"};
  if (key_contains(gguf, "tokenizer.ggml.pre", "jina-v2-de jina-v2-es jina-v2-code ") ||
      key_contains(gguf, "general.architecture", "nomic-bert-moe jina-bert-v3 ")) {
    add_trait(vocab, "<mask>", TRAIT_STRIPS_LEFT);
  } else if (key_contains(gguf, "general.name", "phi-3 phi3 ")) {
    for (uint32_t i = 0; i < vocab->tokens.n; i++)
      if (vocab_is_special(vocab, (int32_t)i)) vocab->traits[i] |= TRAIT_STRIPS_RIGHT;
    add_trait(vocab, "</s>", TRAIT_STRIPS_RIGHT);
    for (size_t i = 0; i < sizeof keeping / sizeof *keeping; i++) {
      const int32_t token = find_text(vocab, keeping[i]);
      if (token != NO_TOKEN) vocab->traits[token] &= ~TRAIT_STRIPS_RIGHT;
    }
  } else if (key_contains(gguf, "general.name", "modern-bert ")) {
    add_trait(vocab, "[MASK]", TRAIT_STRIPS_LEFT);
  }
}

static void measure_tokens(struct vocab *vocab) {
  for (uint32_t i = 0; i < vocab->tokens.n; i++) {
    uint32_t n;
    const uint8_t *text = strings_get(&vocab->tokens, i, &n);
    if (n > vocab->max_token_bytes) vocab->max_token_bytes = n;
    if (n == 0 || n > MAX_SPECIAL_BYTES || !vocab_is_special(vocab, (int32_t)i)) continue;
    vocab->begins_special[text[0]] = vocab->ends_special[text[n - 1]] = vocab->special_lengths[n] = true;
  }
}

/* ---- open ---- */

static enum sotto_status open_tokens(struct vocab *vocab, const sotto_gguf *gguf, const struct sotto_value *tokens,
                                     struct arena *arena, struct sotto_error *error) {
  struct sotto_value kinds, scores, merges;
  const uint32_t n = tokens->n_items;
  TRY(read_array(gguf, "tokenizer.ggml.token_type", SOTTO_VALUE_I32, n, &kinds, error));
  TRY(read_array(gguf, "tokenizer.ggml.scores", SOTTO_VALUE_F32, n, &scores, error));
  vocab->scores = scores.data;
  TRY(strings_open(&vocab->tokens, tokens, arena, gguf, error));
  if (vocab->tokenizer == TOKENIZER_BPE) {
    TRY(read_array(gguf, "tokenizer.ggml.merges", SOTTO_VALUE_STRING, 0, &merges, error));
    if (merges.data) TRY(strings_open(&vocab->merges, &merges, arena, gguf, error));
    vocab->can_tokenize = vocab->can_tokenize && merges.data;
  }
  vocab->kinds = arena_carve(arena, n, sizeof *vocab->kinds);
  vocab->traits = arena_carve(arena, n, sizeof *vocab->traits);
  if (arena_measures(arena) || arena_overflows(arena)) return SOTTO_OK;
  for (uint32_t i = 0; i < n; i++) {
    uint64_t kind = TOKEN_NORMAL;
    if (kinds.data && (!gguf_value_u64(&kinds, i, &kind) || kind > TOKEN_BYTE)) kind = TOKEN_UNDEFINED;
    vocab->kinds[i] = (uint8_t)kind;
    vocab->traits[i] = 0;
  }
  read_token(vocab, gguf, "tokenizer.ggml.bos_token_id", &vocab->bos);
  read_token(vocab, gguf, "tokenizer.ggml.eos_token_id", &vocab->eos);
  read_token(vocab, gguf, "tokenizer.ggml.eot_token_id", &vocab->eot);
  read_token(vocab, gguf, "tokenizer.ggml.unknown_token_id", &vocab->unknown);
  read_bool(gguf, "tokenizer.ggml.add_bos_token", &vocab->add_bos);
  read_bool(gguf, "tokenizer.ggml.add_eos_token", &vocab->add_eos);
  if (vocab->pre && vocab->pre->forces_bos) vocab->add_bos = true;
  read_bool(gguf, "tokenizer.ggml.add_space_prefix", &vocab->add_space_prefix);
  if (vocab->tokenizer == TOKENIZER_WPM) {
    vocab->add_bos = true; /* and the separator, whatever the file says */
    read_token(vocab, gguf, "tokenizer.ggml.seperator_token_id", &vocab->separator);
    read_bool(gguf, "tokenizer.ggml.normalizer.lowercase", &vocab->lowercases);
    vocab->strips_accents = vocab->lowercases;
    read_bool(gguf, "tokenizer.ggml.normalizer.strip_accents", &vocab->strips_accents);
  }
  find_ends(vocab, gguf);
  find_strippers(vocab, gguf);
  measure_tokens(vocab);
  return SOTTO_OK;
}

enum sotto_status vocab_open(struct vocab *vocab, const sotto_gguf *gguf, uint32_t n_rows, struct arena *arena,
                             struct sotto_error *error) {
  struct sotto_value tokens;
  *vocab = (struct vocab){.bos = NO_TOKEN, .eos = NO_TOKEN, .eot = NO_TOKEN, .unknown = NO_TOKEN, .separator = NO_TOKEN};
  read_tokenizer(vocab, gguf);
  TRY(read_array(gguf, "tokenizer.ggml.tokens", SOTTO_VALUE_STRING, 0, &tokens, error));
  if (tokens.data && tokens.n_items > n_rows)
    return error_set(error, SOTTO_SHAPE_MISMATCH, gguf_value_offset(gguf, &tokens), "there are %u tokens, and token_embd.weight has %u rows",
                     tokens.n_items, n_rows);
  if (tokens.data) return open_tokens(vocab, gguf, &tokens, arena, error);
  vocab->can_tokenize = false;
  vocab->bos = vocab->eos = vocab->unknown = NO_TOKEN;
  return SOTTO_OK;
}

/* ---- look-up ---- */

int32_t vocab_find(const struct vocab *vocab, const uint8_t *text, uint32_t n_bytes) {
  const uint32_t index = strings_find(&vocab->tokens, text, n_bytes);
  return index == UINT32_MAX ? NO_TOKEN : (int32_t)index;
}

int32_t vocab_find_byte(const struct vocab *vocab, uint8_t byte) {
  static const char digits[] = "0123456789ABCDEF";
  return vocab_find(vocab, (const uint8_t[]){'<', '0', 'x', (uint8_t)digits[byte >> 4], (uint8_t)digits[byte & 15], '>'}, 6);
}

float vocab_score(const struct vocab *vocab, int32_t token) {
  float score = 0;
  if (vocab->scores) memcpy(&score, vocab->scores + 4 * (size_t)token, 4);
  return score;
}
