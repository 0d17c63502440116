import type { Session } from 'nestjs-keycard';
import { html } from './html.js';
import { layout } from './layout.js';
import { noticeBox } from './notices.js';
import { moment } from './times.js';

export function dashboardPage(session: Session, notice: unknown): string {
  const { info, user, visits = 1 } = session;
  const body = html`${noticeBox(notice)}
    <div class="split">
      <div>
        <h1>Good to see you, ${user?.displayName.split(' ')[0]}.</h1>
        <p class="lead" data-visits="${visits}">${visitText(visits)}</p>
        <ul class="tiles">
          <li>
            <a href="/cart"><strong>Room service</strong> Fill a cart from two tabs at once. Nothing gets lost.</a>
          </li>
          <li>
            <a href="/devices"
              ><strong>Your devices</strong> Log in on a second one, log it out from here, and watch its page leave.</a
            >
          </li>
          <li>
            <a href="/lab"
              ><strong>Side by side</strong> Twenty requests at once, and a logout during a slow one, beside
              express-session.</a
            >
          </li>
        </ul>
      </div>
      <section class="keycard" aria-label="Your key card">
        <p class="keycard-brand">Keycard Inn</p>
        <p class="keycard-name">${user?.displayName}</p>
        <dl>
          <div>
            <dt>Card number</dt>
            <dd>${info.handle.slice(0, 6)}</dd>
          </div>
          <div>
            <dt>Logged in</dt>
            <dd>${info.authenticatedAt && moment(info.authenticatedAt)}</dd>
          </div>
          <div>
            <dt>Ends if idle</dt>
            <dd>${moment(info.expiresAt)}</dd>
          </div>
        </dl>
      </section>
    </div>`;
  return layout({ title: 'Dashboard', body, session, path: '/dashboard' });
}

function visitText(visits: number): string {
  return visits === 1 ? 'This is your first visit with this card.' : `You have visited this page ${visits} times.`;
}
