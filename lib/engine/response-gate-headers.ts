import type { ServerResponse } from 'node:http';
import type { GatedResponse } from './response-gate-internals.js';

/**
 * Adds a Set-Cookie header after the app's own, whatever form of headers the app gave to `writeHead`.
 * `res.getHeader('set-cookie')` shows it too.
 *
 * @returns false when the headers have left already: the browser will not see this cookie.
 * @throws TypeError (`ERR_INVALID_CHAR`) when the value holds a line break or another forbidden character.
 */
export function addSetCookie(res: ServerResponse, value: string): boolean {
  const response = res as unknown as GatedResponse;
  if (response._headerSent) return false;
  const present = res.getHeader('Set-Cookie');
  // A list of its own: the present one may be the app's, and shared by many responses.
  const list = present === undefined ? value : [...(Array.isArray(present) ? present : [String(present)]), value];
  setListed(response, 'Set-Cookie', list);
  appendLine(response, 'Set-Cookie', value);
  return true;
}

/**
 * Sets a header that the app hasn't set in any form.
 *
 * @returns false when the app has set it, or when the headers have left already.
 * @throws TypeError (`ERR_INVALID_HTTP_TOKEN`, `ERR_INVALID_CHAR`) on a malformed name or value.
 */
export function addHeader(res: ServerResponse, name: string, value: string): boolean {
  const response = res as unknown as GatedResponse;
  if (response._headerSent) return false;
  if (response._header === null ? res.hasHeader(name) : hasLine(response._header, name)) return false;
  setListed(response, name, value);
  appendLine(response, name, value);
  return true;
}

function hasLine(header: string, name: string): boolean {
  return header.toLowerCase().includes(`\r\n${name.toLowerCase()}:`);
}

/** Once Node has rendered the headers, their text is what is sent. */
function appendLine(response: GatedResponse, name: string, value: string): void {
  if (response._header !== null) response._header = `${response._header.slice(0, -2)}${name}: ${value}\r\n\r\n`;
}

/** Keeps what `getHeader` tells true to the text; `setHeader`, which also validates, refuses once there is a text. */
export function setListed(response: GatedResponse, name: string, value: string | string[] | undefined): void {
  const header = response._header;
  response._header = null;
  try {
    if (value === undefined) response.removeHeader(name);
    else response.setHeader(name, value);
  } finally {
    response._header = header;
  }
}
