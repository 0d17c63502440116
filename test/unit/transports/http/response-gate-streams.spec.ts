import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { addSetCookie, type GateHooks } from '../../../../lib/transports/http/response-gate.js';
import {
  body,
  failure,
  gatedServers,
  header,
  readyHooks,
  Save,
  savingHooks,
  settle,
  unchunked,
} from '../../../support/gated-server.js';

const start = gatedServers();

const MIB = 1024 * 1024;

/** `size` bytes in pieces of 64 KiB, and how many of them were asked for. */
function source(size: number): { stream: Readable; given: () => number } {
  let given = 0;
  const stream = new Readable({
    read(): void {
      if (given >= size) this.push(null);
      else {
        const piece = Math.min(65536, size - given);
        given += piece;
        this.push(Buffer.alloc(piece, 'x'));
      }
    },
  });
  return { stream, given: () => given };
}

describe('a body of 3 MB', () => {
  it.each<[string, (stream: Readable, res: ServerResponse) => void]>([
    ['pipe', (stream, res) => void stream.pipe(res)],
    ['pipeline', (stream, res) => void pipeline(stream, res)],
  ])('through %s waits at the gate, held to a few pieces, and arrives whole', async (_name, feed) => {
    const save = new Save();
    const { stream, given } = source(3 * MIB);
    let response!: ServerResponse;
    const server = await start((_req, res) => {
      response = res;
      res.setHeader('Content-Length', 3 * MIB);
      feed(stream, res);
    }, savingHooks(save));
    const client = server.connect();
    client.get('/', 'Connection: close');
    await settle(server);
    expect(client.text).toBe('');
    expect(given()).toBeLessThanOrEqual(4 * 65536);
    expect(response.writableLength).toBeLessThanOrEqual(2 * 65536);
    save.resolve();
    const text = await client.closed();
    expect(header(text, 'Set-Cookie')).toEqual(['sid=1']);
    expect(body(text)).toBe('x'.repeat(3 * MIB));
  });

  it('in one end arrives whole, with its length', async () => {
    const save = new Save();
    save.resolve();
    const server = await start((_req, res) => res.end(Buffer.alloc(3 * MIB, 'x')), savingHooks(save));
    const text = await server.raw();
    expect(header(text, 'Content-Length')).toEqual([String(3 * MIB)]);
    expect(body(text)).toHaveLength(3 * MIB);
  });

  it('stops for a client that reads slowly, and continues with it', async () => {
    const save = new Save();
    const { stream, given } = source(24 * MIB);
    const server = await start((_req, res) => void stream.pipe(res), savingHooks(save));
    const client = server.connect();
    client.socket.pause();
    client.get('/', 'Connection: close');
    await settle(server);
    save.resolve();
    let last = -1;
    while (last !== given()) {
      last = given();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(last).toBeGreaterThan(65536);
    expect(last).toBeLessThan(16 * MIB);
    client.socket.resume();
    expect((await client.closed()).endsWith('\r\n0\r\n\r\n')).toBe(true);
    expect(given()).toBe(24 * MIB);
  });

  it('lets a second source be piped after the first was held', async () => {
    const save = new Save();
    const server = await start((_req, res) => {
      res.write('first ');
      void save.done.then(() => setImmediate(() => Readable.from(['second']).pipe(res)));
    }, savingHooks(save));
    const client = server.connect();
    client.get('/');
    await settle(server);
    save.resolve();
    await client.has('\r\n0\r\n\r\n');
    expect(client.text).toContain('second');
  });
});

describe('server-sent events', () => {
  it.each(['at once', 'after a save'])('arrive one by one, without an end (%s)', async (how) => {
    const save = new Save();
    let response!: ServerResponse;
    const server = await start(
      (_req, res) => {
        response = res;
        res.writeHead(200, { 'Content-Type': 'text/event-stream' });
        res.flushHeaders();
      },
      how === 'at once' ? readyHooks : savingHooks(save),
    );
    const client = server.connect();
    client.get('/');
    await settle(server);
    if (how !== 'at once') expect(client.text).toBe('');
    save.resolve();
    expect(header(await client.has('\r\n\r\n'), 'Set-Cookie')).toEqual(['sid=1']);
    for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
      expect(client.text).not.toContain(event);
      expect(response.write(event)).toBe(true);
      await client.has(event);
    }
    const closed = once(response, 'close');
    client.socket.destroy();
    await closed;
  });
});

