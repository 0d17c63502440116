import { byData, element, press, time } from './page.js';

/** Follows where this person is logged in. `closed` is called when the server says that this session has ended. */
export function followDevices({ closed, doubt }) {
  const state = byData('stream');
  const stream = new EventSource('/devices');
  stream.addEventListener('open', () => (state.textContent = 'open'));
  stream.addEventListener('error', () => {
    state.textContent = 'connecting …';
    void doubt();
  });
  stream.addEventListener('devices', ({ data }) =>
    byData('devices').replaceChildren(...JSON.parse(data).map(deviceOf)),
  );
  stream.addEventListener('ended', () => {
    // It would connect again.
    stream.close();
    closed('Event stream', 'ended');
  });
  return {
    close() {
      stream.close();
      byData('devices').replaceChildren();
    },
  };
}

function deviceOf({ handle, name, since, isThis }) {
  const row = document.createElement('li');
  const label = element('span', name);
  label.append(element('time', `since ${time(since)}`));
  row.append(label);
  if (isThis) {
    row.append(element('span', 'This one', 'badge'));
    return row;
  }
  const button = element('button', 'Log out', 'quiet');
  button.type = 'button';
  button.setAttribute('aria-label', `Log out ${name}`);
  button.addEventListener('click', () => void press(`/devices/${handle}/logout`));
  row.append(button);
  return row;
}
