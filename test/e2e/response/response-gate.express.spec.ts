import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, get, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import compression from 'compression';
import express, { type Express, type RequestHandler } from 'express';
import request from 'supertest';
import { addSetCookie, attachGate, type GateHooks } from '../../../lib/transports/http/response-gate.js';
import { failure } from '../../support/gated-server.js';

const tick = () => new Promise((resolve) => setTimeout(resolve, 5));
const ready: GateHooks = { beforeHeaders: (res) => void addSetCookie(res, 'sid=1'), failure };
const slow: GateHooks = { beforeHeaders: async (res) => (await tick(), void addSetCookie(res, 'sid=1')), failure };
const streaming: GateHooks = { ...slow, beforeEnd: async () => void (await tick()) };
const failing: GateHooks = { beforeHeaders: async () => (await tick(), Promise.reject(new Error('down'))), failure };

let folder: string;
const text = 'lorem ipsum '.repeat(20_000);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gate-'));
  await writeFile(join(folder, 'page.txt'), text);
});
afterAll(() => rm(folder, { recursive: true }));

function appWith(...before: RequestHandler[]): { app: Express; gate: (hooks: GateHooks) => void } {
  const app = express();
  for (const handler of before) app.use(handler);
  return { app, gate: (hooks) => void app.use((_req, res, next) => (attachGate(res, hooks), next())) };
}

