import { Controller, Get, Post, Req, UseGuards } from '@nestjs/common';
import type { Request } from 'express';
import { LoginGuard } from '../../sample/02-passport/src/auth/login.guard.js';

/** Who is logged in, as passport tells it. */
@Controller()
export class WhoController {
  @Post('login')
  @UseGuards(LoginGuard)
  login() {
    return 'welcome';
  }

  @Get('who')
  who(@Req() req: Request) {
    return { user: (req.user as { name: string } | undefined)?.name ?? null };
  }
}
