import { afterEach } from '@jest/globals';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { addSetCookie, attachGate, type GateHooks } from '../../lib/transports/http/response-gate.js';

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** Promises that a test settles, and the order in which things took place. */
export class Save {
  readonly log: string[] = [];
  resolve!: () => void;
  reject!: (error: unknown) => void;
  readonly done = new Promise<void>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

export const failure = () => ({ status: 503, headers: { 'Content-Type': 'text/plain' }, body: 'try again later' });

/** Hooks that set a cookie once `save` is done. */
export function savingHooks(save: Save, cookie = 'sid=1'): GateHooks {
  return {
    async beforeHeaders(res) {
      save.log.push('save');
      await save.done;
      save.log.push('saved');
      addSetCookie(res, cookie);
    },
    failure,
  };
}

/** Hooks that set a cookie and have nothing to wait for. */
export const readyHooks: GateHooks = {
  beforeHeaders: (res) => void addSetCookie(res, 'sid=1'),
  failure,
};

export class TestServer {
  private readonly sockets = new Set<Socket>();
  private constructor(readonly server: ReturnType<typeof createServer>) {}

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  static async start(handler: Handler, hooks?: GateHooks): Promise<TestServer> {
    const server = createServer((req, res) => {
      if (hooks) attachGate(res, hooks);
      handler(req, res);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TestServer(server);
  }

  connect(): Client {
    const socket = connect(this.port, '127.0.0.1');
    this.sockets.add(socket);
    return new Client(socket);
  }

  /** One request on a connection of its own; the raw answer, to the end of the connection. */
  async raw(path = '/', { method = 'GET', version = '1.1', headers = [] as string[] } = {}): Promise<string> {
    const client = this.connect();
    const close = version === '1.1' ? ['Connection: close'] : [];
    client.send([`${method} ${path} HTTP/${version}`, 'Host: a', ...close, ...headers, '', ''].join('\r\n'));
    return client.closed();
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** A connection whose bytes are looked at as they come. */
export class Client {
  text = '';
  private ended = false;
  private wake: (() => void)[] = [];

  constructor(readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      this.text += String(chunk);
      this.tell();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
      this.tell();
    });
  }

  send(text: string): void {
    this.socket.write(text);
  }

  get(path: string, ...headers: string[]): void {
    this.send([`GET ${path} HTTP/1.1`, 'Host: a', ...headers, '', ''].join('\r\n'));
  }

  /** When `part` has arrived. */
  async has(part: string): Promise<string> {
    while (!this.text.includes(part)) {
      if (this.ended) throw new Error(`The connection ended without ${JSON.stringify(part)}: ${this.text}`);
      await new Promise<void>((resolve) => this.wake.push(resolve));
    }
    return this.text;
  }

  async closed(): Promise<string> {
    while (!this.ended) await new Promise<void>((resolve) => this.wake.push(resolve));
    return this.text;
  }

  private tell(): void {
    for (const wake of this.wake.splice(0)) wake();
  }
}

/** Lets everything that is ready take place: a round trip through the network. */
export async function settle(server: { readonly port: number }): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    const probe = connect(server.port, '127.0.0.1');
    await new Promise<void>((resolve) => probe.on('connect', () => resolve()));
    await new Promise<void>((resolve) => probe.end(() => resolve()));
    probe.destroy();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function head(response: string): string {
  return response.slice(0, response.indexOf('\r\n\r\n'));
}

export function body(response: string): string {
  return response.slice(response.indexOf('\r\n\r\n') + 4);
}

export function header(response: string, name: string): string[] {
  const lines = head(response).split('\r\n').slice(1);
  const prefix = `${name.toLowerCase()}: `;
  return lines.filter((line) => line.toLowerCase().startsWith(prefix)).map((line) => line.slice(prefix.length));
}

/** The body without the framing of its chunks, of which Node 26 makes fewer. */
export function unchunked(response: string): string {
  let rest = body(response);
  let text = '';
  for (;;) {
    const size = /^([0-9a-f]+)\r\n/.exec(rest);
    if (size === null) throw new Error(`No chunk: ${JSON.stringify(rest)}`);
    const length = parseInt(size[1]!, 16);
    if (length === 0) return text;
    text += rest.slice(size[0].length, size[0].length + length);
    rest = rest.slice(size[0].length + length + 2);
  }
}

/** Starts servers that are stopped after each test. */
export function gatedServers(): (handler: Handler, hooks?: GateHooks) => Promise<TestServer> {
  const servers: TestServer[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
  });
  return async (handler, hooks) => {
    const server = await TestServer.start(handler, hooks);
    servers.push(server);
    return server;
  };
}
