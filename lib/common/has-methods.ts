/** Whether a value has all these methods. Checked instead of a class, of which several copies may be loaded. */
export const hasMethods = (value: unknown, ...names: readonly string[]): boolean =>
  value !== undefined &&
  value !== null &&
  names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
