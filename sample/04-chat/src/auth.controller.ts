import { Body, Controller, Get, HttpCode, Post, UnauthorizedException } from '@nestjs/common';
import { Principal, RequireSession, Session, SessionRegistry } from 'nestjs-keycard';
import type { ChatSession } from './chat-session.js';
import { UsersService } from './users/users.service.js';

@Controller()
export class AuthController {
  constructor(
    private readonly users: UsersService,
    private readonly registry: SessionRegistry,
  ) {}

  @Get('me')
  me(@Session() session: ChatSession) {
    return { name: session.user?.name ?? null };
  }

  @Post('login')
  @HttpCode(200)
  async login(@Session() session: ChatSession, @Body() body: { name?: unknown; password?: unknown } | undefined) {
    const user = await this.users.verify(String(body?.name ?? ''), String(body?.password ?? ''));
    if (user === undefined) throw new UnauthorizedException('Name and password do not go together.');
    await session.login(user.id, { user: { name: user.name } });
    return { name: user.name };
  }

  @Post('logout')
  @HttpCode(204)
  async logout(@Session() session: ChatSession) {
    await session.logout();
  }

  @Post('logout-everywhere')
  @HttpCode(204)
  @RequireSession()
  async logoutEverywhere(@Principal() principal: string) {
    await this.registry.revokeAll(principal);
  }
}
