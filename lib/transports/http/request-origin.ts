import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { show } from '../../common/duration.js';
import { SessionOptionsError } from '../../common/errors.js';
import { isWellFormedId } from '../../common/session-id.js';
import type { Device } from '../../record/session-metadata.js';
import type { RequestServices } from './request-services.js';

/**
 * Whether the client uses https, by the trust-proxy setting of Express or Fastify's middie. The request of a WebSocket
 * may be an object that the app made, without a socket.
 */
function saysHttps(req: object): boolean {
  const { secure, protocol, socket } = req as {
    secure?: unknown;
    protocol?: unknown;
    socket?: { encrypted?: unknown };
  };
  return secure === true || protocol === 'https' || socket?.encrypted === true;
}

/** The client's address, by the same setting. */
function addressOf(req: object): string | undefined {
  const { ip, socket } = req as { ip?: unknown; socket?: { remoteAddress?: string } };
  return typeof ip === 'string' ? ip : socket?.remoteAddress;
}

/** An IPv6 address has at most 45 characters; a zone may follow. */
const LONGEST_IP = 64;
const LONGEST_USER_AGENT = 256;

/** A new id for a request's session. */
export function newIdFor(services: RequestServices, req: IncomingMessage | undefined): string {
  const id = services.options.genid(req);
  if (!isWellFormedId(id))
    throw new SessionOptionsError(
      `"genid" returned ${typeof id === 'string' ? 'a string that is not 1 to 256 visible ASCII characters' : show(id)}. It must return an id of 1 to 256 visible ASCII characters.`,
    );
  return id;
}

/** The device that sent the request. */
export function deviceOfRequest(req: IncomingMessage): Device {
  const userAgent = req.headers['user-agent']?.slice(0, LONGEST_USER_AGENT);
  return { userAgent, ip: addressOf(req)?.slice(0, LONGEST_IP) };
}

/** The value that a session is bound to (`bindTo`). */
export const bindingOf = (req: IncomingMessage): string =>
  hash('sha256', req.headers['user-agent'] ?? '', 'base64').slice(0, 22);

/** Whether the request came over https. */
export function isSecureRequest(services: RequestServices, req: IncomingMessage): boolean {
  const { proxy, cookie } = services.options;
  const isEncrypted = (req.socket as { encrypted?: boolean } | undefined)?.encrypted === true;
  const forwarded = req.headers['x-forwarded-proto'];
  const saysSecure = forwarded !== undefined && String(forwarded).split(',')[0]!.trim().toLowerCase() === 'https';
  if (proxy === true) return isEncrypted || saysSecure;
  const isSecure = proxy === false ? isEncrypted : saysHttps(req);
  if (!isSecure && saysSecure && cookie.secure === 'auto') {
    services.notices.warnOnce(
      'untrusted-proxy',
      'A request has the header X-Forwarded-Proto: https, but no proxy is trusted, so the session cookie is sent without Secure. Tell the framework which proxy to trust (Express: app.set("trust proxy", 1); Fastify: new FastifyAdapter({ trustProxy: 1 })), or set "proxy": true.',
    );
  }
  return isSecure;
}

/** Whether this is a CORS preflight request. */
export const isPreflight = (req: IncomingMessage | undefined): boolean =>
  req?.method === 'OPTIONS' && req.headers['access-control-request-method'] !== undefined;
