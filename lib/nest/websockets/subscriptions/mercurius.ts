import type { IncomingMessage } from 'node:http';
import { sessionOf } from '../../../transports/http/lifecycle.js';
import { beginOperation } from '../../../transports/websockets/graphql-operation.js';
import type { SocketSession } from '../../../transports/websockets/socket-session.js';
import { verifying, type VerifyClient } from '../server-guard.js';
import type { Socket } from '../close-socket.js';
import { savedAfterOwn } from './saving.js';
import type { SubscriptionGate } from './subscription-gate.js';

/** The session of a connection. Enumerable, as Mercurius copies its contexts. */
const CONNECTION = Symbol('nestjs-keycard.connection');

interface Context {
  readonly [CONNECTION]?: SocketSession;
}

type Hook = (...args: never[]) => unknown;

/** The options of Mercurius that are changed. */
export interface MercuriusOptions {
  subscription?:
    | true
    | {
        verifyClient?: VerifyClient;
        context?: (socket: Socket, request: { readonly raw: IncomingMessage }) => unknown;
      };
  hooks?: Record<string, Hook | readonly Hook[] | undefined>;
}

export function mercuriusOptions({ subscription, hooks = {} }: MercuriusOptions, gate: SubscriptionGate) {
  const own = typeof subscription === 'object' ? subscription : {};
  const all = (name: string): readonly Hook[] => [hooks[name] ?? []].flat();
  return {
    subscription: {
      ...own,
      verifyClient: verifying((request) => gate.check(request), own.verifyClient),
      async context(socket: Socket, request: { readonly raw: IncomingMessage }) {
        const session = await gate.admit(request.raw, socket);
        if (session === undefined)
          throw new Error('This client was refused: it has no session, or its origin is not allowed.');
        const context = await own.context?.(socket, request);
        leaveToMessages(request.raw);
        return { ...(context as object | undefined), [CONNECTION]: session };
      },
    },
    hooks: {
      ...hooks,
      preExecution: [begin, ...all('preExecution')],
      preSubscriptionExecution: [begin, ...all('preSubscriptionExecution')],
      onResolution: [saving(all('onResolution'))],
      onSubscriptionResolution: [saving(all('onSubscriptionResolution'))],
    },
  };
}

/** The handshake request has no response that could save changes of its session. */
function leaveToMessages(request: IncomingMessage): void {
  const upgrade = sessionOf(request);
  if (upgrade !== undefined) upgrade.isCovered = false;
}

/** Over HTTP, contexts have no connection. */
async function begin(_schema: unknown, _document: unknown, context: Context): Promise<void> {
  const session = context[CONNECTION];
  if (session !== undefined) beginOperation(context, session);
}

/** One hook that calls the app's own, as Mercurius calls none after one that throws an error. */
function saving(own: readonly Hook[]) {
  return async (...call: [execution: object, context: Context, id?: string]): Promise<void> => {
    const [execution, context] = call;
    const refusal = await savedAfterOwn(context, execution, async () => {
      for (const hook of own) await (hook as (...args: unknown[]) => unknown)(...call);
    });
    Object.assign(execution, refusal);
  };
}
