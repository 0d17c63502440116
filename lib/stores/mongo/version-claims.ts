import { createHash, randomBytes } from 'node:crypto';
import type { Collection } from 'mongodb';
import type { Clock } from '../clock.js';
import { isDuplicate, serverCode } from './mongo-errors.js';

/** How long a claim holds that nobody acts on: its process died, or its server was away. */
const STALE_MS = 1_000;
/** …and has been seen to be held so often: a server that is slow for everybody is slow for the holder too. */
const STALE_LOOKS = 40;
/** When a claim that was left lying may go: long after its version did. */
const KEPT_MS = 60_000;

/** The right to write the successor of one version. */
export interface Claim {
  readonly _id: string;
  /** Who has it. */
  readonly by: string;
  readonly at: Date;
}

/**
 * Compare-and-swap for servers whose updates are not atomic. FerretDB 1 reads the documents that match a filter and then
 * writes them back by `_id`, so of many updates of one version all succeed. What is atomic there is the insert of an `_id`:
 * who inserts the claim to a version may write its successor.
 */
export class VersionClaims {
  constructor(
    private readonly claims: Collection<Claim>,
    private readonly clock: Clock,
  ) {}

  /**
   * Acts while nobody else acts on this version. Gives `undefined` without having acted where the version has gone meanwhile.
   */
  async act<T>(version: string, isThere: () => Promise<boolean>, action: () => Promise<T>): Promise<T | undefined> {
    const _id = await this.claim(version, isThere);
    if (_id === undefined) return undefined;
    let unanswered = false;
    try {
      return await action();
    } catch (error) {
      // Without an answer the server may still be at it: then the claim stays until it is stale.
      if (serverCode(error) === undefined) unanswered = true;
      throw error;
    } finally {
      if (!unanswered) await this.release(_id);
    }
  }

  /** Removes what was left lying. */
  async prune(): Promise<void> {
    await this.claims.deleteMany({ at: { $lt: new Date(this.clock.now() - KEPT_MS) } });
  }

  async clear(): Promise<void> {
    await this.claims.deleteMany({});
  }

  private async claim(version: string, isThere: () => Promise<boolean>): Promise<string | undefined> {
    const key = createHash('sha256').update(version).digest('base64url');
    const by = randomBytes(9).toString('base64url');
    for (let term = 0; ; term++) {
      const _id = `${key}.${term}`;
      let holder: string | undefined;
      let since = performance.now();
      let looks = 0;
      do {
        if (await this.insert({ _id, by, at: new Date(this.clock.now()) })) return _id;
        if (!(await isThere())) return undefined;
        await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * 5));
        const present = await this.claims.findOne({ _id });
        // Stale is what one holder has held for so long, and not what several had in turn.
        looks += 1;
        if (present?.by !== holder) {
          since = performance.now();
          looks = 0;
        }
        holder = present?.by;
      } while (performance.now() - since < STALE_MS || looks < STALE_LOOKS);
    }
  }

  private async release(_id: string): Promise<void> {
    await this.claims.deleteOne({ _id }).catch(() => undefined); // left lying it does no harm, its version having gone, and prune() removes it
  }

  private async insert(claim: Claim): Promise<boolean> {
    try {
      await this.claims.insertOne(claim);
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }
}
