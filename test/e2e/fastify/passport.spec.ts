import { Controller, Get, Post, Req, UseGuards } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest, preValidationHookHandler } from 'fastify';
import { Strategy } from 'passport-local';
import { Session, SessionGuard, SessionId } from 'nestjs-keycard';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { runDocs } from '../../support/docs-code.js';

type Any = Session<Record<string, unknown>>;
const people = [{ id: 7, name: 'ann', password: 'lighthouse keeper' }];
type Person = (typeof people)[number];

/** What is used of @fastify/passport's. */
interface Authenticator {
  sessionManager: unknown;
  serializeUser(person: unknown, request: FastifyRequest): Promise<unknown>;
  registerUserSerializer(serialize: (person: Person) => Promise<number>): void;
  registerUserDeserializer(deserialize: (id: number) => Promise<Person | undefined>): void;
  use(name: string, strategy: unknown): void;
  initialize(): FastifyPluginAsync;
  secureSession(): FastifyPluginAsync;
  authenticate(name: string, options: object): preValidationHookHandler;
}

const { manage } = await runDocs<{ manage(passport: Authenticator): void }>(
  'fastify.md',
  'passport.sessionManager',
  (code) => `export function manage(passport) {\n${code}}\n`,
);

async function newPassport(): Promise<Authenticator> {
  const name = '@fastify/passport';
  const passport = new ((await import(name)) as { Authenticator: new () => Authenticator }).Authenticator();
  manage(passport);
  passport.registerUserSerializer(async (person: Person) => person.id);
  passport.registerUserDeserializer(async (id: number) => people.find((each) => each.id === id));
  passport.use(
    'local',
    new Strategy((name, password, done) =>
      done(null, people.find((each) => each.name === name && each.password === password) ?? false),
    ),
  );
  return passport;
}

@Controller()
class PeopleController {
  @Post('note')
  note(@Session() session: Any) {
    session.note = 'a quiet room';
    return {};
  }
  @Get('me')
  @UseGuards(SessionGuard)
  me(@Session() session: Any, @SessionId() id: string, @Req() request: FastifyRequest & { user?: Person }) {
    return { user: request.user?.name, principal: session.info.principal, note: session.note ?? null, id };
  }
  @Post('logout')
  async logout(@Req() request: FastifyRequest & { logOut(): Promise<void> }) {
    await request.logOut();
    return {};
  }
}

describe('Fastify: @fastify/passport (#15.1)', () => {
  let app: TestApp;
  let jar: Jar;
  const me = async () => (await (await jar.fetch(`${app.url}/me`)).json()) as Record<string, unknown>;

  beforeEach(async () => {
    jar = new Jar();
    const passport = await newPassport();
    app = await startApp(
      [PeopleController],
      {},
      {
        adapter: new FastifyAdapter(),
        before: async (nest) => {
          const fastify = nest as NestFastifyApplication;
          await fastify.register(passport.initialize());
          await fastify.register(passport.secureSession());
          for (const [path, options] of [
            ['/login', {}],
            ['/login-and-keep', { keepSessionInfo: true }],
          ] as const) {
            fastify
              .getHttpAdapter()
              .getInstance()
              .post(
                path,
                { preValidation: passport.authenticate('local', { authInfo: false, ...options }) },
                (_request: FastifyRequest, reply: FastifyReply) => reply.send({}),
              );
          }
        },
      },
    );
  });
  afterEach(() => app.close());
  const login = (path: string, password = 'lighthouse keeper') =>
    jar.fetch(`${app.url}/${path}`, post({ username: 'ann', password }));

  it('logs in under a new id, remembers, and logs out', async () => {
    await jar.fetch(`${app.url}/note`, post());
    const guest = jar.header;
    expect((await login('login')).status).toBe(200);
    expect(jar.header).not.toBe(guest);
    expect(await me()).toMatchObject({ user: 'ann', principal: '7', note: null });
    const member = jar.header;
    await jar.fetch(`${app.url}/logout`, post());
    expect((await jar.fetch(`${app.url}/me`)).status).toBe(401);
    expect((await fetch(`${app.url}/me`, { headers: { cookie: member } })).status).toBe(401);
  });

  it('keeps what the guest had with keepSessionInfo', async () => {
    await jar.fetch(`${app.url}/note`, post());
    await login('login-and-keep');
    expect(await me()).toMatchObject({ user: 'ann', note: 'a quiet room' });
  });

  it('turns a wrong password away, and makes no session', async () => {
    expect((await login('login', 'wrong')).status).toBe(401);
    expect(jar.header).toBe('');
  });
});
