/** Other listeners of a server's `request` event, other emitters of it, and other apps on the server. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { EventEmitter, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Controller, Get, Req, Res, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { ExpressAdapter } from '@nestjs/platform-express';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Request, Response } from 'express';
import { MemoryStore, SessionModule, SkipSession } from 'nestjs-keycard';
import { createMocks } from 'node-mocks-http';
import { Jar, SECRET, startApp, type TestApp } from '../../support/app.js';

type WithSession = Request & { session?: { n?: number } };

@Controller()
class CountController {
  @Get('count')
  count(@Req() req: WithSession) {
    return { n: (req.session!.n = (req.session!.n ?? 0) + 1) };
  }

  /** Redirects within the server. */
  @Get('again')
  again(@Req() req: WithSession, @Res() res: Response) {
    req.session!.n = 41;
    req.url = req.originalUrl = '/count';
    (server!.app.getHttpServer() as Server).emit('request', req, res);
  }

  @Get('skipped')
  @SkipSession()
  skipped(@Req() req: WithSession) {
    return { session: req.session ?? null };
  }
}

let server: TestApp | undefined;
const start = async () => (server = await startApp([CountController] as Type[], { store: new MemoryStore() }));
const json = async (jar: Jar, path: string) => (await jar.fetch(`${server!.url}/${path}`)).json();
/** Runs for each request, before the listener of this library. */
const before = (listener: (req: IncomingMessage, res: ServerResponse) => void) =>
  (server!.app.getHttpServer() as Server).prependListener('request', listener);
afterEach(async () => {
  await server?.app.close();
  server = undefined;
});

describe("a server's request event", () => {
  it('#12.2 keeps what a listener before ours has put on the response, as a tracer does', async () => {
    await start();
    const ended: (string | undefined)[] = [];
    before((req, res) => {
      const { end } = res;
      res.end = function (this: ServerResponse, ...args: never[]) {
        ended.push(req.url);
        return (end as (...all: unknown[]) => ServerResponse).apply(this, args);
      } as never;
    });
    const jar = new Jar();
    expect([await json(jar, 'count'), await json(jar, 'count')]).toEqual([{ n: 1 }, { n: 2 }]);
    await json(jar, 'skipped');
    expect(ended).toEqual(['/count', '/count', '/skipped']);
  });

  it('#12.2 keeps what a listener before ours has put on a request without a session', async () => {
    await start();
    before((req) => void Object.assign(req, { session: 'theirs' }));
    expect(await json(new Jar(), 'skipped')).toEqual({ session: 'theirs' });
    const jar = new Jar();
    expect([await json(jar, 'count'), await json(jar, 'count')]).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('#12.2 that comes again for a request keeps its session, and saves it before the answer', async () => {
    await start();
    const jar = new Jar();
    expect(await json(jar, 'again')).toEqual({ n: 42 });
    expect(await json(jar, 'count')).toEqual({ n: 43 });
  });

  it("#12.2 may bring a response whose functions are its own, such as node-mocks-http's", async () => {
    await start();
    const { req, res } = createMocks({ url: '/count', method: 'GET' }, { eventEmitter: EventEmitter });
    const ended = once(res, 'end');
    (server!.app.getHttpServer() as Server).emit('request', req, res);
    await ended;
    expect(res._getJSONData()).toEqual({ n: 1 });
  });
});

describe('two apps on one server', () => {
  /** An adapter whose server is the test's own. */
  class OnServer extends ExpressAdapter {
    constructor(private readonly shared: Server) {
      super();
    }
    override initHttpServer(): void {
      this.httpServer = this.shared as never;
    }
    override close(): never {
      return undefined as never;
    }
  }

  it('#12.2 each have their sessions, and an app that is closed leaves no listener', async () => {
    const shared = createServer();
    const store = new MemoryStore();
    const adapters = [new OnServer(shared), new OnServer(shared)] as const;
    // The first segment of the path says which app a request is for.
    shared.on('request', (req: IncomingMessage, res) => {
      const adapter = adapters[Number(req.url![1]) as 0 | 1];
      req.url = req.url!.slice(2);
      (adapter.getInstance() as (req: IncomingMessage, res: ServerResponse) => void)(req, res);
    });
    await once(shared.listen(0, '127.0.0.1'), 'listening');
    const jar = new Jar();
    const count = async (n: 0 | 1) =>
      (await jar.fetch(`http://127.0.0.1:${(shared.address() as AddressInfo).port}/${n}/count`)).json();
    const init = async (n: 0 | 1) => {
      const sessions = SessionModule.forRoot({ secret: SECRET, store });
      const testing = Test.createTestingModule({ imports: [sessions], controllers: [CountController] });
      const app = (await testing.compile()).createNestApplication(adapters[n], { logger: false });
      return app.init();
    };
    try {
      const [first, second] = [await init(0), await init(1)];
      expect([await count(0), await count(1), await count(0)]).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
      await first.close();
      expect(await count(1)).toEqual({ n: 4 });
      await second.close();
      expect(shared.listenerCount('request')).toBe(1);
    } finally {
      shared.closeAllConnections();
      shared.close();
    }
  });
});
