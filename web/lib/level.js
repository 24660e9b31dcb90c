// level.js: which kernels are the faster ones here. Relaxed SIMD has two dots: the one that adds to 16 bits is fast on x64,
// the one that adds to 32 bits where a processor has an instruction for it (ARM, newer x64), and nothing tells but a clock.
import { LEVEL } from "./abi.js";

const N_TIMES = 512; // products in a sample, a millisecond: each call tests the level's instructions first, which must not count
const N_WARM = 2; // samples in which the engine's optimiser gets to work
const N_SAMPLES = 5;

/** LEVEL.DOT where its kernels are the faster ones, else LEVEL.BEST. Takes some milliseconds; the results are the same bits. */
export function fastestLevel({ sotto_level_try: tryLevel }) {
  if (!tryLevel(LEVEL.DOT, 0) || !tryLevel(LEVEL.RELAXED, 0)) return LEVEL.BEST;
  const seconds = { [LEVEL.DOT]: [], [LEVEL.RELAXED]: [] };
  for (let i = 0; i < N_WARM + N_SAMPLES; i++) {
    for (const level of [LEVEL.RELAXED, LEVEL.DOT]) {
      const begin = performance.now();
      tryLevel(level, N_TIMES);
      if (i >= N_WARM) seconds[level].push(performance.now() - begin);
    }
  }
  const median = (level) => seconds[level].toSorted((a, b) => a - b)[N_SAMPLES >> 1];
  return median(LEVEL.DOT) < median(LEVEL.RELAXED) ? LEVEL.DOT : LEVEL.BEST;
}
