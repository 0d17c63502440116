import { Body, Controller, Get, Post, UseGuards } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { MemoryStore, Session, type SessionData, SessionGuard, SessionId } from 'nestjs-keycard';
import { Jar, post, startApp, type TestApp } from '../support/app.js';

@Controller()
class TutorialController {
  @Post('login')
  async login(@Session() session: Session, @Body() body: { name: string }) {
    await session.login('7', { user: { id: 7, name: body.name } } as never);
    return { ok: true };
  }

  @Get('dashboard')
  @UseGuards(SessionGuard)
  dashboard(@Session('user' as never) user: SessionData['user' & keyof SessionData]) {
    return `Welcome ${(user as { name: string }).name}`;
  }

  @Post('logout')
  async logout(@Session() session: Session) {
    await session.destroy();
    return { ok: true };
  }

  @Get('views')
  views(@Session() session: Session) {
    const kept = session as unknown as { views?: number };
    kept.views = (kept.views ?? 0) + 1;
    return kept.views === 1 ? 'Welcome to this page for the first time!' : `You've visited this page ${kept.views} times`;
  }

  @Get('id')
  id(@SessionId() id: string) {
    return { known: typeof id };
  }
}

describe('the tutorials that users of express-session come from', () => {
  let server: TestApp;
  afterEach(() => server.close());

  it('logs in, shows the dashboard, logs out, and is a stranger again', async () => {
    server = await startApp([TutorialController]);
    const jar = new Jar();
    expect((await jar.fetch(`${server.url}/dashboard`)).status).toBe(401);
    expect(jar.last).toEqual([]);
    const login = await jar.fetch(`${server.url}/login`, post({ name: 'John Doe' }));
    expect(login.status).toBe(201);
    expect(jar.last).toEqual([expect.stringMatching(/^sid=s%3A[\w-]{32}\.[^;]+; Path=\/; HttpOnly; SameSite=Lax$/)]);
    const old = jar.header;
    expect(await (await jar.fetch(`${server.url}/dashboard`)).text()).toBe('Welcome John Doe');
    const logout = await jar.fetch(`${server.url}/logout`, post());
    expect(logout.status).toBe(201);
    expect(jar.last).toEqual(['sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax']);
    expect((await fetch(`${server.url}/dashboard`, { headers: { cookie: old } })).status).toBe(401);
  });

  it('counts views with a cookie of one day', async () => {
    const store = new MemoryStore();
    server = await startApp([TutorialController], { store, cookie: { maxAge: '1d' } });
    const jar = new Jar();
    expect(await (await jar.fetch(`${server.url}/views`)).text()).toBe('Welcome to this page for the first time!');
    expect(jar.last[0]).toMatch(/Expires=/);
    expect(await (await jar.fetch(`${server.url}/views`)).text()).toBe("You've visited this page 2 times");
    expect(await (await jar.fetch(`${server.url}/views`)).text()).toBe("You've visited this page 3 times");
    expect(await store.count!()).toBe(1);
  });
});
