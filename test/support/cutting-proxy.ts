import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/** Stands before a server. Armed, it lets the next request through that holds a text, and cuts the connection when the answer comes. */
export class CuttingProxy {
  /** Answers that were held back and never sent on. */
  cuts = 0;
  /** What went wrong with what others did meanwhile. */
  failure: unknown;
  private armed: string | undefined;
  private meanwhile: () => Promise<unknown> = () => Promise.resolve();
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    readonly port: number,
  ) {}

  static async start(host: string, port: number): Promise<CuttingProxy> {
    let proxy!: CuttingProxy;
    const server = createServer((client) => proxy.join(client, connect({ host, port })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    proxy = new CuttingProxy(server, (server.address() as AddressInfo).port);
    return proxy;
  }

  /** Cuts after the next request that holds this text. `meanwhile`: what others do before the client learns of the cut. */
  arm(text: string, meanwhile: () => Promise<unknown> = () => Promise.resolve()): void {
    this.armed = text;
    this.meanwhile = meanwhile;
  }

  private join(client: Socket, server: Socket): void {
    let doomed = false;
    let cut = false;
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on('error', end).on('close', () => {
        this.sockets.delete(socket);
        end();
      });
    }
    client.on('data', (data) => {
      if (cut) return;
      if (this.armed !== undefined && data.includes(this.armed)) {
        this.armed = undefined;
        doomed = true;
      }
      server.write(data);
    });
    server.on('data', (data) => {
      if (!doomed) return void client.write(data);
      if (cut) return;
      // The server has done it by now: this is its answer.
      cut = true;
      this.cuts += 1;
      this.meanwhile().then(end, (error: unknown) => {
        this.failure = error;
        end();
      });
    });
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
