import { type ExecutionContext, Injectable } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';

/** Checks name and password, and logs in: passport asks the session for a new id (`regenerate`), then saves it. */
@Injectable()
export class LoginGuard extends AuthGuard('local') {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const isRight = (await super.canActivate(context)) as boolean;
    await super.logIn(context.switchToHttp().getRequest());
    return isRight;
  }
}
