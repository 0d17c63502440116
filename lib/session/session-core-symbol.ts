/** From a session to its core, in either build of this package. */
export const CORE: unique symbol = Symbol.for('nestjs-keycard.core');
