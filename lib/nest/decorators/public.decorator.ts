import { type CustomDecorator, SetMetadata } from '@nestjs/common';
import { PUBLIC } from '../guard/session-requirement.js';

/** Lets everybody in, where `SessionGuard` is global or on the controller. */
export const Public = (): CustomDecorator => SetMetadata(PUBLIC, true);
