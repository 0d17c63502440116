import type { SessionCookie } from '../cookie/session-cookie.js';

type Overrides = Record<string, unknown> | undefined;

/** The session that a cookie belongs to. */
export interface CookieOwner {
  /** The cookie by the options, the record and the request. */
  makeCookie(): SessionCookie;
}

/** A session's cookie, and what the app set on it. Made at first access. */
export class OwnCookie {
  private cookie: SessionCookie | undefined;

  constructor(private readonly owner: CookieOwner) {}

  /** The cookie, if it was accessed. */
  get ifAsked(): SessionCookie | undefined {
    return this.cookie;
  }

  get(): SessionCookie {
    this.cookie ??= this.owner.makeCookie();
    return this.cookie;
  }

  put(cookie: SessionCookie): void {
    this.cookie = cookie;
  }

  /** What the app set on this session's cookie. */
  overrides(stored: Overrides): Overrides {
    return this.cookie === undefined ? stored : this.cookie.overrides();
  }

  /** Whether that differs from the record. */
  differsFrom(stored: Overrides): boolean {
    return this.cookie !== undefined && JSON.stringify(this.cookie.overrides()) !== JSON.stringify(stored);
  }

  /** What the app set since the cookie was made from the record. */
  setSince(before: Overrides): Record<string, unknown> {
    const set = Object.entries(this.cookie?.overrides() ?? {});
    return Object.fromEntries(set.filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before?.[name])));
  }

  /** Takes over a newer record's settings. What the app has set since stays. */
  rebase(before: Overrides): void {
    this.cookie?.rebase(this.owner.makeCookie(), new Set(Object.keys(this.setSince(before))));
  }

  /** Forgets everything that was set. */
  reset(): void {
    this.cookie?.rebase(this.owner.makeCookie(), new Set());
  }
}
