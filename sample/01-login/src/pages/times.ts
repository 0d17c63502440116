import { type Html, html } from './html.js';

const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
const hour = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short', timeZone: 'UTC' });

/** A moment, in UTC; the script puts it into the reader's own zone. */
export function moment(date: Date): Html {
  return html`<time datetime="${date.toISOString()}" data-style="day">${day.format(date)} UTC</time>`;
}

/** How long ago; in words once the script has run. */
export function ago(date: Date): Html {
  return html`<time datetime="${date.toISOString()}" data-style="ago">${day.format(date)} UTC</time>`;
}

export function clock(date: Date): Html {
  return html`<time datetime="${date.toISOString()}" data-style="clock">${hour.format(date)} UTC</time>`;
}
