// statistics.mjs: what measurements share: log-probabilities, divergences, means and their uncertainty, medians.

const N_RESAMPLES = 4000;

/** Log-probabilities of a row of logits, in double precision. */
export function logSoftmax(logits) {
  let max = -Infinity;
  for (const logit of logits) if (logit > max) max = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - max);
  const normalizer = max + Math.log(sum);
  return Float64Array.from(logits, (logit) => logit - normalizer);
}

/** The upper one of an even number. */
export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** KL(p || q) of two rows of log-probabilities. */
export function divergence(p, q) {
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += Math.exp(p[i]) * (p[i] - q[i]);
  return sum;
}

/** KL(p || q) when only some log-probabilities of p are known: the other tokens count as one. */
export function truncatedDivergence(p, q) {
  let sum = 0;
  let restP = 1;
  let restQ = 1;
  p.forEach((logprob, i) => {
    sum += Math.exp(logprob) * (logprob - q[i]);
    restP -= Math.exp(logprob);
    restQ -= Math.exp(q[i]);
  });
  return restP > 0 && restQ > 0 ? sum + restP * Math.log(restP / restQ) : sum;
}

/** The first index of the largest value. */
export function topOf(values) {
  let top = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[top]) top = i;
  return top;
}

/** Mean squared error of rows of logits, over the mean square of those expected. */
export function normalisedError(rows, expected) {
  if (rows.length !== expected.length) throw new Error(`${rows.length} rows, not ${expected.length}`);
  let error = 0;
  let size = 0;
  expected.forEach((row, i) => row.forEach((logit, j) => {
    error += (logit - rows[i][j]) ** 2;
    size += logit ** 2;
  }));
  return error / size;
}

/** Of the angle between two vectors. */
export function cosine(a, b) {
  const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The 95 % interval of the mean, by bootstrap: [low, high]. The random numbers are the same each time. */
export function bootstrap(values) {
  const random = mulberry32(1);
  const means = Array.from({ length: N_RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[Math.floor(random() * values.length)];
    return sum / values.length;
  }).sort((a, b) => a - b);
  return [means[Math.floor(0.025 * N_RESAMPLES)], means[Math.ceil(0.975 * N_RESAMPLES) - 1]];
}

/** A small generator of random numbers from 0 to 1, with 32 bits of state. */
export function mulberry32(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
