/** The button that changes between dark and light. It is named for what it brings. */
export function offerThemes() {
  const button = document.querySelector('[data-theme-toggle]');
  const system = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark';
  const name = () => {
    button.textContent = isDark() ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `Change to the ${isDark() ? 'light' : 'dark'} theme`);
  };
  button.hidden = false;
  button.addEventListener('click', () => {
    const theme = isDark() ? 'light' : 'dark';
    document.documentElement.dataset.theme = theme;
    localStorage.setItem('theme', theme);
    name();
  });
  system.addEventListener('change', name);
  name();
}
