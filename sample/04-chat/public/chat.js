import { io } from '/socket.io/socket.io.esm.min.js';
import { byData, element, time } from './page.js';

/** Opens the socket. `closed` is called when the server closes it for good, `doubt` when it can't be opened again. */
export function openChat({ closed, doubt }) {
  const lines = byData('lines');
  const state = byData('socket');
  const socket = io({ transports: ['websocket'] });

  socket.on('connect', () => (state.textContent = 'open'));
  // After `io server disconnect` the client doesn't connect again by itself; after a lost network it does.
  socket.on('disconnect', (reason) => {
    state.textContent = reason;
    if (reason === 'io server disconnect') closed('Socket', reason);
  });
  socket.on('connect_error', () => {
    state.textContent = 'connecting …';
    void doubt();
  });
  socket.on('lines', (all) => {
    lines.replaceChildren(...all.map(lineOf));
    toEnd();
  });
  socket.on('line', (line) => {
    lines.append(lineOf(line));
    toEnd();
  });

  const say = byData('say');
  const onSay = (event) => {
    event.preventDefault();
    socket.emit('say', say.text.value, ({ said }) => {
      byData('said').textContent = `Said in this session: ${said}`;
    });
    say.reset();
  };
  say.addEventListener('submit', onSay);

  function toEnd() {
    lines.scrollTop = lines.scrollHeight;
  }

  return {
    close() {
      socket.close();
      say.removeEventListener('submit', onSay);
      lines.replaceChildren();
      byData('said').textContent = '';
    },
  };
}

function lineOf({ name, text, at }) {
  const line = document.createElement('li');
  const head = element('span', '', 'who');
  head.append(element('strong', name), element('time', time(at)));
  line.append(head, element('p', text));
  return line;
}
