/** What an app is told at a call, and at the end, of a response that waits for its session. */
import { once } from 'node:events';
import { Controller, Get, Req, Res } from '@nestjs/common';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Request, Response } from 'express';
import { MemoryStore, SkipSession } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { startApp, type TestApp } from '../../support/app.js';
import { expressLike } from '../../support/express-like.js';
import { ObservedStore } from '../../support/observed-store.js';

type Changing = Request & { session?: { n?: number } };

const wrong: Record<string, (res: Response) => unknown> = {
  'writeHead with a status that is none': (res) => res.writeHead(42),
  'writeHead with a message that is none': (res) => res.writeHead(200, 'a\nb'),
  'writeHead with a header that is none': (res) => res.writeHead(200, { 'X-Bad': 'a\nb' }),
  'writeHead with an odd list': (res) => res.writeHead(200, ['X-Odd'] as never),
  'writeHead once more': (res) => res.writeHead(200).writeHead(200),
  'write of a number': (res) => res.write(5 as never),
  'write of null': (res) => res.write(null as never),
  'setHeader with a line break': (res) => res.setHeader('X-Bad', 'a\nb'),
  'setHeader with a name that is none': (res) => res.setHeader('X Bad', 'a'),
  'setHeader after the first byte': (res) => {
    res.write('one');
    res.setHeader('X-Late', 'a');
  },
  'writeHead after the first byte': (res) => {
    res.write('one');
    res.writeHead(200);
  },
  'end of a number': (res) => res.end(5 as never),
};

let told: { events: string[]; error?: unknown };

function attempt(given: { raw?: Changing } & Changing, res: Response): void {
  const req = given.raw ?? given;
  const response = expressLike(res);
  if (req.session !== undefined) req.session.n = 1;
  try {
    wrong[String(given.query['call'])]!(response);
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    told.error = { name, code, message };
    // Without the gate, a message that was refused would be refused again at every call.
    response.statusMessage = '';
  }
  if (!response.writableEnded) response.end('!');
}

@Controller()
class ToldController {
  @Get('with')
  with(@Req() req: { raw?: Changing } & Changing, @Res() res: Response) {
    attempt(req, res);
  }

  @Get('without')
  @SkipSession()
  without(@Req() req: { raw?: Changing } & Changing, @Res() res: Response) {
    attempt(req, res);
  }

  @Get('stream')
  async stream(@Req() req: { raw?: Changing } & Changing, @Res() res: Response) {
    const response = expressLike(res);
    for (const event of ['finish', 'close']) response.on(event, () => told.events.push(event));
    (req.raw ?? req).session!.n = 1;
    response.write('one');
    response.write('two', (error) => told.events.push(error ? 'an error' : 'went on'));
    await once(response, 'close');
    response.end('three');
  }
}

describe('an app whose response waits for its session', () => {
  let store: ObservedStore;
  let server: TestApp;
  beforeEach(async () => {
    told = { events: [] };
    store = new ObservedStore(new MemoryStore());
    server = await startApp([ToldController], { store, logger: { warn: () => undefined, error: () => undefined } });
  });
  afterEach(() => server.close());

  it.each(Object.keys(wrong))('#12.1 is thrown at the call what it is thrown without: %s', async (name) => {
    const found: unknown[] = [];
    for (const path of ['without', 'with']) {
      told = { events: [] };
      await (await fetch(`${server.url}/${path}?call=${encodeURIComponent(name)}`)).text();
      found.push(told.error);
    }
    expect(found[0]).toMatchObject({ code: expect.stringMatching(/^ERR_/) });
    expect(found[1]).toEqual(found[0]);
  });

  it('#12.1 is told `close` without `finish`, if a save fails while it streams', async () => {
    store.failure = new Error('down');
    store.failing = ['create'];
    const answer = await fetch(`${server.url}/stream`);
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([503, []]);
    expect(await answer.text()).not.toContain('one');
    while (!told.events.includes('close')) await new Promise((resolve) => setImmediate(resolve));
    expect(told.events).toEqual(['went on', 'close']);
  });
});
