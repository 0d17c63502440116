/** A client as Nest's adapters pass it: a socket of socket.io (which has a `handshake`), or of ws. */
export interface Socket {
  on(event: string, listener: () => void): unknown;
  /** With socket.io: the handshake request. */
  readonly request?: unknown;
  readonly handshake?: unknown;
  emit?(event: string, payload: unknown): unknown;
  send?(text: string): unknown;
  close?(code: number, reason: string): unknown;
  disconnect?(close: boolean): unknown;
}

/** The close code for a client whose session has ended. Codes from 4000 to 4999 are for applications. */
const SESSION_ENDED = 4401;

export function closeSocket(client: Socket): void {
  if (client.handshake === undefined) client.close?.(SESSION_ENDED, 'The session has ended.');
  else client.disconnect?.(true);
}

/** Sends an exception as Nest's filter for gateways does. */
export function tellSocket(client: Socket, payload: unknown): void {
  if (client.handshake === undefined) client.send?.(JSON.stringify({ event: 'exception', data: payload }));
  else client.emit?.('exception', payload);
}
