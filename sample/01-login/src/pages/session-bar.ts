import type { Session } from 'nestjs-keycard';
import { type Html, html } from './html.js';
import { clock } from './times.js';

/** What could not be done, and the bar that counts down to the idle end. Without scripts it names the hour, and its button is a plain form. */
export function sessionBar(session: Session): Html {
  const { expiresAt } = session.info;
  const leftMs = Math.max(0, expiresAt.getTime() - Date.now());
  return html`<p class="problem" role="alert" data-problem></p>
    <section class="session-bar" aria-label="Session" data-expires-in="${leftMs}">
      <div class="wrap">
        <p>
          <span data-countdown-text>Your session ends at ${clock(expiresAt)} if you do nothing.</span>
          <span class="timer" role="timer" aria-live="off" data-countdown></span>
        </p>
        <p class="sr-only" role="alert" data-countdown-alert></p>
        <form method="post" action="/session/extend" data-extend><button>Stay logged in</button></form>
      </div>
    </section>`;
}
