import { connect, createServer as createHttp2 } from 'node:http2';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it, jest } from '@jest/globals';
import compression from 'compression';
import express from 'express';
import session from 'nestjs-keycard/express';
import { createMocks } from 'node-mocks-http';
import { ObservedStore } from '../../support/observed-store.js';
import { MemoryStore } from 'nestjs-keycard';

// It parses cookies with an ES module, which jest on Node 20 can't require; nothing here asks it to.
jest.mock('../../../node_modules/light-my-request/node_modules/cookie/dist/index.js', () => ({}));
const { inject } = createRequire(import.meta.url)('light-my-request') as typeof import('light-my-request');

type WithSession = IncomingMessage & { session: { views?: number } };

const file = new URL(import.meta.url).pathname;
const counting = (req: unknown, res: ServerResponse): void => {
  const held = (req as WithSession).session;
  held.views = (held.views ?? 0) + 1;
  if ((req as IncomingMessage).url === '/stream') createReadStream(file).pipe(res);
  else {
    res.writeHead(200, { 'Content-Type': 'text/plain' });
    res.write('views: ');
    res.end(String(held.views));
  }
};

interface Answer {
  status: number;
  cookie: string | undefined;
  body: string;
}
type Send = (path: string, cookie: string | undefined, store: ObservedStore) => Promise<Answer>;

const quiet = { warn: () => undefined, error: () => undefined };
const own = (store: ObservedStore) =>
  session({ secret: 'keyboard cat', resave: false, saveUninitialized: false, store: store as never, logger: quiet });
const cookieIn = (given: unknown): string | undefined => {
  const text = ([given].flat()[0] as string | undefined)?.split(';')[0];
  return text === '' ? undefined : text;
};

async function overHttp2(path: string, cookie: string | undefined, store: ObservedStore): Promise<Answer> {
  const handle = own(store);
  const server = createHttp2((req, res) =>
    handle(req as never, res as never, () => counting(req as never, res as never)),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
  const stream = client.request({ ':path': path, ...(cookie !== undefined && { cookie }) });
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  const body = await stream.setEncoding('utf8').reduce((all: string, part: string) => all + part, '');
  client.close();
  server.close();
  return { status: headers[':status'] as number, cookie: cookieIn(headers['set-cookie']), body };
}

async function overInject(path: string, cookie: string | undefined, store: ObservedStore): Promise<Answer> {
  const handle = own(store);
  const answer = await inject((req, res) => handle(req as never, res as never, () => counting(req, res as never)), {
    url: path,
    headers: cookie === undefined ? {} : { cookie },
  });
  return { status: answer.statusCode, cookie: cookieIn(answer.headers['set-cookie']), body: answer.payload };
}

async function overMocks(path: string, cookie: string | undefined, store: ObservedStore): Promise<Answer> {
  const { req, res } = createMocks(
    { method: 'GET', url: path, headers: cookie === undefined ? {} : { cookie } },
    { eventEmitter: (await import('node:events')).EventEmitter },
  );
  const ended = once(res, 'end');
  own(store)(req as never, res as never, () => counting(req, res as never));
  await ended;
  return { status: res.statusCode, cookie: cookieIn(res.getHeader('set-cookie')), body: res._getData() as string };
}

const senders: [string, Send][] = [
  ["HTTP/2's compat API", overHttp2],
  ['light-my-request', overInject],
  ['node-mocks-http', overMocks],
];

describe.each(senders)('#12.1 a session over %s', (_name, send) => {
  it('is saved, and its cookie sent', async () => {
    const store = new ObservedStore(new MemoryStore());
    const first = await send('/', undefined, store);
    expect(first).toEqual({ status: 200, cookie: expect.stringMatching(/^connect\.sid=/), body: 'views: 1' });
    expect(await send('/', first.cookie, store)).toMatchObject({ status: 200, body: 'views: 2' });
    expect(store.names).toEqual(['create', 'load', 'replace']);
  });

  it('that can not be saved is a 503 without a cookie', async () => {
    const store = new ObservedStore(new MemoryStore());
    store.failure = new Error('down');
    store.failing = ['create'];
    const answer = await send('/', undefined, store);
    expect(answer).toMatchObject({ status: 503, cookie: undefined });
    expect(answer.body).toContain('The session store is not available');
  });
});

describe.each(senders.slice(0, 2))('#12.1 a stream over %s', (_name, send) => {
  it('arrives whole, after the save', async () => {
    const answer = await send('/stream', undefined, new ObservedStore(new MemoryStore()));
    expect(answer.cookie).toBeDefined();
    expect(answer.body).toContain('arrives whole, after the save');
  });
});

describe('#12.1 @codegenie/serverless-express', () => {
  const { configure: serverless } = createRequire(import.meta.url)('@codegenie/serverless-express') as {
    configure: (options: object) => (event: object, context: object) => Promise<LambdaAnswer>;
  };
  interface LambdaAnswer {
    statusCode: number;
    body: string;
    isBase64Encoded: boolean;
    multiValueHeaders: Record<string, string[]>;
  }
  const run = async (path: string, store: ObservedStore, { gzip = false } = {}): Promise<LambdaAnswer> => {
    const app = express();
    app.use(compression({ threshold: 0 }));
    app.use(own(store) as never);
    app.get('/piped', (req, res) => {
      (req as unknown as WithSession).session.views = 1;
      createReadStream(file).pipe(res.type('text'));
    });
    app.get('/file', (req, res) => {
      (req as unknown as WithSession).session.views = 1;
      res.sendFile(file);
    });
    app.get('/streamed', (req, res) => {
      (req as unknown as WithSession).session.views = 1;
      res.type('text').write('arrives ');
      setImmediate(() => {
        res.write('whole');
        res.end();
      });
    });
    app.get('/json', (req, res) => {
      (req as unknown as WithSession).session.views = 1;
      res.json({ arrives: 'arrives whole' });
    });
    const handle = serverless({ app });
    return handle(
      {
        httpMethod: 'GET',
        path,
        headers: gzip ? { 'accept-encoding': 'gzip' } : {},
        multiValueHeaders: gzip ? { 'accept-encoding': ['gzip'] } : {},
        requestContext: { identity: {} },
        body: null,
      },
      {},
    );
  };
  const paths = ['/json', '/piped', '/file', '/streamed'];

  it.each(
    paths.flatMap(
      (path) =>
        [
          [path, false],
          [path, true],
        ] as const,
    ),
  )('answers %s (compressed: %s) as over HTTP', async (path, gzip) => {
    const store = new ObservedStore(new MemoryStore());
    const answer = await run(path, store, { gzip });
    const bytes = Buffer.from(answer.body, answer.isBase64Encoded ? 'base64' : 'utf8');
    const text = answer.multiValueHeaders['content-encoding']?.[0] === 'gzip' ? gunzipSync(bytes) : bytes;
    expect([answer.statusCode, store.names, cookieIn(answer.multiValueHeaders['set-cookie'])]).toEqual([
      200,
      ['create'],
      expect.stringMatching(/^connect\.sid=/),
    ]);
    expect(String(text)).toMatch(/arrives whole/);
  });

  it.each(paths)('answers %s with a 503 if the save fails', async (path) => {
    const store = new ObservedStore(new MemoryStore());
    store.failure = new Error('down');
    const answer = await run(path, store);
    expect([answer.statusCode, answer.multiValueHeaders['set-cookie']]).toEqual([503, undefined]);
    expect(answer.body).toContain('The session store is not available');
  });
});
