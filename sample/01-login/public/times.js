const { lang } = document.documentElement;
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const hour = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const relative = new Intl.RelativeTimeFormat(lang, { numeric: 'auto' });
const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** Puts the times, which the server writes in UTC, into the reader's own zone, or into words. */
export function localiseTimes() {
  for (const time of document.querySelectorAll('time[data-style]')) {
    const date = new Date(time.dateTime);
    time.title = exact.format(date);
    time.textContent = { ago, clock: (at) => hour.format(at), day: (at) => exact.format(at) }[time.dataset.style](date);
  }
}

function ago(date) {
  const seconds = (date.getTime() - Date.now()) / 1000;
  for (const [unit, length] of UNITS) {
    if (-seconds >= length) return relative.format(Math.round(seconds / length), unit);
  }
  return 'just now';
}