describe('Express 5', () => {
  describe.each<[string, GateHooks]>([
    ['nothing to wait for', ready],
    ['a save', slow],
    ['a save at the start and at the end', streaming],
  ])('with %s', (_title, hooks) => {
    let app: Express;
    beforeAll(() => {
      const made = appWith();
      ({ app } = made);
      made.gate(hooks);
      app.get('/json', (_req, res) => void res.cookie('app', '1').json({ a: 'ä' }));
      app.get('/send', (_req, res) => void res.status(201).send(Buffer.from('bytes')));
      app.get('/redirect', (_req, res) => res.redirect('/next'));
      app.get('/status', (_req, res) => void res.sendStatus(404));
      app.get('/file', (_req, res) => res.sendFile('page.txt', { root: folder }));
      app.get('/download', (_req, res) => res.download(join(folder, 'page.txt')));
      app.get('/pipeline', (_req, res) => void pipeline(createReadStream(join(folder, 'page.txt')), res));
      app.get('/error', () => {
        throw Object.assign(new Error('no'), { status: 418 });
      });
      const sub = express();
      sub.get('/', (_req, res) => void res.json({ sub: true }));
      app.use('/sub', sub);
    });
    const cookies = (response: request.Response) => response.get('Set-Cookie');

    it('json, beside a cookie of the app', async () => {
      const response = await request(app).get('/json').expect(200, { a: 'ä' });
      expect(cookies(response)).toEqual(['app=1; Path=/', 'sid=1']);
      expect(response.get('Content-Length')).toBe('10');
    });
    it('json for HEAD', async () => {
      const response = await request(app).head('/json').expect(200);
      expect([cookies(response), response.get('Content-Length'), response.text]).toEqual([
        ['app=1; Path=/', 'sid=1'],
        '10',
        undefined,
      ]);
    });
    it('304 by ETag', async () => {
      const { headers } = await request(app).get('/json');
      const response = await request(app).get('/json').set('If-None-Match', String(headers['etag'])).expect(304);
      expect([cookies(response), response.text]).toEqual([['app=1; Path=/', 'sid=1'], '']);
    });
    it('send', async () => {
      const response = await request(app).get('/send').expect(201);
      expect([cookies(response), response.body]).toEqual([['sid=1'], Buffer.from('bytes')]);
    });
    it('redirect', async () => {
      expect(cookies(await request(app).get('/redirect').expect(302).expect('Location', '/next'))).toEqual(['sid=1']);
    });
    it('sendStatus, and a route that is not there', async () => {
      expect(cookies(await request(app).get('/status').expect(404, 'Not Found'))).toEqual(['sid=1']);
      expect(cookies(await request(app).get('/nowhere').expect(404))).toEqual(['sid=1']);
    });
    it('sendFile, whole and in part', async () => {
      expect(cookies(await request(app).get('/file').expect(200, text))).toEqual(['sid=1']);
      const part = await request(app).get('/file').set('Range', 'bytes=0-4').expect(206, 'lorem');
      expect([cookies(part), part.get('Content-Length')]).toEqual([['sid=1'], '5']);
    });
    it('download and pipeline of a file', async () => {
      expect(cookies(await request(app).get('/download').expect(200, text))).toEqual(['sid=1']);
      const piped = await request(app).get('/pipeline').buffer(true).parse(collect).expect(200);
      expect([cookies(piped), String(piped.body)]).toEqual([['sid=1'], text]);
    });
    it('an error page', async () => {
      jest.spyOn(console, 'error').mockImplementation(() => undefined);
      expect(cookies(await request(app).get('/error').expect(418))).toEqual(['sid=1']);
    });
    it('a mounted app', async () => {
      expect(cookies(await request(app).get('/sub').expect(200, { sub: true }))).toEqual(['sid=1']);
    });
  });

  describe.each(['before', 'after'])('compression mounted %s the gate', (order) => {
    function compressed(hooks: GateHooks): Express {
      const { app, gate } = appWith();
      if (order === 'before') app.use(compression());
      gate(hooks);
      if (order === 'after') app.use(compression());
      app.get('/send', (_req, res) => void res.type('text').send(text));
      app.get('/small', (_req, res) => void res.type('text').send('small'));
      app.get('/file', (_req, res) => res.sendFile('page.txt', { root: folder }));
      app.get('/stream', (_req, res) => {
        res.type('text');
        const pieces = text.match(/.{1,30000}/gs) ?? [];
        const next = (): void => {
          const piece = pieces.shift();
          if (piece === undefined) res.end();
          else if (res.write(piece)) setImmediate(next);
          else res.once('drain', next);
        };
        next();
      });
      return app;
    }
    it.each([
      ['nothing to wait for', ready],
      ['a save', slow],
      ['a save at the start and at the end', streaming],
    ] as const)('with %s', async (_title, hooks) => {
      const app = compressed(hooks);
      for (const path of ['/send', '/file', '/stream']) {
        for (const [encoding, decode] of [
          ['gzip', gunzipSync],
          ['br', brotliDecompressSync],
        ] as const) {
          const response = await raw(app, path, encoding);
          expect(response.headers['content-encoding']).toBe(encoding);
          expect(response.headers['set-cookie']).toEqual(['sid=1']);
          expect(decode(response.body).toString()).toBe(text);
        }
      }
      const small = await raw(app, '/small', 'gzip');
      expect([small.headers['content-encoding'], small.headers['set-cookie'], String(small.body)]).toEqual([
        undefined,
        ['sid=1'],
        'small',
      ]);
    });

    it.each(['/send', '/file', '/stream', '/small'])('a save that fails is a plain 503: %s', async (path) => {
      const response = await raw(compressed(failing), path, 'gzip');
      expect([response.status, String(response.body)]).toEqual([503, 'try again later']);
      expect(response.headers).not.toHaveProperty('content-encoding');
      expect(response.headers['vary']).toBe('Accept-Encoding');
    });
  });

  // One that was there before is asked when the headers leave, as express-session's neighbours are.
  it.each([
    ['before', ['sid=1', 'listener=1']],
    ['after', ['listener=1', 'sid=1']],
  ])('a listener for headers that is put on the response %s the gate', async (order, cookies) => {
    const listener: RequestHandler = (_req, res, next) => {
      const { writeHead } = res;
      res.writeHead = function patched(this: ServerResponse, ...args: unknown[]) {
        this.setHeader('X-Response-Time', '1ms');
        this.appendHeader('Set-Cookie', 'listener=1');
        return Reflect.apply(writeHead, this, args) as ServerResponse;
      } as typeof res.writeHead;
      next();
    };
    const { app, gate } = appWith();
    if (order === 'before') app.use(listener);
    gate(slow);
    if (order === 'after') app.use(listener);
    app.use((_req, res) => void res.json({}));
    const response = await request(app).get('/').expect(200).expect('X-Response-Time', '1ms');
    expect(response.get('Set-Cookie')).toEqual(cookies);
  });

  it('a failure keeps what a CORS middleware said, for a page of another origin to read it', async () => {
    const cors: RequestHandler = (_req, res, next) => {
      res.set({ 'Access-Control-Allow-Origin': 'https://a.example', 'Access-Control-Allow-Credentials': 'true' });
      res.set('Access-Control-Expose-Headers', 'X-A').vary('Origin');
      next();
    };
    const { app, gate } = appWith(cors);
    gate(failing);
    app.use((_req, res) => void res.cookie('app', '1').json({ secret: true }));
    const response = await request(app).get('/').set('Origin', 'https://a.example').expect(503, 'try again later');
    expect(response.headers).toMatchObject({
      'access-control-allow-origin': 'https://a.example',
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'X-A',
      vary: 'Origin',
    });
    expect(response.headers).not.toHaveProperty('set-cookie');
    expect(response.headers).not.toHaveProperty('etag');
  });

  it('an error after a held response is what it is after a sent one: the answer stays the first', async () => {
    const { app, gate } = appWith();
    gate(slow);
    app.use((_req, res) => {
      res.json({ first: true });
      expect(() => res.json({ second: true })).toThrow(
        expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }) as never,
      );
    });
    await request(app).get('/').expect(200, { first: true });
  });
});

function collect(response: unknown, done: (error: Error | null, body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  const stream = response as NodeJS.ReadableStream;
  stream.on('data', (chunk: Buffer) => chunks.push(Buffer.from(chunk)));
  stream.on('end', () => done(null, Buffer.concat(chunks)));
}

interface RawResponse {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: Buffer;
}

/** Without a client that decompresses by itself. */
async function raw(app: Express, path: string, encoding: string): Promise<RawResponse> {
  const server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.on('listening', () => resolve(undefined)));
  try {
    return await new Promise((resolve, reject) => {
      const { port } = server.address() as { port: number };
      get({ port, path, host: '127.0.0.1', headers: { 'Accept-Encoding': encoding } }, (response) => {
        collect(response, (_error, body) => resolve({ status: response.statusCode!, headers: response.headers, body }));
      }).on('error', reject);
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
