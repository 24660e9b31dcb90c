/* vocab.c: the keys tokenizer.ggml.* -> the vocabulary's tables. Key names: the GGUF specification; what is not in the
 * file, llama.cpp's defaults. */
#include "vocab.h"

#include "tokenize.h"
#include "unicode.h"

#include <float.h>
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

/* Four names for byte-pair encoding, of which one stands for a pre-tokenizer too. */
static void read_bpe(struct vocab *vocab, const sotto_gguf *gguf, const struct sotto_value *model) {
  const bool is_gemma4 = text_equals(model->data, model->n_items, "gemma4");
  const bool drops_spaces = text_equals(model->data, model->n_items, "whitespace");
  const bool reads_dna = text_equals(model->data, model->n_items, "hybriddna");
  struct sotto_value pre;
  if (!is_gemma4 && !drops_spaces && !reads_dna && !text_equals(model->data, model->n_items, "gpt2")) return;
  const bool is_named = !is_gemma4 && sotto_gguf_find(gguf, "tokenizer.ggml.pre", &pre) == SOTTO_OK &&
                        pre.type == SOTTO_VALUE_STRING && pre.n_items;
  const char *name = is_named ? (const char *)pre.data : is_gemma4 ? "gemma4" : "default";
  const uint32_t name_bytes = is_named ? pre.n_items : (uint32_t)strlen(name);
  vocab->tokenizer = TOKENIZER_BPE;
  vocab->pre = pre_tokenizer_find((const uint8_t *)name, name_bytes);
  vocab->can_tokenize = vocab->pre != NULL;
  vocab->bos = is_gemma4 || (vocab->pre && vocab->pre->lacks_bos) ? NO_TOKEN : 11;
  vocab->eos = is_gemma4 ? NO_TOKEN : 11;
  vocab->add_bos = vocab->pre && vocab->pre->add_bos;
  vocab->add_separator = vocab->pre && vocab->pre->add_separator;
  vocab->reads_dna = reads_dna;
  vocab->drops_spaces = drops_spaces;
  vocab->lowercases = drops_spaces && !text_equals((const uint8_t *)name, name_bytes, "whitespace");
}

static void read_tokenizer(struct vocab *vocab, const sotto_gguf *gguf) {
  struct sotto_value model;
  if (sotto_gguf_find(gguf, "tokenizer.ggml.model", &model) != SOTTO_OK || model.type != SOTTO_VALUE_STRING) return;
  if (text_equals(model.data, model.n_items, "llama")) {
    vocab->tokenizer = TOKENIZER_SPM;
    vocab->add_bos = vocab->add_space_prefix = vocab->can_tokenize = true;
    vocab->bos = 1;
    vocab->eos = 2;
    vocab->unknown = 0;
  } else if (text_equals(model.data, model.n_items, "t5")) {
    vocab->tokenizer = TOKENIZER_UGM;
    vocab->add_eos = vocab->can_tokenize = true;
    vocab->eos = 1;
    vocab->unknown = 2;
  } else if (text_equals(model.data, model.n_items, "plamo2")) {
    vocab->tokenizer = TOKENIZER_PLAMO;
    vocab->can_tokenize = true;
    vocab->bos = 1;
    vocab->eos = 2;
    vocab->unknown = 0;
  } else if (text_equals(model.data, model.n_items, "rwkv")) {
    vocab->tokenizer = TOKENIZER_RWKV;
    vocab->can_tokenize = true;
  } else if (text_equals(model.data, model.n_items, "bert")) {
    vocab->tokenizer = TOKENIZER_WPM;
    vocab->lowercases = vocab->can_tokenize = vocab->add_separator = true;
    vocab->bos = 101;
    vocab->separator = 102;
    vocab->unknown = 100;
  } else {
    read_bpe(vocab, gguf, &model);
  }
}

/* ---- tokens with a meaning ---- */

/* Tokens that llama.cpp knows by their text, whatever the file says of their kind, a space after each: those that end a
 * turn, of which the first is the end of a turn where the file names none; that end anything else; and that stand around
 * code to fill in. */
static const char turn_ends[] =
    "<|eot_id|> <|im_end|> <|end|> <end_of_turn> <|endoftext|> <|end_of_text|> <EOT> _<EOT> [EOT] "
    "<｜end▁of▁sentence｜> <end_of_utterance> ";
static const char other_ends[] =
    "<|return|> <|call|> <|flush|> <|calls|> </s> <|eom_id|> [EOS] <eos> <turn|> <|tool_response> [e~[ ";

