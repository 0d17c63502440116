const QUIET_MS = 1_000;

/**
 * One log line per second for each kind of message: what fails for one request fails for many, and one kind must not
 * hide another.
 */
export class LogLimit {
  private readonly saidAt = new Map<string, number>();

  allows(kind: string): boolean {
    const now = performance.now();
    if (now - (this.saidAt.get(kind) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return false;
    this.saidAt.set(kind, now);
    return true;
  }
}
