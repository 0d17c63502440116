/** The property that leads from a session to its core, in both builds (CommonJS and ESM) of this package. */
export const CORE: unique symbol = Symbol.for('nestjs-keycard.core');
