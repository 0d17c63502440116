import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SessionOptions, SessionRegistry, SessionStore } from 'nestjs-keycard';
import { beginSession } from '../../lib/transports/http/lifecycle.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { SessionManager } from '../../lib/session-manager.js';
import * as registry from '../../lib/nest/session.registry.js';
import type { CompiledLib } from './compile-lib.js';
import { Jar, post } from './app.js';
import { serveEngine } from './engine-server.mjs';
import type { StorePlace } from './five-stores.js';
import { WorkerProcess } from './worker-process.js';

const SCRIPT = join(import.meta.dirname, 'engine-server.mjs');

export interface Counters {
  conflicts: number;
  gone: number;
  lostReplies: number;
}

/** A store of this process that takes a moment for each call, as one behind a wire does: requests overlap. */
function takingTurns(store: SessionStore): SessionStore {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      if (name !== 'load' && name !== 'replace' && name !== 'create') return value.bind(target) as unknown;
      return async (...args: unknown[]) => {
        await nextTurn();
        const result = (await (value as (...args: unknown[]) => Promise<unknown>).apply(target, args)) as unknown;
        await nextTurn();
        return result;
      };
    },
  });
}

/** Servers on one place: a process each, or, where only this process knows the place (memory), an engine each. */
export class EngineFleet {
  private constructor(
    private readonly ports: readonly number[],
    private readonly stop: () => Promise<void>,
  ) {}

  static async start(
    size: number,
    lib: CompiledLib,
    place: StorePlace,
    options: Partial<SessionOptions> = {},
  ): Promise<EngineFleet> {
    if (place.spec === undefined) {
      const engine = {
        SessionManager,
        SessionRegistry: registry.SessionRegistry as unknown as typeof SessionRegistry,
        resolveOptions,
        beginSession,
      };
      const servers = await Promise.all(
        Array.from({ length: size }, () => serveEngine(engine, takingTurns(place.store), options)),
      );
      return new EngineFleet(
        servers.map(({ port }) => port),
        async () => void (await Promise.all(servers.map((server) => server.close()))),
      );
    }
    const args = [lib.path, JSON.stringify(place.spec), JSON.stringify(options)];
    const workers = Array.from({ length: size }, () => new WorkerProcess(SCRIPT, args));
    const ports = await Promise.all(workers.map(async (worker) => Number(await worker.hear('port'))));
    return new EngineFleet(ports, async () => void (await Promise.all(workers.map((worker) => worker.kill()))));
  }

  /** Asks one of them; `n` counts round. */
  async ask(n: number, jar: Jar, op: string, body: object = {}): Promise<Response> {
    return jar.fetch(`http://127.0.0.1:${this.ports[n % this.ports.length]}/`, post({ op, ...body }));
  }

  async json<T>(n: number, jar: Jar, op: string, body: object = {}): Promise<T> {
    const response = await this.ask(n, jar, op, body);
    if (response.status !== 200) throw new Error(`${op} got ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** What all of them have counted. */
  async counters(): Promise<Counters> {
    const each = await Promise.all(this.ports.map((_, n) => this.json<Counters>(n, new Jar(), 'counters')));
    const sum = (key: keyof Counters): number => each.reduce((total, counters) => total + counters[key], 0);
    return { conflicts: sum('conflicts'), gone: sum('gone'), lostReplies: sum('lostReplies') };
  }

  close(): Promise<void> {
    return this.stop();
  }
}
