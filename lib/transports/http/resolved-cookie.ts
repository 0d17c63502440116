import type { ResolvedOptions } from '../../options/resolve-options.js';
import type { SessionMetadata } from '../../record/session-metadata.js';
import { type CookieAttributes, serializeAttributes, storedCookie } from '../../cookie/cookie-attributes.js';
import type { SessionCookie } from '../../cookie/session-cookie.js';

interface StoredParts {
  readonly before: string;
  readonly after: string;
  /** A fixed expiry changes `originalMaxAge` with each write. */
  readonly isFixed: boolean;
}

/**
 * Builds the text of cookies: the attributes of Set-Cookie, and the `cookie` part of a record. Built once if no request
 * changes them.
 */
export class CookieText {
  private readonly attributeTexts = new Map<boolean, readonly [string, string]>();
  private readonly storedTexts = new Map<boolean, StoredParts>();

  constructor(private readonly options: ResolvedOptions) {}

  /** The attributes for one request: `auto` is resolved. */
  decide<T extends { secure?: unknown; sameSite?: unknown }>(attributes: T, secure: boolean): T {
    if (attributes.secure !== 'auto' && attributes.sameSite !== 'auto') return attributes;
    const decided = { ...attributes };
    if (decided.secure === 'auto') decided.secure = secure;
    if (decided.sameSite === 'auto') decided.sameSite = secure ? 'none' : 'lax';
    return decided;
  }

  /** The attributes of Set-Cookie by the options: `[before Expires, after it]`. */
  attributes(secure: boolean): readonly [string, string] {
    let texts = this.attributeTexts.get(secure);
    if (texts === undefined) {
      const { domain, path, ...rest } = this.decide(this.options.cookie, secure);
      texts = [serializeAttributes({ domain, path }), serializeAttributes({ ...rest, expires: null })];
      this.attributeTexts.set(secure, texts);
    }
    return texts;
  }

  /**
   * The JSON of a record's `cookie`, which express-session needs to use the session.
   *
   * @param own the session's own cookie, if it was accessed or has overrides.
   */
  stored(metadata: SessionMetadata, secure: boolean, own: SessionCookie | undefined): string {
    if (own !== undefined)
      return JSON.stringify(storedCookie(this.decide(own.attributes(), secure), own.originalMaxAge, own.expires));
    const { maxAge, expires } = this.options.cookie;
    const { before, after, isFixed } = this.storedParts(secure);
    if (isFixed)
      return JSON.stringify(
        storedCookie(this.decide(this.options.cookie, secure), expires!.getTime() - metadata.seenAt, expires!),
      );
    const end =
      maxAge === undefined || maxAge === null ? 'null' : `"${new Date(metadata.seenAt + maxAge).toISOString()}"`;
    return `${before}${end}${after}`;
  }

  private storedParts(secure: boolean): StoredParts {
    let parts = this.storedTexts.get(secure);
    if (parts === undefined) {
      const { maxAge, expires } = this.options.cookie;
      const stored = storedCookie(this.decide<CookieAttributes>(this.options.cookie, secure), maxAge ?? null, null);
      const [before, after] = JSON.stringify(stored).split('"expires":null') as [string, string];
      parts = {
        before: `${before}"expires":`,
        after,
        isFixed: (maxAge ?? null) === null && (expires ?? null) !== null,
      };
      this.storedTexts.set(secure, parts);
    }
    return parts;
  }
}
