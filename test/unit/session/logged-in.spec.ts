import { beforeEach, describe, expect, it } from '@jest/globals';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import type { SessionOptions } from '../../../lib/options/options.js';
import { Notices } from '../../../lib/record/notices.js';
import type { SessionValues } from '../../../lib/record/record-text.js';
import type { SessionMetadata } from '../../../lib/record/session-metadata.js';
import {
  authenticatedAt,
  isAnothers,
  loggedInBefore,
  loggedInNow,
  loginAsRead,
  type Owned,
  principalOf,
} from '../../../lib/session/logged-in.js';
import { fingerprint } from '../../../lib/session/login-fingerprint.js';
import type { SessionServices } from '../../../lib/session/session-services.js';

const NOW = 1_000_000;
const ADA = { user: { id: 'ada' } };
const BOB = { user: { id: 'bob' } };
let warnings: string[];

/** A stored session, with the data as read and as they are now. */
function owned(
  before: SessionValues,
  after: SessionValues,
  metadata: Partial<SessionMetadata> = {},
  options: Partial<SessionOptions> = {},
): Owned {
  const logger = { warn: (text: string) => warnings.push(text), error: () => undefined };
  const resolved = resolveOptions({ secret: 'x'.repeat(32), logger, ...options });
  const services: Pick<SessionServices, 'options' | 'notices' | 'now'> = {
    options: resolved,
    notices: new Notices(logger),
    now: () => NOW,
  };
  const session: Owned = {
    services: services as SessionServices,
    status: 'stored',
    isOver: false,
    claim: undefined,
    metadata: { createdAt: 1, seenAt: 1, expiresAt: 2, handle: 'h', nonce: 'n', ...metadata },
    isUnsettled: false,
    values: () => after,
    storedValues: () => before,
    loggedInBefore: () => loggedInBefore(session, before),
    allValues: () => after,
  };
  return session;
}
const login = (values: SessionValues, principal = 'ada'): Partial<SessionMetadata> => ({
  principal,
  authenticatedAt: NOW - 1,
  loginFingerprint: fingerprint(values, undefined),
});

beforeEach(() => {
  warnings = [];
});

describe('principalOf()', () => {
  it.each<[string, SessionValues, SessionValues, Partial<SessionMetadata>, string | undefined]>([
    ['after a login', ADA, ADA, login(ADA), 'ada'],
    ['after a change that names the same user', ADA, { user: { id: 'ada', name: 'Ada' } }, login(ADA), 'ada'],
    ['after the user was changed', ADA, BOB, login(ADA), 'bob'],
    ['after the user was deleted', ADA, {}, login(ADA), undefined],
    ['that only the data name', ADA, ADA, {}, 'ada'],
    ['of nobody', {}, {}, {}, undefined],
  ])('the principal %s', (_, before, after, metadata, expected) =>
    expect(principalOf(owned(before, after, metadata))).toBe(expected),
  );

  it.each([
    ['stays settled after a login', login(ADA), ADA, false],
    ['is unsettled if the login was voided', login(ADA), BOB, true],
    ['is unsettled if the record names no one', {}, ADA, true],
  ])('the session %s', (_, metadata, after, expected) => {
    const session = owned(ADA, after, metadata);
    principalOf(session);
    expect(session.isUnsettled).toBe(expected);
  });

  it('is nobody in a session that has ended, and the login before its write', () => {
    expect(principalOf({ ...owned(ADA, ADA, login(ADA)), isOver: true })).toBeUndefined();
    const claim = { principal: 'bob', at: NOW, keys: undefined, given: [], mark: '' };
    expect(principalOf({ ...owned(ADA, ADA, login(ADA)), claim })).toBe('bob');
  });
});

describe('authenticatedAt()', () => {
  it.each<[string, Partial<SessionMetadata>, SessionValues, number | undefined]>([
    ['the time of the login', login(ADA), ADA, NOW - 1],
    ['missing after the login was voided', login(ADA), BOB, undefined],
    ['missing without a login', {}, ADA, undefined],
    ['missing if another clock was far ahead', { ...login(ADA), authenticatedAt: NOW + 5_001 }, ADA, undefined],
    ['kept if another clock was a little ahead', { ...login(ADA), authenticatedAt: NOW + 5_000 }, ADA, NOW + 5_000],
  ])('is %s', (_, metadata, after, expected) => expect(authenticatedAt(owned(ADA, after, metadata))).toBe(expected));
});

describe('loggedInBefore() and loggedInNow()', () => {
  it('tell who was logged in, and who is', () => {
    const session = owned(ADA, BOB, login(ADA));
    expect([session.loggedInBefore(), loggedInNow(session)]).toEqual(['ada', 'bob']);
  });

  it('are true if somebody is logged in whose id is unknown', () => {
    const isAuthenticated = (data: { staff?: unknown }): boolean => data.staff === true;
    const session = owned({ staff: true }, {}, {}, { isAuthenticated });
    expect([session.loggedInBefore(), loggedInNow(session)]).toEqual([true, undefined]);
  });

  it('are nobody if isAuthenticated throws', () => {
    const isAuthenticated = (): never => {
      throw new Error('broken');
    };
    expect(loggedInNow(owned(ADA, ADA, login(ADA), { isAuthenticated }))).toBeUndefined();
  });
});

describe('loginAsRead()', () => {
  it.each<[string, Owned, ReturnType<typeof loginAsRead>]>([
    ['the user that the data name', owned(ADA, ADA), { who: 'ada' }],
    ['nobody', owned({}, {}), { who: undefined }],
    ['not noted after login(), which would need a hash', owned(ADA, ADA, login(ADA)), undefined],
    ['not noted of a new session', { ...owned(ADA, ADA), status: 'new' }, undefined],
  ])('is %s', (_, session, expected) => expect(loginAsRead(session, session.storedValues())).toEqual(expected));

  it('is not noted if principalOf() throws, so that reading a session does not throw', () => {
    const principalOf = (): never => {
      throw new Error('broken');
    };
    expect(loginAsRead(owned(ADA, ADA, {}, { principalOf }), ADA)).toBeUndefined();
  });
});

describe('isAnothers()', () => {
  it.each<[string, Partial<SessionMetadata>, SessionValues, boolean]>([
    ["of a session of ada's", login(ADA), ADA, false],
    ["of a session of bob's", login(BOB, 'bob'), BOB, true],
    ["of a session that was bob's", { formerPrincipal: 'bob' }, {}, true],
    ["of nobody's session", {}, {}, false],
  ])('%s', (_, metadata, before, expected) =>
    expect(isAnothers(owned(before, before, metadata), 'ada')).toBe(expected),
  );
});

it('warns once if passport logged somebody in whose id is unknown', () => {
  const session = owned({}, { passport: { user: { email: 'ada@example.com' } } });
  for (let n = 0; n < 2; n += 1) expect(principalOf(session)).toBeUndefined();
  expect(warnings).toEqual([expect.stringContaining('session.passport.user holds no user id')]);
});
