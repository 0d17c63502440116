import type { Session } from 'nestjs-keycard';
import { type Html, html } from './html.js';
import { layout } from './layout.js';

export function labPage(session: Session | undefined): string {
  const body = html`<h1>Side by side</h1>
    <p class="lead">
      The same two things happen to a session of this library and to one of express-session, now, on this machine. Each
      pane shows the record as its store keeps it.
    </p>
    <noscript><p class="notice">This page needs scripts.</p></noscript>
    <div class="panes">${pane('keycard', 'nestjs-keycard')} ${pane('express-session', 'express-session')}</div>
    <div class="actions"><button type="button" data-lab-again hidden>Run both again</button></div>`;
  return layout({ title: 'Side by side', body, session, path: '/lab' });
}

function pane(name: string, title: string): Html {
  return html`<section class="panel pane" aria-labelledby="${name}-title" data-pane="${name}">
    <h2 id="${name}-title">${title}</h2>
    <h3>Twenty croissants at once</h3>
    <p>Twenty requests, sent together, each add one.</p>
    <p class="outcome" role="status" data-croissants>Waiting …</p>
    <h3>A logout during a slow request</h3>
    <p>A report takes a second. Meanwhile its user logs out. Then the report writes to the session.</p>
    <p class="outcome" role="status" data-logout>Waiting …</p>
    <h3>The record in the store</h3>
    <pre tabindex="0" aria-label="Record of ${title}" data-record>none</pre>
  </section>`;
}
