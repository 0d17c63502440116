import { type CustomDecorator, SetMetadata } from '@nestjs/common';
import { PUBLIC } from '../guard/session-requirement.js';

/** Opens a route to everybody, if `SessionGuard` is global or on the controller. */
export const Public = (): CustomDecorator => SetMetadata(PUBLIC, true);
