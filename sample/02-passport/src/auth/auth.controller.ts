import { Controller, Get, HttpCode, Post, Req, UseGuards } from '@nestjs/common';
import type { Request } from 'express';
import { Session, SessionGuard } from 'nestjs-keycard';
import type { GuestData } from '../sessions/guest-data.js';
import type { User } from '../users/users.data.js';
import { LoginGuard } from './login.guard.js';

@Controller()
export class AuthController {
  @Post('login')
  @HttpCode(200)
  @UseGuards(LoginGuard)
  login(@Req() req: Request) {
    return { name: (req.user as User).name };
  }

  /** `req.user` is what passport made of the session; the guard is ours, and asks the session itself. */
  @Get('profile')
  @UseGuards(SessionGuard)
  profile(@Req() req: Request, @Session() session: Session<GuestData>) {
    return { name: (req.user as User).name, principal: session.info.principal, requests: session.requests ?? [] };
  }

  /**
   * passport saves, then asks for a new id. A promise, so that its error is this handler's. `ENDED`: another window was faster, and nobody is
   * logged in any more.
   */
  @Post('logout')
  @HttpCode(204)
  async logout(@Req() req: Request): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      req.logout((error?: { code?: string }) => (error && error.code !== 'ENDED' ? reject(error as Error) : resolve()));
    });
  }
}
