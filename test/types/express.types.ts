/** What users of `nestjs-keycard/express` see. Checked by `npm run types`; never run. */
import { MongoStore as ConnectMongo } from 'connect-mongo';
import { RedisStore as ConnectRedis } from 'connect-redis';
import express from 'express';
import peer from 'express-session';
import { MemoryStore } from 'nestjs-keycard';
import session, {
  type Cookie,
  fromExpressStore,
  keycard,
  Session,
  type SessionOptions,
  Store,
  toExpressStore,
} from 'nestjs-keycard/express';

const app = express();
const connectRedis = new ConnectRedis({ client: {} as never });
const connectMongo = ConnectMongo.create({ mongoUrl: 'mongodb://localhost' });

app.use(session());
app.use(
  session({
    secret: 'keyboard cat',
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 60_000, sameSite: 'lax', secure: 'auto' },
  }),
);
app.use(
  '/path',
  session({
    secret: ['a', 'b'],
    store: connectRedis,
    cookie: (req) => ({ path: req.url ?? '/', expires: new Date() }),
  }),
);
app.use(
  session({
    secret: 'x',
    store: connectMongo,
    genid: (req) => req.headers.host ?? '',
    unset: 'destroy',
    rolling: true,
    proxy: true,
    key: 'old',
  }),
);
app.use(session({ secret: 'x', store: new MemoryStore(), idleTimeout: '1h', keepCookieOnDestroy: true }));
app.use(session({ secret: 'x', store: new peer.MemoryStore() }));
app.use(peer({ secret: 'x', store: toExpressStore(new MemoryStore(), peer) }));
// @ts-expect-error no such word
session({ secret: 'x', unset: 'drop' });
// @ts-expect-error neither a store of express-session nor one of ours
session({ secret: 'x', store: {} });

class OwnStore extends session.Store {
  get(_sid: string, callback: (error?: unknown, found?: unknown) => void): void {
    callback(null);
  }
  set(_sid: string, _session: object, callback: (error?: unknown) => void): void {
    callback();
  }
}
const options: SessionOptions = { secret: 'x', store: new OwnStore() };
fromExpressStore(new OwnStore());
new Store().generate({});

app.get('/', async (req, res) => {
  await keycard(req.session).login('7');
  const n: number | undefined = keycard<{ n: number }>(req.session).info.isNew ? 1 : undefined;
  const cookie: Cookie = (req.session as unknown as Session).cookie;
  const same: Session = (req.session as unknown as Session).touch().save((error) => void error);
  res.json({ n, left: cookie.maxAge, same });
});

export { options };
