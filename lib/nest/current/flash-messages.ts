import { show } from '../../common/duration.js';
import { SessionStateError } from '../../common/errors.js';
import { coreOf } from '../../session/session-surface.js';
import { RequestSession } from '../../transports/http/request-session.js';

/** connect-flash's key and format. */
const KEY = 'flash';
type Messages = Readonly<Record<string, readonly string[]>>;

/** The part of a session that messages need. */
interface FlashSession {
  update(fn: (draft: Record<string, unknown>) => void): Promise<void>;
}

/**
 * Messages that the next page shows once: `@Flash() flash: FlashMessages` in a handler, or injected into a service.
 *
 * ```ts
 * await flash.add('notice', 'Saved.'); // before the redirect
 * const notices = await flash.take('notice'); // on the page
 * ```
 *
 * They are kept in `session.flash` in connect-flash's format, `{ notice: ['Saved.'] }`, so both can be used. Each call
 * is written immediately by `session.update()`, so that concurrent requests lose no message, and show none twice. If
 * the response can't be sent because a later save fails, messages that were taken are put back.
 */
export class FlashMessages {
  private readonly open: () => Promise<object>;

  /** @param session only for unit tests; otherwise Nest creates the object. */
  constructor(session: object | (() => Promise<object>)) {
    this.open = typeof session === 'function' ? (session as () => Promise<object>) : () => Promise.resolve(session);
  }

  /**
   * Adds messages of a type.
   *
   * @throws TypeError if the type or a message is no string, or `session.flash` has another format.
   */
  async add(type: string, message: string, ...more: string[]): Promise<void> {
    assertType(type, 'add');
    const messages = [message, ...more];
    const wrong = messages.findIndex((each) => typeof each !== 'string');
    if (wrong !== -1)
      throw new TypeError(
        `flash.add(type, message) got ${show(messages[wrong])} as a message; it takes strings, after a type such as 'notice'.`,
      );
    await this.update((kept) => ({ ...kept, [type]: [...(kept[type] ?? []), ...messages] }));
  }

  /** Returns the messages of a type, and removes them from the session. */
  async take(type: string): Promise<string[]> {
    assertType(type, 'take');
    return (await this.takeOf([type]))[type] ?? [];
  }

  /** Returns all messages by type, and removes them from the session. */
  async takeAll(): Promise<Record<string, string[]>> {
    return this.takeOf(undefined);
  }

  private async takeOf(types: readonly string[] | undefined): Promise<Record<string, string[]>> {
    const session = await this.open();
    const isWanted = (type: string): boolean => types?.includes(type) ?? true;
    let taken: Record<string, string[]> = {};
    const split = (kept: Messages): Messages => {
      taken = pick(kept, isWanted);
      return pick(kept, (type) => !isWanted(type));
    };
    split(messagesIn(session) ?? {});
    // A page without messages writes nothing.
    if (Object.keys(taken).length === 0) return {};
    try {
      await this.update(split, session);
    } catch (error) {
      if (error instanceof SessionStateError && error.code === 'ENDED') return {};
      throw error;
    }
    this.putBackOnFailure(session, taken);
    return taken;
  }

  private async update(change: (kept: Messages) => Messages, given?: object): Promise<void> {
    const session = given ?? (await this.open());
    await (session as FlashSession).update((draft) => {
      const kept = messagesIn(draft);
      if (kept === undefined)
        throw new TypeError(
          `session.${KEY} got ${show(draft[KEY])} from the app, but flash messages need it for { type: [strings] }, as connect-flash does. Keep the app's value under another key.`,
        );
      const changed = change(kept);
      if (Object.keys(changed).length === 0) delete draft[KEY];
      else draft[KEY] = changed;
    });
  }

  /** If the response turns out to be a failure to save, the page with the messages is not sent. */
  private putBackOnFailure(session: object, taken: Messages): void {
    const host = coreOf(session)?.host;
    if (!(host instanceof RequestSession)) return;
    (host.onFailure ??= []).push(() => {
      const { services } = host;
      const restore = async (): Promise<void> => {
        const found = await services.finder.current(coreOf(session)!.id);
        if (found === undefined) return;
        const again = RequestSession.detachedFrom(services, found).session;
        await this.update((kept) => merged(taken, kept), again);
      };
      restore().catch((error: unknown) =>
        services.notices.error(
          'Flash messages of a page that could not be sent could not be put back, so they are lost.',
          error,
        ),
      );
    });
  }
}

function assertType(type: unknown, verb: string): void {
  if (typeof type !== 'string' || type === '' || type === '__proto__')
    throw new TypeError(`flash.${verb}(type) got ${show(type)}; it takes a string such as 'notice'.`);
}

/** The messages in a session; `undefined`: it holds something else. Whatever is no string in a list is left out. */
function messagesIn(session: object): Messages | undefined {
  const held = (session as Record<string, unknown>)[KEY];
  if (held === undefined || held === null) return {};
  if (typeof held !== 'object' || Array.isArray(held)) return undefined;
  const lists = Object.entries(held).filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]));
  return Object.fromEntries(lists.map(([type, list]) => [type, list.filter((each) => typeof each === 'string')]));
}

function pick(kept: Messages, isWanted: (type: string) => boolean): Record<string, string[]> {
  const entries = Object.entries(kept).filter(([type, list]) => isWanted(type) && list.length > 0);
  return Object.fromEntries(entries.map(([type, list]) => [type, [...list]]));
}

const merged = (first: Messages, then: Messages): Messages =>
  Object.fromEntries(
    [...new Set([...Object.keys(first), ...Object.keys(then)])].map((type) => [
      type,
      [...(first[type] ?? []), ...(then[type] ?? [])],
    ]),
  );
