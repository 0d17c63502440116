import type { IncomingMessage, ServerResponse } from 'node:http';
import { show } from '../../common/duration.js';
import { type CookieAttributes, serializeAttributes, serializeCookie } from '../../cookie/cookie-attributes.js';
import type { CookieSigner } from '../../cookie/cookie-signer.js';
import { SessionCookie } from '../../cookie/session-cookie.js';
import type { CookieText } from './resolved-cookie.js';
import type { ResolvedOptions } from '../../options/resolve-options.js';
import type { Notices } from '../../record/notices.js';
import type { SessionMetadata } from '../../record/session-metadata.js';
import type { SessionCore } from '../../session/session-core.js';
import type { SessionSurface } from '../../session/session-surface.js';
import { addHeader, addSetCookie, isCacheable, makePrivate } from './response-gate.js';

/** What a request knows of its browser's cookie. */
export interface CookieCarrier {
  readonly req: IncomingMessage | undefined;
  readonly res: ServerResponse | undefined;
  readonly browserId: string | undefined;
  /** Whether the browser sent a cookie of that name, valid or not. */
  readonly browserHasCookie: boolean;
  /** A write of this request has extended the session. */
  readonly isEndMoved: boolean;
  cookieWasSet: boolean;
  isSecure(): boolean;
}

/** The services that setting a cookie needs. */
export interface CookieServices {
  readonly options: ResolvedOptions;
  readonly surface: SessionSurface;
  readonly signer: CookieSigner;
  readonly cookies: CookieText;
  readonly notices: Notices;
  now(): number;
}

/** Makes, sets and clears the session cookie. */
export class SetCookie {
  constructor(private readonly services: CookieServices) {}

  /** A session's cookie in this request: by the options, and by what earlier requests set on it. */
  cookieOf(carrier: CookieCarrier, core: SessionCore): SessionCookie {
    const { options, cookies, surface } = this.services;
    const wanted =
      options.cookieFor === undefined || carrier.req === undefined ? options.cookie : options.cookieFor(carrier.req);
    const attributes = cookies.decide(wanted, carrier.isSecure());
    const now = (): number => this.services.now();
    const cookie = surface.createCookie?.(attributes, now) ?? new SessionCookie(attributes, now);
    const { maxAge, ...others } = core.metadata.cookieOverrides ?? {};
    cookie.restore(maxAge === undefined || core.claim?.endsLife ? others : { maxAge, ...others });
    return cookie;
  }

  /** The JSON of the cookie in the record to write. */
  jsonOf(carrier: CookieCarrier, core: SessionCore, metadata: SessionMetadata): string {
    const { options, cookies } = this.services;
    if (options.cookieFor !== undefined) core.cookie.touch();
    else if (core.cookieIfAsked !== undefined && metadata.seenAt === this.services.now()) core.cookie.touch();
    const isOwn = core.cookieIfAsked !== undefined || metadata.cookieOverrides !== undefined;
    return cookies.stored(metadata, carrier.isSecure(), isOwn ? core.cookie : undefined);
  }

  /** Sets the cookie, if the browser needs it. */
  send(carrier: CookieCarrier, core: SessionCore, cookieChanged = false): void {
    const { res, browserId } = carrier;
    if (core.status !== 'stored' || core.isReplaced || res === undefined || carrier.cookieWasSet) return;
    const isNew = core.id !== browserId;
    if (!isNew && !this.isDue(core, carrier.isEndMoved)) return;
    // The browser has the cookie. Its new expiry can wait for a response that shared caches don't store.
    if (!isNew && !cookieChanged && isCacheable(res)) return;
    const text = this.text(carrier, core);
    if (text === undefined) return;
    carrier.cookieWasSet = true;
    this.add(res, text);
    this.warnOfRefusal(text, carrier.req);
  }

  /** Whether the browser needs the cookie's new expiry. */
  private isDue(core: SessionCore, isEndMoved: boolean): boolean {
    const { surface, options } = this.services;
    if (surface.sendsCookie !== undefined) return surface.sendsCookie(core, isEndMoved);
    return isEndMoved && options.rolling && this.isPersistent(core);
  }

