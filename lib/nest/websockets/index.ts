export { withSessions } from './with-sessions.js';
export { withSubscriptionSessions } from './subscriptions/with-subscription-sessions.js';
export type { SocketSessionOptions } from './socket-options.js';
export type { AllowedOrigins } from '../../transports/websockets/handshake.js';
