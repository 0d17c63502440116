import { once } from 'node:events';
import { type IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it, jest } from '@jest/globals';
import { addHeader, addSetCookie, attachGate, type GateHooks } from '../../../../lib/transports/http/response-gate.js';
import {
  body,
  failure,
  gatedServers,
  head,
  header,
  readyHooks,
  Save,
  savingHooks,
  settle,
  TestServer,
  type Handler,
  unchunked,
} from '../../../support/gated-server.js';

const start = gatedServers();

/** Without what changes from run to run, and without the gate's cookie. */
const plain = (response: string) => response.replace(/\r\nDate: [^\r]*/g, '').replace(/\r\nSet-Cookie: sid=1/g, '');
const slowHooks: GateHooks = {
  async beforeHeaders(res) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    addSetCookie(res, 'sid=1');
  },
  beforeEnd: () => new Promise((resolve) => setTimeout(resolve, 5)),
  failure,
};
const ways: [string, GateHooks][] = [
  ['with nothing to wait for', readyHooks],
  ['after a save', slowHooks],
];

describe('order', () => {
  it('keeps a redirect back until a save of 200 ms is done', async () => {
    const save = new Save();
    const server = await start((_req, res) => {
      res.writeHead(302, { Location: '/next' }).end();
    }, savingHooks(save));
    const client = server.connect();
    client.get('/');
    await settle(server);
    expect(save.log).toEqual(['save']);
    const held = new Promise<string>((resolve) => setTimeout(() => resolve(client.text), 200));
    expect(await held).toBe('');
    save.resolve();
    const response = await client.has('\r\n\r\n');
    expect(head(response)).toContain('302 Found');
    expect(header(response, 'Location')).toEqual(['/next']);
    expect(header(response, 'Set-Cookie')).toEqual(['sid=1']);
  });

  it.each<[string, (res: ServerResponse) => void]>([
    ['end', (res) => res.end('x')],
    ['write', (res) => res.write('x')],
    ['flushHeaders', (res) => res.flushHeaders()],
    ['end after writeHead', (res) => res.writeHead(200).end()],
    ['write after writeHead', (res) => res.writeHead(200).write('x')],
    ['pipelined end', (res) => res.end()],
  ])('lets no byte pass before the save: %s', async (title, respond) => {
    const save = new Save();
    const server = await start((_req, res) => respond(res), savingHooks(save));
    const client = server.connect();
    client.get('/');
    if (title.startsWith('pipelined')) client.get('/2');
    await settle(server);
    expect(client.text).toBe('');
    expect(save.log[0]).toBe('save');
    save.resolve();
    expect(header(await client.has('\r\n\r\n'), 'Set-Cookie')).toEqual(['sid=1']);
  });

  it('holds nothing if there is nothing to wait for: headers are sent when `end` returns', async () => {
    let seen: unknown;
    const server = await start((_req, res) => {
      const write = jest.spyOn(res.socket!, 'write');
      res.end('hello');
      seen = [write.mock.calls.length > 0, res.writableEnded, res.finished];
    }, readyHooks);
    expect(header(await server.raw(), 'Set-Cookie')).toEqual(['sid=1']);
    expect(seen).toEqual([true, true, true]);
  });

  it('asks once, with the headers as the app meant them, also for what changed between writeHead and the first byte', async () => {
    const beforeHeaders = jest.fn((res: ServerResponse) => {
      seen.push([res.statusCode, res.headersSent, res.getHeader('x-a')]);
    });
    const seen: unknown[] = [];
    const server = await start(
      (_req, res) => {
        res.setHeader('X-A', '1');
        res.writeHead(201);
        expect(beforeHeaders).not.toHaveBeenCalled();
        res.write('a');
        res.write('b');
        res.end('c');
      },
      { beforeHeaders, failure },
    );
    await server.raw();
    expect(seen).toEqual([[201, true, '1']]);
  });

  it('does not call the hook if the app answers nothing and the client goes away', async () => {
    const beforeHeaders = jest.fn<() => void>();
    const beforeEnd = jest.fn<() => void>();
    let closed!: () => void;
    const gone = new Promise<void>((resolve) => (closed = resolve));
    const server = await start((_req, res) => void res.on('close', closed), { beforeHeaders, beforeEnd, failure });
    const client = server.connect();
    client.get('/');
    await settle(server);
    client.socket.destroy();
    await gone;
    expect(beforeHeaders).not.toHaveBeenCalled();
    expect(beforeEnd).not.toHaveBeenCalled();
  });

  it('#12.1 refuses, in a sentence, what it could not hold', () => {
    expect(() => attachGate({ write() {}, end() {} } as never, readyHooks)).toThrow(
      /writeHead\(\), write\(\), end\(\)/,
    );
    const frozen = Object.freeze(new ServerResponse({ method: 'GET' } as IncomingMessage));
    expect(() => attachGate(frozen, readyHooks)).toThrow(/frozen/);
  });
});

