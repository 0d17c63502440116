import { Controller, Get, Logger, Post } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Args, GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import { type ClientProxy, ClientProxyFactory, MessagePattern, Payload, Transport } from '@nestjs/microservices';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WsAdapter } from '@nestjs/platform-ws';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { firstValueFrom } from 'rxjs';
import { WebSocket } from 'ws';
import {
  MemoryStore,
  Public,
  RequireRecentLogin,
  RequireSession,
  Session,
  SessionGuard,
  SessionRegistry,
  SessionStoreError,
} from 'nestjs-keycard';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { ObservedStore } from '../../support/observed-store.js';
import type { AnySession } from '../../support/scripted.js';

const storeError = () => new SessionStoreError('UNAVAILABLE', 'connect ECONNREFUSED 10.1.2.3');
const guarded = { provide: APP_GUARD, useClass: SessionGuard };

@Resolver()
class AccountResolver {
  @Query(() => String)
  @RequireSession({ redirectTo: '/login' })
  account() {
    return 'inside';
  }
  @Query(() => String)
  @RequireSession((session) => (session as unknown as AnySession).role === 'admin', { message: 'Admins only.' })
  admin() {
    return 'inside';
  }
  @Query(() => String)
  @RequireRecentLogin('1ms')
  recent() {
    return 'inside';
  }
  @Query(() => String)
  @Public()
  open(@Session() session: AnySession) {
    return String(session.info.principal);
  }
  @Query(() => String)
  @Public()
  broken(): string {
    throw storeError();
  }
  @Mutation(() => String)
  @Public()
  async login(@Session() session: AnySession, @Args('id') id: string) {
    await session.login(id);
    return id;
  }
}

@WebSocketGateway()
class ChatGateway {
  @SubscribeMessage('open')
  @Public()
  open() {
    return { event: 'open', data: 'welcome' };
  }
  @SubscribeMessage('closed')
  @RequireSession({ redirectTo: '/login' })
  closed() {
    return { event: 'closed', data: 'inside' };
  }
  @SubscribeMessage('broken')
  @Public()
  broken() {
    throw storeError();
  }
  @SubscribeMessage('decorated')
  @Public()
  decorated(@Session() session: unknown) {
    return { event: 'decorated', data: typeof session };
  }
}

@Controller()
class MessageController {
  constructor(private readonly registry: SessionRegistry) {}

  @MessagePattern('open')
  @Public()
  open() {
    return 'welcome';
  }
  @MessagePattern('broken')
  @Public()
  broken() {
    throw storeError();
  }
  @MessagePattern('closed')
  closed() {
    return 'inside';
  }
  @MessagePattern('decorated')
  @Public()
  decorated(@Session() session: unknown) {
    return typeof session;
  }
  @MessagePattern('job')
  @Public()
  async job(@Payload() { handle, principal }: { handle: string; principal: string }) {
    const session = (await this.registry.openByHandle(handle, { principal })) as AnySession | undefined;
    await session?.update((draft) => void (draft['mail'] = 'sent'));
    return session?.info.principal ?? 'nobody';
  }
  @Post('login')
  @Public()
  async login(@Session() session: AnySession) {
    await session.login('7');
    return { handle: session.info.handle };
  }
  @Get('mail')
  mail(@Session() session: AnySession) {
    return { mail: session['mail'] };
  }
  @Get('http')
  http() {
    return 'inside';
  }
}

let server: TestApp;
let client: { close(): unknown } | undefined;
afterEach(async () => {
  await client?.close();
  client = undefined;
  await server.close();
});

describe('under GraphQL', () => {
  let jar: Jar;
  const start = async (options = {}, graphql: Partial<ApolloDriverConfig> = {}) => {
    jar = new Jar();
    const module = GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      autoSchemaFile: true,
      csrfPrevention: false,
      ...graphql,
    });
    server = await startApp([], options, { imports: [module], providers: [guarded, AccountResolver] });
  };
  const ask = async (query: string) => {
    const answer = await jar.fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    const { data, errors } = (await answer.json()) as {
      data: Record<string, string> | null;
      errors?: { message: string; extensions: Record<string, unknown> }[];
    };
    expect(answer.headers.get('location')).toBeNull();
    return errors === undefined ? data : [errors[0]!.message, errors[0]!.extensions.code, errors[0]!.extensions.reason];
  };

  it.each([{}, { autoTransformHttpErrors: false }])(
    'a refusal is an error with extensions.code and reason, and redirectTo counts over HTTP only (#13.3) %j',
    async (graphql) => {
      await start({}, graphql);
      expect(await ask('{ account }')).toEqual(['Please log in.', 'UNAUTHENTICATED', 'login-required']);
      expect(await ask('{ open }')).toEqual({ open: 'undefined' });
      expect(await ask('mutation { login(id: "7") }')).toEqual({ login: '7' });
      expect(await ask('{ account open }')).toEqual({ account: 'inside', open: '7' });
      expect(await ask('{ admin }')).toEqual(['Admins only.', 'FORBIDDEN', 'forbidden']);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await ask('{ recent }')).toEqual([
        'Please enter your password again.',
        'UNAUTHENTICATED',
        'recent-login-required',
      ]);
    },
  );

  it('a failed store is a 503 in extensions, for guard and decorator (#13.3)', async () => {
    const store = new ObservedStore(new MemoryStore());
    const logger = { warn: () => undefined, error: () => undefined };
    await start({ store, logger }, { autoTransformHttpErrors: false });
    await ask('mutation { login(id: "7") }');
    store.failure = new Error('down');
    for (const query of ['{ account }', '{ open }'])
      expect(await ask(query)).toEqual([
        expect.stringContaining('session store is not available'),
        'SERVICE_UNAVAILABLE',
        undefined,
      ]);
  });

  it("an error of the store's is not swallowed (#13.21)", async () => {
    await start();
    expect(await ask('{ broken }')).toEqual(['connect ECONNREFUSED 10.1.2.3', 'INTERNAL_SERVER_ERROR', undefined]);
  });

  it('a context without the request is named (#13.3)', async () => {
    await start();
    const handler = () => undefined;
    const context = {
      getType: () => 'graphql',
      getArgByIndex: () => ({}),
      getHandler: () => handler,
      getClass: () => AccountResolver,
    };
    await expect(new SessionGuard().canActivate(context as never)).rejects.toThrow(
      /GraphQL context, as it has no "req". Give GraphQLModule/,
    );
  });

  it('a path that has no sessions is named (#13.3)', async () => {
    await start({ exclude: ['graphql'] });
    expect(await ask('{ account }')).toEqual([
      expect.stringMatching(/GraphQL request. Check that "forRoutes", "exclude"/),
      expect.anything(),
      undefined,
    ]);
  });
});

