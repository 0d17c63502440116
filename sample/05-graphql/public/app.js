/** Queries and mutations go over HTTP, with the cookie; what is said comes over a WebSocket, by the protocol of graphql-ws. */
const LOGGED_OUT = 4401;
const $ = (id) => document.getElementById(id);
let socket;
const send = (message) => socket.send(JSON.stringify(message));

async function ask(query, variables) {
  const answer = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors, message } = await answer.json();
  if (data == null) throw new Error(errors?.[0].message ?? message);
  return data;
}

function say(text) {
  $('status').textContent = text;
}

function show(isInside) {
  $('login').hidden = isInside;
  $('inside').hidden = !isInside;
}

function listen() {
  socket = new WebSocket(`${location.origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  socket.onopen = () => send({ type: 'connection_init' });
  socket.onmessage = ({ data }) => {
    const { type, payload } = JSON.parse(data);
    if (type === 'connection_ack')
      send({ id: 'messages', type: 'subscribe', payload: { query: 'subscription { messages { by text } }' } });
    else if (type === 'ping') send({ type: 'pong' });
    else if (type === 'next' && payload.data?.messages) add(payload.data.messages);
    else if (type === 'error') say(payload[0].message);
  };
  socket.onclose = ({ code }) => {
    if (code === LOGGED_OUT) leave('This device was logged out.');
    else if (!$('inside').hidden) setTimeout(begin, 1_000);
  };
}

function add({ by, text }) {
  const item = document.createElement('li');
  const name = document.createElement('b');
  name.textContent = by;
  item.append(name, ` ${text}`);
  $('messages').append(item);
}

function leave(text) {
  show(false);
  $('messages').replaceChildren();
  say(text);
}

async function start() {
  const { me } = await ask('{ me }');
  if (me === null)
    return leave('Log in, here and in another browser. The password of virginia is “lighthouse keeper”.');
  show(true);
  say(`You are ${me}.`);
  listen();
}

const begin = () => start().catch((error) => say(error.message));

/** Does what a form or a button asks for, and says what went wrong. */
const on = (id, event, fn) =>
  $(id).addEventListener(event, (happened) => {
    happened.preventDefault();
    fn(happened).catch((error) => say(error.message));
  });

on('login', 'submit', async ({ target }) => {
  const query = 'mutation ($name: String!, $password: String!) { login(name: $name, password: $password) }';
  await ask(query, Object.fromEntries(new FormData(target)));
  target.reset();
  await start();
});
on('say', 'submit', async ({ target }) => {
  await ask('mutation ($text: String!) { say(text: $text) }', Object.fromEntries(new FormData(target)));
  target.reset();
});
on('rooms', 'change', async ({ target }) => {
  // Over the connection, so that its subscription sees the change at once, and not after `revalidate`.
  const query = 'mutation ($room: String!) { enter(room: $room) }';
  send({ id: crypto.randomUUID(), type: 'subscribe', payload: { query, variables: { room: target.value } } });
  $('messages').replaceChildren();
});
on('others', 'click', async () => {
  const { logOutOthers } = await ask('mutation { logOutOthers }');
  say(`Other devices that were logged out: ${logOutOthers}.`);
});
on('logout', 'click', async () => {
  await ask('mutation { logout }');
});

begin();
