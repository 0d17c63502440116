import { type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import passport from 'passport';

/** passport's own two middlewares; they need `req.session` to be there. */
export const passportMiddlewares = () => [passport.initialize(), passport.session()] as const;

/** One of the two ways to mount them: by a module. main.ts has the other. */
@Module({})
export class PassportSessionModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(...passportMiddlewares()).forRoutes('{*path}');
  }
}
