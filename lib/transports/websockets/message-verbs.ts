import { SessionStateError } from '../../common/errors.js';
import type { SessionCore } from '../../session/session-core.js';
import type { SessionVerbs } from '../../session/session-host.js';

const NEED_A_COOKIE = ['login', 'confirmLogin', 'renew', 'regenerate', 'replace'] as const;

/** The methods of a session in a message over a WebSocket: those that need no cookie. */
export function messageVerbs(verbs: SessionVerbs<SessionCore>): SessionVerbs<SessionCore> {
  const refused = NEED_A_COOKIE.map((name) => [name, () => Promise.reject(needsCookie(name))] as const);
  return Object.assign(Object.create(verbs) as SessionVerbs<SessionCore>, Object.fromEntries(refused), {
    save: async (core: SessionCore) => {
      assertThere(core, 'save');
      await verbs.save(core);
    },
    update: async (core: SessionCore, fn: unknown) => {
      assertThere(core, 'update');
      await verbs.update(core, fn);
    },
  });
}

const needsCookie = (name: string): SessionStateError =>
  new SessionStateError(
    'NO_RESPONSE',
    `session.${name}() gives the session a new id, but a message over a WebSocket can't set a cookie. Call it in an HTTP request, and let the client connect again after it.`,
  );

/** @throws SessionStateError if the client connected without a session. */
function assertThere(core: SessionCore, name: string): void {
  if (core.isNew)
    throw new SessionStateError(
      'NO_RESPONSE',
      `session.${name}() would create a session, but a message over a WebSocket can't set its cookie. Create it in an HTTP request before the client connects, or refuse such clients with the option { requireSession: true }.`,
    );
}
