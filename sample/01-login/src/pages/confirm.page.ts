import type { Session } from 'nestjs-keycard';
import { html } from './html.js';
import { layout } from './layout.js';
import { errorBox, noticeBox } from './notices.js';

/** Asks for the password again. */
export function confirmPage(session: Session, { notice, error }: { notice?: unknown; error?: string }): string {
  const invalid = error !== undefined && html` aria-invalid="true" aria-describedby="error"`;
  const body = html`${noticeBox(notice)}
    <section class="panel message" aria-labelledby="confirm-title">
      <h1 id="confirm-title">Is it still you?</h1>
      <p class="lead">Before a device is logged out, please enter your password again.</p>
      ${errorBox(error)}
      <form method="post" action="/confirm">
        <input type="hidden" name="name" value="${session.user?.name}" autocomplete="username" />
        <label for="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          required${invalid}
          autofocus
        />
        <button class="wide">Confirm</button>
      </form>
    </section>`;
  return layout({ title: 'Confirm', body, session, code: 'confirm' });
}
