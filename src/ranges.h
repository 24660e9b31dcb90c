/* ranges.h: a sorted set of byte ranges [begin, end): which bytes of the file have arrived. */
#ifndef SOTTO_RANGES_H
#define SOTTO_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#define RANGES_CAP 1024 /* separate ranges; a download has a few streams, each growing one range */

struct range { uint64_t begin, end; };

struct ranges {
  uint32_t n;
  struct range items[RANGES_CAP]; /* sorted, apart from each other */
};

/* False: the set is full, and unchanged. */
bool ranges_add(struct ranges *ranges, uint64_t begin, uint64_t end);
bool ranges_contain(const struct ranges *ranges, uint64_t begin, uint64_t end);
/* The first part of [begin, end) that is missing; false: none. */
bool ranges_next_missing(const struct ranges *ranges, uint64_t begin, uint64_t end, struct range *missing);
uint64_t ranges_total(const struct ranges *ranges); /* bytes */

#endif
