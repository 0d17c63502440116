import { Logger } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { dropHandshake, type HandshakeRefusal } from '../../transports/websockets/handshake.js';

type Check = (request: IncomingMessage) => Promise<HandshakeRefusal | undefined>;
type Refusal = HandshakeRefusal | { readonly statusCode: 500; readonly message: string };
type AllowRequest = (
  request: IncomingMessage,
  done: (message: string | null | undefined, allowed: boolean) => void,
) => void;
type VerifyInfo = { readonly origin: string; readonly secure: boolean; readonly req: IncomingMessage };
type Verified = (allowed: boolean, code?: number, message?: string, headers?: Record<string, string>) => void;
export type VerifyClient = ((info: VerifyInfo) => boolean) | ((info: VerifyInfo, done: Verified) => void);

/** Of engine.io, which socket.io stands on. */
interface Engine {
  readonly opts: { allowRequest?: AllowRequest | undefined };
  on(
    event: 'connection',
    listener: (connection: {
      readonly request: IncomingMessage;
      once(event: 'close', listener: () => void): unknown;
    }) => void,
  ): unknown;
}

/** The part of a server of a socket.io namespace, or of ws, that is used. */
interface GivenServer {
  readonly server?: GivenServer;
  readonly engine?: Engine;
  readonly options?: { verifyClient?: VerifyClient | null | undefined };
}

const guarded = new WeakSet<object>();

/** Runs a check before a client is connected. The app's own check (`allowRequest`, `verifyClient`) runs after it. */
export function guardServer(given: unknown, check: Check): void {
  const { server, options, engine = server?.engine } = given as GivenServer;
  const target = engine ?? options;
  // Several gateways may share a server.
  if (target === undefined || guarded.has(target)) return;
  guarded.add(target);
  if (engine !== undefined) guardEngine(engine, check);
  else if (options !== undefined) options.verifyClient = verifying(check, options.verifyClient);
}

function guardEngine(engine: Engine, check: Check): void {
  engine.opts.allowRequest = allowing(check, engine.opts.allowRequest);
  // Also of a client that asks for no namespace, so that no gateway hears of it.
  engine.on('connection', (connection) => connection.once('close', () => dropHandshake(connection.request)));
}

/** Never rejects: a check that fails refuses the client, and is logged. */
async function refusalOf(check: Check, request: IncomingMessage): Promise<Refusal | undefined> {
  try {
    return await check(request);
  } catch (error) {
    const reason = error instanceof Error ? error.stack : error;
    new Logger('Session').error('A WebSocket client was refused, as its handshake could not be checked.', reason);
    return { statusCode: 500, message: 'The handshake could not be checked.' };
  }
}

function allowing(check: Check, own: AllowRequest | undefined): AllowRequest {
  return (request, done) => {
    void refusalOf(check, request).then((refusal) => {
      if (refusal !== undefined) done(refusal.message, false);
      else if (own === undefined) done(null, true);
      else
        own(request, (message, allowed) => {
          if (!allowed) dropHandshake(request);
          done(message, allowed);
        });
    });
  };
}

export function verifying(check: Check, own: VerifyClient | null | undefined): VerifyClient {
  return (info: VerifyInfo, done: Verified) => {
    void refusalOf(check, info.req).then((refusal) => {
      if (refusal !== undefined) done(false, refusal.statusCode, refusal.message);
      else if (own == null) done(true);
      else if (own.length === 2) own(info, done);
      else done((own as (given: VerifyInfo) => boolean)(info));
    });
  };
}
