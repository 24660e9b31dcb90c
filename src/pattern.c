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
  const uint8_t *text;
  size_t n_bytes;
};

static size_t match_alternatives(const char *p, const struct subject *subject, size_t at);

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

static const char *skip_alternative(const char *p) {
  while (!is_end(p)) p = *p == '(' ? skip_group(p) : skip_item(p);
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

/* The character at `at`, without moving on; UINT32_MAX at the end. */
static uint32_t look(const struct subject *subject, size_t at) {
  return at < subject->n_bytes ? utf8_read(subject->text, subject->n_bytes, &at) : UINT32_MAX;
}

static size_t match_sequence(const char *p, const struct subject *subject, size_t at);

/* A character item at p, as often as it can be, and then the rest of the sequence. */
static size_t match_repeated(const char *p, const struct subject *subject, size_t at) {
  size_t min, max, n = 0;
  const char *rest = read_count(skip_item(p), &min, &max);
  for (const char *item = p; n < max && at < subject->n_bytes && item_matches(&item, look(subject, at)); item = p, n++)
    at += utf8_length(subject->text[at]);
  for (;; n--) {
    if (n < min) return NO_MATCH;
    const size_t end = match_sequence(rest, subject, at);
    if (end != NO_MATCH || n == 0) return end;
    do at--;
    while ((subject->text[at] & 0xc0) == 0x80);
  }
}

/* The group or part at *p, which moves behind it, as often as it can be. */
static size_t match_group(const char **p, const struct subject *subject, size_t at) {
  size_t min, max, n = 0;
  const char *group = is_part(*p) ? parts[(*p)[1] - '1'] : *p + 3;
  *p = read_count(is_part(*p) ? *p + 2 : skip_group(*p), &min, &max);
  for (size_t end; n < max && (end = match_alternatives(group, subject, at)) != NO_MATCH; n++) {
    if (end == at) return at;
    at = end;
  }
  return n < min ? NO_MATCH : at;
}

static size_t match_sequence(const char *p, const struct subject *subject, size_t at) {
  while (!is_end(p)) {
    if (*p == '$') {
      if (at < subject->n_bytes) return NO_MATCH;
      p++;
      continue;
    }
    if (*p != '(' && !is_part(p)) return match_repeated(p, subject, at);
    if (*p == '(' && p[2] == '!') {
      const char *item = p + 3;
      const uint32_t next = look(subject, at);
      if (next != UINT32_MAX && item_matches(&item, next)) return NO_MATCH;
      p = skip_group(p);
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
    p = skip_alternative(p);
    if (end != NO_MATCH || *p != '|') return end;
  }
}

size_t pattern_match(const char *pattern, const uint8_t *text, size_t n_bytes, size_t at) {
  const struct subject subject = {text, n_bytes};
  return match_alternatives(pattern, &subject, at);
}
