/** A method of this name returns what `console.log` and `util.inspect` show. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom');
