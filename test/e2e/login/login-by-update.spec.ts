import { Controller, Get, UseGuards } from '@nestjs/common';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Session, SessionGuard, SessionRegistry } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { copyOf, Gate, idIn } from '../../support/login-app.js';
import { type AnySession, type Script, scripted } from '../../support/scripted.js';

const gate = new Gate();

@Controller()
class HomeController {
  @Get('home')
  @UseGuards(SessionGuard)
  home(@Session() session: AnySession) {
    return { principal: session.info.principal, data: { ...session } };
  }
}

const asAnn = (session: AnySession): Promise<void> => session.update((draft) => void (draft.user = { id: 'ann' }));

let calls = 0;
const SCRIPTS: Record<string, Script> = {
  begin: (session) => void (session.cart = [1]),
  update: async (session) => {
    await session.update((draft) => {
      calls += 1;
      draft.user = { id: 'ann' };
    });
    await gate.pass('updated');
  },
  'update after the first byte': async (session, _req, res) => {
    res.write('began, ');
    const said = await asAnn(session).then(
      () => 'ok',
      (error: { code: string }) => error.code,
    );
    res.end(said);
  },
};

describe('update(fn) that logs somebody in (#11)', () => {
  let app: TestApp;
  let jar: Jar;
  let planted: Jar;
  beforeEach(async () => {
    app = await startApp([scripted(SCRIPTS), HomeController], {});
    jar = new Jar();
    await go(jar, 'begin');
    planted = copyOf(jar);
  });
  afterEach(() => app.close());
  const go = (as: Jar, name: string) => as.fetch(`${app.url}/s/${encodeURIComponent(name)}`);
  const isIn = async (as: Jar) => (await as.fetch(`${app.url}/home`)).status;

  it('gives the session a new id before anybody is logged in under it', async () => {
    calls = 0;
    const door = gate.close('updated');
    const answer = go(jar, 'update');
    await door.arrived;
    expect(await isIn(copyOf(planted))).toBe(401);
    door.open();
    expect((await answer).status).toBe(200);
    expect(idIn(jar)).not.toBe(idIn(planted));
    expect(await (await jar.fetch(`${app.url}/home`)).json()).toMatchObject({
      principal: 'ann',
      data: { cart: [1], user: { id: 'ann' } },
    });
    expect(await isIn(copyOf(planted))).toBe(401);
    expect(calls).toBe(2);
  });

  it('is refused after the first byte, as no cookie can be sent then', async () => {
    expect(await (await go(jar, 'update after the first byte')).text()).toBe('began, HEADERS_SENT');
    expect(await isIn(planted)).toBe(401);
  });

  it('is refused in a job, which has no response', async () => {
    const session = (await app.app.get(SessionRegistry).open(idIn(jar))) as unknown as AnySession;
    await expect(asAnn(session)).rejects.toMatchObject({ code: 'NO_RESPONSE' });
    expect(await isIn(planted)).toBe(401);
  });
});
