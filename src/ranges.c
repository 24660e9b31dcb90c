/* ranges.c: a sorted set of byte ranges, merged where they touch. */
#include "ranges.h"

/* Index of the first range that ends at or after `at`. */
static uint32_t first_ending_at(const struct ranges *ranges, uint64_t at) {
  uint32_t low = 0, high = ranges->n;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (ranges->items[middle].end < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

bool ranges_add(struct ranges *ranges, uint64_t begin, uint64_t end) {
  if (begin >= end) return true;
  uint32_t first = first_ending_at(ranges, begin), last = first;
  while (last < ranges->n && ranges->items[last].begin <= end) last++; /* [first, last) touch the new range */
  if (first == last) {
    if (ranges->n == RANGES_CAP) return false;
    for (uint32_t i = ranges->n++; i > first; i--) ranges->items[i] = ranges->items[i - 1];
    ranges->items[first] = (struct range){begin, end};
    return true;
  }
  struct range merged = {begin, end};
  if (ranges->items[first].begin < begin) merged.begin = ranges->items[first].begin;
  if (ranges->items[last - 1].end > end) merged.end = ranges->items[last - 1].end;
  ranges->items[first] = merged;
  uint32_t n_gone = last - first - 1;
  ranges->n -= n_gone;
  if (n_gone) for (uint32_t i = first + 1; i < ranges->n; i++) ranges->items[i] = ranges->items[i + n_gone];
  return true;
}

bool ranges_next_missing(const struct ranges *ranges, uint64_t begin, uint64_t end, struct range *missing) {
  uint32_t i = first_ending_at(ranges, begin);
  if (i < ranges->n && ranges->items[i].begin <= begin) begin = ranges->items[i++].end;
  if (begin >= end) return false;
  uint64_t limit = i < ranges->n && ranges->items[i].begin < end ? ranges->items[i].begin : end;
  *missing = (struct range){begin, limit};
  return true;
}

bool ranges_contain(const struct ranges *ranges, uint64_t begin, uint64_t end) {
  struct range missing;
  return !ranges_next_missing(ranges, begin, end, &missing);
}

uint64_t ranges_total(const struct ranges *ranges) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < ranges->n; i++) total += ranges->items[i].end - ranges->items[i].begin;
  return total;
}
