import { expect, it } from '@jest/globals';
import { systemErrorIn } from '../../../lib/stores/system-error.js';

const refused = { code: 'ECONNREFUSED', syscall: 'connect', address: '127.0.0.1', port: 6379 };
const cycle: { cause?: unknown } = {};
cycle.cause = cycle;

it.each<[string, unknown, string | undefined, string | undefined]>([
  ['a refused connection', refused, undefined, 'ECONNREFUSED at 127.0.0.1:6379'],
  ['an unknown name', { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'db' }, undefined, 'ENOTFOUND at db'],
  ['an error without a place', { code: 'EPIPE', syscall: 'write' }, undefined, 'EPIPE'],
  ['an error without a place, of a known server', { code: 'EPIPE', syscall: 'write' }, 'db:1', 'EPIPE at db:1'],
  ['a resolved address, of a known server', refused, 'db:6379', 'ECONNREFUSED at db:6379 (127.0.0.1:6379)'],
  ['the address that was given', refused, '127.0.0.1:6379', 'ECONNREFUSED at 127.0.0.1:6379'],
  ['a certificate', { code: 'CERT_HAS_EXPIRED' }, 'db', 'CERT_HAS_EXPIRED at db'],
  ['a cause of a cause', { cause: { cause: refused } }, undefined, 'ECONNREFUSED at 127.0.0.1:6379'],
  ['one of several addresses', { errors: [{}, refused] }, undefined, 'ECONNREFUSED at 127.0.0.1:6379'],
  ["a cluster's last error", { lastNodeError: refused }, undefined, 'ECONNREFUSED at 127.0.0.1:6379'],
  ["a driver's own code", { code: 'WRONGTYPE' }, undefined, undefined],
  ['an error that is its own cause', cycle, undefined, undefined],
  ['no error', undefined, undefined, undefined],
])('%s', (_, error, address, expected) => expect(systemErrorIn(error, address)).toBe(expected));
