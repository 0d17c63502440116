/** Asks until it is so, for 10 s at most: for what happens by itself, and that no event tells of. */
export async function until(isSo: () => unknown): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await isSo()); await new Promise((resolve) => setTimeout(resolve, 5)))
    if (Date.now() > deadline) throw new Error(`This did not come true within 10 s: ${String(isSo)}`);
}
