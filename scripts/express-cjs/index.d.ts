import exported = require('./exports.js');

/** `session(options)`, with everything that `import` finds beside it. */
declare const session: typeof exported.default & typeof exported;

declare namespace session {
  type AdaptedExpressStore = exported.AdaptedExpressStore;
  type Callback = exported.Callback;
  type Cookie = exported.Cookie;
  type CookieInit = exported.CookieInit;
  type ExpressCookieOptions = exported.ExpressCookieOptions;
  type ExpressSessionOptions = exported.ExpressSessionOptions;
  type ExpressStore = exported.ExpressStore;
  type ExpressStoreLike = exported.ExpressStoreLike;
  type ExpressStoreMethods = exported.ExpressStoreMethods;
  type FromExpressStoreOptions = exported.FromExpressStoreOptions;
  type Keycard<D = exported.SessionData> = exported.Keycard<D>;
  type MemoryStore = exported.MemoryStore;
  type MemoryStoreConstructor = exported.MemoryStoreConstructor;
  type Session = exported.Session;
  type SessionControls<D = exported.SessionData> = exported.SessionControls<D>;
  type SessionData = exported.SessionData;
  type SessionFactory = exported.SessionFactory;
  type SessionHolder = exported.SessionHolder;
  type SessionMiddleware = exported.SessionMiddleware;
  type SessionOptions = exported.SessionOptions;
  type Store = exported.Store;
  type StoreCallback = exported.StoreCallback;
  type StoreConstructor = exported.StoreConstructor;
  type StoredData = exported.StoredData;
  type ToExpressStoreOptions<S = unknown> = exported.ToExpressStoreOptions<S>;
}

export = session;
