import { SessionDataError, SessionUnavailableError } from './errors.js';

/** What is answered instead of the app's response where its session could not be saved. */
export function failureOf(error: unknown): { status: number; headers: Record<string, string>; body: string } {
  const { status, title, message } = describe(error);
  const headers: Record<string, string> = {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
  };
  if (status === 503) headers['Retry-After'] = '1';
  return { status, headers, body: JSON.stringify({ message, error: title, statusCode: status }) };
}

function describe(error: unknown): { status: number; title: string; message: string } {
  if (error instanceof SessionDataError) {
    // The message may name what the app holds: it is for the log.
    return { status: 500, title: 'Internal Server Error', message: 'The session could not be saved.' };
  }
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  if (status === 409) return { status, title: 'Conflict', message: (error as Error).message };
  if (status === 503 || error instanceof SessionUnavailableError) {
    return {
      status: 503,
      title: 'Service Unavailable',
      message: 'The session store is not available. Please try again.',
    };
  }
  return { status: 500, title: 'Internal Server Error', message: 'The session could not be saved.' };
}
