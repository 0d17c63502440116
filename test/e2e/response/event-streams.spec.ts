import { Controller, Get, type MessageEvent, Sse } from '@nestjs/common';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { concatMap, from, fromEvent, map, type Observable, Subject, takeUntil } from 'rxjs';
import { MemoryStore, Session, SessionRegistry, SessionSignal } from 'nestjs-keycard';
import { SessionManager } from '../../../lib/session-manager.js';
import { watchOf } from '../../../lib/signal/session-watch.js';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { type AnySession, LoginController, ManualClock } from '../../support/login-app.js';
import { EventStream } from '../../support/event-stream.js';
import { ObservedStore } from '../../support/observed-store.js';

/** What the streams are to do: each step is answered by an event. */
let steps: Subject<(session: AnySession) => unknown>;

@Controller()
class StreamController {
  @Sse('stream')
  async stream(
    @Session() session: AnySession,
    @SessionSignal() signal: AbortSignal,
  ): Promise<Observable<MessageEvent>> {
    session.opened = true;
    await Promise.resolve();
    return steps.pipe(
      concatMap((step) => from(Promise.resolve(step(session)).catch((error: Error) => error.message))),
      map((data) => ({ data: JSON.stringify(data ?? 'done') })),
      takeUntil(fromEvent(signal, 'abort')),
    );
  }
  @Sse('lasting')
  lasting(@SessionSignal({ keepAlive: true }) signal: AbortSignal): Observable<MessageEvent> {
    return steps.pipe(
      map(() => ({ data: 'done' })),
      takeUntil(fromEvent(signal, 'abort')),
    );
  }
  @Get('data')
  data(@Session() session: AnySession) {
    return { ...session };
  }
}

describe('an event stream', () => {
  let store: ObservedStore;
  let clock: ManualClock;
  let server: TestApp;
  let jar: Jar;
  let logged: string[];
  let streams: EventStream[];

  beforeEach(async () => {
    steps = new Subject();
    logged = [];
    streams = [];
    clock = new ManualClock();
    store = new ObservedStore(new MemoryStore({ clock }));
    jar = new Jar();
    const logger = { warn: (text: string) => void logged.push(text), error: (text: string) => void logged.push(text) };
    const options = { store, clock, logger, idleTimeout: '10m', touchInterval: '1m' } as const;
    server = await startApp([StreamController, LoginController], options);
    await jar.fetch(`${server.url}/login`, post({ id: '7' }));
  });
  afterEach(async () => {
    for (const stream of streams) stream.leave();
    server.app.getHttpServer().closeAllConnections();
    await server.close();
  });

  const data = async () => (await jar.fetch(`${server.url}/data`)).json() as Promise<Record<string, unknown>>;
  const open = async (path = 'stream') => {
    const stream = await EventStream.open(`${server.url}/${path}`, jar);
    streams.push(stream);
    while (!steps.observed) await new Promise((resolve) => setTimeout(resolve, 2));
    return stream;
  };
  const step = async (stream: EventStream, fn: (session: AnySession) => unknown) => {
    const next = stream.next();
    steps.next(fn);
    return next;
  };

  it('saves what its handler has changed at the first byte (#15.6)', async () => {
    await open();
    expect(await data()).toMatchObject({ opened: true });
  });

  it('update() and save() save at once while it is open (#15.6)', async () => {
    const stream = await open();
    expect(await step(stream, (session) => session.update((draft) => void (draft.count = 1)))).toBe('done');
    expect(await data()).toMatchObject({ count: 1 });
    await jar.fetch(`${server.url}/set`, post({ other: true }));
    expect(
      await step(stream, (session) => {
        session.seen = 1;
        return session.save();
      }),
    ).toBe('done');
    expect(await data()).toMatchObject({ seen: 1, count: 1, other: true });
  });

  it.each<[string, (stream: EventStream) => void]>([
    ['it ends by itself', () => steps.complete()],
    ['its client leaves', (stream) => stream.leave()],
  ])('what is assigned while it is open is saved when %s (#15.6)', async (_, end) => {
    const stream = await open();
    await step(stream, (session) => void (session.assigned = true));
    expect(await data()).not.toHaveProperty('assigned');
    end(stream);
    await expect(stream.next().catch(() => undefined)).resolves.toBeUndefined();
    while (!('assigned' in (await data()))) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(logged).toEqual([]);
  });

  it('login() in it says that the cookie can no longer be sent (#15.6)', async () => {
    const stream = await open();
    expect(await step(stream, (session) => session.login('8'))).toMatch(/after the response had begun/);
  });

  it.each<[string, () => unknown]>([
    ['revokeAll()', () => server.app.get(SessionRegistry).revokeAll('7')],
    ['a logout', () => jar.fetch(`${server.url}/logout`, post())],
    ['a logout in it', () => steps.next((session) => session.logout())],
    ['time', () => clock.advance(10 * 60_000)],
  ])('%s ends it, and nothing of it comes back (#15.6)', async (_, end) => {
    const stream = await open();
    await step(stream, (session) => void (session.assigned = true));
    await end();
    expect(await stream.next()).toBeUndefined();
    expect((await server.app.get(SessionRegistry).list({ principal: '7' })).sessions).toEqual([]);
    expect(logged).toEqual([]);
  });

  it.each([
    ['moves the idle end while it is open, if asked to', 'lasting', 1],
    ['does not move it by itself', 'stream', 0],
  ] as const)('%s (#15.6)', async (_, path, sessions) => {
    const stream = await open(path);
    const watch = watchOf(server.app.get(SessionManager));
    for (let minute = 0; minute < 30; minute += 1) {
      clock.advance(60_000);
      await watch.tick();
      await watch.tick();
    }
    expect((await server.app.get(SessionRegistry).list({ principal: '7' })).sessions).toHaveLength(sessions);
    if (sessions === 0) expect(await stream.next()).toBeUndefined();
  });
});