  private isPersistent(core: SessionCore): boolean {
    const { cookie, cookieFor } = this.services.options;
    const isOptions = core.metadata.cookieOverrides === undefined && cookieFor === undefined;
    const own = core.cookieIfAsked ?? (isOptions ? undefined : core.cookie);
    if (own !== undefined) return own.expires !== null;
    return (cookie.maxAge ?? cookie.expires ?? null) !== null;
  }

  /** A shared cache must not give one visitor's cookie to another. */
  private add(res: ServerResponse, text: string): void {
    addSetCookie(res, text);
    if (isCacheable(res)) makePrivate(res);
    else if (this.services.surface.cacheControl) addHeader(res, 'Cache-Control', 'no-cache="Set-Cookie"');
  }

  /** The value of Set-Cookie; `undefined` if the cookie is Secure and the request isn't. */
  text(carrier: CookieCarrier, core: SessionCore): string | undefined {
    const { options, signer, cookies } = this.services;
    const { cookie, cookieFor, name } = options;
    const secure = carrier.isSecure();
    const signed = signer.sign(core.id);
    if (core.cookieIfAsked === undefined && core.metadata.cookieOverrides === undefined && cookieFor === undefined) {
      if (cookie.secure === true && !secure) return this.refuseInsecure();
      const [before, after] = cookies.attributes(secure);
      const { maxAge, expires } = cookie;
      const end = maxAge === undefined || maxAge === null ? expires : new Date(core.metadata.seenAt + maxAge);
      return `${name}=${encodeURIComponent(signed)}${before}${end ? `; Expires=${end.toUTCString()}` : ''}${after}`;
    }
    const attributes = cookies.decide(core.cookie.attributes(), secure);
    if (attributes.secure === true && !secure) return this.refuseInsecure();
    return serializeCookie(name, signed, attributes);
  }

  private refuseInsecure(): undefined {
    this.services.notices.warnOnce(
      'insecure',
      'The session cookie was not sent: it is Secure, and the request came over plain http. Behind a proxy that ends TLS, tell the framework to trust the proxy. In development without https, leave "secure" at \'auto\'.',
    );
    return undefined;
  }

  /** Clears the cookie: an expiry in the past, and the name, domain and path that it was set with (RFC 6265bis 5.7). */
  clear(carrier: CookieCarrier, core: SessionCore): void {
    const { surface, options, cookies } = this.services;
    if (carrier.res === undefined || carrier.cookieWasSet || surface.keepsCookie || !carrier.browserHasCookie) return;
    const secure = carrier.isSecure();
    const decided = cookies.decide(core.cookie.attributes(), secure);
    const attributes: CookieAttributes = { ...decided, expires: new Date(0) };
    if (attributes.secure === true && !secure) return;
    carrier.cookieWasSet = true;
    this.add(carrier.res, `${options.name}=${serializeAttributes(attributes)}`);
  }

  /** Warns once if the browser will refuse the cookie. A visitor would only notice that the login doesn't last. */
  private warnOfRefusal(text: string, req: IncomingMessage | undefined): void {
    const { notices } = this.services;
    const isNone = text.includes('; SameSite=None');
    if (isNone && !text.includes('; Secure')) {
      notices.warnOnce(
        'none without secure',
        "The session cookie says SameSite=None and was sent without Secure, as the request came over plain http, so browsers refuse it. Use https, also in development (behind a proxy, tell the framework to trust it), or sameSite: 'auto', which is 'lax' over http.",
      );
    }
    const { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': to, origin } = req?.headers ?? {};
    // Browsers accept the cookie when the user follows a link or submits a form on another site.
    if (isNone || site !== 'cross-site' || (mode === 'navigate' && to === 'document')) return;
    notices.warnOnce(
      'cross-site',
      `A page of another site (${origin === undefined ? 'no Origin header' : show(origin)}) was sent a session cookie that is not SameSite=None, so its browser refuses the cookie, and a login there doesn't last. If that site is yours, set cookie: { sameSite: 'none', secure: true } and allow its origin with credentials (CORS), or serve both from one site.`,
    );
  }
}
