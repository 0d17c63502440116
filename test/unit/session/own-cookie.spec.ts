import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionCookie } from '../../../lib/cookie/session-cookie.js';
import { OwnCookie } from '../../../lib/session/own-cookie.js';

let stored: Record<string, unknown>;
let own: OwnCookie;

beforeEach(() => {
  stored = { path: '/stored' };
  own = new OwnCookie({
    makeCookie: () => {
      const cookie = new SessionCookie();
      cookie.restore(stored);
      return cookie;
    },
  });
});

describe('OwnCookie', () => {
  it('makes no cookie until it is accessed', () => {
    expect(own.ifAsked).toBeUndefined();
    expect(own.overrides(stored)).toBe(stored);
    expect(own.differsFrom({ path: '/other' })).toBe(false);
    expect(own.get()).toBe(own.ifAsked);
  });

  it('says what the app set, in addition to the record', () => {
    own.get().maxAge = 5_000;
    expect(own.overrides(stored)).toEqual({ path: '/stored', maxAge: 5_000 });
    expect(own.setSince(stored)).toEqual({ maxAge: 5_000 });
    expect(own.differsFrom(stored)).toBe(true);
  });

  it('an access alone is no change', () => {
    own.get();
    expect(own.differsFrom(stored)).toBe(false);
    expect(own.setSince(stored)).toEqual({});
  });

  it('keeps what the app set when a newer record is read', () => {
    const before = stored;
    own.get().maxAge = 5_000;
    stored = { path: '/newer', priority: 'high' };
    own.rebase(before);
    expect(own.overrides(stored)).toEqual({ path: '/newer', priority: 'high', maxAge: 5_000 });
  });

  it('reset() forgets what the app set', () => {
    own.get().maxAge = 5_000;
    own.reset();
    expect(own.differsFrom(stored)).toBe(false);
  });
});
