// What a new user writes with the docs alone: docs/decorators-and-guard.md, flash-messages.md, remember-me.md. Runs in both starters.
import {
  Body,
  type CallHandler,
  type CanActivate,
  Controller,
  Delete,
  type ExecutionContext,
  Get,
  Injectable,
  Module,
  type NestInterceptor,
  Param,
  Post,
  Redirect,
  Req,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import type { Request } from 'express';
import {
  CurrentSession,
  Flash,
  FlashMessages,
  getSession,
  Principal,
  RequireSession,
  Session,
  SessionGuard,
  SessionModule,
  SessionRegistry,
  takeReturnTo,
} from 'nestjs-keycard';

declare module 'nestjs-keycard' {
  interface SessionData {
    member: { name: string; role: 'admin' | 'guest' };
    pages: string[];
  }
}

@Injectable()
export class AdminGuard implements CanActivate {
  async canActivate(context: ExecutionContext) {
    const session = await getSession(context);
    return session.member?.role === 'admin';
  }
}

@Injectable()
export class HistoryInterceptor implements NestInterceptor {
  async intercept(context: ExecutionContext, next: CallHandler) {
    const session = await getSession(context);
    session.pages = [...(session.pages ?? []), context.getHandler().name];
    return next.handle();
  }
}

@Injectable()
export class GreetingService {
  constructor(private readonly current: CurrentSession) {}

  async greeting() {
    const session = await this.current.get();
    return `Hello ${session.member?.name ?? 'stranger'}`;
  }
}

@Controller('tour')
@UseInterceptors(HistoryInterceptor)
export class TourController {
  constructor(
    private readonly greetings: GreetingService,
    private readonly registry: SessionRegistry,
  ) {}

  @Post('login')
  @Redirect()
  async login(
    @Body() body: { id: string; name: string; role: 'admin' | 'guest'; remember?: boolean },
    @Session() session: Session,
    @Flash() flash: FlashMessages,
  ) {
    const url = takeReturnTo(session, '/tour');
    const { name, role } = body;
    await session.login(body.id, { member: { name, role } }, body.remember ? { remember: '30d' } : {});
    await flash.add('notice', `Welcome, ${name}.`);
    return { url, statusCode: 303 };
  }

  @Get()
  async home(@Flash() flash: FlashMessages) {
    return { greeting: await this.greetings.greeting(), notices: await flash.take('notice') };
  }

  @Get('account')
  @RequireSession({ redirectTo: '/tour/sign-in', returnTo: true })
  account(@Principal() id: string, @Session('member') member: Session['member']) {
    return { id, name: member?.name };
  }

  @Get('admin')
  @UseGuards(AdminGuard)
  admin() {
    return 'for admins';
  }

  @Get('history')
  history(@Req() req: Request) {
    const pages: string[] = req.session.pages ?? [];
    return pages;
  }

  @Get('devices')
  @UseGuards(SessionGuard)
  async devices(@Principal() principal: string, @Session() session: Session) {
    const { sessions } = await this.registry.list({ principal });
    return sessions.map(({ handle }) => ({ handle, here: handle === session.info.handle }));
  }

  @Delete('devices/:handle')
  @UseGuards(SessionGuard)
  async end(@Param('handle') handle: string, @Principal() principal: string) {
    return { ended: await this.registry.revoke(handle, { principal }) };
  }

  @Post('logout')
  async logout(@Session() session: Session) {
    await session.logout();
  }
}

@Module({
  imports: [SessionModule.forRoot({ secret: 'a secret of the tour that is long enough' })],
  controllers: [TourController],
  providers: [GreetingService],
})
export class TourModule {}
