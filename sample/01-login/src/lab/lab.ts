import { Router } from 'express';
import expressSession from 'express-session';
import { randomBytes } from 'node:crypto';
import keycardSession, { keycard } from 'nestjs-keycard/express';
import { type Contender, contenderApp } from './contender.js';

const secret = randomBytes(32).toString('base64');
const options = { secret, resave: false, saveUninitialized: false } as const;

function ours(): Contender {
  const store = new keycardSession.MemoryStore();
  return {
    cookieName: 'lab-keycard',
    middleware: keycardSession({ ...options, store, name: 'lab-keycard' }),
    records: () => store.sessions,
    addCroissant: (session) =>
      keycard<{ croissants: number }>(session).update((draft) => {
        draft.croissants = (draft.croissants ?? 0) + 1;
      }),
  };
}

function theirs(): Contender {
  const store = new expressSession.MemoryStore();
  return {
    cookieName: 'lab-express',
    middleware: expressSession({ ...options, store, name: 'lab-express' }),
    // Not in its types: what the store keeps.
    records: () => (store as unknown as { sessions: Record<string, string> }).sessions,
    addCroissant: (session) => {
      session.croissants = (session.croissants ?? 0) + 1;
    },
  };
}

/** Two sessions side by side, of nobody in particular: one of this library, one of express-session, each in memory. */
export const lab = (): Router =>
  Router().use('/keycard', contenderApp(ours())).use('/express-session', contenderApp(theirs()));
