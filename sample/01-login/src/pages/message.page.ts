import { html } from './html.js';
import { layout } from './layout.js';

/** A page that says one thing, and where to go from there. */
export function messagePage(title: string, text: string, retryAt?: string): string {
  const body = html`<section class="panel message">
    <h1>${title}</h1>
    <p class="lead">${text}</p>
    <p class="actions">
      ${retryAt !== undefined && html`<a class="button" href="${retryAt}">Try again</a>`}
      <a class="button secondary" href="/">To the dashboard</a>
    </p>
  </section>`;
  return layout({ title, body });
}
