import { openChat } from './chat.js';
import { followDevices } from './devices.js';
import { byData, logRow, post, press } from './page.js';

/** What this page has open, while somebody is logged in. */
let open;

/** Shows the room, and opens a socket and an event stream. */
function enter(name) {
  byData('me').textContent = name;
  for (const part of ['me', 'logout', 'room']) byData(part).hidden = false;
  for (const part of ['login', 'ended']) byData(part).hidden = true;
  const told = { closed, doubt };
  const page = { log: [], isLeaving: false, chat: openChat(told), devices: followDevices(told) };
  open = page;
  byData('say').text.focus();

  /** The server has closed the socket or the stream: when it has both, the session is over. */
  function closed(what, how) {
    page.log.push(logRow(what, how));
    if (page.log.length === 2 && page === open) leave(page);
  }

  /** Connecting again fails: as the network or the server is away, or as the session ended meanwhile. */
  async function doubt() {
    if ((await whoAmI()) === null && page === open) leave(page);
  }
}

function leave({ isLeaving, log, chat, devices }) {
  open = undefined;
  chat.close();
  devices.close();
  for (const part of ['me', 'logout', 'room']) byData(part).hidden = true;
  askToLogIn();
  byData('failed').textContent = '';
  byData('ended-why').textContent = `${
    isLeaving ? 'You did that here.' : 'That happened on another device, or the session was too old.'
  }${log.length > 0 ? ' The server has closed what this page had open:' : ''}`;
  byData('ended-log').replaceChildren(...log);
  byData('ended').hidden = false;
  byData('ended').focus();
}

function askToLogIn() {
  byData('login').hidden = false;
  byData('login-error').textContent = '';
}

byData('login').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { name, password } = event.target.elements;
  const answer = await post('/login', { name: name.value, password: password.value });
  if (answer.ok) {
    event.target.reset();
    return enter((await answer.json()).name);
  }
  byData('login-error').textContent =
    answer.status === 401 ? 'Name and password do not go together.' : 'That did not work. Please try again.';
});

for (const button of document.querySelectorAll('.fill'))
  button.addEventListener('click', () => {
    const { name, password } = document.querySelector('.login form').elements;
    name.value = button.dataset.name;
    password.value = button.dataset.password;
    password.focus();
  });

for (const [part, path] of [
  ['logout', '/logout'],
  ['everywhere', '/logout-everywhere'],
])
  byData(part).addEventListener('click', async () => {
    const page = open;
    if (page === undefined) return;
    // The end may be told before the answer comes.
    page.isLeaving = true;
    page.isLeaving = await press(path);
  });

/** `null`: nobody; `undefined`: the server doesn't answer. */
async function whoAmI() {
  const answer = await fetch('/me').catch(() => undefined);
  return answer?.ok ? (await answer.json()).name : undefined;
}

const name = await whoAmI();
if (name) enter(name);
else askToLogIn();
