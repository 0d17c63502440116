import { type CustomDecorator, SetMetadata } from '@nestjs/common';

/** Metadata of `@SkipSession()`. */
export const SKIP_SESSION = 'nestjs-keycard:skip-session';

/** A controller or route without sessions: no store call, no cookie, and `req.session` is `undefined`. */
export const SkipSession = (): CustomDecorator => SetMetadata(SKIP_SESSION, true);
