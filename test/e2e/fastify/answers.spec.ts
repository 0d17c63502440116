import { Controller, Get, type MessageEvent, Post, Req, Res, Sse, StreamableFile } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { Readable } from 'node:stream';
import { type Observable, of } from 'rxjs';
import { MemoryStore, Session, type SessionModuleOptions } from 'nestjs-keycard';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { ObservedStore } from '../../support/observed-store.js';
import { plugin } from '../../support/plugin.js';

type Any = Session<Record<string, unknown>>;
const add = (session: Any): number => (session.count = ((session.count as number | undefined) ?? 0) + 1);
const BODY = 'a text that is long enough to be compressed, '.repeat(100);

interface Upload extends FastifyRequest {
  file(): Promise<{ filename: string; toBuffer(): Promise<Buffer> }>;
}

@Controller()
class AnswersController {
  @Get('returned')
  returned(@Session() session: Any) {
    add(session);
    return { text: BODY };
  }
  @Get('send')
  send(@Session() session: Any, @Res() reply: FastifyReply) {
    add(session);
    void reply.header('x-own', 'yes').send(BODY);
  }
  @Get('redirect')
  redirect(@Session() session: Any, @Res() reply: FastifyReply) {
    add(session);
    void reply.redirect('/count', 303);
  }
  @Get('hijack')
  hijack(@Session() session: Any, @Res() reply: FastifyReply) {
    add(session);
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/plain' });
    reply.raw.write('one, ');
    reply.raw.end('two');
  }
  @Get('raw')
  raw(@Session() session: Any, @Res() reply: FastifyReply) {
    add(session);
    reply.raw.end('raw');
  }
  @Get('stream')
  stream(@Session() session: Any, @Res() reply: FastifyReply) {
    add(session);
    void reply.type('text/plain').send(Readable.from(['one, ', 'two']));
  }
  @Get('file')
  file(@Session() session: Any) {
    add(session);
    return new StreamableFile(Buffer.from(BODY), { type: 'text/plain', length: BODY.length });
  }
  @Get('web')
  web(@Session() session: Any, @Res() reply: FastifyReply) {
    add(session);
    void reply.send(new Response('web', { headers: { 'set-cookie': 'own=1' } }));
  }
  @Get('cookie')
  cookie(@Session() session: Any, @Res() reply: FastifyReply) {
    add(session);
    reply.raw.setHeader('set-cookie', 'lost=1');
    void reply.header('set-cookie', 'own=1').send('cookie');
  }
  @Sse('events')
  events(@Session() session: Any): Observable<MessageEvent> {
    add(session);
    return of({ data: 'one' }, { data: 'two' });
  }
  @Get('unchanged')
  unchanged(@Session() session: Any, @Res() reply: FastifyReply) {
    add(session);
    void reply.code(304).send();
  }
  @Post('upload')
  async upload(@Session() session: Any, @Req() request: Upload) {
    const file = await request.file();
    add(session);
    return { name: file.filename, text: (await file.toBuffer()).toString() };
  }
  @Get('whose')
  whose(@Session() session: Any, @Req() request: { session: { sessionId?: string } }) {
    return { other: typeof request.session.sessionId === 'string', same: (request.session as unknown) === session };
  }
  @Get('count')
  count(@Session() session: Any) {
    return { count: session.count ?? 0 };
  }
}

let store: ObservedStore;
let running: TestApp;
const warnings: string[] = [];

/** Writes take a while: an answer that doesn't wait for them is there before its session is. */
async function start(
  before: (app: NestFastifyApplication) => unknown = () => undefined,
  adapter = new FastifyAdapter(),
  options: Partial<SessionModuleOptions> = {},
): Promise<string> {
  const logger = { warn: (text: string) => void warnings.push(text), error: () => undefined };
  running = await startApp(
    [AnswersController],
    { store, logger, ...options },
    { adapter, before: (app) => before(app as NestFastifyApplication) },
  );
  return running.url;
}

/** Asks twice: the first answer begins a session, the second changes it; each is there when its headers are. */
async function countsTwice(url: string, path: string, init: RequestInit = {}): Promise<[Response, string][]> {
  const jar = new Jar();
  const answers: [Response, string][] = [];
  for (const count of [1, 2]) {
    const answer = await jar.fetch(`${url}/${path}`, init);
    expect(store.calls.at(-1)?.isDone).toBe(true);
    answers.push([answer, await answer.text()]);
    expect(jar.cookies.has('sid')).toBe(true);
    expect(await (await jar.fetch(`${url}/count`)).json()).toEqual({ count });
  }
  return answers;
}

beforeEach(() => {
  store = new ObservedStore(new MemoryStore());
  store.writeDelayMs = 25;
  warnings.length = 0;
});
afterEach(() => running.close());