describe('the app’s response is what it is without the gate', () => {
  const cases: [string, Handler, Parameters<TestServer['raw']>[1]?][] = [
    ['a single end with its length', (_req, res) => res.end('hällo')],
    ['an empty end', (_req, res) => res.end()],
    ['end of a buffer', (_req, res) => res.end(Buffer.from([0, 255, 10]))],
    ['end with an encoding', (_req, res) => res.end('68656c6c6f', 'hex')],
    ['writes without a length', (_req, res) => (res.write('a'), res.write('bc', 'latin1'), res.end('d'))],
    ['writes with a length', (_req, res) => (res.setHeader('Content-Length', 3), res.write('a'), res.end('bc'))],
    [
      'a strict length',
      (_req, res) => ((res.strictContentLength = true), res.setHeader('Content-Length', 1), res.end('a')),
    ],
    ['HEAD', (_req, res) => (res.setHeader('Content-Length', 5), res.end('hello')), { method: 'HEAD' }],
    ['HEAD with writes', (_req, res) => (res.write('hello'), res.end()), { method: 'HEAD' }],
    ['304', (_req, res) => (res.writeHead(304, { ETag: '"a"' }), res.end())],
    ['304 with a body by mistake', (_req, res) => ((res.statusCode = 304), res.end('ignored'))],
    [
      '#12.1 304 with a strict length, and another status that is set too late',
      (_req, res) => (
        (res.strictContentLength = true),
        (res.statusCode = 304),
        res.setHeader('Content-Length', 5),
        res.flushHeaders(),
        (res.statusCode = 200),
        res.end('hello!')
      ),
    ],
    ['204', (_req, res) => ((res.statusCode = 204), res.end())],
    ['HTTP/1.0', (_req, res) => (res.write('a'), res.end('b')), { version: '1.0' }],
    ['HTTP/1.0 with one end', (_req, res) => res.end('b'), { version: '1.0' }],
    [
      'trailers',
      (_req, res) => (
        res.writeHead(200, { Trailer: 'X-Sum' }),
        res.write('a'),
        res.addTrailers({ 'X-Sum': '1' }),
        res.end()
      ),
    ],
    [
      'trailers and one end',
      (_req, res) => (res.setHeader('Trailer', 'X-Sum'), res.addTrailers({ 'X-Sum': '1' }), res.end('x')),
    ],
    ['a status message', (_req, res) => (res.writeHead(200, 'Fine'), res.end())],
    [
      'headers set one by one',
      (_req, res) => (res.setHeader('X-A', ['1', '2']), res.appendHeader('X-B', '3'), res.end()),
    ],
    [
      'headers set and given to writeHead',
      (_req, res) => (res.setHeader('X-A', '1'), res.writeHead(200, { 'X-A': '2' }), res.end()),
    ],
    ['flushHeaders first', (_req, res) => (res.flushHeaders(), res.end('x'))],
    ['cork and uncork', (_req, res) => (res.cork(), res.write('a'), res.write('b'), res.uncork(), res.end('c'))],
    [
      'cork and uncork of an object made of a response whose setHeader was wrapped',
      (_req, res) => {
        res.setHeader = res.setHeader.bind(res);
        res.writeHead(200, { 'X-A': '1' });
        const made = Object.create(res) as typeof res;
        made.cork();
        made.uncork();
        res.end(String(made.writableCorked));
      },
    ],
    ['removed framing headers', (_req, res) => (res.removeHeader('Transfer-Encoding'), res.write('a'), res.end('b'))],
    ['no Date', (_req, res) => ((res.sendDate = false), res.end('b'))],
    ['100 Continue', (_req, res) => (res.writeContinue(), res.end('b'))],
    ['102 Processing', (_req, res) => (res.writeProcessing(), res.end('b'))],
    ['103 Early Hints', (_req, res) => res.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => res.end('b'))],
    [
      'writes over several turns',
      (_req, res) => (res.write('a'), setTimeout(() => (res.write('b'), setTimeout(() => res.end('c'), 15)), 15)),
    ],
  ];
  describe.each(ways)('%s', (_title, hooks) => {
    it.each(cases.map(([name, handler, request = {}]) => [name, handler, request] as const))(
      '%s',
      async (_name, handler, request) => {
        const bare = await (await start(handler)).raw('/', request);
        const gated = await (await start(handler, hooks)).raw('/', request);
        expect(bare).toMatch(/^HTTP\/1\.1 /);
        expect(plain(gated)).toBe(plain(bare));
        expect(gated.match(/Set-Cookie: sid=1/g)).toHaveLength(1);
      },
    );
  });

  it('lets 1xx answers pass while held', async () => {
    const save = new Save();
    const server = await start((_req, res) => {
      res.flushHeaders();
      res.writeEarlyHints({ link: '</a.css>; rel=preload' });
      res.writeProcessing();
      res.end();
    }, savingHooks(save));
    const client = server.connect();
    client.get('/');
    await settle(server);
    const early = client.text;
    save.resolve();
    const final = (await client.has('0\r\n\r\n')).slice(early.length);
    expect(early).toMatch(/^HTTP\/1\.1 103 .*\r\n\r\nHTTP\/1\.1 102 .*\r\n\r\n$/s);
    expect(final).toMatch(/^HTTP\/1\.1 200 .*Set-Cookie: sid=1\r\n.*\r\n\r\n0\r\n\r\n$/s);
  });

  it('answers pipelined requests in their order, though the first is saved last', async () => {
    const saves: Record<string, Save> = { '/1': new Save(), '/2': new Save(), '/3': new Save() };
    const server = await start((req, res) => {
      attachGate(res, savingHooks(saves[req.url!]!, `sid=${req.url}`));
      res.write(`(${req.url})`);
      res.end();
    });
    const client = server.connect();
    client.get('/1');
    client.get('/2');
    client.get('/3');
    await settle(server);
    saves['/3']!.resolve();
    await settle(server);
    expect(client.text).toBe('');
    saves['/1']!.resolve();
    await client.has('(/1)');
    await settle(server);
    expect(client.text).not.toContain('(/2)');
    saves['/2']!.resolve();
    const text = await client.has('(/3)');
    expect(text.match(/sid=\/\d/g)).toEqual(['sid=/1', 'sid=/2', 'sid=/3']);
  });

  it('leaves the connection usable for the next request', async () => {
    const server = await start((req, res) => res.end(req.url), slowHooks);
    const client = server.connect();
    for (const path of ['/a', '/b', '/c']) {
      client.get(path);
      await client.has(`\r\n\r\n${path}`);
    }
  });
});

