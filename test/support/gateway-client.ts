import type { INestApplication, WebSocketAdapter } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { once } from 'node:events';
import { io, type Socket } from 'socket.io-client';
import { WebSocket } from 'ws';

/** What a client is told: an answer (whose `re` names the event), or an exception of a gateway. */
export interface Told {
  readonly [key: string]: unknown;
  readonly exception?: Record<string, unknown>;
}

/** A client of a gateway, over either transport. */
export interface GatewayClient {
  ask(event: string, data?: unknown): Promise<Told>;
  /** The close code of ws, or the reason of socket.io. */
  readonly closed: Promise<unknown>;
  close(): void;
}

/** How a connection was refused. */
export class Refused extends Error {}

export interface GatewayTransport {
  readonly name: string;
  adapter(app: INestApplication): WebSocketAdapter;
  connect(url: string, headers: Record<string, string>): Promise<GatewayClient>;
  readonly closedByServer: unknown;
  /** What HTTP says to a handshake that is refused: without a session, and of another origin. */
  readonly refusals: { readonly session: string; readonly origin: string };
}

async function connectIo(url: string, headers: Record<string, string>, transports: string[]): Promise<GatewayClient> {
  const socket: Socket = io(url, { extraHeaders: headers, transports, forceNew: true, reconnection: false });
  const closed = new Promise((resolve) => socket.once('disconnect', resolve));
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once(
      'connect_error',
      (error: Error & { context?: { status?: number }; description?: { message?: string } }) =>
        reject(new Refused(String(error.context?.status ?? error.description?.message ?? error.message))),
    );
  });
  return {
    closed,
    close: () => void socket.disconnect(),
    ask: (event, data) =>
      new Promise((resolve) => {
        socket.once('exception', (exception: Record<string, unknown>) => resolve({ exception }));
        socket.emit(event, data, ({ re: _, ...answer }: Record<string, unknown>) => resolve(answer));
      }),
  };
}

async function connectWs(url: string, headers: Record<string, string>): Promise<GatewayClient> {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers });
  const closed = once(socket, 'close').then(([code]) => code as number);
  // Of those who asked the same, the first is answered first.
  const waiting: { readonly event: string; readonly resolve: (told: Told) => void }[] = [];
  socket.on('message', (text) => {
    const { re, event, data, ...answer } = JSON.parse(String(text)) as Told;
    const isException = event === 'exception';
    const at = waiting.findIndex((each) => isException || each.event === re);
    if (at === -1) return;
    const told = data === undefined ? answer : { ...answer, data };
    waiting.splice(at, 1)[0]!.resolve(isException ? { exception: data as Record<string, unknown> } : told);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('unexpected-response', (_, answer) => reject(new Refused(String(answer.statusCode))));
    socket.once('error', (error) => reject(new Refused(error.message)));
  });
  return {
    closed,
    close: () => socket.close(),
    ask: (event, data) =>
      new Promise((resolve) => {
        waiting.push({ event, resolve });
        socket.send(JSON.stringify({ event, data }));
      }),
  };
}

export const gatewayTransports: GatewayTransport[] = [
  {
    name: 'socket.io',
    adapter: (app) => new IoAdapter(app),
    connect: (url, headers) => connectIo(url, headers, ['websocket']),
    closedByServer: 'io server disconnect',
    // What engine.io says to an upgrade that `allowRequest` refuses.
    refusals: { session: '400', origin: '400' },
  },
  {
    name: 'socket.io, polling first',
    adapter: (app) => new IoAdapter(app),
    connect: (url, headers) => connectIo(url, headers, ['polling', 'websocket']),
    closedByServer: 'io server disconnect',
    refusals: { session: '403', origin: '403' },
  },
  {
    name: 'ws',
    adapter: (app) => new WsAdapter(app),
    connect: connectWs,
    closedByServer: 4401,
    refusals: { session: '401', origin: '403' },
  },
];