describe('the end of a streamed response', () => {
  const later = (act: () => void) => void setImmediate(act);

  function lateHooks(save: Save): GateHooks {
    return {
      beforeHeaders: (res) => void addSetCookie(res, 'sid=1'),
      async beforeEnd() {
        save.log.push('save');
        await save.done;
        save.log.push('saved');
      },
      failure,
    };
  }

  it.each<[string, string[], (res: ServerResponse) => void]>([
    ['chunked', [], (res) => (res.write('a'), later(() => res.end('b')))],
    ['chunked, with a bare end', [], (res) => (res.write('a'), later(() => (res.write('b'), res.end())))],
    ['of known length', ['Content-Length', '2'], (res) => (res.write('a'), later(() => res.end('b')))],
    ['flushed', [], (res) => (res.flushHeaders(), later(() => res.end('b')))],
    ['of known length, with a bare end', ['Content-Length', '2'], (res) => (res.write('ab'), later(() => res.end()))],
  ])('waits for late changes to be saved: %s', async (_name, headers, respond) => {
    const save = new Save();
    let response!: ServerResponse;
    const server = await start((_req, res) => {
      response = res;
      res.on('finish', () => save.log.push('finish'));
      if (headers.length > 0) res.setHeader(headers[0]!, headers[1]!);
      respond(res);
    }, lateHooks(save));
    const client = server.connect();
    client.get('/', 'Connection: close');
    await client.has('\r\n\r\n');
    while (save.log.length === 0) await settle(server);
    await settle(server);
    expect(save.log).toEqual(['save']);
    expect([response.writableEnded, response.writableFinished]).toEqual([true, false]);
    expect(client.text.endsWith('\r\n0\r\n\r\n')).toBe(false);
    expect(response.end()).toBe(response);
    save.resolve();
    expect(body(await client.closed()).replace(/\r\n|^\d+(?=\r\n)|\d/gm, '')).toMatch(/^a?b$/);
    expect(save.log).toEqual(['save', 'saved', 'finish']);
    expect([response.finished, response.writableFinished]).toEqual([true, true]);
  });

  it('is called once, and only if the first byte came from an earlier call', async () => {
    const beforeEnd = jest.fn<() => void>();
    const hooks: GateHooks = { beforeHeaders: () => undefined, beforeEnd, failure };
    const whole = await start((_req, res) => (res.writeHead(200), res.end('x'), res.end()), hooks);
    await whole.raw();
    expect(beforeEnd).not.toHaveBeenCalled();
    const streamed = await start((_req, res) => (res.write('x'), later(() => (res.end(), res.end()))), hooks);
    await streamed.raw();
    expect(beforeEnd).toHaveBeenCalledTimes(1);
  });

  it('comes after the hook of the headers, if both had to wait', async () => {
    const log: string[] = [];
    const tick = () => new Promise((resolve) => setTimeout(resolve, 5));
    const server = await start((_req, res) => (res.write('a'), later(() => res.end('b'))), {
      beforeHeaders: async () => (await tick(), void log.push('headers saved')),
      beforeEnd: async () => (log.push('end asked'), await tick(), void log.push('end saved')),
      failure,
    });
    expect(unchunked(await server.raw())).toBe('ab');
    expect(log).toEqual(['headers saved', 'end asked', 'end saved']);
  });

  it.each<[string, () => Promise<void>]>([
    ['rejects', () => Promise.reject(new Error('down'))],
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
  ])('is as the app meant if the hook %s', async (_how, beforeEnd) => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const server = await start((_req, res) => (res.write('a'), later(() => res.end('b'))), {
      beforeHeaders: () => undefined,
      beforeEnd,
      failure,
    });
    expect(body(await server.raw())).toBe('1\r\na\r\n1\r\nb\r\n0\r\n\r\n');
    warn.mockRestore();
  });

  it('throws what Node throws for a wrong chunk, and can be tried again', async () => {
    const beforeEnd = jest.fn<() => void>();
    const server = await start(
      (_req, res) => {
        res.write('a');
        later(() => {
          expect(() => res.end(5)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as never);
          expect(beforeEnd).not.toHaveBeenCalled();
          res.end('b');
        });
      },
      { beforeHeaders: () => undefined, beforeEnd, failure },
    );
    expect(body(await server.raw())).toBe('1\r\na\r\n1\r\nb\r\n0\r\n\r\n');
    expect(beforeEnd).toHaveBeenCalledTimes(1);
  });
});
