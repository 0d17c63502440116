import { ask } from './ask.js';

/** Until then nobody is told: a clock at each page's foot is for nobody. */
const SHOWN_MS = 5 * 60_000;
const LAST_CALL_MS = 60_000;
const SPOKEN_S = [60, 30, 10];

/** Tells this browser's other tabs that the session has ended: they ask the server, and are told where to log in. */
export function tellThatItEnded() {
  new BroadcastChannel('session').postMessage({ ended: true });
}

/** Shows what is left of the session. All tabs of one browser share it, so what one extends is extended in all. */
export function countDown(bar) {
  const timer = bar.querySelector('[data-countdown]');
  const text = bar.querySelector('[data-countdown-text]');
  const alert = bar.querySelector('[data-countdown-alert]');
  const tabs = new BroadcastChannel('session');
  const wholeMs = Number(bar.dataset.expiresIn);
  const lastCallMs = Math.min(LAST_CALL_MS, wholeMs / 2);
  let end;
  let spoken = Number.POSITIVE_INFINITY;

  // By the browser's own clock, from how long is left: its date may be wrong.
  const extendBy = (ms) => {
    end = performance.now() + ms;
    spoken = Number.POSITIVE_INFINITY;
    show();
  };
  const show = () => {
    const leftMs = Math.max(0, end - performance.now());
    const seconds = Math.ceil(leftMs / 1000);
    timer.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    bar.hidden = leftMs > SHOWN_MS;
    const urgent = leftMs <= lastCallMs;
    bar.classList.toggle('urgent', urgent);
    text.textContent = urgent ? 'Are you still there? Your session ends in' : 'Your session ends in';
    // Not each second: a screen reader would talk of nothing else.
    const threshold = SPOKEN_S.findLast((each) => seconds <= each);
    if (!urgent) alert.textContent = '';
    else if (threshold !== undefined && threshold < spoken) {
      spoken = threshold;
      alert.textContent = `Your session ends in ${seconds} seconds.`;
    }
    if (leftMs === 0) location.replace('/login?notice=session-ended');
  };

  bar.querySelector('[data-extend]').addEventListener('submit', async (event) => {
    event.preventDefault();
    const extension = await ask('/session/extension', { method: 'POST' });
    if (extension === undefined) return;
    extendBy(extension.expiresInMs);
    tabs.postMessage(extension);
  });
  tabs.addEventListener('message', ({ data }) => {
    if (data.ended) location.replace('/dashboard');
    else extendBy(data.expiresInMs);
  });

  extendBy(wholeMs);
  tabs.postMessage({ expiresInMs: wholeMs });
  setInterval(show, 250);
}
