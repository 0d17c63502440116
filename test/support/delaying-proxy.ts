import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from './servers/process.mjs';

/** Stands before a server that is some way off: every byte takes `delay` ms, there and back. It may begin to listen late. */
export class DelayingProxy {
  private readonly sockets = new Set<Socket>();
  private readonly swallowing = new Set<Socket>();
  private readonly server;

  private constructor(
    readonly port: number,
    private readonly target: { host: string; port: number },
    private readonly delay: number,
  ) {
    this.server = createServer((client) => this.join(client, connect(this.target)));
  }

  /** @param late how long nobody listens on its port, in ms. */
  static async start(url: string, { delay = 0, late = 0 } = {}): Promise<DelayingProxy> {
    const { hostname: host, port } = new URL(url);
    const own = await freePort();
    const proxy = new DelayingProxy(own, { host, port: Number(port) }, delay);
    const listening = wait(late).then(
      () => new Promise<void>((resolve) => proxy.server.listen(own, '127.0.0.1', resolve)),
    );
    if (late === 0) await listening;
    return proxy;
  }

  /** The URL of the server, by way of this proxy. */
  at(url: string): string {
    const through = new URL(url);
    through.hostname = '127.0.0.1';
    through.port = String(this.port);
    return through.href;
  }

  /** From now on, the connections there are swallow what is sent on them; new ones work. */
  swallow(): void {
    for (const socket of this.sockets) this.swallowing.add(socket);
  }

  private join(client: Socket, server: Socket): void {
    const pairs: [Socket, Socket][] = [
      [client, server],
      [server, client],
    ];
    for (const [from, to] of pairs) {
      this.sockets.add(from);
      from.on(
        'data',
        (data) => void wait(this.delay).then(() => to.destroyed || this.swallowing.has(from) || to.write(data)),
      );
      from.on('error', () => to.destroy()).on('close', () => to.destroy());
    }
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
