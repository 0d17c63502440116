import type { Session } from 'nestjs-keycard';
import { cartOf } from '../cart/cart.js';
import { html } from './html.js';
import { layout } from './layout.js';
import { noticeBox } from './notices.js';

/** The script formats money as this does. */
export const euros = (cents: number): string => `€ ${(cents / 100).toFixed(2)}`;

export function cartPage(session: Session, notice: unknown): string {
  const cart = cartOf(session.cart);
  const rows = cart.lines.map(
    ({ sku, name, detail, cents, count }) =>
      html`<li class="row" data-sku="${sku}">
        <div>
          <h2>${name}</h2>
          <p>${detail}</p>
        </div>
        <span class="price">${euros(cents)}</span>
        <form method="post" action="/cart" class="stepper" data-change>
          <input type="hidden" name="sku" value="${sku}" />
          <button name="by" value="-1" aria-label="One ${name} less">−</button>
          <span class="number" data-count>${count}</span>
          <button name="by" value="1" aria-label="One ${name} more">+</button>
        </form>
      </li>`,
  );
  const body = html`${noticeBox(notice)}
    <h1>Room service</h1>
    <p class="lead">This cart lives in your session. Open the page in a second tab and press buttons in both.</p>
    <div class="panel" data-cart>
      <ul class="rows">
        ${rows}
      </ul>
      <p class="total">
        <span>Total, <span data-total-count>${cart.count}</span> items</span>
        <strong data-total>${euros(cart.cents)}</strong>
      </p>
    </div>
    <p class="sr-only" aria-live="polite" data-cart-news></p>
    <section class="aside" aria-labelledby="burst-title" hidden data-burst>
      <h2 id="burst-title">Twenty at once</h2>
      <p>
        Twenty requests, sent together, each adding one croissant to the same session. A library that writes the whole
        session back at the end of a request loses most of them.
      </p>
      <button type="button" class="secondary">Add 20 croissants at once</button>
      <p role="status" data-burst-result></p>
    </section>`;
  return layout({ title: 'Cart', body, session, path: '/cart' });
}
