const PROBLEM = 'That did not work. Please try again in a moment.';

/** Asks the app for JSON. Gives `undefined`, and says so on the page, where there is no good answer. */
export async function ask(path, init = {}) {
  const headers = { ...init.headers, accept: 'application/json' };
  const response = await fetch(path, { ...init, headers }).catch(() => undefined);
  if (response?.status === 401) location.replace('/login?notice=session-ended');
  document.querySelector('[data-problem]').textContent = response?.ok || response?.status === 401 ? '' : PROBLEM;
  return response?.ok ? response.json() : undefined;
}
