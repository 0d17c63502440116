import { seal, unseal, wayForwardKey } from '../record/record-cipher.js';
import { newNonce } from '../common/session-id.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import type { SessionRecords } from '../record/session-records.js';

/** How long the server can follow a replaced id, for requests that began before it was replaced. */
const LONGEST_REQUEST_MS = 10 * 60_000;

/** Where a replaced record's session is now. */
export interface LinkedKey {
  readonly key: string;
  /** `undefined` with records of version 0.1 and `hashIds`. */
  readonly id: string | undefined;
}

/**
 * A record whose id was replaced names the new id twice: for the browser that holds the old id, encrypted under a key derived from that
 * (after a renewal only), and for the server, encrypted under a key derived from the secret. Whoever ends the session follows the second.
 */
export class SessionLinks {
  /** @param serverKeys the first encrypts, all decrypt. */
  constructor(
    private readonly records: SessionRecords,
    private readonly serverKeys: readonly Buffer[],
  ) {}

  /**
   * The metadata of a record whose session goes on under another id. Whoever ends the principal's sessions finds that one by it.
   *
   * @param oldId given if the browser that holds it is to find the new one.
   */
  replaced(metadata: SessionMetadata, now: number, until: number, nextId: string, oldId?: string): SessionMetadata {
    const serverLink = seal(this.serverKeys[0]!, nextId, 'successor');
    return {
      createdAt: metadata.createdAt,
      seenAt: now,
      expiresAt: Math.max(until, now + LONGEST_REQUEST_MS),
      handle: metadata.handle,
      nonce: newNonce(),
      principal: metadata.principal,
      replaced: {
        until,
        serverLink,
        clientLink: oldId === undefined ? undefined : seal(wayForwardKey(oldId), nextId, 'way'),
      },
    };
  }

  /** Where the session is now, for the server alone. */
  next(id: string | undefined, metadata: SessionMetadata): LinkedKey | undefined {
    const next = this.unsealed(metadata) ?? (id === undefined ? undefined : nextForClient(id, metadata));
    const key = next === undefined ? metadata.replaced!.nextKey : this.records.key(next);
    return key === undefined ? undefined : { key, id: next };
  }

  private unsealed(metadata: SessionMetadata): string | undefined {
    const { serverLink } = metadata.replaced!;
    if (serverLink === undefined) return undefined;
    for (const key of this.serverKeys) {
      const id = unseal(key, serverLink, 'successor');
      if (id !== undefined) return id;
    }
    return undefined;
  }
}

/** The new id, for who holds the old one; `undefined`: none, or the old id isn't the right one. */
export function nextForClient(id: string, metadata: SessionMetadata | undefined): string | undefined {
  const link = metadata?.replaced?.clientLink;
  return link === undefined ? undefined : unseal(wayForwardKey(id), link, 'way');
}
