// level.js: which kernels are the faster ones here. Relaxed SIMD has two dots: the one that adds to 16 bits is fast on x64,
// the one that adds to 32 bits where a processor has an instruction for it (ARM, newer x64), and nothing tells but a clock.
import { LEVEL } from "./abi.js";

const SAMPLE_MS = 1;
const N_SAMPLES = 3;
const MARGIN = 1.1; // less than that is noise

/** LEVEL.DOT where its kernels are clearly faster, else LEVEL.BEST. Takes some milliseconds; the results are the same bits. */
export function fastestLevel({ sotto_level_try: tryLevel }) {
  if (!tryLevel(LEVEL.DOT, 1) || !tryLevel(LEVEL.RELAXED, 1)) return LEVEL.BEST;
  const rates = { [LEVEL.DOT]: [], [LEVEL.RELAXED]: [] };
  for (let i = 0; i < N_SAMPLES; i++) for (const level of [LEVEL.RELAXED, LEVEL.DOT]) rates[level].push(rate(tryLevel, level));
  const median = (level) => rates[level].toSorted((a, b) => a - b)[N_SAMPLES >> 1];
  return median(LEVEL.DOT) > MARGIN * median(LEVEL.RELAXED) ? LEVEL.DOT : LEVEL.BEST;
}

function rate(tryLevel, level) {
  const begin = performance.now();
  let n = 0;
  let elapsed;
  do {
    tryLevel(level, 1);
    n++;
    elapsed = performance.now() - begin;
  } while (elapsed < SAMPLE_MS);
  return n / elapsed;
}
