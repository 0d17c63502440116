import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { MemoryStore } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { ObservedStore } from '../../support/observed-store.js';
import { scripted } from '../../support/scripted.js';

let told: unknown;
const tell = (work: Promise<unknown>): Promise<void> =>
  work.then(
    () => void (told = 'done'),
    (error: unknown) => void (told = error),
  );

const controller = scripted({
  start: (session) => void (session.views = 1),
  look: (session) => ({ ...session }),
  stream: (session, _req, res) => {
    session.before = true;
    res.write('one');
    session.after = true;
    res.end('two');
  },
  late: (session, _req, res) => {
    res.write('one');
    session.after = true;
    res.end('two');
  },
  login: async (session, _req, res) => {
    res.write('one');
    await tell(session.login('7', { user: { name: 'Ann' } }));
    res.end('two');
  },
  renew: async (session, _req, res) => {
    res.write('one');
    await tell(session.renew());
    res.end('two');
  },
  save: async (session, _req, res) => {
    session.before = true;
    res.write('one');
    session.saved = true;
    await tell(session.save());
    res.end('two');
  },
});

describe('a streamed response', () => {
  let store: ObservedStore;
  let server: TestApp;
  let jar: Jar;
  let warnings: string[];
  const visit = async (script: string): Promise<string> => (await jar.fetch(`${server.url}/s/${script}`)).text();
  beforeEach(async () => {
    told = undefined;
    warnings = [];
    store = new ObservedStore(new MemoryStore());
    server = await startApp([controller], {
      store,
      logger: { warn: (message) => void warnings.push(message), error: (message) => void warnings.push(message) },
    });
    jar = new Jar();
  });
  afterEach(() => server.close());

  it('commits at its first byte, cookie included, and what changes later is saved at its end', async () => {
    expect(await visit('stream')).toBe('onetwo');
    expect(jar.last.length).toBe(1);
    expect(await (await jar.fetch(`${server.url}/s/look`)).json()).toEqual({ before: true, after: true });
    expect(warnings).toEqual([]);
  });

  it('that begins a session after its first byte says that the cookie can no longer be sent, and keeps nothing', async () => {
    expect(await visit('late')).toBe('onetwo');
    expect([jar.last, await store.count(), warnings]).toEqual([
      [],
      0,
      [expect.stringContaining('cookie can no longer be sent')],
    ]);
  });

  it.each(['login', 'renew'])('refuses a new id after its first byte: %s', async (script) => {
    await visit('start');
    const card = jar.header;
    expect(await visit(script)).toBe('onetwo');
    expect(told).toMatchObject({ name: 'SessionStateError', code: 'HEADERS_SENT' });
    expect([jar.header, await (await jar.fetch(`${server.url}/s/look`)).json()]).toEqual([card, { views: 1 }]);
  });

  it('can save() after its first byte', async () => {
    await visit('start');
    expect(await visit('save')).toBe('onetwo');
    expect([told, await (await jar.fetch(`${server.url}/s/look`)).json()]).toEqual([
      'done',
      { views: 1, before: true, saved: true },
    ]);
  });

  it('ends normally if the store fails at its end, and the log says so', async () => {
    await visit('start');
    store.failure = new Error('down');
    store.failing = ['replace'];
    expect(await visit('late')).toBe('onetwo');
    expect(warnings).toEqual([expect.stringContaining('while a response streamed could not be saved')]);
  });
});
