const SLOW_HEAD_START_MS = 300;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs what the page describes, in both panes at once, without being asked. */
export function runLab() {
  const panes = [...document.querySelectorAll('[data-pane]')].map(paneOf);
  if (panes.length === 0) return;
  const again = document.querySelector('[data-lab-again]');
  const run = async () => {
    again.hidden = false;
    again.disabled = true;
    await Promise.all(panes.map((pane) => pane.run()));
    again.disabled = false;
  };
  again.addEventListener('click', run);
  void run();
}

function paneOf(element) {
  const name = element.dataset.pane;
  const part = (key) => element.querySelector(`[data-${key}]`);
  const call = (path) => fetch(`/lab/api/${name}/${path}`, { method: 'POST' });
  const say = (key, text, isGood) => {
    part(key).textContent = text;
    part(key).classList.toggle('good', isGood === true);
    part(key).classList.toggle('bad', isGood === false);
  };
  const look = async () => {
    const state = await (await fetch(`/lab/api/${name}/state`)).json();
    part('record').textContent =
      state.record === null ? 'none' : JSON.stringify(JSON.parse(state.record), undefined, 2);
    return state;
  };

  const run = async () => {
    for (const key of ['croissants', 'logout']) say(key, 'Waiting …');
    await call('login');
    await look();
    const watch = setInterval(look, 200);
    try {
      say('croissants', 'Sending 20 requests …');
      await Promise.all(Array.from({ length: 20 }, () => call('croissant')));
      const { croissants } = await look();
      say(
        'croissants',
        croissants === 20 ? '20 of 20. Nothing was lost.' : `${croissants} of 20. The others were overwritten.`,
        croissants === 20,
      );
      say('logout', 'The report is being made …');
      const report = call('slow-report');
      await wait(SLOW_HEAD_START_MS);
      await call('logout');
      say('logout', 'Logged out. The report goes on …');
      await report;
      const { user } = await look();
      say(
        'logout',
        user === null ? 'Still logged out. The record is gone.' : `${user} is logged in again: the record is back.`,
        user === null,
      );
    } catch {
      say('logout', 'The app could not be reached. Run it again in a moment.', false);
    } finally {
      clearInterval(watch);
      await look().catch(() => undefined);
    }
  };
  return { run };
}
