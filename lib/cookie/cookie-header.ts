/** The longest percent-encoded cookie value that could be one of ours. */
const LONGEST_VALUE = 1_024;

/** The decoded value of the first cookie of that name in a Cookie header. */
export function readCookie(header: string, name: string): string | undefined {
  const [found] = findCookies(header, name, 1);
  return found === undefined ? undefined : decodeCookie(found);
}

/**
 * The values of the cookies of that name in a Cookie header, as they were sent. RFC 6265bis 5.8.3 leaves their order to
 * the client. Values longer than any of ours are left out.
 *
 * @param most how many values to return at most.
 */
export function findCookies(header: string | undefined, name: string, most: number): string[] {
  const found: string[] = [];
  let at = header?.indexOf(name) ?? -1;
  let seen = 0;
  while (at !== -1 && seen < most) {
    const from = at + name.length;
    let equals = from;
    while (isBlank(header!.charCodeAt(equals))) equals += 1;
    if (startsPair(header!, at) && header!.charCodeAt(equals) === 0x3d) {
      seen += 1;
      const semicolon = header!.indexOf(';', equals);
      const value = unquoted(header!.slice(equals + 1, semicolon === -1 ? undefined : semicolon).trim());
      if (value !== undefined) found.push(value);
    }
    at = header!.indexOf(name, from);
  }
  return found;
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

/** Decodes percent-encoding. */
export function decodeCookie(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    // For a malformed escape, the value as it is: no signature matches it.
    return value;
  }
}
