import { Controller, Delete, Get, Param, Post, UseGuards } from '@nestjs/common';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Session, SessionGuard, SessionRegistry } from 'nestjs-keycard';
import { sessionTesting } from 'nestjs-keycard/testing';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { scripted } from '../../support/scripted.js';

/** As an app may write it: the principal of the session, whoever that is. */
@Controller('devices')
@UseGuards(SessionGuard)
class DevicesController {
  constructor(private readonly registry: SessionRegistry) {}
  @Get()
  list(@Session() session: Session) {
    return this.registry.list({ principal: session.info.principal! });
  }
  @Get('count')
  count(@Session() session: Session) {
    return this.registry.count({ principal: session.info.principal! });
  }
  @Delete(':handle')
  end(@Param('handle') handle: string, @Session() session: Session) {
    return this.registry.revoke(handle, { principal: session.info.principal! });
  }
  @Post('end')
  endAll(@Session() session: Session) {
    return this.registry.revokeAll(session.info.principal!);
  }
}

const scripts = scripted({
  login: (session) => session.login('ann'),
  // The guard lets in whoever has a `user`; this one has no id, so no principal.
  // An id that isn't there, made text: all such users would be one.
  loginAs: (session, req) =>
    session.login(String(req.query.id === 'object' ? {} : undefined)).catch((error: Error) => error.message),
  nameless: (session) => void (session.user = { name: 'Mallory' }),
});

describe('devices of somebody who has no principal (#16.3)', () => {
  let app: TestApp;
  let mallory: Jar;
  beforeEach(async () => {
    app = await startApp([DevicesController, scripts]);
    await new Jar().fetch(`${app.url}/s/login`, post());
    mallory = new Jar();
    await mallory.fetch(`${app.url}/s/nameless`, post());
  });
  afterEach(() => app.close());

  it("shows nobody else's sessions, and ends none", async () => {
    const [ann] = await sessionTesting(app.app).list({ principal: 'ann' });
    const asked: [string, string][] = [
      ['GET', 'devices'],
      ['GET', 'devices/count'],
      ['DELETE', `devices/${ann!.info.handle}`],
      ['POST', 'devices/end'],
    ];
    for (const [method, path] of asked) {
      const response = await mallory.fetch(`${app.url}/${path}`, { method });
      expect([path, response.status]).toEqual([path, 500]);
      expect(await response.text()).not.toContain(ann!.info.handle);
    }
    expect(await sessionTesting(app.app).count({ principal: 'ann' })).toBe(1);
  });

  it('refuses a login as text that was made of nothing', async () => {
    for (const [id, text] of [
      ['none', '"undefined"'],
      ['object', '"[object Object]"'],
    ]) {
      const response = await new Jar().fetch(`${app.url}/s/loginAs?id=${id}`, post());
      expect(await response.text()).toContain(`session.login(principal): principal got ${text}; `);
    }
  });

  it('refuses a principal that is nothing, and a key that it does not know', async () => {
    const registry = app.app.get(SessionRegistry);
    const nothing = /"principal" got (nothing|""|null|"undefined"); it takes the user's id/;
    for (const principal of [undefined, '', 'undefined', null as unknown as string]) {
      await expect(registry.list({ principal })).rejects.toThrow(nothing);
      await expect(registry.count({ principal })).rejects.toThrow(nothing);
      await expect(registry.revoke('handle', { principal })).rejects.toThrow(nothing);
      await expect(sessionTesting(app.app).list({ principal })).rejects.toThrow(nothing);
      await expect(registry.revokeAll(principal!)).rejects.toThrow(
        /revokeAll\(principal\) got (nothing|""|null|"undefined")/,
      );
    }
    const misspelt = { principle: 'ann' } as object;
    await expect(registry.list(misspelt)).rejects.toThrow(
      'got the unknown "principle"; it takes principal, limit, cursor. Did you mean "principal"?',
    );
    await expect(registry.revokeAll('ann', { expect: 'h' } as object)).rejects.toThrow('Did you mean "except"?');
    await expect(registry.list('ann' as unknown as object)).rejects.toThrow(
      'registry.list() got "ann"; it takes an object with principal',
    );
    expect((await registry.list()).sessions).toHaveLength(2);
  });
});
