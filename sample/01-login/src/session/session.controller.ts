import { Controller, HttpCode, Post, Redirect } from '@nestjs/common';
import { Session } from 'nestjs-keycard';

@Controller('session')
export class SessionController {
  /** "Stay logged in", by script. */
  @Post('extension')
  @HttpCode(200)
  extend(@Session() session: Session) {
    session.touch();
    return { expiresInMs: session.info.expiresAt.getTime() - Date.now() };
  }

  /** The same as a plain form. */
  @Post('extend')
  @Redirect('/dashboard?notice=extended', 303)
  extendByForm(@Session() session: Session) {
    session.touch();
  }
}
