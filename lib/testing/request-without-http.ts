import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Device } from '../record/session-metadata.js';
import { RequestSession } from '../transports/http/request-session.js';
import type { SessionManager } from '../session-manager.js';

/** A request without a cookie, with a response that never begins. Its session may log in and be renewed. */
export async function requestWithoutHttp(manager: SessionManager, device: Device = {}): Promise<RequestSession> {
  const request = beginRequest(manager, device);
  await request.open();
  return request;
}

/** The same, synchronously: a session that needs no store exists when this returns, whatever `load` is. */
export function beginRequest(manager: SessionManager, device: Device = {}): RequestSession {
  // On a socket that is never connected.
  const req = new IncomingMessage(new Socket());
  if (device.userAgent !== undefined) req.headers['user-agent'] = device.userAgent;
  // The engine checks whether a request still has a session.
  Object.assign(req, { session: true, secure: true, ip: device.ip });
  const res = new ServerResponse(req);
  const request = new RequestSession(manager, req, res);
  request.begin(() => {});
  return request;
}
