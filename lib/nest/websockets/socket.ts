/** A client as Nest's adapters give it: a socket of socket.io (which has a `handshake`), or of ws. */
export interface Socket {
  on(event: string, listener: () => void): unknown;
  /** Of socket.io: the request that began the connection. */
  readonly request?: unknown;
  readonly handshake?: unknown;
  emit?(event: string, payload: unknown): unknown;
  send?(text: string): unknown;
  close?(code: number, reason: string): unknown;
  disconnect?(close: boolean): unknown;
}

/** The close code of a client whose session has ended: 4000 to 4999 are the app's own. */
const SESSION_ENDED = 4401;

export function closeSocket(client: Socket): void {
  if (client.handshake === undefined) client.close?.(SESSION_ENDED, 'The session has ended.');
  else client.disconnect?.(true);
}

/** As Nest's filter for gateways tells of an exception. */
export function tellSocket(client: Socket, payload: unknown): void {
  if (client.handshake === undefined) client.send?.(JSON.stringify({ event: 'exception', data: payload }));
  else client.emit?.('exception', payload);
}
