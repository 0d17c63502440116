import { KeyedQueue } from '../common/keyed-queue.js';
import { SessionUnavailableError } from '../common/errors.js';
import type { SessionMetadata, Place } from '../record/session-metadata.js';
import { pause } from '../common/pause.js';
import { emptyRecord } from '../record/record-text.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { newNonce } from '../common/session-id.js';
import { MOST_TRIES } from './commit-services.js';
import type { RevocationMark } from './revocation-mark.js';
import type { LoadedRecord, SessionRecords } from '../record/session-records.js';
import { isStoreError } from '../stores/session-store.error.js';

const MOST_BEFORE = 32;
/**
 * The longest that a browser keeps a cookie (RFC 6265bis, section 5.5). So no session in a browser lives longer without
 * a touch.
 */
const LONGEST_COOKIE_MS = 400 * 24 * 60 * 60 * 1_000;

/** What the store keeps about a principal, apart from the principal's sessions. */
export interface PrincipalState {
  readonly mark: RevocationMark;
  /** The number of the last login, counted up by one for each login. */
  readonly lastNumber: number;
  /** Logins that are under way, and logins that failed a short time ago. */
  readonly places: readonly Place[];
}

/** Of a principal without a record. */
export const NOTHING_KNOWN: PrincipalState = {
  mark: { at: 0, nonce: '', except: '', before: [] },
  lastNumber: 0,
  places: [],
};

/**
 * The record of each principal. It is only changed by compare-and-swap, so the store decides which change came first.
 */
export class PrincipalRecords {
  /** One change at a time in this process, so that it only competes with other processes. */
  private readonly queue: KeyedQueue;

  constructor(
    private readonly records: SessionRecords,
    private readonly options: ResolvedOptions,
  ) {
    const { storeTimeoutMs: ms } = options;
    this.queue = new KeyedQueue({ ms, error: () => changedTooOften() });
  }

  async read(principal: string): Promise<PrincipalState> {
    return (await this.load(principal)).state;
  }

  /**
   * @param change returns the new state, or `undefined` if there is nothing to change. It runs again if another process
   * was faster.
   * @returns the state after the change.
   */
  change(
    principal: string,
    change: (state: PrincipalState) => PrincipalState | undefined | Promise<PrincipalState | undefined>,
  ): Promise<PrincipalState> {
    return this.queue.run(principal, async () => {
      for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
        const { state, found } = await this.load(principal);
        const next = await change(state);
        if (next === undefined) return state;
        if (await this.write(principal, next, found)) return next;
        await pause(attempt);
      }
      throw changedTooOften();
    });
  }

  /** With several encryption keys, the record may still have the name that an older key gives it. */
  private async load(principal: string): Promise<{ state: PrincipalState; found: LoadedRecord | undefined }> {
    let state = NOTHING_KNOWN;
    let first: LoadedRecord | undefined;
    const [key, ...olderKeys] = this.records.markKeys(principal);
    for (const each of [key!, ...olderKeys]) {
      const found = await this.records.load(each);
      if (each === key) first = found;
      const metadata = found?.record.metadata;
      if (metadata?.revokedUntil !== undefined) state = merged(state, metadata);
    }
    return { state, found: first };
  }

  private async write(principal: string, state: PrincipalState, found: LoadedRecord | undefined): Promise<boolean> {
    const key = this.records.markKeys(principal)[0]!;
    const now = this.options.clock.now();
    const end = Math.max(found?.record.metadata?.expiresAt ?? 0, now + this.lifeMs());
    const { mark, lastNumber, places } = state;
    const metadata: SessionMetadata = {
      createdAt: now,
      seenAt: now,
      expiresAt: end,
      handle: mark.except,
      nonce: mark.nonce,
      revokedUntil: mark.at,
      earlierNonces: noneIfEmpty(mark.before),
      loginNumber: lastNumber > 0 ? lastNumber : undefined,
      places: noneIfEmpty(places),
    };
    const record = emptyRecord(metadata, end);
    if (found !== undefined) return (await this.records.replace(key, record, found.revision)) === 'ok';
    try {
      await this.records.create(key, record);
      return true;
    } catch (error) {
      if (isStoreError(error) && error.code === 'ID_TAKEN') return false;
      throw error;
    }
  }

  /**
   * As long as any session that the mark can end may live without a touch. Each touch compares the session with the
   * mark.
   */
  private lifeMs(): number {
    const { idleMs, absoluteMs } = this.options;
    return Math.max(LONGEST_COOKIE_MS, idleMs, Number.isFinite(absoluteMs) ? absoluteMs : 0);
  }
}

const noneIfEmpty = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list);

function merged(state: PrincipalState, metadata: SessionMetadata): PrincipalState {
  const mark = {
    at: metadata.revokedUntil!,
    nonce: metadata.nonce,
    except: metadata.handle,
    before: metadata.earlierNonces ?? [''],
  };
  return {
    mark: state.mark.nonce !== '' && state.mark.at >= mark.at ? state.mark : mark,
    lastNumber: Math.max(state.lastNumber, metadata.loginNumber ?? 0),
    places: [...state.places, ...(metadata.places ?? [])],
  };
}

/** The state after a `revokeAll()`. */
export function revoked(state: PrincipalState, now: number, except: string): PrincipalState {
  const { mark } = state;
  // A session that repeats "log out my other devices" stays logged in.
  const before = except === mark.except ? [mark.nonce, ...mark.before] : [mark.nonce];
  return {
    ...state,
    mark: {
      at: Math.max(now, mark.at),
      nonce: newNonce(),
      except,
      before: except === '' ? [] : before.slice(0, MOST_BEFORE),
    },
  };
}

const changedTooOften = (): SessionUnavailableError =>
  new SessionUnavailableError(undefined, {
    cause: new Error("Other logins of the same user kept changing the user's record."),
  });
