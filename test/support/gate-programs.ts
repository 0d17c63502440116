import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import type { Response } from 'express';

/** A small generator of numbers that a seed repeats (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One call on a response: its name, for the report, and what it does. */
export interface Step {
  readonly text: string;
  act(res: Response, note: (what: string) => void): unknown;
}

/** What a route does with its response, and how it is asked for. */
export interface Program {
  readonly seed: number;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly version: '1.0' | '1.1';
  readonly pipelined: number;
  readonly around: 'nothing' | 'compression before' | 'compression after' | 'on-headers before' | 'on-headers after';
  /** Turns of the event loop that the save takes, and how long it waits beside that. */
  readonly saveTurns: number;
  readonly saveMs: number;
  readonly fails: boolean;
  readonly streams: boolean;
  readonly steps: readonly Step[];
}

export const BODY = 'secret';
/** Express destroys the connection for it, as for every error after the first byte. */
export const LATE_FILE = 'sendFile after the first byte';
const file = join(import.meta.dirname, 'gate-programs.ts');

export function programOf(seed: number): Program {
  const next = random(seed);
  const below = (n: number): number => Math.floor(next() * n);
  const oneOf = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const steps: Step[] = [];
  const add = (text: string, act: Step['act']): void => void steps.push({ text, act });
  const around = oneOf(['nothing', 'nothing', 'nothing', 'compression before', 'compression after', 'on-headers before', 'on-headers after'] as const); // prettier-ignore
  const isPlain = around === 'nothing';
  const compresses = around.startsWith('compression');
  let count = 0;
  let headersSet = !isPlain;
  let begun = false;
  let corked = 0;
  let trailers = false;
  let strict = false;

  const turn = (): void => {
    const turns = below(6);
    add(`turn ${turns}`, () => turns);
  };
  const headers = (): void => {
    const n = (count += 1);
    switch (below(7)) {
      case 0:
      case 1:
        headersSet = true;
        return add(`setHeader X-${n}`, (res) => res.setHeader(`X-${n}`, n % 2 ? String(n) : [String(n), 'two']));
      case 2:
        headersSet = true;
        return add('appendHeader Set-Cookie', (res) => res.appendHeader('Set-Cookie', `app=${n}`));
      case 3:
        return add('removeHeader X-1', (res) => res.removeHeader('X-1'));
      case 4:
        return add('setHeader invalid', (res) => res.setHeader('X-Bad', 'a\nb'));
      case 5: {
        const status = oneOf([200, 201, 204, 304, 404, 500]);
        return add(`statusCode ${status}`, (res) => void (res.statusCode = status));
      }
      default:
        headersSet = true;
        return add('setHeader Cache-Control', (res) => res.setHeader('Cache-Control', 'no-store'));
    }
  };
  const head = (): void => {
    let status = oneOf([200, 200, 201, 302, 304, 404]);
    const kinds = ['object', 'object', 'flat', 'message', 'none'];
    if (!headersSet) kinds.push('pairs');
    // on-headers sets the headers by itself first, and keeps a status that Node refuses.
    if (isPlain) kinds.push('odd', 'bad status', 'bad header');
    const kind = oneOf(kinds);
    // A refused 304 leaves Node without a body for whatever comes next.
    if (kind === 'odd' || kind.startsWith('bad')) status = 200;
    const object = { 'X-Head': 'h', 'Set-Cookie': ['w=1', 'w=2'] };
    add(`writeHead ${kind} ${status}`, (res) => {
      if (kind === 'object') res.writeHead(status, object);
      else if (kind === 'flat') res.writeHead(status, ['X-Head', 'h', 'Set-Cookie', 'w=1']);
      else if (kind === 'pairs')
        res.writeHead(status, [['X-Head', 'h'], ['X-More', 'm']] as never); // prettier-ignore
      else if (kind === 'message') res.writeHead(status, 'Fine', object);
      else if (kind === 'none') res.writeHead(status);
      else if (kind === 'bad status') res.writeHead(42);
      else if (kind === 'bad header') res.writeHead(status, { 'X-Head': 'a\nb' });
      else res.writeHead(status, ['X-Odd'] as never);
    });
    headersSet = true;
    begun = true;
  };
  const write = (): void => {
    const n = (count += 1);
    const kind = oneOf(['text', 'text', 'buffer', 'hex', 'large', 'empty', ...(compresses ? [] : ['null', 'number'])]);
    begun ||= kind !== 'null' && kind !== 'number';
    add(`write ${kind}`, (res, note) => {
      const called = (error?: Error | null): void => note(`written ${n}${error ? ' with an error' : ''}`);
      if (kind === 'text') return void res.write(`${BODY}${n}`, called);
      if (kind === 'buffer') return void res.write(Buffer.from(`${BODY}${n}`), called);
      if (kind === 'hex') return void res.write('68656c6c6f', 'hex', called);
      if (kind === 'large') return void res.write('x'.repeat(70_000), called);
      if (kind === 'empty') return void res.write('');
      res.write((kind === 'null' ? null : 5) as never, called);
    });
  };

  for (let left = below(4); left > 0; left -= 1) headers();
  if (!compresses && below(8) === 0) {
    trailers = true;
    headersSet = true;
    add('Trailer', (res) => res.setHeader('Trailer', 'X-Sum'));
  }
  if (!trailers && !compresses && below(8) === 0) {
    const length = below(30);
    headersSet = true;
    strict = true;
    add(`strict length ${length}`, (res) => {
      res.strictContentLength = true;
      res.setHeader('Content-Length', length);
    });
  }
  if (below(8) === 0) add('1xx', (res) => res.writeEarlyHints({ link: '</a.css>; rel=preload' }));
  if (below(10) === 0) add('writeProcessing', (res) => res.writeProcessing());
  if (below(3) === 0) head();
  for (let left = below(5); left > 0; left -= 1) {
    const which = below(9);
    if (which < 4) write();
    else if (which === 4) turn();
    else if (which === 5) head();
    else if (which === 6) headers();
    else if (which === 7) {
      add(corked === 0 ? 'cork' : 'uncork', corked === 0 ? (res) => res.cork() : (res) => res.uncork());
      corked = 1 - corked;
    } else {
      begun = true;
      add('flushHeaders', (res) => res.flushHeaders());
    }
  }
  if (corked > 0) add('uncork', (res) => res.uncork());
  if (below(3) === 0) turn();
  if (trailers) add('addTrailers', (res) => res.addTrailers({ 'X-Sum': '1' }));
  const end = below(12);
  const done = (note: (what: string) => void) => (): void => note('ended');
  if (end === 0) add('redirect', (res) => res.redirect('/next'));
  else if (end === 1 && !strict && !trailers && !(begun && compresses))
    add(begun ? LATE_FILE : 'sendFile', (res) => res.sendFile(file, { cacheControl: false, etag: false }));
  else if (end === 2) add('json', (res) => void res.json({ [BODY]: 'ä' }));
  // What a source writes is refused to the source, which nobody hears.
  else if (end === 3 && !strict && !trailers)
    add('pipe', (res) => void Readable.from([`${BODY} one`, `${BODY} two`]).pipe(res));
  else if (end < 6) add('end', (res) => res.end());
  else if (end === 6) add('end wrong', (res) => res.end(5 as never));
  else if (end === 7 && !compresses) add('end with a callback', (res, note) => res.end(done(note)));
  else if (end === 8) add('end buffer', (res, note) => res.end(Buffer.from(BODY), done(note)));
  else add('end text', (res, note) => res.end(`${BODY} end`, 'utf8', done(note)));
  const isLater = ['pipe', 'sendFile', LATE_FILE].includes(steps.at(-1)!.text);
  if (!isLater && below(6) === 0) add('end again', (res) => res.end());
  // compression has an end of its own, and no word for what comes after.
  if (!isLater && !compresses && below(10) === 0) add('write after end', (res) => res.write('late'));

  const hasInterim = steps.some(({ text }) => text === '1xx' || text === 'writeProcessing');
  const version = below(8) === 0 ? '1.0' : '1.1';
  return {
    seed,
    method: oneOf(['GET', 'GET', 'GET', 'HEAD', 'POST']),
    version,
    // Node writes a 1xx answer into whatever is on its way.
    pipelined: version === '1.1' && !hasInterim && below(6) === 0 ? 3 : 1,
    around,
    saveTurns: below(10),
    saveMs: below(10) === 0 ? below(41) : 0,
    fails: below(6) === 0,
    streams: below(2) === 0,
    steps,
  };
}

