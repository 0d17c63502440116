/** The delay between two tries to reconnect, in ms. */
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;

/** Connects. Calls `lost` if the connection ends by itself. Returns a function that ends it. */
export type Connect = (lost: () => void) => Promise<() => Promise<void>>;

/** A connection for listening. When it is lost, it is made again. */
export class KeptConnection {
  private stop: (() => Promise<void>) | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isEnded = false;
  private waitMs = FIRST_WAIT_MS;

  /** @param state called with `false` when it is lost, and with `true` when it is back. */
  constructor(
    private readonly make: Connect,
    private readonly state: (isUp: boolean) => void,
  ) {}

  /**
   * Connects for the first time.
   *
   * @throws what `make` throws.
   */
  async connect(): Promise<void> {
    const stop = await this.make(() => {
      if (this.stop === stop) this.lost();
    });
    if (this.isEnded) return stop();
    this.stop = stop;
    this.waitMs = FIRST_WAIT_MS;
  }

  private lost(): void {
    this.stop = undefined;
    if (this.isEnded) return;
    this.state(false);
    this.againLater();
  }

  private againLater(): void {
    this.timer = setTimeout(() => void this.again(), this.waitMs).unref();
    this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
  }

  private async again(): Promise<void> {
    try {
      await this.connect();
      if (!this.isEnded) this.state(true);
    } catch {
      // The server is not back yet. The caller notices and reports that nothing is received.
      if (!this.isEnded) this.againLater();
    }
  }

  async end(): Promise<void> {
    this.isEnded = true;
    clearTimeout(this.timer);
    await this.stop?.().catch(() => undefined);
  }
}
