import { SessionStateError } from '../../common/errors.js';
import type { RequestServices } from '../../transports/http/request-services.js';
import { LOGIN_REQUIRED } from '../guard/session.guard.js';
import type { Refusal } from '../guard/refusal-exception.js';

/** What a client is told if the changes of its message could not be saved. */
export function notSaved(services: RequestServices, error: unknown): Refusal {
  if (error instanceof SessionStateError && error.code === 'ENDED') return LOGIN_REQUIRED;
  services.notices.storeFailed('save', error);
  return { statusCode: 503, message: 'The changes of this message could not be saved. Please try again.' };
}
