import { beforeEach, describe, expect, it } from '@jest/globals';
import type { SessionCore } from '../../../../lib/session/session-core.js';
import type { SessionVerbs } from '../../../../lib/session/session-host.js';
import { messageVerbs } from '../../../../lib/transports/websockets/message-verbs.js';

const stored = { isNew: false } as SessionCore;
const missing = { isNew: true } as SessionCore;
let called: string[];
let verbs: SessionVerbs<SessionCore>;

beforeEach(() => {
  called = [];
  const all = ['login', 'confirmLogin', 'renew', 'regenerate', 'replace', 'save', 'update', 'destroy'];
  const noted = all.map((name) => [name, async () => void called.push(name)] as const);
  verbs = messageVerbs(Object.fromEntries(noted) as never);
});

describe('messageVerbs()', () => {
  it.each(['login', 'confirmLogin', 'renew', 'regenerate', 'replace'] as const)(
    'refuses %s(), which would need a cookie',
    async (name) => {
      const call = verbs[name] as (core: SessionCore) => Promise<unknown>;
      await expect(call(stored)).rejects.toMatchObject({
        code: 'NO_RESPONSE',
        message: expect.stringContaining(`session.${name}() gives the session a new id`),
      });
      expect(called).toEqual([]);
    },
  );

  it('lets the others through', async () => {
    await verbs.save(stored);
    await verbs.update(stored, () => undefined);
    await verbs.destroy(stored, 'logged-out');
    expect(called).toEqual(['save', 'update', 'destroy']);
  });

  it.each(['save', 'update'] as const)('refuses %s() if the client connected without a session', async (name) => {
    await expect(verbs[name](missing, () => undefined)).rejects.toMatchObject({
      code: 'NO_RESPONSE',
      message: expect.stringContaining(`session.${name}() would create a session`),
    });
    expect(called).toEqual([]);
  });
});
