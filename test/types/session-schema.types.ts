import { Session, SessionModule, type SessionDecorator, type SessionOf } from 'nestjs-keycard';
import { FakeSession, type SessionTesting } from 'nestjs-keycard/testing';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';

const zodSchema = z.object({
  user: z.object({ id: z.string() }).optional(),
  cart: z.array(z.string()).default([]),
  at: z.coerce.date().optional(),
});
const valibotSchema = v.object({
  user: v.optional(v.object({ id: v.string() })),
  cart: v.optional(v.array(v.string()), []),
});
const arktypeSchema = type({ 'user?': { id: 'string' }, cart: 'string[]' });

// Each library's schema fits as it is.
SessionModule.forRoot({ secret: '', schema: zodSchema });
SessionModule.forRoot({ secret: '', schema: valibotSchema });
SessionModule.forRoot({
  secret: '',
  schema: arktypeSchema,
  schemaVersion: 2,
  migrate: (data, version) => ({ ...data, was: version ?? 1 }),
});
// @ts-expect-error no schema
SessionModule.forRoot({ secret: '', schema: { cart: 'string[]' } });

// Keys may always be absent: a session begins empty.
function withZod(session: SessionOf<typeof zodSchema>): void {
  const id: string | undefined = session.user?.id;
  const cart: string[] | undefined = session.cart;
  const at: Date | undefined = session.at;
  session.cart = ['apple'];
  delete session.user;
  void session.login('7', { user: { id: '7' } });
  void session.update((draft) => {
    draft.cart?.push('pear');
  });
  // @ts-expect-error not a list of texts
  session.cart = [1];
  // @ts-expect-error no such key
  session.basket = [];
  // @ts-expect-error the data of a login is checked as well
  void session.login('7', { user: { id: 7 } });
  void [id, cart, at];
}
function withOthers(a: SessionOf<typeof valibotSchema>, b: SessionOf<typeof arktypeSchema>): void {
  const carts: (string[] | undefined)[] = [a.cart, b.cart];
  // @ts-expect-error no such key
  void a.basket;
  // @ts-expect-error no such key
  void b.basket;
  void carts;
}
void [withZod, withOthers];

// A decorator and a type of one name, from the schema alone.
const AppSession = Session.of(zodSchema);
type AppSession = SessionOf<typeof zodSchema>;

// As in an app that declares nothing; this one's other tests do.
type Nothing = Record<never, never>;
declare const Undeclared: SessionDecorator<Nothing>;

class Controller {
  whole(@AppSession() session: AppSession, @AppSession('cart') cart: AppSession['cart']): void {
    void [session.cart, cart];
  }
  // @ts-expect-error no such key
  wrong(@AppSession('basket') basket: unknown): void {
    void basket;
  }
  // Without schema and merging any key will do.
  plain(@Undeclared() session: Session<Nothing>, @Undeclared('cart') cart: string[]): void {
    const unknown: unknown = session.cart;
    void [unknown, cart];
  }
}
void Controller;

// The testing kit takes the same type.
const fake = new FakeSession<z.infer<typeof zodSchema>>({ data: { cart: ['apple'] } });
withZod(fake);
// @ts-expect-error not a list of texts
new FakeSession<z.infer<typeof zodSchema>>({ data: { cart: [1] } });
async function kit(sessions: SessionTesting): Promise<void> {
  const found = await sessions.read<z.infer<typeof zodSchema>>('');
  const cart: string[] | undefined = found?.data.cart;
  void cart;
}
void kit;
async function undeclared(sessions: SessionTesting, add: (session: Session<Nothing>) => void): Promise<void> {
  // The data don't make the type: what an app declares does.
  add(new FakeSession<Nothing>({ data: { cart: ['apple'] } }));
  await sessions.cookieFor<z.infer<typeof zodSchema>>({ data: { cart: ['apple'] } });
  // @ts-expect-error not a list of texts
  await sessions.cookieFor<z.infer<typeof zodSchema>>({ data: { cart: [1] } });
}
void undeclared;
