import { Body, Controller, Get, ParseIntPipe, Post, UseGuards } from '@nestjs/common';
import { RequireSession, Session, type SessionData, SessionGuard, type SessionModuleOptions } from 'nestjs-keycard';

declare module 'nestjs-keycard' {
  interface SessionData {
    user: { id: number; name: string };
    views: number;
    cart: string[];
  }
}

/** What an app that declared its data writes. It runs under swc, and its types are checked by tsc. */
@Controller()
export class AppController {
  @Post('login')
  async login(@Session() session: Session, @Body() body: { name: string }) {
    await session.login('7', { user: { id: 7, name: body.name }, cart: [] });
    // @ts-expect-error a typo in a key
    await Promise.resolve(session.usr);
    return session.user?.name;
  }

  @Get('dashboard')
  @UseGuards(SessionGuard)
  dashboard(@Session('user') user: SessionData['user']) {
    const text: string = user.name;
    // @ts-expect-error a typo in a property
    void user.nmae;
    return `Welcome ${text}`;
  }

  @Get('views')
  async views(@Session() session: Session) {
    // A key may be absent: a session begins empty.
    const before: number | undefined = session.views;
    // @ts-expect-error it may be undefined
    const wrong: number = session.views;
    await session.update((draft) => {
      draft.views = (draft.views ?? 0) + 1;
      // @ts-expect-error not a number
      const text: string = draft.views;
      void text;
    });
    session.cart?.push('book');
    // @ts-expect-error texts only
    session.cart?.push(7);
    delete session.cart;
    void wrong;
    return String(before ?? 0);
  }

  @Get('piped')
  piped(@Session('views', ParseIntPipe) views: number) {
    return String(views + 1);
  }

  @Get('required')
  @RequireSession((session) => session.user?.name === 'Ann', { redirectTo: '/login' })
  required() {
    return 'inside';
  }
}

// @ts-expect-error a typo in the key of a decorator
void Session('usr');
// @ts-expect-error the id is read-only
void ((session: Session) => (session.id = 'x'));
// @ts-expect-error what is known of a session is read-only
void ((session: Session) => (session.info.principal = 'x'));
// @ts-expect-error a login takes only declared data
void ((session: Session) => session.login('7', { usr: 1 }));
// @ts-expect-error secret is required
void ({} satisfies SessionModuleOptions);
// @ts-expect-error a typo in an option
void ({ secret: 'x', storre: undefined } satisfies SessionModuleOptions);
// @ts-expect-error no duration
void ({ secret: 'x', idleTimeout: true } satisfies SessionModuleOptions);
// #13.22: text of the environment is checked when the app starts
void ({ secret: 'x', idleTimeout: process.env.SESSION_IDLE } satisfies SessionModuleOptions);
void ({
  secret: 'x',
  idleTimeout: '15m',
  cookie: { maxAge: '1d', sameSite: 'lax', secure: 'auto' },
} satisfies SessionModuleOptions);
