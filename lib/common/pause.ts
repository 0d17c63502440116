const LONGEST_PAUSE_MS = 40;

/**
 * Waits before another try after a conflict. The time is random and grows with each attempt, so that processes don't
 * conflict again at the same time.
 */
export function pause(attempt: number): Promise<void> {
  const most = Math.min(LONGEST_PAUSE_MS, 2 ** Math.min(attempt, 6));
  return new Promise((resolve) => setTimeout(resolve, Math.random() * most));
}
