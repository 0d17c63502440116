import { readFileSync } from 'node:fs';

/** The anchors of a page, as GitHub names its headings: a repeated one gets a number. */
export function anchors(file) {
  const found = new Set();
  const times = new Map();
  for (const [, heading] of readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)) {
    const name = anchorOf(heading);
    const before = times.get(name) ?? 0;
    times.set(name, before + 1);
    found.add(before === 0 ? name : `${name}-${before}`);
  }
  return found;
}

/** The anchor of one heading. */
export const anchorOf = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replace(/ /g, '-');
