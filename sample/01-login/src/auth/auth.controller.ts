import { Body, Controller, Get, Post, Query, Redirect, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Public, Session } from 'nestjs-keycard';
import { loginPage } from '../pages/login.page.js';
import { UsersService } from '../users/users.service.js';

@Controller()
export class AuthController {
  constructor(private readonly users: UsersService) {}

  /** Who comes for the first time is shown the way, and not told off. */
  @Public()
  @Get()
  @Redirect()
  home(@Session() session: Session) {
    return { url: session.info.principal === undefined ? '/login' : '/dashboard' };
  }

  @Public()
  @Get('login')
  form(@Session() session: Session, @Query('notice') notice: unknown, @Res() res: Response): void {
    if (session.info.principal === undefined) res.send(loginPage({ notice }));
    else res.redirect('/dashboard');
  }

  @Public()
  @Post('login')
  async login(@Session() session: Session, @Body() body: Record<string, unknown> | undefined, @Res() res: Response) {
    const { name, password } = { name: text(body?.name), password: text(body?.password) };
    const user = await this.users.verify(name, password);
    if (user === undefined) {
      res.status(401).send(loginPage({ name, error: 'That name and password do not go together. Please try again.' }));
      return;
    }
    await session.login(user.id, { user: { name: user.name, displayName: user.displayName } });
    // Now and not with the response: a store that is away is then this handler's error, and PageFilter shows a page.
    await session.save();
    res.redirect(303, '/dashboard');
  }

  @Post('logout')
  @Redirect('/login?notice=logged-out', 303)
  async logout(@Session() session: Session): Promise<void> {
    await session.logout();
  }
}

/** A form's field: one that was sent twice, or never, counts as empty. */
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
