import { type Html, html } from './html.js';

/** What `?notice=` may say. The address holds a name and never the text, so no link can put words into a page. */
const notices: Readonly<Record<string, string>> = {
  'login-required': 'Please log in to see that page.',
  'session-ended': 'Your session has ended. It expired, or was logged out from another device. Please log in again.',
  'logged-out': 'You are logged out. See you soon.',
  'logged-out-everywhere': 'You are logged out on every device.',
  'device-logged-out': 'That device is logged out.',
  'device-gone': 'That device was logged out already.',
  'others-logged-out': 'All other devices are logged out.',
  confirmed: 'Thank you. Now you can log devices out.',
  extended: 'Your session has been extended.',
};

export function noticeBox(name: unknown): Html {
  const text = typeof name === 'string' && Object.hasOwn(notices, name) ? notices[name] : undefined;
  // The region is always there: screen readers speak what comes into one that they know.
  return html`<div class="notices" role="status">${text !== undefined && html`<p class="notice">${text}</p>`}</div>`;
}

export function errorBox(text: string | undefined): Html {
  return html`<div role="alert">
    ${text !== undefined && html`<p class="notice notice-error" id="error">${text}</p>`}
  </div>`;
}
