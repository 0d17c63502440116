import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The head of a response, as it left the server. */
export interface Head {
  readonly status: number;
  readonly setCookie: readonly string[];
}

/** A request and its response, real ones of node:http, over a socket that only listens. */
export class Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  private text = '';
  private headWasSent = false;
  private readonly socket: ListeningSocket;

  /** @param onHead told when the first bytes leave. */
  constructor(
    cookie: string | undefined,
    userAgent: string,
    private readonly onHead: (head: Head) => void,
  ) {
    this.socket = new ListeningSocket((chunk) => this.receive(chunk));
    this.req = new IncomingMessage(this.socket as unknown as Socket);
    this.req.method = 'POST';
    this.req.url = '/';
    this.req.headers = { 'user-agent': userAgent, ...(cookie === undefined ? {} : { cookie }) };
    this.res = new ServerResponse(this.req);
    this.res.sendDate = false;
    this.res.assignSocket(this.socket as unknown as Socket);
  }

  /** The client goes away. */
  abort(): void {
    this.socket.writable = false;
    this.socket.destroyed = true;
    this.res.destroyed = true;
    this.res.emit('close');
    this.req.emit('close');
  }

  private receive(chunk: string): void {
    if (this.headWasSent) return;
    this.text += chunk;
    const end = this.text.indexOf('\r\n\r\n');
    if (end === -1) return;
    this.headWasSent = true;
    const [first, ...lines] = this.text.slice(0, end).split('\r\n');
    const setCookie = lines
      .filter((line) => /^set-cookie: /i.test(line))
      .map((line) => line.slice('set-cookie: '.length));
    this.onHead({ status: Number(first!.split(' ')[1]), setCookie });
  }
}

/** As much of a socket as a response asks for. */
class ListeningSocket {
  writable = true;
  destroyed = false;
  readonly encrypted = true;
  readonly remoteAddress = '127.0.0.1';
  readonly _writableState = { corked: 0 };

  constructor(private readonly receive: (chunk: string) => void) {}

  write(chunk: string | Uint8Array, encoding?: unknown, callback?: unknown): boolean {
    this.receive(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1'));
    const done = typeof encoding === 'function' ? encoding : callback;
    if (typeof done === 'function') process.nextTick(done as () => void);
    return true;
  }
  cork(): void {}
  uncork(): void {}
  on(): this {
    return this;
  }
  removeListener(): this {
    return this;
  }
  destroySoon(): void {}
}

/** A browser's cookie jar: takes Set-Cookie in the order in which responses arrive. */
export class Jar {
  private value: string | undefined;

  get header(): string | undefined {
    return this.value === undefined ? undefined : `sid=${this.value}`;
  }

  take(setCookie: readonly string[], now: number): void {
    for (const line of setCookie) {
      const [pair = '', ...attributes] = line.split('; ');
      const expires = attributes.find((each) => each.startsWith('Expires='))?.slice('Expires='.length);
      this.value = expires !== undefined && Date.parse(expires) <= now ? undefined : pair.slice(pair.indexOf('=') + 1);
    }
  }
}

/** The id in a Set-Cookie line or a Cookie header; `undefined`: none. */
export function idIn(cookie: string | undefined): string | undefined {
  const signed = /^sid=([^;]+)/.exec(cookie ?? '')?.[1];
  if (signed === undefined) return undefined;
  const text = decodeURIComponent(signed);
  return text.startsWith('s:') ? text.slice(2, text.lastIndexOf('.')) : undefined;
}
