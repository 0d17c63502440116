import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import express, { type ErrorRequestHandler } from 'express';
import { MemoryStore as ExpressMemoryStore } from 'express-session';
import { MemoryStore, RequireSession, SessionRegistry } from 'nestjs-keycard';
import session from 'nestjs-keycard/express';
import { CookieSigner } from '../../../lib/cookie/cookie-signer.js';
import { deriveKey } from '../../../lib/record/record-cipher.js';
import { storeErrorOf as mongoError } from '../../../lib/stores/mongo/mongo-errors.js';
import { SECRET, startApp } from '../../support/app.js';
import { scripted } from '../../support/scripted.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { storeError } from '../../../lib/stores/postgres/postgres-errors.js';
import { scrubbed } from '../../../lib/common/scrubbed-error.js';

@Controller()
class ReadController {
  @Get()
  @RequireSession()
  read() {
    return 'read';
  }
}

const databaseError = () =>
  Object.assign(new Error('duplicate key value violates unique constraint'), {
    code: '23505',
    detail: 'Key (sid)=(SECRET-ID) already exists.',
    where: 'SECRET-ID',
    parameters: ['SECRET-ID', '{"user":"SECRET-ID"}'],
  });

describe("a driver's error", () => {
  it("holds no ids and no data as the cause of PostgresStore's (#13.10)", () => {
    const error = storeError(databaseError(), 'sessions');
    expect(inspect(error)).not.toContain('SECRET-ID');
    expect(error.cause).toMatchObject({ code: '23505', message: expect.stringContaining('duplicate key') });
  });

  it('is logged without them, whatever store it came from; the app keeps it as it was (#13.10)', () => {
    const own = databaseError();
    const error = new TypeError('outer', { cause: own });
    const copy = scrubbed(error) as Error;
    expect(inspect(copy)).not.toContain('SECRET-ID');
    expect([copy instanceof TypeError, copy.message, copy.stack]).toEqual([true, 'outer', error.stack]);
    expect(copy.cause).toMatchObject({ code: '23505' });
    expect([error.cause, own.detail]).toEqual([own, databaseError().detail]);
    const plain = new Error('nothing to hide');
    expect(scrubbed(plain)).toBe(plain);
  });

  it("is scrubbed before the app's logger sees it (#13.10)", () => {
    const logged: unknown[] = [];
    const logger = { warn: () => undefined, error: (_: string, cause?: unknown) => void logged.push(cause) };
    resolveOptions({ secret: 'a secret of at least thirty-two bytes', logger }).logger.error('x', databaseError());
    expect(inspect(logged)).toContain('23505');
    expect(inspect(logged)).not.toContain('SECRET-ID');
  });

  it.each([
    [
      'Mongo, the command',
      'not authorized on db to execute command { find: "s", filter: { _id: "SECRET-ID" } }',
      'not authorized on db to execute command',
    ],
    [
      'Mongo, a key',
      'E11000 duplicate key error collection: a.s index: _id_ dup key: { _id: "SECRET-ID" }',
      'index: _id_ dup key',
    ],
    ['Redis, arguments', "ERR unknown command 'GETX', with args beginning with: 'SECRET-ID'", "unknown command 'GETX'"],
    [
      'PostgreSQL, a value',
      'invalid input syntax for type bigint: "SECRET-ID"',
      'invalid input syntax for type bigint',
    ],
    ['a file', "ENOENT: no such file or directory, open '/sessions/SECRET-ID.json'", 'no such file or directory, open'],
  ])('#13.10 says in its message nothing of a session: %s', (_, message, stays) => {
    const own = Object.assign(new Error(message), { path: '/sessions/SECRET-ID.json' });
    const failed = new AggregateError([own], 'several');
    for (const error of [own, failed, new Error('outer', { cause: failed })]) {
      expect(inspect(scrubbed(error), { showHidden: true })).not.toContain('SECRET-ID');
      expect(inspect(scrubbed(error))).toContain(stays);
    }
    expect(own.message).toBe(message);
    const mongo = mongoError(Object.assign(new Error(message), { name: 'MongoServerError', code: 121, errInfo: own }));
    const postgres = storeError(Object.assign(new Error(message), { code: '22P02', detail: message }), 'sessions');
    expect(inspect([mongo, postgres], { showHidden: true })).not.toContain('SECRET-ID');
  });

  it.each(['sessions', 'express'])(
    '#13.10 is logged without them if a store of express-session fails: %s',
    async (kind) => {
      const store = new ExpressMemoryStore();
      const own = databaseError();
      const fails = (): void => void (store.get = (_, callback) => callback(own));
      const logged: unknown[] = [];
      const logger = { warn: () => undefined, error: (...all: unknown[]) => void logged.push(...all) };
      const jar = { headers: { cookie: `sid=${encodeURIComponent(new CookieSigner([SECRET]).sign('a'.repeat(32)))}` } };
      if (kind === 'sessions') {
        const server = await startApp([ReadController], { store: store as never, logger });
        fails();
        expect((await fetch(server.url, jar)).status).toBe(503);
        await server.close();
      } else {
        fails();
        const app = express().use(
          session({
            secret: SECRET,
            name: 'sid',
            resave: false,
            saveUninitialized: false,
            store: store as never,
            logger,
          }),
        );
        let given: unknown;
        app.use(((error, _req, res, _next) => {
          given = error;
          res.status(500).end();
        }) as ErrorRequestHandler);
        const server = app.listen(0);
        await once(server, 'listening');
        await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, jar);
        server.close();
        expect(given).toBe(own);
      }
      expect(own.detail).toContain('SECRET-ID');
      expect(inspect(logged, { depth: 9 })).toContain(kind === 'sessions' ? '23505' : '');
      expect(inspect(logged, { depth: 9 })).not.toContain('SECRET-ID');
    },
  );

  it("#13.10 our own error says no id if a store of the app throws its driver's error as it is", async () => {
    const store = new MemoryStore();
    const duplicate = 'E11000 duplicate key error collection: a.s index: _id_ dup key: { _id: "SECRET-ID" }';
    store.create = () => Promise.reject(new Error(duplicate));
    const save = scripted({
      save: async (kept) => {
        kept.n = 1;
        const error = await kept.save().then(
          () => undefined,
          (reason: Error) => reason,
        );
        await kept.discard();
        return { message: error?.message };
      },
    });
    const logger = { warn: () => undefined, error: () => undefined };
    const server = await startApp([save], { store, logger });
    const { message } = (await (await fetch(`${server.url}/s/save`)).json()) as { message: string };
    expect(message).toBe('The session store failed: E11000 duplicate key error collection: a.s index: _id_ dup key');
    await server.close();
  });

  it('#13.10 the registry shows no key, however deep one looks', async () => {
    const server = await startApp([]);
    const key = deriveKey(SECRET, 'cursor');
    const shown = inspect(server.app.get(SessionRegistry), { depth: 20, showHidden: true });
    for (const text of [key.toString('hex').slice(0, 16), key.toString('hex').match(/../g)!.slice(0, 8).join(' ')])
      expect(shown).not.toContain(text);
    await server.close();
  });

  it("does not show the registry's cursor key (#13.10)", async () => {
    const server = await startApp([]);
    expect(Object.keys(server.app.get(SessionRegistry))).toEqual(['manager', 'events', 'allEvents']);
    await server.close();
  });
});
