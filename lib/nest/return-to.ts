import type { IncomingMessage } from 'node:http';

/** The key that passport's connect-ensure-login uses. */
const KEY = 'returnTo';
const LONGEST = 2_048;
/** Visible ASCII, as in the URL of each request, without the backslash: browsers treat it as a slash. */
const VISIBLE = /^[\x21-\x5b\x5d-\x7e]+$/;
/** A path with more levels of percent-encoding than this is refused. */
const MOST_ROUNDS = 4;

/**
 * Returns the path that `@RequireSession({ redirectTo, returnTo: true })` kept, and removes it from the session. A path
 * that could lead to another origin (`//evil.example`, `https://evil.example`, `/%5Cevil.example`) or has more than
 * 2,048 characters is never returned.
 *
 * @param fallback returned if there is no path. It isn't checked: for a path that comes with the request (`?next=`), set
 * `session.returnTo` to it before.
 * @defaultValue `fallback` is `'/'`
 * @example
 * ```ts
 * await session.login(user.id);
 * return { url: takeReturnTo(session, '/account') }; // with @Redirect()
 * ```
 */
export function takeReturnTo(session: object, fallback = '/'): string {
  const data = session as Record<string, unknown>;
  const kept = data[KEY];
  if (kept === undefined) return fallback;
  delete data[KEY];
  return isOwnPath(kept) ? kept : fallback;
}

/** Keeps the requested path in the session, if a browser asked for a page. */
export function keepReturnTo(session: object, request: IncomingMessage & { originalUrl?: string }): void {
  const path = request.originalUrl ?? request.url;
  if (asksForPage(request) && isOwnPath(path)) (session as Record<string, unknown>)[KEY] = path;
}

function asksForPage({ method, headers }: IncomingMessage): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const mode = headers['sec-fetch-mode'];
  return (headers.accept ?? '').toLowerCase().includes('text/html') && (mode === undefined || mode === 'navigate');
}

/** Whether a text is a path that stays on this origin, also if a proxy or browser decodes or normalizes it. */
function isOwnPath(text: unknown): text is string {
  if (typeof text !== 'string' || text.length > LONGEST || !text.startsWith('/') || !VISIBLE.test(text)) return false;
  let path = text.split(/[?#]/, 1)[0]!;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    // eslint-disable-next-line no-control-regex
    if (/\/\/|[\\\x00-\x1f\x7f]|\/\.{1,2}(?:\/|$)/.test(path)) return false;
    let decoded: string;
    try {
      decoded = decodeURIComponent(path);
    } catch {
      return false;
    }
    if (decoded === path) return true;
    path = decoded;
  }
  return false;
}
