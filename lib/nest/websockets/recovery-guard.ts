import type { IncomingMessage } from 'node:http';
import { handshakeOf } from '../../transports/websockets/handshake.js';

/** What socket.io keeps of a socket that was cut off; `owner` is added. */
interface Kept {
  readonly sid: string;
  owner?: string | undefined;
}

interface Client {
  readonly request: IncomingMessage;
}

/** The part of an adapter of socket.io that is used. */
interface Rooms {
  persistSession?(kept: Kept): unknown;
  restoreSession?(pid: string, offset: string): Kept | null | Promise<Kept | null>;
}

interface Namespace {
  readonly adapter: Rooms;
  readonly sockets: ReadonlyMap<string, Client>;
  _add?(client: Client, ...rest: unknown[]): unknown;
}

interface Server {
  of?: unknown;
  readonly sockets: Namespace;
  on(event: 'new_namespace', listener: (namespace: Namespace) => void): unknown;
}

const guarded = new WeakSet<object>();

/**
 * The recovery of socket.io (option `connectionStateRecovery`) gives a client its rooms and missed messages back only
 * if it comes with the session that it had.
 *
 * @param given a server or a namespace of socket.io; others are left alone.
 */
export function guardRecovery(given: unknown): void {
  const { server = given } = given as { readonly server?: unknown };
  const io = server as Server;
  if (typeof io.of !== 'function') return;
  guardNamespace(io.sockets);
  if (given !== server) guardNamespace(given as Namespace);
  if (!isFirst(io)) return;
  io.on('new_namespace', guardNamespace);
}

function guardNamespace(namespace: Namespace): void {
  if (!isFirst(namespace)) return;
  let asker: IncomingMessage | undefined;
  const guard = (): void => guardRooms(namespace, () => asker);
  guard();
  const { _add: add } = namespace;
  // The adapter is asked in the same turn. If a version of socket.io has no _add(), nothing is given back.
  if (add !== undefined)
    namespace._add = (client, ...rest) => {
      // The app may have set another adapter meanwhile.
      guard();
      asker = client.request;
      try {
        return add.call(namespace, client, ...rest);
      } finally {
        asker = undefined;
      }
    };
}

function guardRooms({ adapter, sockets }: Namespace, asker: () => IncomingMessage | undefined): void {
  const { persistSession: persist, restoreSession: restore } = adapter;
  if (persist === undefined || restore === undefined || !isFirst(adapter)) return;
  adapter.persistSession = (kept) => {
    kept.owner = ownerOf(sockets.get(kept.sid)?.request);
    return persist.call(adapter, kept);
  };
  adapter.restoreSession = async (pid, offset) => {
    const owner = ownerOf(asker());
    if (owner === undefined) return null;
    const kept = await restore.call(adapter, pid, offset);
    return kept?.owner === owner ? kept : null;
  };
}

function isFirst(object: object): boolean {
  if (guarded.has(object)) return false;
  guarded.add(object);
  return true;
}

const ownerOf = (request: IncomingMessage | undefined): string | undefined => request && handshakeOf(request)?.owner;