describe('Set-Cookie', () => {
  const forms: [string, (res: ServerResponse) => void][] = [
    ['an object', (res) => res.writeHead(200, { 'Set-Cookie': ['app=1', 'app=2'], 'X-A': '1' })],
    [
      'an object and a status message',
      (res) => res.writeHead(200, 'Fine', { 'set-cookie': ['app=1', 'app=2'], 'X-A': '1' }),
    ],
    ['a flat array', (res) => res.writeHead(200, ['Set-Cookie', 'app=1', 'Set-Cookie', 'app=2', 'X-A', '1'])],
    [
      'a flat array and a status message',
      (res) => res.writeHead(200, 'Fine', ['Set-Cookie', ['app=1', 'app=2'], 'X-A', '1'] as never),
    ],
    [
      'an array of pairs',
      (res) =>
        res.writeHead(200, [
          ['Set-Cookie', 'app=1'],
          ['SET-COOKIE', 'app=2'],
          ['X-A', '1'],
        ] as never),
    ],
    [
      'an array of pairs and a status message',
      (res) =>
        res.writeHead(200, 'Fine', [
          ['Set-Cookie', 'app=1'],
          ['Set-Cookie', 'app=2'],
          ['X-A', '1'],
        ] as never),
    ],
    [
      'an object beside set headers',
      (res) => (res.setHeader('X-A', '1'), res.writeHead(200, { 'Set-Cookie': ['app=1', 'app=2'] })),
    ],
    ['set headers', (res) => (res.setHeader('X-A', '1'), res.setHeader('Set-Cookie', ['app=1', 'app=2']))],
    [
      'appended headers',
      (res) => (
        res.setHeader('X-A', '1'),
        res.appendHeader('Set-Cookie', 'app=1'),
        res.appendHeader('Set-Cookie', 'app=2')
      ),
    ],
  ];
  describe.each(ways)('%s', (_title, hooks) => {
    it.each(forms)('comes after the app’s own: %s', async (_name, respond) => {
      const server = await start((_req, res) => (respond(res), res.end('hello')), hooks);
      const response = await server.raw();
      expect(header(response, 'Set-Cookie')).toEqual(['app=1', 'app=2', 'sid=1']);
      expect(header(response, 'X-A')).toEqual(['1']);
      expect(body(response)).toMatch(/^(5\r\n)?hello(\r\n0\r\n\r\n)?$/);
    });
  });

  it('does not end up in a list that the app shares between responses', async () => {
    const shared = ['theme=dark'];
    const server = await start((_req, res) => (res.setHeader('Set-Cookie', shared), res.end()), readyHooks);
    await server.raw();
    expect(header(await server.raw(), 'Set-Cookie')).toEqual(['theme=dark', 'sid=1']);
    expect(shared).toEqual(['theme=dark']);
  });

  it('can be several, is told by getHeader, and is refused once the headers have left', async () => {
    const told: unknown[] = [];
    const server = await start(
      (_req, res) => {
        res.writeHead(200, { 'X-A': '1' });
        res.end('x');
        told.push(res.getHeader('set-cookie'), addSetCookie(res, 'late=1'), addHeader(res, 'Late', '1'));
      },
      { beforeHeaders: (res) => void told.push(addSetCookie(res, 'a=1'), addSetCookie(res, 'b=2')), failure },
    );
    expect(header(await server.raw(), 'Set-Cookie')).toEqual(['a=1', 'b=2']);
    expect(told).toEqual([true, true, ['a=1', 'b=2'], false, false]);
  });

  it('cannot carry a line break: the response fails instead', async () => {
    const hooks: GateHooks = { beforeHeaders: (res) => void addSetCookie(res, 'a=1\r\nX-Evil: 1'), failure };
    const server = await start((_req, res) => res.end('x'), hooks);
    const response = await server.raw();
    expect(response).toMatch(/^HTTP\/1\.1 503 /);
    expect(response).not.toContain('X-Evil');
  });

  it.each<[string, (res: ServerResponse) => void, string[]]>([
    ['if the app set none', () => undefined, ['no-cache="Set-Cookie"']],
    ['not over one that was set', (res) => res.setHeader('cache-control', 'private'), ['private']],
    ['not over one given to writeHead', (res) => res.writeHead(200, ['CACHE-CONTROL', 'private']), ['private']],
  ])('comes with another header %s', async (_name, respond, expected) => {
    const beforeHeaders = (res: ServerResponse) => void addHeader(res, 'Cache-Control', 'no-cache="Set-Cookie"');
    const server = await start((_req, res) => (respond(res), res.end()), { beforeHeaders, failure });
    expect(header(await server.raw(), 'Cache-Control')).toEqual(expected);
  });
});

