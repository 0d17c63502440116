import type { Session } from 'nestjs-keycard';
import { cartOf } from '../cart/cart.js';
import { storeLabel } from '../session/session-store.js';
import { type Html, html } from './html.js';
import { sessionBar } from './session-bar.js';

interface Page {
  readonly title: string;
  readonly body: Html;
  /** The visitor, on pages behind the guard. */
  readonly session?: Session | undefined;
  /** This page's place in the navigation. */
  readonly path?: string | undefined;
  /** The page whose code is linked; default: by its path. */
  readonly code?: string | undefined;
}

/** What all pages share. */
export function layout({ title, body, session, path, code = path?.slice(1) }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${title} · Keycard Inn</title>
  <link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/assets/style.css">
  <script src="/assets/theme.js"></script>
  <script type="module" src="/assets/app.js"></script>
</head>
<body${session && html` data-session`}>
  <a class="skip" href="#content">Skip to the content</a>
  <header class="top">
    <div class="wrap">
      <a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="28" height="28"> Keycard Inn</a>
      ${session && navigation(session, path)}
      <button class="theme quiet" type="button" data-theme-toggle hidden>Dark</button>
      ${session && html`<form method="post" action="/logout"><button class="quiet">Log out</button></form>`}
    </div>
  </header>
  <main id="content" class="wrap" tabindex="-1">
    ${body}
  </main>
  <footer class="wrap">
    <p>Session store: <strong>${storeLabel()}</strong></p>
    <p>${code !== undefined && html`<a href="/code/${code}">Code of this page</a> · `}A sample of <code>nestjs-keycard</code>. Nothing here is for sale.</p>
  </footer>
  ${session && sessionBar(session)}
</body>
</html>
`.text;
}

function navigation(session: Session, path: string | undefined): Html {
  const link = (to: string, text: string, extra?: Html) =>
    html`<li><a href="${to}" ${to === path && html` aria-current="page"`}>${text}${extra}</a></li>`;
  const count = html` <span class="count" data-cart-count aria-hidden="true">${cartOf(session.cart).count}</span>`;
  return html`<nav aria-label="Main">
    <ul>
      ${link('/dashboard', 'Dashboard')} ${link('/cart', 'Cart', count)} ${link('/devices', 'Your devices')}
      ${link('/lab', 'Side by side')}
    </ul>
  </nav>`;
}
