import { Controller, Get, Post, Req } from '@nestjs/common';
import passport from 'passport';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { attributes, type LiveSession } from '../../support/express-app.js';

interface MemberRequest {
  readonly session: LiveSession;
  readonly query: { readonly keep?: string };
  login(user: object, options: { keepSessionInfo: boolean }, done: (error?: unknown) => void): void;
}

const MONTH = 30 * 86_400_000;

@Controller()
class Members {
  @Get('guest')
  guest(@Req() { session }: MemberRequest): string {
    session.cookie.maxAge = 1_000_000;
    session.cart = ['book'];
    return 'guest';
  }

  @Post('login')
  async login(@Req() req: MemberRequest): Promise<string> {
    req.session.cookie.maxAge = MONTH;
    await new Promise<void>((resolve, reject) =>
      req.login({ id: 7 }, { keepSessionInfo: req.query.keep === '1' }, (error) =>
        error ? reject(error as Error) : resolve(),
      ),
    );
    return 'member';
  }

  @Post('regenerate')
  async regenerate(@Req() req: MemberRequest): Promise<string> {
    await new Promise((resolve) => req.session.regenerate(resolve));
    req.session.n = 1;
    return 'new';
  }

  @Get('life')
  life(@Req() { session }: MemberRequest): string {
    return String(session.cookie.originalMaxAge);
  }
}

describe("with SessionModule, 'remember me' as passport's apps do it (#13.26)", () => {
  let app: TestApp;
  let jar: Jar;
  beforeEach(async () => {
    const authenticator = new passport.Passport();
    authenticator.serializeUser((user, done) => done(null, (user as { id: number }).id));
    authenticator.deserializeUser((id: number, done) => done(null, { id }));
    app = await startApp([Members], {}, { before: (nest) => nest.use(authenticator.session()) });
    jar = new Jar();
  });
  afterEach(() => app.close());
  const call = (path: string, method = 'GET') => jar.fetch(`${app.url}/${path}`, { method });
  const sent = () => Date.parse(attributes(jar.last[0]).Expires as string) - Date.now();

  it.each(['login?keep=1', 'login'])('cookie.maxAge that is set before %s goes with the new id', async (path) => {
    for (const before of ['nothing', 'guest']) {
      jar.cookies.clear();
      if (before === 'guest') await call(before);
      expect((await call(path, 'POST')).status).toBe(201);
      expect(Math.abs(sent() - MONTH)).toBeLessThan(5_000);
      expect(await (await call('life')).text()).toBe(String(MONTH));
    }
  });

  it('what an earlier request set stays with the session that regenerate() ends', async () => {
    await call('guest');
    await call('regenerate', 'POST');
    expect(attributes(jar.last[0]).Expires).toBeUndefined();
    expect(await (await call('life')).text()).toBe('null');
  });
});