/* Those around code to fill in count where the file names none by these keys. */
static const struct { const char *keys[2], *names; uint8_t traits; } around_code[] = {
    {{"tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id"},
     "<|fim_prefix|> <fim-prefix> <fim_prefix> <｜fim▁begin｜> <PRE> ▁<PRE> <|code_prefix|> <|prefix|> ", 0},
    {{"tokenizer.ggml.fim_suf_token_id", "tokenizer.ggml.suffix_token_id"},
     "<|fim_suffix|> <fim-suffix> <fim_suffix> <｜fim▁hole｜> <SUF> ▁<SUF> <|code_suffix|> <|suffix|> ", 0},
    {{"tokenizer.ggml.fim_mid_token_id", "tokenizer.ggml.middle_token_id"},
     "<|fim_middle|> <fim-middle> <fim_middle> <｜fim▁end｜> <MID> ▁<MID> <|code_middle|> <|middle|> ", 0},
    {{"tokenizer.ggml.fim_pad_token_id"}, "<|fim_pad|> <fim-pad> <fim_pad> <PAD> [PAD] ", TRAIT_ENDS},
    {{"tokenizer.ggml.fim_rep_token_id"}, "<|fim_repo|> <|repo_name|> <fim-repo> <REPO> <reponame> ", TRAIT_ENDS},
    {{"tokenizer.ggml.fim_sep_token_id"}, "<|file_sep|> ", TRAIT_ENDS},
};

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
  if ((has_end(vocab, "<|tool_response>") || has_end(vocab, "<|plamo:eos|>")) && has_end(vocab, "</s>")) set_kind(vocab, "</s>", TOKEN_NORMAL);
}

/* Returns the first of the tokens that the vocabulary has. */
static int32_t set_control(struct vocab *vocab, const char *names, uint8_t traits) {
  int32_t first = NO_TOKEN;
  for (uint32_t n; *names; names += n + 1) {
    for (n = 0; names[n] != ' ';) n++;
    const int32_t token = vocab_find(vocab, (const uint8_t *)names, n);
    if (token == NO_TOKEN) continue;
    vocab->kinds[token] = TOKEN_CONTROL;
    vocab->traits[token] |= traits;
    if (first == NO_TOKEN) first = token;
  }
  return first;
}

static void find_ends(struct vocab *vocab, const sotto_gguf *gguf) {
  int32_t message_end = NO_TOKEN;
  const int32_t turn_end = set_control(vocab, turn_ends, TRAIT_ENDS);
  if (vocab->eot == NO_TOKEN) vocab->eot = turn_end;
  set_control(vocab, other_ends, TRAIT_ENDS);
  for (size_t i = 0; i < sizeof around_code / sizeof *around_code; i++) {
    int32_t token = NO_TOKEN;
    for (int k = 0; k < 2 && around_code[i].keys[k]; k++) read_token(vocab, gguf, around_code[i].keys[k], &token);
    if (token != NO_TOKEN) vocab->traits[token] |= around_code[i].traits;
    else set_control(vocab, around_code[i].names, around_code[i].traits);
  }
  read_token(vocab, gguf, "tokenizer.ggml.eom_token_id", &message_end);
  if (message_end != NO_TOKEN) vocab->traits[message_end] |= TRAIT_ENDS;
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
    if (vocab->reach && n >= REACH_BYTES) {
      uint32_t *reach = &vocab->reach[hash_more(HASH_START, text, REACH_BYTES) % REACH_SLOTS];
      if (n > *reach) *reach = n;
    }
    if (n == 0 || n > MAX_SPECIAL_BYTES || !vocab_is_special(vocab, (int32_t)i)) continue;
    vocab->begins_special[text[0]] = vocab->ends_special[text[n - 1]] = vocab->special_lengths[n] = true;
  }
}

/* ---- what some tokenizers need ---- */

static void read_wordpiece(struct vocab *vocab, const sotto_gguf *gguf) {
  vocab->add_bos = true; /* and the separator, whatever the file says */
  vocab->strips_accents = vocab->lowercases;
  read_bool(gguf, "tokenizer.ggml.normalizer.strip_accents", &vocab->strips_accents);
}

#define UNKNOWN_PENALTY 10 /* SentencePiece's, below the least likely token */

