import type { IncomingMessage } from 'node:http';
import { show } from '../../common/duration.js';
import { SessionDataError, SessionUnavailableError } from '../../common/errors.js';
import type { SessionLogger } from '../../options/options.js';
import type { OnSaveError, SaveErrorResponse, SaveFailure } from '../../options/save-failure.js';
import type { GateFailure } from './response-gate.js';

const TITLES = { 409: 'Conflict', 500: 'Internal Server Error', 503: 'Service Unavailable' } as const;
const JSON_TYPE = 'application/json; charset=utf-8';
const HTML_TYPE = 'text/html; charset=utf-8';

/** The response that is sent instead of the app's if the session could not be saved. */
export function failureOf(
  error: unknown,
  req: IncomingMessage | undefined,
  { onSaveError, logger }: { readonly onSaveError?: OnSaveError | undefined; readonly logger: SessionLogger },
): GateFailure {
  const failure = describe(error);
  const { statusCode, message } = failure;
  if (onSaveError !== undefined && req !== undefined) {
    try {
      const own = onSaveError(failure, req);
      if (own !== undefined) return responseOf(failure, own);
    } catch (cause) {
      logger.error('"onSaveError" failed, so the failed save is answered with the default JSON.', cause);
    }
  }
  const body = JSON.stringify({ statusCode, error: TITLES[statusCode], message });
  return { status: statusCode, headers: headersOf(statusCode, JSON_TYPE), body };
}

function responseOf({ statusCode }: SaveFailure, own: SaveErrorResponse): GateFailure {
  const status = own?.statusCode ?? statusCode;
  if (typeof own?.body !== 'string' || !Number.isInteger(status) || status < 200 || status > 599)
    throw new TypeError(
      `"onSaveError" returned ${show(own)}; it must return { statusCode, headers, body }, or nothing.`,
    );
  const headers = headersOf(status, HTML_TYPE);
  for (const [name, value] of Object.entries(own.headers ?? {})) {
    const given = Object.keys(headers).find((key) => key.toLowerCase() === name.toLowerCase());
    headers[given ?? name] = value;
  }
  return { status, headers, body: own.body };
}

function headersOf(status: number, type: string): Record<string, string> {
  const headers: Record<string, string> = { 'Content-Type': type, 'Cache-Control': 'no-store' };
  if (status === 503) headers['Retry-After'] = '1';
  return headers;
}

function describe(error: unknown): SaveFailure {
  // The error's message may contain data of the app, so it is only logged.
  const failed: SaveFailure = { statusCode: 500, message: 'The session could not be saved.', error };
  if (error instanceof SessionDataError) return failed;
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  if (status === 409) return { statusCode: status, message: (error as Error).message, error };
  if (status === 503 || error instanceof SessionUnavailableError)
    return { statusCode: 503, message: new SessionUnavailableError().message, error };
  return failed;
}
