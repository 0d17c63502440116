import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { managerServing, servedManagers } from '../../../../lib/nest/websockets/served-managers.js';
import type { SessionManager } from '../../../../lib/session-manager.js';

/** Only told apart here. */
const manager = () => ({}) as SessionManager;
const requestTo = (server: Server | undefined, localPort?: number) =>
  ({ socket: { server, localPort } }) as unknown as IncomingMessage;

describe('managerServing()', () => {
  afterEach(() => servedManagers.clear());

  it('finds an app by its server, also on a socket without a port (#15.5)', () => {
    const [one, two] = [createServer(), createServer()];
    const [first, second] = [manager(), manager()];
    servedManagers.set(first, () => one).set(second, () => two);
    expect(managerServing(requestTo(two))).toBe(second);
    expect(managerServing(requestTo(one))).toBe(first);
  });

  it('takes the only app for a connection that no server made (#15.5)', () => {
    const only = manager();
    servedManagers.set(only, () => undefined);
    expect(managerServing(requestTo(undefined))).toBe(only);
  });

  it('throws for a server that is none of an app (#15.5)', () => {
    expect(() => managerServing(requestTo(createServer()))).toThrow(/belongs to no app with SessionModule/);
    servedManagers.set(manager(), () => undefined).set(manager(), () => undefined);
    expect(() => managerServing(requestTo(createServer()))).toThrow(/belongs to no app with SessionModule/);
  });
});