static enum sotto_status read_unigrams(struct vocab *vocab, const sotto_gguf *gguf, struct sotto_error *error) {
  struct sotto_value map;
  uint32_t n_unit_bytes;
  float least = FLT_MAX;
  read_bool(gguf, "tokenizer.ggml.remove_extra_whitespaces", &vocab->merges_spaces);
  for (uint32_t i = 0; i < vocab->tokens.n; i++) {
    const float score = vocab_score(vocab, (int32_t)i);
    if (vocab->kinds[i] == TOKEN_NORMAL && score < least) least = score;
  }
  vocab->unknown_score = least - UNKNOWN_PENALTY;
  if (sotto_gguf_find(gguf, "tokenizer.ggml.precompiled_charsmap", &map) != SOTTO_OK) return SOTTO_OK;
  const bool is_bytes = map.type == SOTTO_VALUE_ARRAY && (map.item_type == SOTTO_VALUE_U8 || map.item_type == SOTTO_VALUE_I8);
  if (is_bytes && map.n_items >= 4) memcpy(&n_unit_bytes, map.data, 4);
  if (!is_bytes || map.n_items < 4 || n_unit_bytes >= map.n_items - 4 || map.data[map.n_items - 1])
    return error_set(error, SOTTO_MALFORMED, gguf_value_offset(gguf, &map),
                     "the key tokenizer.ggml.precompiled_charsmap does not hold bytes of tables and texts");
  vocab->charsmap = map.data;
  vocab->charsmap_bytes = map.n_items;
  return SOTTO_OK;
}

static uint8_t hex_value(uint8_t c) { return (uint8_t)(c >= 'a' ? c - 'a' + 10 : c - '0'); }

/* The bytes that a text with \t, \n, \r, \xNN and other characters after a backslash stands for; out has room for n. */
static uint64_t unescape(const uint8_t *text, uint32_t n, uint8_t *out) {
  uint64_t n_out = 0;
  for (uint32_t i = 0; i < n; i++) {
    uint8_t c = text[i];
    if (c == '\\' && i + 1 < n) {
      c = text[++i];
      if (c == 'x' && i + 2 < n) {
        c = (uint8_t)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
        i += 2;
      } else {
        c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
      }
    }
    out[n_out++] = c;
  }
  return n_out;
}

/* RWKV's tokens are written with escapes: an array of what they stand for takes their place. */
static void unescape_tokens(struct sotto_value *tokens, struct arena *arena) {
  uint8_t *copy = arena_carve(arena, tokens->data_bytes, 1), *out = copy;
  const char *text;
  uint32_t n_bytes, at = 0;
  if (arena_measures(arena) || arena_overflows(arena)) return;
  while (gguf_next_string(tokens, &at, &text, &n_bytes)) {
    const uint64_t n = unescape((const uint8_t *)text, n_bytes, out + 8);
    memcpy(out, &n, 8);
    out += 8 + n;
  }
  tokens->data = copy;
  tokens->data_bytes = (uint32_t)(out - copy);
}

/* Without its tokens it is plain BPE. */
static void find_dna(struct vocab *vocab) {
  vocab->dna = (struct dna){find_text(vocab, DNA_BEGIN), find_text(vocab, DNA_END), find_text(vocab, DNA_UNKNOWN)};
  if (vocab->dna.begin == NO_TOKEN || vocab->dna.end == NO_TOKEN || vocab->dna.unknown == NO_TOKEN) vocab->reads_dna = false;
}

static bool has_every_byte(const struct vocab *vocab) {
  int byte = 0;
  while (byte < 256 && vocab_find_byte(vocab, (uint8_t)byte) != NO_TOKEN) byte++;
  return byte == 256;
}

/* ---- open ---- */

