import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { Session, SessionStoreError } from 'nestjs-keycard';
import { CookieSigner } from '../../../lib/cookie/cookie-signer.js';
import { Jar, post, SECRET, startApp, type TestApp } from '../../support/app.js';
import { type StorePlace } from '../../support/five-stores.js';
import { describeEachStoreOnBoth as describeEachStore } from '../../support/stores-on-both.js';
import type { AnySession } from '../../support/scripted.js';

@Controller()
class LogController {
  @Get()
  read(@Session() session: Session) {
    return (session as unknown as AnySession).n ?? 'nothing';
  }

  @Post('odd')
  odd(@Session() session: Session) {
    const kept = session as unknown as AnySession;
    kept.odd = 7n;
  }

  @Post()
  write(@Session() session: Session) {
    (session as unknown as AnySession).n = 1;
  }
}

const lines: string[] = [];
const errors: unknown[] = [];
const logger = {
  warn: (line: string) => void lines.push(line),
  error: (line: string, error: unknown) => void (lines.push(line), errors.push(error)),
};
let app: TestApp;
let place: StorePlace;
beforeEach(() => void (lines.length = errors.length = 0));

describeEachStore((each) => {
  afterEach(async () => {
    await app.close();
    await place.close();
  });

  it('#13.18 warns once that a record can not be read, and not at each request', async () => {
    place = await each.open();
    app = await startApp([LogController], { store: place.store, logger });
    await place.store.create('broken', { text: '{"cookie":{},"__keycard":7}', expiresAt: Date.now() + 60_000 });
    const cookie = `sid=${encodeURIComponent(new CookieSigner([SECRET]).sign('broken'))}`;
    for (let n = 0; n < 20; n++) await fetch(app.url, { headers: { cookie } });
    expect(lines.filter((line) => line.includes("can't be read"))).toHaveLength(1);
  });
});

it("#13.18 says each kind of a store's failure, and all of the app's own faults", async () => {
  const { MemoryStore } = await import('nestjs-keycard');
  const store = new MemoryStore();
  app = await startApp([LogController], { store, logger });
  const jar = new Jar();
  await jar.fetch(app.url, post());
  const fails = (code: 'UNAVAILABLE' | 'REFUSED') => () => Promise.reject(new SessionStoreError(code, code));
  for (const code of ['UNAVAILABLE', 'REFUSED'] as const) {
    store.load = fails(code);
    for (let n = 0; n < 5; n++) await jar.fetch(app.url);
  }
  store.load = MemoryStore.prototype.load.bind(store);
  store.create = fails('UNAVAILABLE');
  for (let n = 0; n < 5; n++) await fetch(app.url, post());
  expect(lines).toEqual([
    'A session could not be loaded.',
    'A session could not be loaded.',
    'A session could not be saved.',
  ]);
  for (let n = 0; n < 3; n++) expect((await fetch(`${app.url}/odd`, post())).status).toBe(500);
  expect(errors.filter((error) => (error as Error).name === 'SessionDataError')).toHaveLength(3);
  await app.close();
});