describe('while held', () => {
  async function held(respond: (res: ServerResponse) => void) {
    const save = new Save();
    let response!: ServerResponse;
    const server = await start((_req, res) => {
      response = res;
      res.on('error', (error: NodeJS.ErrnoException) => save.log.push(String(error.code)));
      for (const event of ['drain', 'prefinish', 'finish', 'close']) res.on(event, () => save.log.push(event));
      respond(res);
    }, savingHooks(save));
    const client = server.connect();
    client.get('/');
    await settle(server);
    expect(save.log[0]).toBe('save');
    save.log.length = 0;
    return { save, res: response, client, server };
  }

  it('reads as a response that was sent and ended', async () => {
    const { save, res, client } = await held((res) => res.end('x'));
    expect([res.headersSent, res.writableEnded, res.writableFinished]).toEqual([true, true, false]);
    expect(res.writableLength).toBeGreaterThan(0);
    save.resolve();
    await once(res, 'finish');
    await client.has('\r\n\r\nx');
    expect([res.writableEnded, res.finished, res.writableFinished, res.writableLength]).toEqual([true, true, true, 0]);
    expect(save.log.slice(0, 3)).toEqual(['saved', 'prefinish', 'finish']);
  });

  it('refuses changes of the headers as after their sending', async () => {
    const { save, res, client } = await held((res) => res.write('x'));
    const sent = expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' });
    for (const change of [
      () => res.setHeader('a', '1'),
      () => res.appendHeader('a', '1'),
      () => res.removeHeader('a'),
      () => res.writeHead(200),
      () => res.setHeaders(new Map([['a', '1']])),
    ]) {
      expect(change).toThrow(sent as never);
    }
    expect(res.writableEnded).toBe(false);
    save.resolve();
    res.end();
    await client.has('0\r\n\r\n');
  });

  it('says false to write, and drain once the bytes are on their way', async () => {
    const answers: boolean[] = [];
    const large = 'a'.repeat(100_000);
    const { server, save, res, client } = await held((res) => void answers.push(res.write(large)));
    answers.push(res.write('b'));
    expect([answers, res.writableNeedDrain]).toEqual([[false, false], true]);
    expect(save.log).toEqual([]);
    save.resolve();
    await once(res, 'drain');
    expect(res.writableNeedDrain).toBe(false);
    expect(res.write('c')).toBe(true);
    res.end();
    expect(unchunked(await client.has('0\r\n\r\n'))).toBe(`${large}bc`);
    await settle(server);
    expect(save.log.filter((entry) => entry === 'drain')).toEqual(['drain']);
  });

  it('sends what was corked to the end', async () => {
    const { save, client } = await held((res) => (res.cork(), res.write('a'), void res.end('bc')));
    save.resolve();
    expect(body(await client.has('0\r\n\r\n'))).toMatch(/^(1\r\na\r\n2\r\nbc|3\r\nabc)\r\n0\r\n\r\n$/);
  });

  it('calls the callbacks of write and end, after the bytes have left', async () => {
    const { server, save, res, client } = await held((res) => {
      res.write('a', () => log.push('a'));
      res.write('b', 'utf8', () => log.push('b'));
      res.end('c', 'utf8', () => log.push('end'));
    });
    const log = save.log;
    expect(log).toEqual([]);
    save.resolve();
    await client.has('0\r\n\r\n');
    await settle(server);
    expect(res.writableFinished).toBe(true);
    expect(log.filter((entry) => entry.length < 4)).toEqual(['a', 'b', 'end']);
  });

  it('answers a second end, and a write after the end, as Node does', async () => {
    const { save, res, client, server } = await held((res) => res.end('x'));
    const errors: unknown[] = [];
    expect(res.end()).toBe(res);
    res.end(() => errors.push('second end'));
    expect(res.write('y', (error) => errors.push((error as NodeJS.ErrnoException).code))).toBe(false);
    res.end('z', (error?: NodeJS.ErrnoException) => errors.push(error?.code));
    await settle(server);
    expect(errors).toEqual(['ERR_STREAM_WRITE_AFTER_END', 'ERR_STREAM_WRITE_AFTER_END']);
    expect(save.log).toEqual(['ERR_STREAM_WRITE_AFTER_END', 'ERR_STREAM_WRITE_AFTER_END']);
    expect([res.writableEnded, client.text]).toEqual([true, '']);
    save.resolve();
    expect(body(await client.has('\r\n\r\nx'))).toBe('x');
    await settle(server);
    expect(errors).toContain('second end');
    expect(body(client.text)).toBe('x');
  });

  it('throws what Node throws for a wrong chunk, and continues', async () => {
    const { save, res, client } = await held((res) => res.write('x'));
    expect(() => res.write(null)).toThrow(expect.objectContaining({ code: 'ERR_STREAM_NULL_VALUES' }) as never);
    expect(() => res.end(5)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as never);
    save.resolve();
    res.end('y');
    expect(unchunked(await client.has('0\r\n\r\n'))).toBe('xy');
  });

  it('keeps the connection through a graceful close of the server', async () => {
    const { save, client, server } = await held((res) => res.end('x'));
    server.server.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(client.socket.destroyed).toBe(false);
    save.resolve();
    expect(await client.has('\r\n\r\nx')).toContain('200 OK');
  });

  it.each(['the client goes', 'the app destroys the response'])('continues with the save when %s', async (who) => {
    const written = jest.fn();
    const { save, res, client } = await held((res) => void (res.write('x', written), res.end('y')));
    const closed = once(res, 'close');
    if (who === 'the client goes') client.socket.destroy();
    else res.destroy();
    await closed;
    save.resolve();
    await save.done;
    await new Promise((resolve) => setImmediate(resolve));
    expect(save.log.filter((entry) => entry !== 'prefinish')).toEqual(['close', 'saved']);
    expect(res.destroyed).toBe(true);
    expect(written).toHaveBeenCalledWith(expect.objectContaining({ code: 'ERR_STREAM_DESTROYED' }));
    expect(client.text).toBe('');
  });

  it('survives a failure of the save after the client has gone', async () => {
    const { save, res, client } = await held((res) => res.end('y'));
    const closed = once(res, 'close');
    client.socket.destroy();
    await closed;
    save.reject(new Error('down'));
    await new Promise((resolve) => setImmediate(resolve));
    expect([res.writableEnded, client.text]).toEqual([true, '']);
  });
});
