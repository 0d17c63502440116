import { AsyncLocalStorage } from 'node:async_hooks';
import type { MessageSession } from './message-session.js';

/**
 * The message that a gateway's handler is processing. Nest's context only has the socket, which may have several
 * messages under way.
 */
export const currentMessage = new AsyncLocalStorage<MessageSession>();
