import { Body, Controller, HttpCode, Post, UnauthorizedException } from '@nestjs/common';
import { Session } from 'nestjs-keycard';
import { UsersService } from './users/users.service.js';

@Controller()
export class AuthController {
  constructor(private readonly users: UsersService) {}

  /** A new id for the session; what the guest had written stays. */
  @Post('login')
  @HttpCode(200)
  async login(@Session() session: Session, @Body() body: { username?: unknown; password?: unknown } | undefined) {
    const user = await this.users.verify(String(body?.username ?? ''), String(body?.password ?? ''));
    if (user === undefined) throw new UnauthorizedException('The name or the password is wrong.');
    await session.login(user.id, { user: { name: user.name } });
    return { name: user.name };
  }

  @Post('logout')
  @HttpCode(204)
  async logout(@Session() session: Session) {
    await session.logout();
  }
}
