import { FastifyAdapter } from '@nestjs/platform-fastify';
import { describe, expect, it } from '@jest/globals';
import { Jar } from '../../support/app.js';
import { useSampleApp } from '../../support/sample-app.js';

const form = (fields: Record<string, string>): RequestInit => ({ method: 'POST', body: new URLSearchParams(fields) });
const VIRGINIA = { username: 'virginia', password: 'lighthouse keeper' };

describe('sample 03-fastify (#15.1, #15.8)', () => {
  const sample = useSampleApp(
    () => import('../../../sample/03-fastify/src/app.module.js'),
    () => new FastifyAdapter({ forceCloseConnections: true }),
  );

  it('does what its README says', async () => {
    const [here, other] = [new Jar(), new Jar()];
    await here.fetch(`${sample.url}/notes`, form({ text: 'a quiet room' }));
    const guest = here.header;
    expect((await here.fetch(`${sample.url}/login`, form({ ...VIRGINIA, password: 'wrong' }))).status).toBe(401);
    expect(await (await here.fetch(`${sample.url}/login`, form(VIRGINIA))).json()).toEqual({ name: 'virginia' });
    expect(here.header).not.toBe(guest);
    await Promise.all(['one', 'two'].map((text) => here.fetch(`${sample.url}/notes`, form({ text }))));
    const notes = (await (await here.fetch(`${sample.url}/notes`)).json()) as string[];
    expect([notes[0], notes.slice(1).sort()]).toEqual(['a quiet room', ['one', 'two']]);
    await other.fetch(`${sample.url}/login`, form(VIRGINIA));
    const devices = (await (await here.fetch(`${sample.url}/devices`)).json()) as { isThis: boolean }[];
    expect(devices.filter(({ isThis }) => isThis)).toHaveLength(1);
    expect(devices.length).toBeGreaterThanOrEqual(2);
    expect((await here.fetch(`${sample.url}/devices/log-out-others`, { method: 'POST' })).status).toBe(204);
    expect((await other.fetch(`${sample.url}/devices`)).status).toBe(401);
    expect((await here.fetch(`${sample.url}/devices`)).status).toBe(200);
    expect((await here.fetch(`${sample.url}/logout`, { method: 'POST' })).status).toBe(204);
    expect((await here.fetch(`${sample.url}/devices`)).status).toBe(401);
  });
});
