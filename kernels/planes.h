/* planes.h: where the bits of quants lie in packed weights. 32 columns of 8 rows are chunks c of 4 columns, and planes of 32
 * bytes: byte 4 r + j of a plane has bits of columns 4 c + j of row r, for those chunks c that have bits there. Most chunks are
 * whole, so that an AND (and a shift) takes out 16 quants; the others are made of the bits that are left over. Halves of 16
 * columns whose scales differ share as little as possible. */
#ifndef SOTTO_PLANES_H
#define SOTTO_PLANES_H

#include "kernels.h"

#define PLANE_BYTES 32
#define CHUNKS 8
#define MOST_PIECES 3

/* Bits `to` to `to` + n - 1 of a chunk's quants are bits `at` and up of a plane. n = 0: no more pieces. */
struct piece { uint8_t plane, at, n, to; };

/* By the number of planes. The only bit of BITS1 stands for 0 or 2, with 1 as zero point. */
static const struct piece pieces[BYTES / PLANE_BYTES + 1][CHUNKS][MOST_PIECES] = {
    [BITS1 / PLANE_BYTES] = {{{0, 0, 1, 1}}, {{0, 1, 1, 1}}, {{0, 2, 1, 1}}, {{0, 3, 1, 1}},
                             {{0, 4, 1, 1}}, {{0, 5, 1, 1}}, {{0, 6, 1, 1}}, {{0, 7, 1, 1}}},
    [BITS2 / PLANE_BYTES] = {{{0, 0, 2, 0}}, {{0, 2, 2, 0}}, {{0, 4, 2, 0}}, {{0, 6, 2, 0}},
                             {{1, 0, 2, 0}}, {{1, 2, 2, 0}}, {{1, 4, 2, 0}}, {{1, 6, 2, 0}}},
    [BITS3 / PLANE_BYTES] = {{{0, 0, 3, 0}}, {{0, 3, 3, 0}}, {{1, 0, 3, 0}}, {{0, 6, 2, 0}, {1, 6, 1, 2}},
                             {{1, 3, 3, 0}}, {{2, 0, 3, 0}}, {{2, 3, 3, 0}}, {{2, 6, 2, 0}, {1, 7, 1, 2}}},
    [NIBBLES / PLANE_BYTES] = {{{0, 0, 4, 0}}, {{0, 4, 4, 0}}, {{1, 0, 4, 0}}, {{1, 4, 4, 0}},
                               {{2, 0, 4, 0}}, {{2, 4, 4, 0}}, {{3, 0, 4, 0}}, {{3, 4, 4, 0}}},
    [BITS5 / PLANE_BYTES] = {{{0, 0, 5, 0}}, {{1, 0, 5, 0}}, {{0, 5, 3, 0}, {1, 5, 2, 3}},
                             {{2, 0, 5, 0}}, {{3, 0, 5, 0}}, {{2, 5, 3, 0}, {3, 5, 2, 3}},
                             {{4, 0, 5, 0}}, {{4, 5, 3, 0}, {1, 7, 1, 3}, {3, 7, 1, 4}}},
    [BITS6 / PLANE_BYTES] = {{{0, 0, 6, 0}}, {{1, 0, 6, 0}}, {{2, 0, 6, 0}}, {{0, 6, 2, 0}, {1, 6, 2, 2}, {2, 6, 2, 4}},
                             {{3, 0, 6, 0}}, {{4, 0, 6, 0}}, {{5, 0, 6, 0}}, {{3, 6, 2, 0}, {4, 6, 2, 2}, {5, 6, 2, 4}}},
    [BYTES / PLANE_BYTES] = {{{0, 0, 8, 0}}, {{1, 0, 8, 0}}, {{2, 0, 8, 0}}, {{3, 0, 8, 0}},
                             {{4, 0, 8, 0}}, {{5, 0, 8, 0}}, {{6, 0, 8, 0}}, {{7, 0, 8, 0}}},
};

#endif
