import { users } from '../users/users.data.js';
import { html } from './html.js';
import { layout } from './layout.js';
import { errorBox, noticeBox } from './notices.js';

interface LoginForm {
  readonly name?: string;
  readonly error?: string;
  readonly notice?: unknown;
}

export function loginPage({ name = '', error, notice }: LoginForm): string {
  const invalid = error !== undefined && html` aria-invalid="true" aria-describedby="error"`;
  const guests = users.map(
    (user) =>
      html`<li>
        <span class="guest">${user.displayName}</span>
        <span>Name <code>${user.name}</code></span>
        <span>Password <code>${user.demoPassword}</code></span>
        <button
          class="quiet"
          type="button"
          hidden
          data-fill-name="${user.name}"
          data-fill-password="${user.demoPassword}"
        >
          Fill in<span class="sr-only"> as ${user.displayName}</span>
        </button>
      </li>`,
  );
  const body = html`${noticeBox(notice)}
    <div class="split">
      <section class="panel" aria-labelledby="login-title">
        <h1 id="login-title">Welcome back</h1>
        <p class="lead">Log in to get your key card.</p>
        ${errorBox(error)}
        <form method="post" action="/login" class="stack" data-login>
          <label for="name">Name</label>
          <input
            id="name"
            name="name"
            value="${name}"
            autocomplete="username"
            autocapitalize="none"
            spellcheck="false"
            required${invalid}${name === '' && html` autofocus`}
          />
          <label for="password">Password</label>
          <input
            id="password"
            name="password"
            type="password"
            autocomplete="current-password"
            required${invalid}${name !== '' && html` autofocus`}
          />
          <button class="wide">Log in</button>
        </form>
      </section>
      <section class="guests" aria-labelledby="guests-title">
        <h2 id="guests-title">Guests of this demo</h2>
        <p>
          Use any of them. Open a second browser to see the same guest on two devices. Or look at what no login is
          needed for: <a href="/lab">two libraries side by side</a>.
        </p>
        <ul>
          ${guests}
        </ul>
      </section>
    </div>`;
  return layout({ title: 'Log in', body, code: 'login' });
}
