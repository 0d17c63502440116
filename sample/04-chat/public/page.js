/** The element that is marked so. */
export const byData = (name) => document.querySelector(`[data-${name}]`);

/** An element with a text. */
export function element(tag, text, className = '') {
  return Object.assign(document.createElement(tag), { textContent: text, className });
}

const CLOCK = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };

export const time = (at) => new Date(at).toLocaleTimeString([], CLOCK);

/** A row that says when something was closed, and how. */
export function logRow(what, how) {
  const row = document.createElement('div');
  const now = new Date().toLocaleTimeString([], { ...CLOCK, second: '2-digit' });
  row.append(element('dt', what), element('dd', `${how}, ${now}`));
  return row;
}

/** Never rejects: a server that is away answers 503. */
export function post(path, body) {
  const json = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return fetch(path, { method: 'POST', ...json }).catch(() => new Response(null, { status: 503 }));
}

/** Posts what a button asks for, and shows an error if that fails. Gives whether it succeeded. */
export async function press(path) {
  const failed = byData('failed');
  failed.textContent = '';
  const { ok } = await post(path);
  if (!ok) failed.textContent = 'That did not work. Please try again.';
  return ok;
}
