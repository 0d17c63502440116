import type { SessionCore } from './session-core.js';
import type { Draft } from './session-state.js';

/** Called after a draft was written. Later changes are compared with it. Its revision is not known. */
export function saved(core: SessionCore, draft: Draft): void {
  const { metadata, json, text, voided } = draft;
  const { surface, events } = core.services;
  const before = core.metadata.principal;
  if (surface.sendsCookie !== undefined) noteChanges(core, draft);
  if (voided !== undefined) events.emit('principal-void', core.key, { handle: metadata.handle, principal: voided });
  // A login by the data has no fingerprint to be void. What it had open (sockets, streams) ends too.
  else if (core.status === 'stored' && before !== undefined && before !== metadata.principal)
    events.hint(metadata.handle);
  core.host.isEndMoved ||= core.isDue || core.cookieChanged || core.idChange !== undefined;
  const isOld = core.status === 'stored' && core.replaces === undefined;
  if (!isOld || (core.idChange !== undefined && core.idChange !== 'renew')) core.hasFreshId = true;
  core.isReplaced = false;
  core.status = 'stored';
  core.stored = undefined;
  core.metadata = metadata;
  core.isUnsettled = false;
  core.data.saved(json, text);
  core.isDue = false;
  core.claim = undefined;
  core.admission = undefined;
  core.idChange = undefined;
  core.forgetNextId();
  core.replaces = undefined;
  core.rebaseCookie(metadata.cookieOverrides);
}

function noteChanges(core: SessionCore, { json, metadata }: Draft): void {
  core.wasChanged ||= core.data.differsFrom(json);
  core.cookieWasChanged ||= JSON.stringify(metadata.cookieOverrides) !== JSON.stringify(core.metadata.cookieOverrides);
}
