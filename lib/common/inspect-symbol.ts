/** A method of this name says what `console.log` and `util.inspect` show of an object. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom');
