import { localiseTimes } from './times.js';

/** Follows what happens to this guest's sessions: a page whose session was ended elsewhere leaves, a list of devices is shown anew. */
export function followSessions() {
  const changes = new EventSource('/session/changes');
  changes.addEventListener('message', ({ data }) => {
    if (JSON.parse(data).ended) location.replace('/login?notice=session-ended');
    else if (location.pathname === '/devices') void showDevices();
  });
  // A page that is about to go, as its own form was sent, is told by the next one.
  addEventListener('submit', (event) => event.defaultPrevented || changes.close());
  addEventListener('pagehide', () => changes.close());
}

async function showDevices() {
  const response = await fetch('/devices', { headers: { accept: 'text/html' } }).catch(() => undefined);
  if (!response?.ok || response.redirected) return;
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  const devices = page.querySelector('[data-devices]');
  if (devices === null) return;
  document.querySelector('[data-devices]').replaceWith(devices);
  localiseTimes();
}
