/**
 * Random programs of calls on a response, beside the same without a gate: bytes, errors, callbacks, events, and what the response reads as.
 * `KEYCARD_FUZZ_PROGRAMS=20000 npx jest test/e2e/response/gate-fuzz` runs more; `KEYCARD_FUZZ_SEED` repeats one.
 *
 * Differences that are allowed, and so aren't compared:
 * - when callbacks and events come, which a hold delays: that they come is, and in which order;
 * - whether the `error` of a write after the end comes before or after `finish`: Node emits it a tick after the call, and a hold delays the end;
 * - `drain`, `res.finished`, and what `write` returns: they depend on timing;
 * - `statusCode` once the headers are sent: with a gate it says what was sent;
 * - what the response reads as after each call where compression or on-headers is behind the gate, and so called at the release;
 * - the order of header lines with different names (Node itself has several);
 * - the words of an error: its code is;
 * - what a refused status message leaves behind: without a gate no answer is possible from then on;
 * - what becomes of a response whose `end` was refused for its length or its trailers: without a gate its headers are fixed by then, and with
 *   one the app can still answer something else;
 * - what a held response loses if the app then destroys its connection: without a gate its first bytes had left, and with one none has.
 *
 * What isn't made, as the other library, or Node, differs from itself there:
 * - a `writeHead` that is refused, with compression or on-headers: on-headers sets the headers and the status by itself before Node sees them;
 * - a chunk that is refused, a strict length, trailers, `end(callback)` or a write after the end with compression: it sends the headers first, may
 *   take Content-Length away, has no callback, and says nothing of what comes late; nor an error after its first byte, which cuts its gzip;
 * - a list of pairs for `writeHead` after `setHeader`, which Node misreads;
 * - a pipe or a file beside a strict length or trailers: what Node refuses then is thrown in the source's handler, and ends the process;
 * - a 1xx answer on a pipelined connection: Node writes it into the answer that is on its way.
 */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import compression from 'compression';
import express, { type RequestHandler, type Response } from 'express';
import { addSetCookie, attachGate } from '../../../lib/transports/http/response-gate.js';
import {
  BODY,
  comparable,
  LATE_FILE,
  nextTurn,
  perform,
  type Program,
  programOf,
} from '../../support/gate-programs.js';

const onHeaders = createRequire(import.meta.url)('on-headers') as (res: ServerResponse, listener: () => void) => void;

const PROGRAMS = Number(process.env.KEYCARD_FUZZ_PROGRAMS ?? 400);
const FIRST = Number(process.env.KEYCARD_FUZZ_SEED ?? 20_261_127);

interface Outcome {
  readonly bytes: string;
  readonly logs: string[][];
}

const around: Record<string, RequestHandler> = {
  compression: compression({ threshold: 0 }),
  'on-headers': (_req, res, next) => {
    onHeaders(res, () => void res.setHeader('X-Listener', '1'));
    next();
  },
};

function gate({ saveTurns, saveMs, fails, streams }: Program): (res: Response) => void {
  const save = async (): Promise<void> => {
    for (let n = 0; n < saveTurns; n += 1) await nextTurn();
    if (saveMs > 0) await new Promise((resolve) => setTimeout(resolve, saveMs));
  };
  return (res) =>
    attachGate(res, {
      beforeHeaders: (response) => {
        if (saveTurns + saveMs === 0 && !fails) return void addSetCookie(response, 'sid=1');
        return save().then(() => {
          if (fails) throw new Error('down');
          addSetCookie(response, 'sid=1');
        });
      },
      ...(streams && { beforeEnd: save }),
      failure: () => ({ status: 503, headers: { 'Content-Type': 'text/plain' }, body: 'try again later' }),
    });
}

