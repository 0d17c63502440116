import { encryptText, decryptText, successorKey } from '../record/record-cipher.js';
import { newNonce } from '../common/session-id.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import type { SessionRecords } from '../record/session-records.js';

/** How long the server can follow a replaced id. Requests that began before the replacement need this. */
const LONGEST_REQUEST_MS = 10 * 60_000;

/** The key and id that a replaced record names. */
export interface LinkedKey {
  readonly key: string;
  /** `undefined` with records of version 0.1 and `hashIds`. */
  readonly id: string | undefined;
}

/**
 * A replaced record names the new id twice:
 *
 * - for the browser that has the old id, encrypted under a key derived from the old id (only after a renewal);
 * - for the server, encrypted under a key derived from the secret. Code that ends sessions follows this one.
 */
export class SessionLinks {
  /** @param serverKeys the first one encrypts; all can decrypt. */
  constructor(
    private readonly records: SessionRecords,
    private readonly serverKeys: readonly Buffer[],
  ) {}

  /**
   * The metadata of a replaced record.
   *
   * @param oldId given if a browser that has the old id may follow to the new one.
   */
  replaced(metadata: SessionMetadata, now: number, until: number, nextId: string, oldId?: string): SessionMetadata {
    const serverLink = encryptText(this.serverKeys[0]!, nextId, 'successor');
    // By a clock that is behind, it would be expired for others at once, and a logout could not follow it.
    const isBehind = now < metadata.seenAt;
    return {
      createdAt: metadata.createdAt,
      seenAt: now,
      expiresAt: Math.max(until, now + LONGEST_REQUEST_MS, isBehind ? metadata.expiresAt : 0),
      handle: metadata.handle,
      nonce: newNonce(),
      principal: metadata.principal,
      replaced: {
        until,
        serverLink,
        clientLink: oldId === undefined ? undefined : encryptText(successorKey(oldId), nextId, 'way'),
      },
    };
  }

  /** The key that the record leads to, for the server only. */
  next(id: string | undefined, metadata: SessionMetadata): LinkedKey | undefined {
    const next = this.nextIdFor(metadata) ?? (id === undefined ? undefined : nextForClient(id, metadata));
    const key = next === undefined ? metadata.replaced!.nextKey : this.records.key(next);
    return key === undefined ? undefined : { key, id: next };
  }

  private nextIdFor(metadata: SessionMetadata): string | undefined {
    const { serverLink } = metadata.replaced!;
    if (serverLink === undefined) return undefined;
    for (const key of this.serverKeys) {
      const id = decryptText(key, serverLink, 'successor');
      if (id !== undefined) return id;
    }
    return undefined;
  }
}

/** The new id, for a browser that has the old one. `undefined`: there is none, or the old id is not the right one. */
export function nextForClient(id: string, metadata: SessionMetadata | undefined): string | undefined {
  const link = metadata?.replaced?.clientLink;
  return link === undefined ? undefined : decryptText(successorKey(id), link, 'way');
}
