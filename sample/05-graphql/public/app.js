/** Queries and mutations go over HTTP, with the cookie; what is said comes over a WebSocket, by the protocol of graphql-ws. */
const LOGGED_OUT = 4401;
const $ = (id) => document.getElementById(id);
let socket;
/** Mutations over the connection that have no answer yet, by their ids. */
const operations = new Map();
/** A message waits for it, so that it is said in the room that the page shows. */
let entered = Promise.resolve();

function send(message) {
  if (socket.readyState !== WebSocket.OPEN) throw new Error('There is no connection. Please try again.');
  socket.send(JSON.stringify(message));
}

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

function listen(me) {
  socket = new WebSocket(`${location.origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  socket.onopen = () => send({ type: 'connection_init' });
  socket.onmessage = ({ data }) => {
    const { id, type, payload } = JSON.parse(data);
    const operation = operations.get(id);
    const error = type === 'error' ? payload[0] : payload?.errors?.[0];
    if (error) (operation?.reject ?? fail)(error);
    else if (type === 'connection_ack') {
      send({ id: 'messages', type: 'subscribe', payload: { query: 'subscription { messages { by text } }' } });
      show(true);
      say(`You are ${me}.`);
    } else if (type === 'ping') send({ type: 'pong' });
    else if (type === 'next' && payload.data.messages) add(payload.data.messages);
    else if (type === 'complete') operation?.resolve();
  };
  socket.onclose = ({ code }) => {
    for (const { reject } of operations.values()) reject(new Error('The connection was lost.'));
    operations.clear();
    if (code === LOGGED_OUT) leave('This device was logged out.');
    else setTimeout(begin, 1_000);
  };
}

/** A mutation over the connection, so that its subscription sees the change at once, and not after `revalidate`. */
function operate(query, variables) {
  return new Promise((resolve, reject) => {
    const id = crypto.randomUUID();
    send({ id, type: 'subscribe', payload: { query, variables } });
    operations.set(id, { resolve, reject });
  });
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
  const { room } = await ask('{ room }');
  for (const choice of $('rooms').elements) choice.checked = choice.value === room;
  entered = Promise.resolve();
  listen(me);
}

const fail = (error) => say(error.message);

/** Tries until the server answers. */
const begin = () =>
  start().catch((error) => {
    fail(error);
    setTimeout(begin, 1_000);
  });

/** Does what a form or a button asks for, and says what went wrong. */
const on = (id, event, fn) =>
  $(id).addEventListener(event, (happened) => {
    happened.preventDefault();
    fn(happened).catch(fail);
  });

on('login', 'submit', async ({ target }) => {
  const query = 'mutation ($name: String!, $password: String!) { login(name: $name, password: $password) }';
  await ask(query, Object.fromEntries(new FormData(target)));
  target.reset();
  await start();
});
on('say', 'submit', async ({ target }) => {
  await entered;
  await ask('mutation ($text: String!) { say(text: $text) }', Object.fromEntries(new FormData(target)));
  target.reset();
});
on('rooms', 'change', ({ target }) => {
  entered = operate('mutation ($room: String!) { enter(room: $room) }', { room: target.value });
  $('messages').replaceChildren();
  return entered;
});
on('others', 'click', async () => {
  const { logOutOthers } = await ask('mutation { logOutOthers }');
  say(`Other devices that were logged out: ${logOutOthers}.`);
});
on('logout', 'click', async () => {
  await ask('mutation { logout }');
});

begin();
