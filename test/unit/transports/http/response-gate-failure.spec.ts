import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { addSetCookie, attachGate, type GateHooks } from '../../../../lib/transports/http/response-gate.js';
import { body, failure, gatedServers, head, header, settle } from '../../../support/gated-server.js';

const start = gatedServers();

const down = new Error('the store is down');
const ways: [string, GateHooks][] = [
  ['rejected', { beforeHeaders: (res) => (addSetCookie(res, 'sid=1'), Promise.reject(down)), failure }],
  ['threw', { beforeHeaders: (res) => (addSetCookie(res, 'sid=1'), explode()), failure }],
];
function explode(): never {
  throw down;
}

const ANSWER = 'try again later';

describe.each(ways)('if the hook %s', (_title, hooks) => {
  const responses: [string, (res: ServerResponse) => void][] = [
    ['a redirect', (res) => res.writeHead(302, { Location: '/secret', 'Set-Cookie': 'app=1' }).end()],
    ['a body with its length', (res) => (res.setHeader('Content-Length', 6), res.end('secret'))],
    ['a body in chunks', (res) => (res.write('secret'), res.write('secret'), res.end('secret'))],
    ['a buffer', (res) => res.end(Buffer.from('secret'))],
    ['304', (res) => res.writeHead(304, { ETag: '"secret"' }).end()],
    ['204', (res) => ((res.statusCode = 204), res.end())],
    ['a compressed one', (res) => (res.setHeader('Content-Encoding', 'gzip'), res.end('secret'))],
    [
      'trailers',
      (res) => (
        res.setHeader('Trailer', 'X-Secret'),
        res.write('secret'),
        res.addTrailers({ 'X-Secret': '1' }),
        res.end()
      ),
    ],
    [
      'a strict length',
      (res) => ((res.strictContentLength = true), res.setHeader('Content-Length', 6), res.end('secret')),
    ],
    ['flushed headers', (res) => (res.flushHeaders(), res.end('secret'))],
    [
      'a strict length given to writeHead',
      (res) => {
        res.strictContentLength = true;
        res.writeHead(200, { 'Content-Length': 6 }).end('secret');
      },
    ],
    ['corked writes', (res) => (res.cork(), res.write('secret'), res.write('secret'), res.end('secret'))],
  ];
  it.each(responses)('the app’s response is dropped for the failure’s: %s', async (_name, respond) => {
    const server = await start((req, res) => {
      if (req.url === '/ok') return void res.end('next');
      attachGate(res, hooks);
      res.setHeader('X-Secret', 'secret');
      respond(res);
    });
    const client = server.connect();
    client.get('/');
    const response = await client.has(ANSWER);
    expect(head(response)).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
    expect(header(response, 'Content-Type')).toEqual(['text/plain']);
    expect(header(response, 'Content-Length')).toEqual([String(ANSWER.length)]);
    expect(header(response, 'Set-Cookie')).toEqual([]);
    expect(header(response, 'Date')).toHaveLength(1);
    expect(response).not.toMatch(/secret|gzip|chunked|Location|app=1/i);
    expect(body(response)).toBe(ANSWER);

    client.get('/ok');
    expect((await client.has('next')).slice(response.length)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('of the app’s headers, CORS and Vary stay, in whatever form they were given', async () => {
    const server = await start((_req, res) => {
      res.setHeader('Access-Control-Allow-Origin', 'https://a.example');
      res.setHeader('vary', 'Origin');
      res.setHeader('X-Other', '1');
      res.writeHead(200, { 'ACCESS-CONTROL-ALLOW-CREDENTIALS': 'true', 'X-More': '2' }).end('x');
    }, hooks);
    const response = await server.raw();
    expect(header(response, 'Access-Control-Allow-Origin')).toEqual(['https://a.example']);
    expect(header(response, 'Access-Control-Allow-Credentials')).toEqual(['true']);
    expect(header(response, 'Vary')).toEqual(['Origin']);
    expect(response).not.toMatch(/X-Other|X-More/);
  });

  it('CORS headers given to writeHead alone stay too', async () => {
    const server = await start(
      (_req, res) => res.writeHead(200, ['Access-Control-Allow-Origin', '*', 'X-More', '2']).end('x'),
      hooks,
    );
    const response = await server.raw();
    expect(header(response, 'Access-Control-Allow-Origin')).toEqual(['*']);
    expect(response).not.toContain('X-More');
  });

  it('a strict length of the app’s, known to writeHead alone, does not bind the answer', async () => {
    const server = await start((_req, res) => {
      res.strictContentLength = true;
      res.writeHead(200, { 'Content-Length': 6 }).end('secret');
    }, hooks);
    expect(body(await server.raw())).toBe(ANSWER);
  });

  it('HEAD gets the headers and no body, and the connection stays usable', async () => {
    const server = await start((_req, res) => res.end('secret'), hooks);
    const client = server.connect();
    client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const text = await client.closed();
    expect(text.match(/HTTP\/1\.1 503 /g)).toHaveLength(2);
    expect(header(text, 'Content-Length')).toEqual([String(ANSWER.length)]);
    expect(text).not.toContain(ANSWER);
  });

  it.each(['1.0', '1.1'])('the connection is closed if the request asked for it: HTTP/%s', async (version) => {
    const server = await start((_req, res) => res.end('x'), hooks);
    const response = await server.raw('/', { version });
    expect(header(response, 'Connection')).toEqual(['close']);
    expect(body(response)).toBe(ANSWER);
  });

  it('status and headers read as what was sent', async () => {
    let response!: ServerResponse;
    const server = await start((_req, res) => {
      response = res;
      res.setHeader('X-Other', '1');
      res.setHeader('Vary', 'Origin');
      res.end('x');
    }, hooks);
    await server.raw();
    expect([response.statusCode, response.statusMessage]).toEqual([503, 'Service Unavailable']);
    expect({ ...response.getHeaders() }).toEqual({
      vary: 'Origin',
      'content-type': 'text/plain',
      'content-length': String(ANSWER.length),
    });
    expect([response.writableFinished, response.headersSent]).toEqual([true, true]);
  });

  describe('and the app is still at its response', () => {
    it('the connection is closed after the answer', async () => {
      const closed = jest.fn();
      const server = await start((_req, res) => (res.on('close', closed), void res.write('secret')), hooks);
      const client = server.connect();
      client.get('/');
      const response = await client.closed();
      expect(header(response, 'Connection')).toEqual(['close']);
      expect(header(response, 'Keep-Alive')).toEqual([]);
      expect(body(response)).toBe(ANSWER);
      expect(closed).toHaveBeenCalledTimes(1);
    });

    it.each(['corked', 'not corked'])(
      'what it writes goes nowhere, its callbacks are called, and nothing crashes: %s',
      async (how) => {
        const called: string[] = [];
        const server = await start((_req, res) => {
          res.on('finish', () => called.push('finish'));
          if (how === 'corked') res.cork();
          res.write('secret'.repeat(20_000), () => called.push('held'));
          res.write('secret', () => called.push('too'));
          if (how === 'corked') setImmediate(() => res.uncork());
          res.once('drain', () => {
            if (how === 'corked') res.cork();
            expect(res.write('secret', () => called.push('write'))).toBe(true);
            if (how === 'corked') res.uncork();
            res.end('secret', () => called.push('end'));
            res.end(() => called.push('second end'));
          });
        }, hooks);
        const client = server.connect();
        client.get('/');
        expect(body(await client.closed())).toBe(ANSWER);
        await settle(server);
        expect([...called].sort()).toEqual(['end', 'finish', 'held', 'second end', 'too', 'write']);
      },
    );

    it('a write that goes round the gate does no harm: it is behind the length of the answer, on a connection that is closed', async () => {
      const called = jest.fn();
      const server = await start((_req, res) => {
        const { write } = Object.getPrototypeOf(res) as ServerResponse;
        attachGate(res, hooks);
        res.write('secret'.repeat(20_000));
        res.on('drain', () => write.call(res, 'late', 'utf8', called));
      });
      const client = server.connect();
      client.get('/');
      const text = await client.closed();
      expect(header(text, 'Content-Length')).toEqual([String(ANSWER.length)]);
      expect(body(text).slice(0, ANSWER.length)).toBe(ANSWER);
      expect(text).not.toContain('secret');
      await settle(server);
      expect(called).toHaveBeenCalledTimes(1);
    });

    it('it is told as with a client that went away: a pipeline ends with an error, and its source is destroyed', async () => {
      const stream = new Readable({ read: () => undefined });
      stream.push('secret');
      let ended!: Promise<unknown>;
      const server = await start((_req, res) => {
        ended = pipeline(stream, res).catch((error: NodeJS.ErrnoException) => error.code);
      }, hooks);
      expect(body(await server.raw())).toBe(ANSWER);
      expect(await ended).toBe('ERR_STREAM_PREMATURE_CLOSE');
      expect(stream.destroyed).toBe(true);
    });

    it('who waits for drain goes on', async () => {
      const drained = jest.fn();
      const server = await start((_req, res) => {
        expect(res.write('secret'.repeat(20_000))).toBe(false);
        res.on('drain', drained);
      }, hooks);
      expect(body(await server.raw())).toBe(ANSWER);
      expect(drained).toHaveBeenCalledTimes(1);
    });

    it('others in the pipeline before it are answered', async () => {
      let first!: ServerResponse;
      const server = await start((req, res) => {
        if (req.url === '/first') return void (first = res);
        attachGate(res, hooks);
        res.write('secret');
      });
      const client = server.connect();
      client.get('/first');
      client.get('/second');
      await settle(server);
      first.end('(first)');
      const text = await client.closed();
      expect(text).toMatch(/\(first\)HTTP\/1\.1 503 .*try again later$/s);
      expect(text).not.toContain('secret');
    });
  });
});

describe('the failure itself', () => {
  const beforeHeaders = () => Promise.reject(down);

  it.each<[string, GateHooks['failure']]>([
    ['throws', () => explode()],
    ['gives a header with a line break', () => ({ status: 503, headers: { 'X-A': 'a\r\nX-Evil: 1' }, body: '' })],
    ['gives a malformed header name', () => ({ status: 503, headers: { 'X A': 'X-Evil' }, body: '' })],
  ])('is a plain 503 if the hook %s', async (_name, broken) => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const server = await start((_req, res) => res.end('secret'), { beforeHeaders, failure: broken });
    const response = await server.raw();
    expect(response).toMatch(/^HTTP\/1\.1 503 .*Service Unavailable$/s);
    expect(response).not.toMatch(/secret|Evil/);
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });

  it('is told the error, and has its own status and headers, but not the framing', async () => {
    const told: unknown[] = [];
    const server = await start((_req, res) => (res.write('a'), res.end()), {
      beforeHeaders,
      failure: (_res, error) => {
        told.push(error);
        return {
          status: 500,
          headers: { 'Retry-After': '1', 'Content-Length': '99', 'Transfer-Encoding': 'chunked' },
          body: 'hällo',
        };
      },
    });
    const response = await server.raw();
    expect(told).toEqual([down]);
    expect(head(response)).toMatch(/^HTTP\/1\.1 500 Internal Server Error\r\n/);
    expect(header(response, 'Retry-After')).toEqual(['1']);
    expect(header(response, 'Content-Length')).toEqual(['6']);
    expect(header(response, 'Transfer-Encoding')).toEqual([]);
    expect(Buffer.from(body(response), 'latin1').toString()).toBe('hällo');
  });

  it('replaces the one response of a pipeline that it belongs to', async () => {
    const server = await start((req, res) => {
      if (req.url === '/bad') attachGate(res, { beforeHeaders, failure });
      res.end(`(${req.url})`);
    });
    const client = server.connect();
    for (const path of ['/a', '/bad', '/b']) client.get(path);
    const text = await client.has('(/b)');
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 503', 'HTTP/1.1 200']);
    expect(text).not.toContain('(/bad)');
  });

  it('is not asked for the end, which the app no longer has', async () => {
    const beforeEnd = jest.fn<() => void>();
    const server = await start((_req, res) => (res.write('a'), res.end()), { beforeHeaders, beforeEnd, failure });
    expect(body(await server.raw())).toBe(ANSWER);
    expect(beforeEnd).not.toHaveBeenCalled();
  });
});