describe('Fastify: every kind of answer waits for its session (#15.1)', () => {
  it.each([
    ['returned', 200, JSON.stringify({ text: BODY })],
    ['send', 200, BODY],
    ['redirect', 303, ''],
    ['hijack', 200, 'one, two'],
    ['raw', 200, 'raw'],
    ['stream', 200, 'one, two'],
    ['file', 200, BODY],
    ['web', 200, 'web'],
    ['unchanged', 304, ''],
    ['cookie', 200, 'cookie'],
  ])('%s', async (path, status, body) => {
    const url = await start();
    for (const [answer, text] of await countsTwice(url, path)) expect([answer.status, text]).toEqual([status, body]);
  });

  it('server-sent events', async () => {
    const url = await start();
    for (const [answer, text] of await countsTwice(url, 'events')) {
      expect(answer.headers.get('content-type')).toBe('text/event-stream');
      expect(text).toContain('data: one');
      expect(text).toContain('data: two');
    }
  });

  it('HEAD', async () => {
    const url = await start();
    for (const [answer, text] of await countsTwice(url, 'send', { method: 'HEAD' }))
      expect([answer.status, answer.headers.get('x-own'), text]).toEqual([200, 'yes', '']);
  });

  it("keeps the reply's own cookies", async () => {
    const url = await start();
    for (const path of ['cookie', 'web']) {
      const cookies = (await fetch(`${url}/${path}`)).headers.getSetCookie();
      expect(cookies).toEqual(['own=1', expect.stringMatching(/^sid=/)]);
    }
  });

  it('inject()', async () => {
    await start();
    const app = running.app as NestFastifyApplication;
    const first = await app.inject({ method: 'GET', url: '/returned' });
    expect([first.statusCode, first.json()]).toEqual([200, { text: BODY }]);
    const { name, value } = first.cookies[0]!;
    const second = await app.inject({ method: 'GET', url: '/count', cookies: { [name]: value } });
    expect(second.json()).toEqual({ count: 1 });
  });

  it.each(['gzip', 'br', 'deflate'])('@fastify/compress with %s', async (encoding) => {
    const url = await start(async (app) => app.register(await plugin('@fastify/compress'), { threshold: 0 }));
    for (const path of ['send', 'returned', 'file']) {
      for (const [answer, text] of await countsTwice(url, path, { headers: { 'accept-encoding': encoding } })) {
        expect(answer.headers.get('content-encoding')).toBe(encoding);
        expect(text).toContain(BODY);
      }
    }
  });

  it('@fastify/multipart', async () => {
    const url = await start(async (app) => app.register(await plugin('@fastify/multipart')));
    const body = new FormData();
    body.append('file', new Blob(['what is in it']), 'a.txt');
    for (const [, text] of await countsTwice(url, 'upload', { method: 'POST', body }))
      expect(JSON.parse(text)).toEqual({ name: 'a.txt', text: 'what is in it' });
  });

  it('@fastify/helmet', async () => {
    const url = await start(async (app) => app.register(await plugin('@fastify/helmet')));
    for (const [answer] of await countsTwice(url, 'send'))
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'self'");
  });

  it('CORS, with a preflight that begins no session', async () => {
    const url = await start((app) => app.enableCors({ origin: 'https://a.example', credentials: true }));
    const headers = { origin: 'https://a.example' };
    const preflight = await fetch(`${url}/send`, {
      method: 'OPTIONS',
      headers: { ...headers, 'access-control-request-method': 'GET' },
    });
    expect([preflight.status, preflight.headers.getSetCookie()]).toEqual([204, []]);
    for (const [answer] of await countsTwice(url, 'send', { headers })) {
      expect(answer.headers.get('access-control-allow-origin')).toBe('https://a.example');
      expect(answer.headers.get('access-control-allow-credentials')).toBe('true');
    }
  });

  it.each([
    [true, true],
    [false, false],
  ])('trustProxy: %s', async (trustProxy, isSecure) => {
    const url = await start(undefined, new FastifyAdapter({ trustProxy }), { device: true });
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.7' };
    const cookie = (await fetch(`${url}/send`, { headers })).headers.getSetCookie()[0]!;
    expect(cookie.includes('; Secure')).toBe(isSecure);
    expect(warnings.join().includes('new FastifyAdapter({ trustProxy: 1 })')).toBe(!isSecure);
    for await (const listed of store.list()) expect(JSON.stringify(listed).includes('203.0.113.7')).toBe(isSecure);
  });

  it('http2', async () => {
    const url = await start(undefined, new FastifyAdapter({ http2: true }));
    const client = connect(url);
    for (const path of ['send', 'stream', 'raw', 'redirect', 'events']) {
      const { headers } = await ask(client, `/${path}`);
      const cookie = headers['set-cookie']!.find((each) => each.startsWith('sid='))!.split(';')[0]!;
      const { text } = await ask(client, '/count', cookie);
      expect(JSON.parse(text)).toEqual({ count: 1 });
    }
    client.close();
  });
});

describe('Fastify: another session beside ours (#15.1)', () => {
  it('is said in one sentence at start', async () => {
    const url = await start(async (app) => {
      await app.register(await plugin('@fastify/cookie'));
      await app.register(await plugin('@fastify/session'), { secret: 'x'.repeat(32) });
    });
    expect(warnings).toEqual([expect.stringContaining('@fastify/session')]);
    // request.session is its, and @Session() ours all the same.
    expect(await (await fetch(`${url}/whose`)).json()).toEqual({ other: true, same: false });
    await countsTwice(url, 'send');
  });

  it('is said if it was registered without waiting for it, too', async () => {
    const [cookie, session] = await Promise.all(['@fastify/cookie', '@fastify/session'].map(plugin));
    await start((app) => {
      void app.register(cookie!);
      void app.register(session!, { secret: 'x'.repeat(32) });
    });
    expect(warnings).toEqual([expect.stringContaining('@fastify/session')]);
  });
});

async function ask(client: ClientHttp2Session, path: string, cookie?: string) {
  const stream = client.request({ ':path': path, ...(cookie === undefined ? {} : { cookie }) });
  const [headers] = (await once(stream, 'response')) as [Record<string, string[] | undefined>];
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return { headers, text };
}
