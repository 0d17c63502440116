import { createHook } from 'node:async_hooks';
import { connect, type Socket } from 'node:net';
import type { INestApplication } from '@nestjs/common';

/** One keep-alive connection that sends any number of requests in one write, so that a server meets them in one turn of its event loop. */
export class Pipeline {
  private text = '';
  private wanted = 0;
  private done: (text: string) => void = () => undefined;

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.text += chunk;
      if (this.answers.length >= this.wanted && this.text.endsWith('}')) this.done(this.text);
    });
  }

  static async to(url: string): Promise<Pipeline> {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), noDelay: true });
    await new Promise<void>((resolve, reject) => socket.once('connect', () => resolve()).once('error', reject));
    return new Pipeline(socket);
  }

  /** GETs of one path, one for each cookie; every route has to answer with a JSON object. */
  async get(path: string, cookies: readonly (string | undefined)[]): Promise<string[]> {
    this.text = '';
    this.wanted = cookies.length;
    const finished = new Promise<string>((resolve) => (this.done = resolve));
    const requests = cookies.map(
      (cookie) => `GET ${path} HTTP/1.1\r\nHost: a\r\n${cookie === undefined ? '' : `Cookie: ${cookie}\r\n`}\r\n`,
    );
    this.socket.write(requests.join(''));
    await finished;
    return this.answers;
  }

  private get answers(): string[] {
    return this.text.split(/(?=HTTP\/1\.1 )/).filter((answer) => answer.includes('\r\n\r\n'));
  }

  close(): void {
    this.socket.destroy();
  }
}

interface Writing {
  _write(...args: unknown[]): void;
  _writev?: (...args: unknown[]) => void;
}

/** Counts what is handed to the system on a socket, and keeps it. */
export function watchWrites(socket: Socket): { count: number; text: string } {
  const writes = { count: 0, text: '' };
  const inner = socket as unknown as Writing;
  const { _write, _writev } = inner;
  inner._write = (...args) => {
    writes.count += 1;
    writes.text += String(args[0]);
    _write.apply(socket, args);
  };
  inner._writev = (...args) => {
    writes.count += 1;
    writes.text += (args[0] as { chunk: unknown }[]).map(({ chunk }) => String(chunk)).join('');
    _writev!.apply(socket, args);
  };
  return writes;
}

/** Counts the writes of answers on the next connection to this app. */
export function watchAnswers(app: INestApplication): Promise<{ count: number; text: string }> {
  return new Promise((resolve) => {
    (app.getHttpServer() as { once(name: 'connection', then: (socket: Socket) => void): void }).once(
      'connection',
      (socket) => resolve(watchWrites(socket)),
    );
  });
}

/** The commands in what was sent to Redis, by name. */
export function redisCommands(sent: string): string[] {
  return [...sent.matchAll(/\*\d+\r\n\$\d+\r\n([a-z]+)\r\n/gi)].map((match) => match[1]!.toUpperCase());
}

/** What is made while `work` is under way, by the name that async_hooks gives it: `PROMISE`, `Timeout`, `Immediate`, `TickObject` … */
export async function resourcesOf(work: () => Promise<unknown>): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const hook = createHook({
    init(_id, type) {
      counts.set(type, (counts.get(type) ?? 0) + 1);
    },
  });
  hook.enable();
  try {
    await work();
  } finally {
    hook.disable();
  }
  return counts;
}
