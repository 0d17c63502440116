import type { Session, SessionSummary } from 'nestjs-keycard';
import { deviceName } from '../devices/device-name.js';
import { type Html, html } from './html.js';
import { layout } from './layout.js';
import { noticeBox } from './notices.js';
import { ago } from './times.js';

export function devicesPage(session: Session, devices: readonly SessionSummary[], notice: unknown): string {
  const own = session.info.handle;
  const others = devices.filter(({ handle }) => handle !== own);
  const ordered = [...devices.filter(({ handle }) => handle === own), ...others];
  const body = html`${noticeBox(notice)}
    <h1>Your devices</h1>
    <p class="lead">
      Every place where you are logged in. What you log out here ends at once, even in the middle of a request.
    </p>
    <div data-devices>
      <ul class="panel rows">
        ${ordered.map((device) => row(device, device.handle === own))}
      </ul>
      <div class="actions">
        <form method="post" action="/devices/logout-others">
          <button class="secondary" ${others.length === 0 && html` disabled`}>Log out all other devices</button>
        </form>
        <form method="post" action="/devices/logout-everywhere">
          <button class="danger">Log out everywhere</button>
        </form>
      </div>
    </div>`;
  return layout({ title: 'Your devices', body, session, path: '/devices' });
}

function row({ handle, device, authenticatedAt, lastSeenAt }: SessionSummary, isOwn: boolean): Html {
  const name = deviceName(device.userAgent);
  return html`<li class="row" data-device="${isOwn ? 'this' : 'other'}">
    <div>
      <h2>${name} ${isOwn && html`<span class="badge">This device</span>`}</h2>
      <p>
        ${device.ip !== undefined && html`${device.ip} · `}${authenticatedAt && html`logged in ${ago(authenticatedAt)} · `}last
        seen ${ago(lastSeenAt)}
      </p>
    </div>
    <form method="post" action="/devices/${handle}/logout">
      <button class="quiet">Log out<span class="sr-only"> ${name}${isOwn && ', this device'}</span></button>
    </form>
  </li>`;
}
