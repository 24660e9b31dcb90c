/* pattern.c: a matcher for the regular expressions that pre-tokenizers are made of, and no others:
 *
 *   alternatives  a|b, the first that matches       group      (?:a|b), which gives nothing back once it has matched
 *   character     x  \r \n \[  [a-z]  [^...]        class      \s \S \p{L} \p{N} \p{M} \p{P} \p{S}, alone or in brackets
 *   both          [a-z&&[^x]]                       end        $
 *   how often     ? * + {n} {n,m}, greedy           look-ahead (?!x) of one character
 *   part          \1 to \9, a group whose alternatives are parts[0] to parts[8]
 *
 * Groups repeat in a loop, so the depth of recursion is bounded by the pattern, not by the text. */
#include "pattern.h"

#include "unicode.h"

#include <string.h>

static const char *const parts[] = {
    "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]",
    "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+",
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*",
    "\\s*[\\r\\n]+|" PART_SPACE,
    "\\s+(?!\\S)|\\s+",
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|" PART_SPACE,
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+",
    "[\u4e00-\u9fa5\u3040-\u30ff]+",
    "[\u0800-\u9fa5\uac00-\ud7ff&&\\S]+",
};

struct subject {
  struct pattern_cache *cache;
  const uint8_t *text;
  size_t n_bytes;
};

static bool is_end(const char *p) { return *p == 0 || *p == '|' || *p == ')'; }

/* One character of the pattern, after a backslash or not. */
static uint32_t read_literal(const char **p) {
  if (**p == '\\') {
    const char escaped = *++*p;
    ++*p;
    return escaped == 'r' ? '\r' : escaped == 'n' ? '\n' : escaped == 't' ? '\t' : (uint8_t)escaped;
  }
  size_t n = 0;
  const uint32_t c = utf8_read((const uint8_t *)*p, utf8_length((uint8_t)**p), &n);
  *p += n;
  return c;
}

static bool is_part(const char *p) { return p[0] == '\\' && p[1] >= '1' && p[1] <= '9'; }

static bool is_class_escape(const char *p) { return p[0] == '\\' && (p[1] == 's' || p[1] == 'S' || p[1] == 'p'); }

/* \s, \S or \p{X} at *p, which moves behind it. */
static bool class_matches(const char **p, uint32_t c) {
  const char kind = (*p)[1];
  if (kind != 'p') {
    *p += 2;
    return unicode_is_space(c) == (kind == 's');
  }
  static const char letters[] = "?LNMPS?"; /* by enum char_class */
  const char letter = (*p)[3];
  *p += 5;
  return letters[unicode_class(c)] == letter;
}

static bool item_matches(const char **p, uint32_t c);

/* [...] at *p, which moves behind it. */
static bool set_matches(const char **p, uint32_t c) {
  ++*p;
  const bool is_negated = **p == '^';
  bool is_in = false;
  if (is_negated) ++*p;
  while (**p != ']') {
    if ((*p)[0] == '&' && (*p)[1] == '&') {
      *p += 2;
      is_in &= item_matches(p, c);
      continue;
    }
    if (is_class_escape(*p)) {
      is_in |= class_matches(p, c);
      continue;
    }
    const uint32_t low = read_literal(p);
    uint32_t high = low;
    if (**p == '-' && (*p)[1] != ']') {
      ++*p;
      high = read_literal(p);
    }
    is_in |= c >= low && c <= high;
  }
  ++*p;
  return is_in != is_negated;
}

/* Whether the character item at *p, which moves behind it, takes c. */
static bool item_matches(const char **p, uint32_t c) {
  if (**p == '[') return set_matches(p, c);
  if (is_class_escape(*p)) return class_matches(p, c);
  return read_literal(p) == c;
}

static const char *skip_item(const char *p) {
  item_matches(&p, 0);
  return p;
}

static const char *skip_group(const char *p) {
  int depth = 0;
  do {
    if (*p == '(') depth++;
    else if (*p == ')') depth--;
    p = *p == '(' || *p == ')' ? p + 1 : skip_item(p);
  } while (depth > 0);
  return p;
}

static const char *read_digits(const char *p, size_t *number) {
  for (*number = 0; *p >= '0' && *p <= '9'; p++) *number = 10 * *number + (size_t)(*p - '0');
  return p;
}

/* ? * + {n} {n,m} or nothing at p; returns what is behind it. */
static const char *read_count(const char *p, size_t *min, size_t *max) {
  *min = *p == '?' || *p == '*' ? 0 : 1;
  *max = *p == '*' || *p == '+' ? SIZE_MAX : 1;
  if (*p == '?' || *p == '*' || *p == '+') return p + 1;
  if (*p != '{') return p;
  p = read_digits(p + 1, min);
  *max = *min;
  if (*p == ',') p = read_digits(p + 1, max);
  return p + 1;
}

/* ---- what is known of the item at p ---- */

static struct pattern_item *find_item(const struct subject *subject, const char *p) {
  struct pattern_item *items = subject->cache->items;
  uint32_t i = (uint32_t)(uintptr_t)p * 2654435761u >> 16;
  while (items[i % PATTERN_ITEMS].at && items[i % PATTERN_ITEMS].at != p) i++;
  struct pattern_item *item = &items[i % PATTERN_ITEMS];
  item->at = p;
  return item;
}

static struct pattern_item *read_item(const struct subject *subject, const char *p) {
  struct pattern_item *item = find_item(subject, p);
  if (!item->rest)
    item->rest = read_count(is_part(p) ? p + 2 : *p == '(' ? skip_group(p) : skip_item(p), &item->min, &item->max);
  return item;
}

