/** ` Did you mean "x"?`, or nothing if no name is similar. */
export function didYouMean(
  given: string,
  known: Iterable<string>,
  otherWords: Readonly<Record<string, string>> = {},
): string {
  const asked = given.toLowerCase();
  let best = Object.hasOwn(otherWords, asked) ? otherWords[asked] : undefined;
  let least = Math.floor(asked.length / 3) + 1;
  for (const name of best === undefined ? known : []) {
    const steps = distance(asked, name.toLowerCase());
    if (steps < least) [best, least] = [name, steps];
  }
  return best === undefined ? '' : ` Did you mean "${best}"?`;
}

/**
 * How many characters have to be inserted, deleted, replaced or swapped with their neighbour (Damerau and Levenshtein).
 */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
