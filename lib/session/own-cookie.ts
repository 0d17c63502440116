import type { SessionCookie } from '../cookie/session-cookie.js';

type Overrides = Record<string, unknown> | undefined;

/** Whose cookie it is. */
export interface CookieOwner {
  /** The cookie as the record, and the request, have it. */
  makeCookie(): SessionCookie;
}

/** A session's cookie, and what was set of it on this very session. Made when it is first asked for. */
export class OwnCookie {
  private cookie: SessionCookie | undefined;

  constructor(private readonly owner: CookieOwner) {}

  /** The cookie, where somebody asked for it. */
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

  /** What the app set on this very session. */
  overrides(stored: Overrides): Overrides {
    return this.cookie === undefined ? stored : this.cookie.overrides();
  }

  /** Whether that differs from what the record says. */
  differsFrom(stored: Overrides): boolean {
    return this.cookie !== undefined && JSON.stringify(this.cookie.overrides()) !== JSON.stringify(stored);
  }

  /** What the app set since. */
  setSince(before: Overrides): Record<string, unknown> {
    const set = Object.entries(this.cookie?.overrides() ?? {});
    return Object.fromEntries(set.filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before?.[name])));
  }

  /** What the app set since stays; the rest is as it is now. */
  rebase(before: Overrides): void {
    this.cookie?.rebase(this.owner.makeCookie(), new Set(Object.keys(this.setSince(before))));
  }

  /** As if nobody had set anything. */
  reset(): void {
    this.cookie?.rebase(this.owner.makeCookie(), new Set());
  }
}
