/** Past the comment or text that begins here; the same place where none does. */
export function endOfSkipped(source: string, at: number): number {
  const char = source[at];
  if (char === '/' && source[at + 1] === '/') return endOf(source, '\n', at + 2);
  if (char === '/' && source[at + 1] === '*') return endOf(source, '*/', at + 2);
  if (char !== "'" && char !== '"' && char !== '`') return at;
  for (let i = at + 1; i < source.length; i += 1) {
    if (source[i] === '\\') i += 1;
    else if (source[i] === char) return i + 1;
  }
  return source.length;
}

function endOf(source: string, mark: string, from: number): number {
  const found = source.indexOf(mark, from);
  return found === -1 ? source.length : found + mark.length;
}
