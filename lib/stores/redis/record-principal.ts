const FACTS = '"__keycard":';

/**
 * Whose a record is, as its own text says: a principal; `null` where the facts name none; `undefined` where the text shows
 * no facts. Only the facts' few bytes are parsed where they come last, as we write them; a peer may have put data after them.
 */
export function principalIn(text: string): string | null | undefined {
  const at = text.lastIndexOf(FACTS);
  if (at === -1) return undefined;
  const facts = parse(text.slice(at + FACTS.length, -1)) ?? parse(text)?.['__keycard'];
  if (typeof facts !== 'object' || facts === null) return undefined;
  const { p } = facts as { p?: unknown };
  return typeof p === 'string' ? p : null;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // Not JSON: the engine, which reads records, reports it.
  }
}
