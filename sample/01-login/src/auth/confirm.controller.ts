import { Body, Controller, Get, Post, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Session } from 'nestjs-keycard';
import { confirmPage } from '../pages/confirm.page.js';
import { UsersService } from '../users/users.service.js';

/** Where `@RequireRecentLogin()` sends those whose login was a while ago: see PageFilter. */
@Controller('confirm')
export class ConfirmController {
  constructor(private readonly users: UsersService) {}

  @Get()
  form(@Session() session: Session): string {
    return confirmPage(session, {});
  }

  @Post()
  async confirm(@Session() session: Session, @Body('password') password: unknown, @Res() res: Response): Promise<void> {
    // The session says who it is, and not the form.
    const user = await this.users.verify(session.user?.name ?? '', typeof password === 'string' ? password : '');
    if (user?.id !== session.info.principal) {
      res.status(401).send(confirmPage(session, { error: 'That is not your password. Please try again.' }));
      return;
    }
    await session.confirmLogin();
    await session.save();
    res.redirect(303, '/devices?notice=confirmed');
  }
}
