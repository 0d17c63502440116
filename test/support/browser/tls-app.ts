import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { SessionModule, type SessionModuleOptions } from 'nestjs-keycard';
import { SECRET } from '../app.js';

export interface TlsApp {
  readonly port: number;
  close(): Promise<void>;
}

/** A certificate for `*.test` that nobody trusts, made by openssl: the browser is told not to mind. */
export async function makeCertificate(): Promise<{ key: Buffer; cert: Buffer }> {
  const folder = await mkdtemp(join(tmpdir(), 'keycard-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=inn.test', '-addext', 'subjectAltName=DNS:inn.test,DNS:*.test,DNS:*.inn.test'];
  try {
    await promisify(execFile)('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert]);
    return { key: await readFile(key), cert: await readFile(cert) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A Nest app with sessions behind TLS, on a free port of the loopback. */
export async function startTlsApp(
  controller: Type,
  options: Partial<SessionModuleOptions>,
  httpsOptions: { key: Buffer; cert: Buffer },
): Promise<TlsApp> {
  const imports = [SessionModule.forRoot({ secret: SECRET, ...options })];
  const testing = await Test.createTestingModule({ imports, controllers: [controller] }).compile();
  const app = testing.createNestApplication({ logger: false, httpsOptions, forceCloseConnections: true });
  await app.listen(0, '127.0.0.1');
  return { port: (app.getHttpServer().address() as AddressInfo).port, close: () => app.close() };
}
