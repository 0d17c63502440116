import { followCart } from './cart.js';
import { followSessions } from './changes.js';
import { countDown, tellThatItEnded } from './countdown.js';
import { runLab } from './lab.js';
import { offerThemes } from './theme-toggle.js';
import { localiseTimes } from './times.js';

offerThemes();
localiseTimes();
if (document.querySelector('[data-session]')) {
  countDown(document.querySelector('[data-expires-in]'));
  followCart();
  followSessions();
}
runLab();
for (const button of document.querySelectorAll('[data-fill-name]')) {
  button.hidden = false;
  button.addEventListener('click', () => {
    document.querySelector('#name').value = button.dataset.fillName;
    document.querySelector('#password').value = button.dataset.fillPassword;
    document.querySelector('[data-login] button').focus();
  });
}

if (new URLSearchParams(location.search).get('notice')?.startsWith('logged-out')) tellThatItEnded();

// A message is for once: reloading the page must not say it again.
if (location.search.includes('notice=')) history.replaceState(null, '', location.pathname);

// A page that the browser kept whole is as old as it looks: ask the server again.
addEventListener('pageshow', (event) => {
  if (event.persisted) location.reload();
});