let current: { program: Program; gated: boolean; logs: Promise<string[]>[] };
let server: Server;
const warnings: unknown[] = [];
beforeAll(async () => {
  jest
    .spyOn(process, 'emitWarning')
    .mockImplementation((warning) => void warnings.push((warning as Error).cause ?? warning));
  const app = express();
  app.disable('x-powered-by');
  app.use((req, res) => {
    const { program, gated, logs } = current;
    const [name, order] = program.around.split(' ') as [string, string?];
    const wrap = (): void => (around[name] === undefined ? undefined : void around[name](req, res, () => undefined));
    if (order === 'before') wrap();
    if (gated) gate(program)(res);
    if (order === 'after') wrap();
    logs.push(perform(program, res));
  });
  server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function run(program: Program, gated: boolean): Promise<Outcome> {
  const logs: Promise<string[]>[] = [];
  current = { program, gated, logs };
  const { method, version, pipelined } = program;
  const close = (n: number): string => (version === '1.1' && n === pipelined - 1 ? 'Connection: close\r\n' : '');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('latin1');
  for (let n = 0; n < pipelined; n += 1) {
    socket.write(`${method} / HTTP/${version}\r\nHost: a\r\nAccept-Encoding: gzip\r\n${close(n)}\r\n`);
  }
  let bytes = '';
  socket.on('data', (chunk) => (bytes += String(chunk))).on('error', () => undefined);
  const timer = setTimeout(() => {
    bytes += '(stuck)';
    socket.destroy();
  }, 3_000);
  await new Promise((resolve) => socket.on('close', resolve));
  clearTimeout(timer);
  const found = await Promise.all(logs);
  for (let n = 0; n < 3; n += 1) await nextTurn();
  return { bytes, logs: found };
}

/** The calls in their order; beside them, in its own order, what was called back and emitted, which a hold may delay. */
const ANSWERED = /HTTP\/1\.1 [2-5]/;
const REFUSED = /threw ERR_HTTP_(?:CONTENT_LENGTH_MISMATCH|TRAILER_INVALID)/;
const wasRefused = ({ logs }: Outcome): boolean => logs.flat().some((entry) => REFUSED.test(entry));
/** Up to the first call that was refused, which has to be the same. */
const upToRefusal = (logs: string[][]): string[][] =>
  logs.map((log) => {
    const at = log.findIndex((entry) => REFUSED.test(entry));
    return (at === -1 ? log : log.slice(0, at + 1))
      .filter((entry) => !entry.startsWith('*'))
      .map((entry) => entry.split('; ')[0]!);
  });
const parts = (logs: string[][]) =>
  logs.map((log) => ({
    calls: log.filter((entry) => !entry.startsWith('*')),
    told: log.filter((entry) => entry.startsWith('*') && !entry.startsWith('* error')),
    errors: log.filter((entry) => entry.startsWith('* error')),
  }));

/** What differs, or undefined. */
async function difference(program: Program): Promise<unknown> {
  const bare = await run(program, false);
  const gated = await run(program, true);
  const [before, after] = [parts(bare.logs), parts(gated.logs)];
  if (program.steps.some(({ text }) => text === LATE_FILE)) {
    const isCut = comparable(bare.bytes).startsWith(comparable(gated.bytes).trimEnd());
    const calls = (all: ReturnType<typeof parts>) => JSON.stringify(all.map((each) => each.calls));
    const isSame = program.fails ? !gated.bytes.includes(BODY) : isCut && calls(before) === calls(after);
    return isSame ? undefined : { bare, gated };
  }
  if (program.fails) {
    const isWhole = /^(HTTP\/1\.1 10[23] [^\r]*\r\n(?:[^\r]+\r\n)*\r\n)*HTTP\/1\.1 503 /.test(gated.bytes);
    // Where all the calls were refused, nothing was to be answered.
    if (!ANSWERED.test(bare.bytes) && !ANSWERED.test(gated.bytes)) return undefined;
    return isWhole && !gated.bytes.includes(BODY) && !gated.bytes.includes('xxxx') ? undefined : { bare, gated };
  }
  if (wasRefused(bare)) {
    const same = JSON.stringify(upToRefusal(bare.logs)) === JSON.stringify(upToRefusal(gated.logs));
    return same ? undefined : { bare, gated };
  }
  try {
    expect(after).toEqual(before);
    expect(comparable(gated.bytes)).toBe(comparable(bare.bytes));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('#12.6 random programs', () => {
  it(
    `${PROGRAMS} from seed ${FIRST} are as without a gate`,
    async () => {
      const found: unknown[] = [];
      for (let seed = FIRST; seed < FIRST + PROGRAMS && found.length < 5; seed += 1) {
        const program = programOf(seed);
        warnings.length = 0;
        const differs = (await difference(program)) ?? warnings[0];
        if (differs === undefined) continue;
        const { steps, ...rest } = program;
        found.push({ ...rest, steps: steps.map(({ text }) => text), differs });
      }
      expect({ found, warnings }).toEqual({ found: [], warnings: [] });
    },
    60_000 + PROGRAMS * 50,
  );
});
