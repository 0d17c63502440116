/** Medians, and how far they can be trusted. */

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A generator of numbers that repeats itself, so that one file of samples always gives the same interval. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * The 95 % interval of a figure that is made of whole rounds: rounds are drawn again, with replacement, and the figure made of each draw.
 *
 * @param figure makes it of a list of round numbers.
 */
export function interval(rounds, figure, draws = 1_000) {
  const next = random(1);
  const figures = [];
  for (let draw = 0; draw < draws; draw++) {
    figures.push(figure(Array.from({ length: rounds }, () => Math.floor(next() * rounds))));
  }
  figures.sort((a, b) => a - b);
  return {
    value: figure(Array.from({ length: rounds }, (_, n) => n)),
    low: figures[Math.floor(draws * 0.025)],
    high: figures[Math.floor(draws * 0.975)],
  };
}

/** A median of samples with its interval. */
export function summary(samples) {
  return interval(samples.length, (rounds) => median(rounds.map((n) => samples[n])));
}

/** The ratio of two medians. */
export function ratio(above, below) {
  return interval(above.length, (rounds) => median(rounds.map((n) => above[n])) / median(rounds.map((n) => below[n])));
}
