import { Controller, Get, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { afterEach, expect, it } from '@jest/globals';
import type { Request } from 'express';
import { OpenSession } from 'nestjs-keycard';
import passport from 'passport';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { scripted } from '../../support/scripted.js';

/** As OAuth 2.0's strategies: keeps its state in `req.session`, and knows no Nest. */
class StateStrategy extends passport.Strategy {
  override readonly name = 'state';
  override authenticate(req: Request): void {
    (req as Request & { session: { state?: string } }).session.state = 'kept';
    this.success({ id: '7' });
  }
}

@Controller('oauth')
class OAuthController {
  @Get('bare')
  @UseGuards(AuthGuard('state'))
  bare() {
    return 'in';
  }
  @Get('opened')
  @UseGuards(OpenSession, AuthGuard('state'))
  opened() {
    return 'in';
  }
}

let app: TestApp;
afterEach(() => app.close());

it("OpenSession opens a lazy session for passport's AuthGuard, and what the strategy keeps is saved (#16.1)", async () => {
  passport.use(new StateStrategy());
  const state = scripted({ state: (session) => String(session.state) });
  app = await startApp([OAuthController, state], { load: 'lazy' });
  const jar = new Jar();
  expect((await jar.fetch(`${app.url}/oauth/bare`)).status).toBe(500);
  expect(await (await jar.fetch(`${app.url}/oauth/opened`)).text()).toBe('in');
  expect(await (await jar.fetch(`${app.url}/s/state`)).text()).toBe('kept');
});
