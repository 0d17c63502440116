// A plain Express app of the ordinary kind: a cart, a login, messages that are shown once. It says its port and runs until its parent ends.
import express from 'express';
import session from 'express-session';

const store = new session.MemoryStore();
const app = express();
app.set('trust proxy', 1);
app.use(express.json());
app.use(
  session({
    name: 'shop.sid',
    secret: ['keyboard cat', 'an older one'],
    store,
    resave: false,
    saveUninitialized: false,
    rolling: true,
    unset: 'destroy',
    cookie: { maxAge: 3_600_000, sameSite: 'lax', secure: 'auto' },
  }),
);

app.get('/', (req, res) => {
  const { cart = [], user = null } = req.session;
  res.json({
    cart,
    user,
    cookie: Object.keys(req.session.cookie.toJSON()),
    life: Math.round(req.session.cookie.maxAge / 60_000),
  });
});

app.post('/cart', (req, res) => {
  req.session.cart = [...(req.session.cart ?? []), req.body.item];
  res.status(201).json(req.session.cart);
});

app.post('/login', (req, res, next) => {
  const { cart } = req.session;
  req.session.regenerate((error) => {
    if (error) return next(error);
    Object.assign(req.session, { cart, user: { id: 7, name: req.body.name }, notes: ['welcome'] });
    if (req.body.remember) req.session.cookie.maxAge = 30 * 86_400_000;
    req.session.save((failed) => (failed ? next(failed) : res.redirect('/')));
  });
});

app.get('/notes', (req, res) => {
  const { notes = [] } = req.session;
  delete req.session.notes;
  res.json(notes);
});

app.get('/fresh', (req, res, next) => {
  req.session.cart = ['never saved'];
  req.session.reload((error) => (error ? next(error) : res.json(req.session.cart ?? null)));
});

app.get('/count', (_req, res, next) => {
  store.length((error, count) => (error ? next(error) : res.json(count)));
});

app.post('/forget', (req, res) => {
  req.session = null;
  res.json('forgotten');
});

app.post('/logout', (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.json({ session: req.session ?? null })));
});

app.use((error, _req, res, _next) => res.status(500).json({ message: error.message }));

const server = app.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
process.stdin.on('close', () => process.exit()).resume();
