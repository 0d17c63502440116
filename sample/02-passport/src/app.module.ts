import { type DynamicModule, Module } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { SessionModule } from 'nestjs-keycard';
import { AuthModule } from './auth/auth.module.js';
import { PassportSessionModule } from './auth/passport-session.module.js';
import { RequestsController } from './requests/requests.controller.js';

@Module({})
export class AppModule {
  /** @param passportIn whether passport's middlewares are mounted by a module, or by main.ts. */
  static register(passportIn: 'module' | 'main'): DynamicModule {
    return {
      module: AppModule,
      imports: [
        SessionModule.forRoot({
          // A real app keeps its secret: with this one nobody is logged in any more after a restart.
          secret: process.env.SESSION_SECRET ?? randomBytes(32),
          cookie: { maxAge: '1d' },
        }),
        ...(passportIn === 'module' ? [PassportSessionModule] : []),
        AuthModule,
      ],
      controllers: [RequestsController],
    };
  }
}
