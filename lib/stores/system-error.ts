interface MaybeSystemError {
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly address?: unknown;
  readonly port?: unknown;
  readonly hostname?: unknown;
  readonly errors?: unknown;
  readonly cause?: unknown;
  readonly lastNodeError?: unknown;
}

const TLS = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|ERR_SSL_|HOSTNAME_MISMATCH)/;

/**
 * The system error of a connection, anywhere in a driver's error: `ECONNREFUSED at 127.0.0.1:6379`. It contains no
 * data.
 *
 * @param address the server, for an error that doesn't name it.
 */
export function systemErrorIn(error: unknown, address?: string, depth = 0): string | undefined {
  if (typeof error !== 'object' || error === null || depth > 8) return undefined;
  const { code, syscall, errors, cause, lastNodeError, ...at } = error as MaybeSystemError;
  if (typeof code === 'string' && (typeof syscall === 'string' || TLS.test(code))) {
    const { address: host = at.hostname, port } = error as MaybeSystemError;
    const own = host === undefined ? undefined : `${String(host)}${port === undefined ? '' : `:${String(port)}`}`;
    // A resolved address says less than the name that was given, so show both.
    const where =
      own === undefined || address?.includes(own) ? (address ?? own) : address ? `${address} (${own})` : own;
    return where === undefined ? code : `${code} at ${where}`;
  }
  // Node tries all addresses of a name, and has one error for each.
  for (const inner of [...(Array.isArray(errors) ? (errors as unknown[]) : []), cause, lastNodeError]) {
    const found = systemErrorIn(inner, address, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