describe('in a gateway', () => {
  it('@Public() handlers work, others are refused with a WsException that names the context (#13.3)', async () => {
    server = await startApp(
      [],
      {},
      { providers: [guarded, ChatGateway], before: (app) => app.useWebSocketAdapter(new WsAdapter(app)) },
    );
    const socket = new WebSocket(server.url.replace('http', 'ws'));
    client = socket;
    await once(socket, 'open');
    const send = async (event: string) => {
      socket.send(JSON.stringify({ event, data: {} }));
      const [message] = (await once(socket, 'message')) as [Buffer];
      return JSON.parse(message.toString()) as unknown;
    };
    expect(await send('open')).toEqual({ event: 'open', data: 'welcome' });
    expect(await send('closed')).toEqual({
      event: 'exception',
      data: {
        status: 'error',
        statusCode: 401,
        reason: 'login-required',
        message: expect.stringMatching(
          /^There is no session in this message to a WebSocket gateway: .*withSessions.*@Public\(\)/,
        ),
      },
    });
    // Errors that Nest logs.
    expect(await send('broken')).toMatchObject({ event: 'exception', data: { message: 'Internal server error' } });
    expect(await send('decorated')).toMatchObject({ event: 'exception', data: { message: 'Internal server error' } });
  });
});

describe('in a microservice', () => {
  let proxy: ClientProxy;
  const start = async (): Promise<void> => {
    const tcp = (port: number) => ({ transport: Transport.TCP, options: { port, host: '127.0.0.1' } }) as const;
    server = await startApp(
      [MessageController],
      {},
      { providers: [guarded], before: (app) => void app.connectMicroservice(tcp(0), { inheritAppConfig: true }) },
    );
    await server.app.startAllMicroservices();
    const [messages] = server.app.getMicroservices();
    client = proxy = ClientProxyFactory.create(tcp((messages!.unwrap<Server>().address() as AddressInfo).port));
  };
  const send = (pattern: string, data: object = {}): Promise<unknown> => firstValueFrom(proxy.send(pattern, data));

  it('@Public() handlers work, others are refused with an RpcException that names the context (#13.3)', async () => {
    await start();
    expect(await send('open')).toBe('welcome');
    await expect(send('closed')).rejects.toEqual({
      status: 'error',
      statusCode: 401,
      reason: 'login-required',
      message: expect.stringMatching(/^A message to a microservice \(RPC\) has no session.*@Public\(\)/),
    });
    await expect(send('broken')).rejects.toEqual({ status: 'error', message: 'Internal server error' });
    expect((await fetch(`${server.url}/http`)).status).toBe(401);
  });

  it('@Session() says in the log what it is not for (#15.7)', async () => {
    await start();
    Logger.overrideLogger(['error']);
    const said: unknown[] = [];
    const spy = jest.spyOn(Logger.prototype, 'error').mockImplementation((...words) => void said.push(...words));
    try {
      await expect(send('decorated')).rejects.toEqual({ status: 'error', message: 'Internal server error' });
    } finally {
      spy.mockRestore();
      Logger.overrideLogger(false);
    }
    expect(said.map(String).join()).toMatch(/A message to a microservice \(RPC\) has no session/);
  });

  it('a message that names a handle works on that session by registry.openByHandle() (#15.7)', async () => {
    await start();
    const jar = new Jar();
    const { handle } = (await (await jar.fetch(`${server.url}/login`, { method: 'POST' })).json()) as {
      handle: string;
    };
    expect(await send('job', { handle, principal: '8' })).toBe('nobody');
    expect(await send('job', { handle, principal: '7' })).toBe('7');
    expect(await (await jar.fetch(`${server.url}/mail`)).json()).toEqual({ mail: 'sent' });
  });
});
