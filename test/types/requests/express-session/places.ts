import 'express-session';
import type { RequestHandler } from 'express';

declare module 'express-session' {
  interface SessionData {
    theirs: number;
  }
}

/** What an app declared for express-session goes on compiling, beside our verbs. */
export const both: RequestHandler = async (req) => {
  const theirs: number | undefined = req.session.theirs;
  req.session.regenerate((error: unknown) => void error);
  req.session.cookie.maxAge = 60_000;
  await req.session.login('7');
  await req.session.update((draft) => {
    draft.cart = [];
  });
  void theirs;
};
