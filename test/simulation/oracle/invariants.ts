/** The promises, by name. docs/simulation.md has a sentence on each. */
export const INVARIANTS = {
  'update-lost': '1: an acknowledged update() is in the session',
  'update-twice': '1: an update() is done once',
  'change-lost': '1: an acknowledged change of a key is there until somebody changes or deletes that key later',
  'late-change-lost': '1: the same, if the id was replaced by a login or confirmLogin() while the request ran',
  'deletion-lost': '1: a deletion beats a change that was made without knowing of it',
  'renewed-lost': '1: for renewGrace, an id that was renewed leads to the session, unless something ended it',
  'ended-lives': '2: after an acknowledged logout, destroy or unset, no later request finds the session',
  'handle-revoked-lives': '2: the same after an acknowledged revoke()',
  'regenerated-lives': '2: after an acknowledged regenerate(), the old id leads to nothing',
  'logout-keeps-cookie': '2: a logout that is answered with success clears the cookie',
  'revoked-lives': '3: after an acknowledged revokeAll(), no session of a login that began before it lets anyone in',
  'revoked-opens': '3: registry.open() gives no session that a revokeAll() ended, index or not',
  'over-cap': '4: at a quiet moment a principal has at most maxSessionsPerPrincipal sessions',
  'refused-lost': '4: a login that is refused leaves the visitor what he had',
  'refused-with-room': '4: a login is refused only if there is no room',
  'login-without-cookie': '5: a login answered with success sets a cookie',
  'login-dead':
    '5: a login answered with success has a live session, unless something that did not end before it began ended it',
  'lost-by-failure': '5: the same, if an id change of that session that failed is all that could have ended it',
  ghost: '6: a session whose Set-Cookie never reached a response is gone within seconds (with a cap)',
  'ghost-without-cap': '6: the same without a cap, where a ghost may live if that is documented',
  'leaked-data': "7: one principal's data is never in another's session",
  'shared-handle': '7: a handle is never that of two principals',
  'leaked-cookie-life': "7: one principal's cookie life is never another's",
  'leaked-times': '7: a session that somebody logged in to is no older than that login',
  'forgotten-stands': '7: whoever deletes a key that login() was given is not logged in any more',
  'old-id-lives': '8: the id from before a login or confirmLogin() lets nobody in afterwards',
  'old-id-lives-derived': '8: the same for a principal that appears without login()',
  'old-id-sets-cookie': '8: a request that begins with an id that a login replaced sets no cookie, unless it logs in',
  'future-login': '10: no login counts that lies in the future',
  'waits-for-ever': '9: every request ends',
  'waits-too-long': '9: no request waits longer than storeTimeout and the bound',
  unhandled: 'no promise of the engine fails with nobody there',
  'server-error': 'no verb fails for a reason that has no name',
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  readonly invariant: Invariant;
  readonly what: string;
}
