import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { SessionRegistry } from 'nestjs-keycard';
import { startApp } from '../support/app.js';
import { resolveOptions } from '../../lib/engine/resolve-options.js';
import { storeError } from '../../lib/stores/postgres/postgres-errors.js';
import { scrubbed } from '../../lib/scrubbed-error.js';

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

  it("does not show the registry's cursor key (#13.10)", async () => {
    const server = await startApp([]);
    expect(Object.keys(server.app.get(SessionRegistry))).toEqual(['manager', 'events']);
    await server.close();
  });
});