static enum sotto_status open_tokens(struct vocab *vocab, const sotto_gguf *gguf, struct sotto_value *tokens,
                                     struct arena *arena, struct sotto_error *error) {
  struct sotto_value kinds, scores, merges;
  const uint32_t n = tokens->n_items;
  TRY(read_array(gguf, "tokenizer.ggml.token_type", SOTTO_VALUE_I32, n, &kinds, error));
  vocab->has_whole_scores = sotto_gguf_find(gguf, "tokenizer.ggml.scores", &scores) == SOTTO_OK &&
                            scores.item_type == SOTTO_VALUE_I32;
  TRY(read_array(gguf, "tokenizer.ggml.scores", vocab->has_whole_scores ? SOTTO_VALUE_I32 : SOTTO_VALUE_F32, n, &scores, error));
  vocab->scores = scores.data;
  if (vocab->tokenizer == TOKENIZER_RWKV) unescape_tokens(tokens, arena);
  TRY(strings_open(&vocab->tokens, tokens, arena, gguf, error));
  if (vocab->tokenizer == TOKENIZER_BPE) {
    TRY(read_array(gguf, "tokenizer.ggml.merges", SOTTO_VALUE_STRING, 0, &merges, error));
    if (merges.data) TRY(strings_open(&vocab->merges, &merges, arena, gguf, error));
    vocab->can_tokenize = vocab->can_tokenize && (merges.data || vocab->pre->needs_no_merges);
  }
  vocab->kinds = arena_carve(arena, n, sizeof *vocab->kinds);
  vocab->traits = arena_carve(arena, n, sizeof *vocab->traits);
  const bool walks = vocab->tokenizer == TOKENIZER_UGM || vocab->tokenizer == TOKENIZER_PLAMO ||
                     vocab->tokenizer == TOKENIZER_RWKV;
  if (walks) vocab->reach = arena_carve(arena, REACH_SLOTS, sizeof *vocab->reach);
  if (arena_measures(arena) || arena_overflows(arena)) return SOTTO_OK;
  if (walks) memset(vocab->reach, 0, REACH_SLOTS * sizeof *vocab->reach);
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
  read_token(vocab, gguf, "tokenizer.ggml.seperator_token_id", &vocab->separator);
  read_bool(gguf, "tokenizer.ggml.add_bos_token", &vocab->add_bos);
  read_bool(gguf, "tokenizer.ggml.add_eos_token", &vocab->add_eos);
  read_bool(gguf, "tokenizer.ggml.add_sep_token", &vocab->add_separator);
  if (vocab->pre && vocab->pre->forces_bos) vocab->add_bos = true;
  if (vocab->tokenizer == TOKENIZER_PLAMO || vocab->tokenizer == TOKENIZER_RWKV) vocab->add_bos = vocab->add_eos = false;
  read_bool(gguf, "tokenizer.ggml.add_space_prefix", &vocab->add_space_prefix);
  if (vocab->tokenizer == TOKENIZER_WPM || vocab->drops_spaces)
    read_bool(gguf, "tokenizer.ggml.normalizer.lowercase", &vocab->lowercases);
  if (vocab->tokenizer == TOKENIZER_WPM) read_wordpiece(vocab, gguf);
  if (vocab->tokenizer == TOKENIZER_PLAMO) vocab->can_tokenize = has_every_byte(vocab);
  if (vocab->reads_dna) find_dna(vocab);
  if (vocab->tokenizer == TOKENIZER_UGM) TRY(read_unigrams(vocab, gguf, error));
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

int32_t vocab_next_prefix(const struct vocab *vocab, const uint8_t *text, size_t n_bytes, struct prefix_walk *walk) {
  const struct strings *tokens = &vocab->tokens;
  if (walk->n_bytes == 0) {
    walk->hash = HASH_START;
    walk->limit = n_bytes < vocab->max_token_bytes ? (uint32_t)n_bytes : vocab->max_token_bytes;
  }
  while (walk->n_bytes < walk->limit) {
    walk->hash = hash_more(walk->hash, text + walk->n_bytes++, 1);
    if (walk->n_bytes == REACH_BYTES && walk->limit > vocab->reach[walk->hash % REACH_SLOTS])
      walk->limit = vocab->reach[walk->hash % REACH_SLOTS];
    for (uint32_t slot = walk->hash; tokens->slots[slot &= tokens->n_slots - 1]; slot++) {
      uint32_t n;
      const uint8_t *other = strings_get(tokens, tokens->slots[slot] - 1, &n);
      if (n == walk->n_bytes && !memcmp(other, text, n)) return (int32_t)tokens->slots[slot] - 1;
    }
  }
  return NO_TOKEN;
}

int32_t vocab_find_byte(const struct vocab *vocab, uint8_t byte) {
  static const char digits[] = "0123456789ABCDEF";
  return vocab_find(vocab, (const uint8_t[]){'<', '0', 'x', (uint8_t)digits[byte >> 4], (uint8_t)digits[byte & 15], '>'}, 6);
}

float vocab_score(const struct vocab *vocab, int32_t token) {
  int32_t bits = 0;
  float score;
  if (vocab->scores) memcpy(&bits, vocab->scores + 4 * (size_t)token, 4);
  memcpy(&score, &bits, 4);
  return vocab->has_whole_scores ? (float)bits : score;
}
