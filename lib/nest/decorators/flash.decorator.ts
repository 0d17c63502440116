import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { FlashMessages } from '../current/flash-messages.js';
import { getSession } from '../current/get-session.js';
import { forgetType } from './session.decorator.js';

const parameter = createParamDecorator(
  (_: unknown, context: ExecutionContext) => new FlashMessages(() => getSession(context)),
);

/**
 * A parameter with the session's flash messages: `@Flash() flash: FlashMessages`. The session is read when they are
 * used.
 *
 * @example
 * ```ts
 * @Post() async save(@Flash() flash: FlashMessages) { await flash.add('notice', 'Saved.'); }
 * ```
 */
export const Flash = (): ParameterDecorator => (target, property, index) => {
  forgetType(target, property, index);
  parameter()(target, property, index);
};