static const char *skip_alternative(const struct subject *subject, const char *p) {
  struct pattern_item *item = find_item(subject, p);
  if (!item->next) {
    const char *next = p;
    while (!is_end(next)) next = *next == '(' ? skip_group(next) : skip_item(next);
    item->next = next;
  }
  return item->next;
}

static bool takes(struct pattern_item *item, uint32_t c) {
  const char *p = item->at;
  if (c >= 128) {
    if (c != item->other) {
      item->other = c;
      item->takes_other = item_matches(&p, c);
    }
    return item->takes_other;
  }
  const uint64_t bit = (uint64_t)1 << c % 64;
  if (!(item->known[c / 64] & bit)) {
    item->known[c / 64] |= bit;
    if (item_matches(&p, c)) item->is_in[c / 64] |= bit;
  }
  return item->is_in[c / 64] & bit;
}

/* ---- matching ---- */

/* The character at `at`, without moving on; UINT32_MAX at the end. */
static uint32_t look(const struct subject *subject, size_t at) {
  if (at >= subject->n_bytes) return UINT32_MAX;
  return subject->text[at] < 128 ? subject->text[at] : utf8_read(subject->text, subject->n_bytes, &at);
}

static size_t match_sequence(const char *p, const struct subject *subject, size_t at);

/* A few times at most: as often as it can be, and then the rest of the sequence. */
static size_t match_few(struct pattern_item *item, const struct subject *subject, size_t at) {
  size_t n = 0;
  for (; n < item->max && at < subject->n_bytes && takes(item, look(subject, at)); n++) at += utf8_length(subject->text[at]);
  for (;; n--) {
    if (n < item->min) return NO_MATCH;
    const size_t end = match_sequence(item->rest, subject, at);
    if (end != NO_MATCH || n == 0) return end;
    do at--;
    while ((subject->text[at] & 0xc0) == 0x80);
  }
}

/* The run of characters from p on is the end of the last one, or is looked for. */
static void find_run(struct pattern_item *item, const struct subject *subject, const uint8_t *p) {
  const uint8_t *end = subject->text + subject->n_bytes;
  if (item->text_end == end && p >= item->run && p <= item->run_end) return;
  item->run = p;
  while (p < end && takes(item, look(subject, (size_t)(p - subject->text)))) p += utf8_length(*p);
  item->run_end = p;
  item->text_end = end;
  item->tried = item->found = NULL;
}

/* Without a limit: whether the rest matches somewhere depends on the place alone, so each is tried once, from the end of the
 * run on, wherever the match begins. */
static size_t match_many(struct pattern_item *item, const struct subject *subject, size_t at) {
  const uint8_t *begin = subject->text + at, *least = begin;
  find_run(item, subject, begin);
  if (item->min > 0) {
    if (item->run_end == begin) return NO_MATCH;
    least += utf8_length(*begin);
  }
  while (!item->found && (!item->tried || item->tried > least)) {
    const uint8_t *p = item->tried ? item->tried - 1 : item->run_end;
    while (item->tried && (*p & 0xc0) == 0x80) p--;
    const size_t end = match_sequence(item->rest, subject, (size_t)(p - subject->text));
    item->tried = p;
    if (end == NO_MATCH) continue;
    item->found = p;
    item->found_end = subject->text + end;
  }
  return item->found && item->found >= least ? (size_t)(item->found_end - subject->text) : NO_MATCH;
}

static size_t match_alternatives(const char *p, const struct subject *subject, size_t at);

/* The group or part at *p, which moves behind it, as often as it can be. */
static size_t match_group(const char **p, const struct subject *subject, size_t at) {
  const struct pattern_item *item = read_item(subject, *p);
  const char *group = is_part(*p) ? parts[(*p)[1] - '1'] : *p + 3;
  size_t n = 0;
  *p = item->rest;
  for (size_t end; n < item->max && (end = match_alternatives(group, subject, at)) != NO_MATCH; n++) {
    if (end == at) return at;
    at = end;
  }
  return n < item->min ? NO_MATCH : at;
}

static size_t match_sequence(const char *p, const struct subject *subject, size_t at) {
  while (!is_end(p)) {
    if (*p == '$') {
      if (at < subject->n_bytes) return NO_MATCH;
      p++;
      continue;
    }
    if (*p != '(' && !is_part(p)) {
      struct pattern_item *item = read_item(subject, p);
      return item->max == SIZE_MAX ? match_many(item, subject, at) : match_few(item, subject, at);
    }
    if (*p == '(' && p[2] == '!') {
      const uint32_t next = look(subject, at);
      if (next != UINT32_MAX && takes(find_item(subject, p + 3), next)) return NO_MATCH;
      p = read_item(subject, p)->rest;
      continue;
    }
    at = match_group(&p, subject, at);
    if (at == NO_MATCH) return NO_MATCH;
  }
  return at;
}

static size_t match_alternatives(const char *p, const struct subject *subject, size_t at) {
  for (;; p++) {
    const size_t end = match_sequence(p, subject, at);
    p = skip_alternative(subject, p);
    if (end != NO_MATCH || *p != '|') return end;
  }
}

void pattern_forget_text(struct pattern_cache *cache) {
  for (int i = 0; i < PATTERN_ITEMS; i++) cache->items[i].text_end = NULL;
}

size_t pattern_match(const char *pattern, struct pattern_cache *cache, const uint8_t *text, size_t n_bytes, size_t at) {
  const struct subject subject = {cache, text, n_bytes};
  return match_alternatives(pattern, &subject, at);
}