/** Runs the steps; gives what each did, and what the response read as after it. Whatever came of it, the response ends. */
export async function perform({ steps, around }: Program, res: Response): Promise<string[]> {
  const log: string[] = [];
  const note = (what: string): void => void log.push(`* ${what}`);
  res.on('error', (error: NodeJS.ErrnoException) => note(`error ${error.code}`));
  for (const event of ['finish', 'close']) res.on(event, () => note(event));
  for (const { text, act } of steps) {
    let outcome = 'done';
    try {
      const turns = act(res, note);
      if (text.startsWith('turn')) for (let n = 0; n < Number(turns); n += 1) await nextTurn();
    } catch (error) {
      outcome = `threw ${(error as NodeJS.ErrnoException).code}`;
    }
    const state = `${res.headersSent ? 'sent' : res.statusCode} ${res.writableEnded}`;
    log.push(`${text}: ${outcome}; ${around.endsWith('before') ? '' : state}`);
  }
  // A wrong end leaves the response open, and a strict length may never be met.
  if (!res.writableEnded && !steps.some(({ text }) => ['pipe', 'sendFile', LATE_FILE].includes(text))) {
    res.strictContentLength = false;
    try {
      res.end();
    } catch {
      res.destroy();
    }
  }
  return log;
}

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Without what changes from run to run, what the gate adds, and the framing of chunks and gzip blocks, which is a matter of timing. */
export function comparable(raw: string): string {
  let rest = raw.replaceAll(/\r\nDate: [^\r]*/g, '').replaceAll(/\r\nSet-Cookie: sid=1/g, '');
  let text = '';
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (!rest.startsWith('HTTP/1.') || end === -1) return text + rest;
    const head = rest.slice(0, end);
    rest = rest.slice(end + 4);
    const [first, ...lines] = head.split('\r\n');
    const nameOf = (line: string): string => line.slice(0, line.indexOf(':')).toLowerCase();
    lines.sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : nameOf(one) > nameOf(other) ? 1 : 0));
    text += `${[first, ...lines].join('\n')}\n`;
    if (!/\r\nTransfer-Encoding: chunked/i.test(head) || rest.startsWith('HTTP/1.')) continue;
    let body = '';
    for (;;) {
      const size = /^([0-9a-f]+)\r\n/.exec(rest);
      if (size === null) break;
      const length = parseInt(size[1]!, 16);
      rest = rest.slice(size[0].length);
      if (length === 0) {
        const last = rest.startsWith('\r\n') ? 0 : rest.indexOf('\r\n\r\n') + 2;
        body += rest.slice(0, last);
        rest = rest.slice(last + 2);
        break;
      }
      body += rest.slice(0, length);
      rest = rest.slice(length + 2);
    }
    const isGzip = /\r\nContent-Encoding: gzip/i.test(head);
    text += isGzip && body !== '' ? gunzipSync(Buffer.from(body, 'latin1')).toString() : body;
  }
}
