/** A JSON text as a value; `undefined` if it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Callers treat what is no JSON, such as an encrypted record, as missing.
    return undefined;
  }
}
