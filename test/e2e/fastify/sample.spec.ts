import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Jar } from '../../support/app.js';

const form = (fields: Record<string, string>): RequestInit => ({ method: 'POST', body: new URLSearchParams(fields) });
const VIRGINIA = { username: 'virginia', password: 'lighthouse keeper' };

describe('sample 03-fastify (#15.1, #15.8)', () => {
  let app: NestFastifyApplication;
  let url: string;
  let folder: string;
  beforeAll(async () => {
    folder = process.env.SESSION_PATH = await mkdtemp(join(tmpdir(), 'keycard-sample-fastify-'));
    const { AppModule } = await import('../../../sample/03-fastify/src/app.module.js');
    const adapter = new FastifyAdapter({ forceCloseConnections: true });
    app = await NestFactory.create<NestFastifyApplication>(AppModule, adapter, { logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(async () => {
    delete process.env.SESSION_PATH;
    await app.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('does what its README says', async () => {
    const [here, other] = [new Jar(), new Jar()];
    await here.fetch(`${url}/notes`, form({ text: 'a quiet room' }));
    const guest = here.header;
    expect((await here.fetch(`${url}/login`, form({ ...VIRGINIA, password: 'wrong' }))).status).toBe(401);
    expect(await (await here.fetch(`${url}/login`, form(VIRGINIA))).json()).toEqual({ name: 'virginia' });
    expect(here.header).not.toBe(guest);
    await Promise.all(['one', 'two'].map((text) => here.fetch(`${url}/notes`, form({ text }))));
    const notes = (await (await here.fetch(`${url}/notes`)).json()) as string[];
    expect([notes[0], notes.slice(1).sort()]).toEqual(['a quiet room', ['one', 'two']]);
    await other.fetch(`${url}/login`, form(VIRGINIA));
    const devices = (await (await here.fetch(`${url}/devices`)).json()) as { isThis: boolean }[];
    expect(devices.filter(({ isThis }) => isThis)).toHaveLength(1);
    expect(devices.length).toBeGreaterThanOrEqual(2);
    expect((await here.fetch(`${url}/devices/log-out-others`, { method: 'POST' })).status).toBe(204);
    expect((await other.fetch(`${url}/devices`)).status).toBe(401);
    expect((await here.fetch(`${url}/devices`)).status).toBe(200);
    expect((await here.fetch(`${url}/logout`, { method: 'POST' })).status).toBe(204);
    expect((await here.fetch(`${url}/devices`)).status).toBe(401);
  });
});
