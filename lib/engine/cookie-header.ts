/** No signed value of ours, percent-encoded three letters for one, is longer. */
const LONGEST_VALUE = 1_024;

/** The value of `findCookie`, decoded; one that doesn't decode is given as it stands. */
export function readCookie(header: string, name: string): string | undefined {
  const found = findCookie(header, name);
  return found === undefined ? undefined : decodeCookie(found);
}

/**
 * The first cookie of that name in a Cookie header (RFC 6265bis 5.8.3 leaves the order of repeated names to the client; the
 * first one counts, as in express-session), as it was sent. `undefined`: none, or longer than any of ours.
 */
export function findCookie(header: string, name: string): string | undefined {
  let from = 0;
  for (;;) {
    const at = header.indexOf(name, from);
    if (at === -1) return undefined;
    from = at + name.length;
    if (!startsPair(header, at)) continue;
    let equals = from;
    while (isBlank(header.charCodeAt(equals))) equals += 1;
    if (header.charCodeAt(equals) !== 0x3d) continue;
    const semicolon = header.indexOf(';', equals);
    return unquoted(header.slice(equals + 1, semicolon === -1 ? undefined : semicolon).trim());
  }
}

function startsPair(header: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && isBlank(header.charCodeAt(before))) before -= 1;
  return before < 0 || header.charCodeAt(before) === 0x3b;
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

function unquoted(raw: string): string | undefined {
  const value = raw.length > 1 && raw.startsWith('"') && raw.endsWith('"') ? raw.slice(1, -1) : raw;
  return value.length > LONGEST_VALUE ? undefined : value;
}

/** What was percent-encoded, as text. */
export function decodeCookie(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    // A malformed escape: the text as it stands, which no signature fits.
    return value;
  }
}
