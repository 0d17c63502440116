import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionCookie } from '../../../lib/cookie/session-cookie.js';
import { SessionCore } from '../../../lib/session/session-core.js';
import type { SessionHost } from '../../../lib/session/session-host.js';
import type { SessionServices } from '../../../lib/session/session-services.js';

let core: SessionCore;

/** A session whose record says this of its cookie. */
const read = (cookieOverrides: Record<string, unknown>): void => {
  core.metadata = { ...core.metadata, cookieOverrides };
};

beforeEach(() => {
  const host: Pick<SessionHost<SessionCore>, 'cookieOf'> = {
    cookieOf: ({ metadata }) => {
      const cookie = new SessionCookie();
      cookie.restore(metadata.cookieOverrides!);
      return cookie;
    },
  };
  const services = { now: () => 0, options: { idleMs: 1 } } as SessionServices;
  core = new SessionCore(services, host as SessionHost<SessionCore>);
  read({ path: '/stored' });
});

describe('the cookie of SessionCore', () => {
  it('is not made until it is accessed', () => {
    expect(core.cookieIfAsked).toBeUndefined();
    expect(core.overrides()).toBe(core.metadata.cookieOverrides);
    expect(core.cookieChanged).toBe(false);
    expect(core.cookie).toBe(core.cookieIfAsked);
  });

  it('says what the app set, in addition to the record', () => {
    core.cookie.maxAge = 5_000;
    expect(core.overrides()).toEqual({ path: '/stored', maxAge: 5_000 });
    expect(core.cookieChanged).toBe(true);
  });

  it('an access alone is no change', () => {
    void core.cookie;
    expect(core.cookieChanged).toBe(false);
  });

  it('gives only what the app set to the session that takes its place', () => {
    core.cookie.maxAge = 5_000;
    const next = new SessionCore(core.services, core.host);
    next.metadata = { ...next.metadata, cookieOverrides: {} };
    next.takeCookieOf(core);
    expect(next.overrides()).toEqual({ maxAge: 5_000 });
  });

  it('keeps what the app set when a newer record is read', () => {
    const before = core.metadata.cookieOverrides;
    core.cookie.maxAge = 5_000;
    read({ path: '/newer', priority: 'high' });
    core.rebaseCookie(before);
    expect(core.overrides()).toEqual({ path: '/newer', priority: 'high', maxAge: 5_000 });
  });

  it('resetCookie() forgets what the app set', () => {
    core.cookie.maxAge = 5_000;
    core.resetCookie();
    expect(core.cookieChanged).toBe(false);
  });
});
