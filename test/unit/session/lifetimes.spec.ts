import { describe, expect, it } from '@jest/globals';
import { Lifetimes } from '../../../lib/session/lifetimes.js';
import type { SessionMetadata } from '../../../lib/record/session-metadata.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import type { SessionOptions } from '../../../lib/options/options.js';

const NOW = 1_000_000;
const lifetimes = (options: Partial<SessionOptions> = {}): Lifetimes =>
  new Lifetimes(
    resolveOptions({ secret: 'a secret of at least thirty-two bytes!', clock: { now: () => NOW }, ...options }),
  );
const session = (more: Partial<SessionMetadata> = {}): SessionMetadata => ({
  createdAt: NOW,
  seenAt: NOW,
  expiresAt: NOW + 1,
  handle: 'h',
  nonce: 'n',
  ...more,
});

describe('Lifetimes', () => {
  it.each([
    ['live', {}, true],
    ['past its absolute timeout', { createdAt: NOW - 20_000 }, false],
    ['replaced, within its grace time', { replaced: { until: NOW + 1 } }, true],
    ['replaced, after its grace time', { replaced: { until: NOW } }, false],
    ["a principal's record", { revokedUntil: 5 }, false],
  ])('isLive() of a record that is %s', (_, more, expected) =>
    expect(lifetimes({ idleTimeout: '5s', absoluteTimeout: '20s' }).isLive(session(more))).toBe(expected),
  );

  it('isInTime() counts the idle timeout too', () => {
    expect(lifetimes().isInTime(session())).toBe(true);
    expect(lifetimes().isInTime(session({ expiresAt: NOW }))).toBe(false);
  });

  it('isTouchDue() from touchInterval on', () => {
    const due = lifetimes({ touchInterval: '10s' });
    expect(due.isTouchDue(session({ seenAt: NOW - 9_999 }))).toBe(false);
    expect(due.isTouchDue(session({ seenAt: NOW - 10_000 }))).toBe(true);
    // By a clock that was ahead.
    expect(due.isTouchDue(session({ seenAt: NOW + 10_000 }))).toBe(true);
    expect(due.isTouchDue(session({ isPending: true }))).toBe(true);
  });

  it.each([
    ['the idle timeout', {}, {}, undefined, 60_000],
    ['the absolute timeout, if it is first', {}, { createdAt: NOW - 90_000 }, undefined, 10_000],
    ["the session's own lifetime", {}, { cookieOverrides: { maxAge: 30_000 } }, undefined, 30_000],
    ['not the lifetime of the cookie, as idleTimeout is given', {}, {}, 5_000, 60_000],
    ['the lifetime of the cookie, if idleTimeout is not given', { idleTimeout: undefined }, {}, 5_000, 5_000],
  ])('expiryOf() is %s', (_, options, more, cookieLife, left) => {
    const all = { idleTimeout: '1m', absoluteTimeout: '100s', ...options };
    expect(lifetimes(all).expiryOf(session(more), NOW, cookieLife) - NOW).toBe(left);
  });
});
