import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { uniqueName } from '../../support/servers/available.js';
import { catalog, lookUp, requiredServers, serverNames } from '../../support/servers/catalog.mjs';

describe('the catalog of servers', () => {
  const saved = { ...process.env };
  beforeEach(() => {
    for (const { env, programEnv } of Object.values(catalog)) {
      delete process.env[env];
      delete process.env[programEnv];
    }
  });
  afterEach(() => {
    process.env = { ...saved };
  });

  it('uses a server that the environment names as it is', () => {
    process.env.REDIS_URL = 'redis://elsewhere:6379';
    process.env.KEYCARD_REDIS_SERVER = process.execPath;
    expect(lookUp('redis')).toEqual({ from: 'env', at: 'redis://elsewhere:6379' });
  });

  it('uses a program on the machine if the environment names no server', () => {
    process.env.KEYCARD_REDIS_SERVER = process.execPath;
    expect(lookUp('redis')).toEqual({ from: 'program', at: process.execPath });
  });

  it('looks only for a program if a test needs a server that it can stop', () => {
    process.env.REDIS_URL = 'redis://elsewhere:6379';
    process.env.KEYCARD_REDIS_SERVER = process.execPath;
    expect(lookUp('redis', { program: true })).toEqual({ from: 'program', at: process.execPath });
  });

  it.each(serverNames.filter((name) => name !== 'pgbouncer'))('says what is wrong if %s is missing', (name) => {
    process.env[catalog[name].programEnv] = '/nowhere/program';
    expect(lookUp(name).missing).toBe(`${catalog[name].programEnv} names /nowhere/program, where no such program is`);
  });

  it('has no pgbouncer if there is no PostgreSQL for it', () => {
    process.env.KEYCARD_PGBOUNCER = process.execPath;
    process.env.KEYCARD_POSTGRES_BIN = '/nowhere';
    expect(lookUp('pgbouncer').missing).toContain('KEYCARD_POSTGRES_BIN');
  });

  it('reads KEYCARD_REQUIRE as a list of names', () => {
    expect(requiredServers(' redis, mongo ,')).toEqual(['redis', 'mongo']);
    expect(requiredServers('')).toEqual([]);
  });

  it('refuses a name in KEYCARD_REQUIRE that no server has, so that a typo never turns a failure into a skip', () => {
    expect(() => requiredServers('redis,postgers')).toThrow('There is no server "postgers"');
  });
});

describe('.ci/run', () => {
  const script = readFileSync(join(import.meta.dirname, '../../../.ci/run'), 'utf8');
  const steps = script.split('\n').filter((line) => /^(export|set|npm) /.test(line));

  it('requires every server that tests know, and this list never shrinks', () => {
    const required = /^export KEYCARD_REQUIRE=(.*)$/m.exec(script)?.[1]?.split(',');
    expect(required).toEqual(
      expect.arrayContaining(['redis', 'redis-cluster', 'postgres', 'pgbouncer', 'mongo', 'browser']),
    );
    expect(required).toEqual(expect.arrayContaining(serverNames));
  });

  it('stops at the first step that fails, and ends with the test command of the README', () => {
    expect(script).toContain('set -euo pipefail');
    expect(steps).toContain('npm ci');
    expect(steps.at(-1)).toBe('npm run test:all');
    expect(script).not.toContain('||');
  });

  it('checks after the build that docs/api matches the comments (#14.2)', () => {
    expect(steps.indexOf('npm run docs:api -- --check')).toBeGreaterThan(steps.indexOf('npm run build'));
  });
});

describe('uniqueName()', () => {
  it('never repeats, and needs no quoting in SQL', () => {
    const names = Array.from({ length: 1000 }, () => uniqueName('cart'));
    expect(new Set(names).size).toBe(1000);
    for (const name of names) expect(name).toMatch(/^cart_[0-9a-f]{12}$/);
  });
});
