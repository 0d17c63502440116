import { SessionOptionsError } from './errors.js';

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * A duration: a number of ms, or text such as `'90s'`, `'10m'`, `'1.5h'`, `'30d'`, `'2w'`. The type allows every
 * string, so that `process.env.SESSION_IDLE` needs no cast; the value is checked when the app starts.
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd' | 'w'}` | (string & {});

/** RFC 6265bis limits cookies to 400 days, but stores don't. Ten years, even if all were leap years. */
const LONGEST_MS = 10 * 366 * UNITS.d!;

/**
 * A duration in ms.
 *
 * @throws SessionOptionsError naming `option` if it is no positive duration up to `longest` (default: ten years).
 */
export function toMs(value: unknown, option: string, longest = LONGEST_MS): number {
  const ms = durationMs(value);
  if (typeof value === 'string' && /^\s*\d*[1-9]\d*\s*$/.test(value)) {
    const digits = value.trim();
    throw new SessionOptionsError(
      `"${option}" got the text ${show(value)} without a unit: ms or s? Write '${digits}ms' for ${inSeconds(Number(digits))}, or '${digits}s' for ${digits} s.`,
    );
  }
  if (!Number.isFinite(ms) || ms <= 0 || ms > longest) {
    const most = longest === LONGEST_MS ? 'ten years' : `${longest} ms`;
    throw new SessionOptionsError(
      `"${option}" got ${show(value)}; it takes a positive number of ms or text such as '90s', '10m', '1d' (at most ${most}).`,
    );
  }
  return Math.round(ms);
}

/** For messages: `1.8 s`. */
export const inSeconds = (ms: number): string => `${ms / 1_000} s`;

/** A number unchanged, text as ms; NaN for anything else. */
export function durationMs(value: unknown): number {
  if (typeof value === 'number') return value;
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d|w)$/.exec(value.trim()) : null;
  return match ? Number(match[1]) * UNITS[match[2]!]! : Number.NaN;
}

/** A value for an error message: short, and never the text of a secret. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'an array' : `an object (${value.constructor?.name ?? 'no prototype'})`;
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
