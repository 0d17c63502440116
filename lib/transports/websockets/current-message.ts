import { AsyncLocalStorage } from 'node:async_hooks';
import type { MessageSession } from './message-session.js';

/** The message that a gateway is at work on: its context names the socket alone, which may have several under way. */
export const currentMessage = new AsyncLocalStorage<MessageSession>();
