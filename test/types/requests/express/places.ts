import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Controller,
  createParamDecorator,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Injectable,
  type NestInterceptor,
  type NestMiddleware,
  Req,
} from '@nestjs/common';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import 'nestjs-keycard';
import 'nestjs-keycard/express-request';

declare module 'nestjs-keycard' {
  interface SessionData {
    user: { id: number; name: string };
    cart: string[];
  }
}

/** Every kind of place that reads `req.session` compiles, typed. */
@Injectable()
export class Middleware implements NestMiddleware {
  use(req: Request, _res: Response, next: NextFunction) {
    req.session.cart = ['apple'];
    next();
  }
}

export const handler: RequestHandler = (req, _res, next) => {
  const name: string | undefined = req.session.user?.name;
  void name;
  next();
};

export class Guard implements CanActivate {
  canActivate(context: ExecutionContext) {
    return context.switchToHttp().getRequest<Request>().session.user !== undefined;
  }
}

export class Interceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    context.switchToHttp().getRequest<Request>().session.cart?.push('pear');
    return next.handle();
  }
}

export class Filter implements ExceptionFilter {
  async catch(_: unknown, host: ArgumentsHost) {
    await host.switchToHttp().getRequest<Request>().session.discard();
  }
}

export const User = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<Request>().session.user,
);

/** As passport's strategies, with `passReqToCallback`. */
export class Strategy {
  validate(req: Request, name: string) {
    const before: readonly string[] = req.session.cart ?? [];
    return { name, before, id: req.sessionID };
  }
}

@Controller()
export class PlaceController {
  @Get()
  async place(@Req() req: Request) {
    await req.session.login('7', { user: { id: 7, name: 'Ann' } });
    const principal: string | undefined = req.session.info.principal;
    req.session.save((error) => void error);
    // @ts-expect-error a typo in a key
    void req.session.usr;
    // @ts-expect-error texts only
    req.session.cart?.push(7);
    return principal;
  }
}
