/** What is measured: for each store the servers that run side by side, and the cases with the figures they must reach. */

const bare = { engine: 'bare' };
const raw = { engine: 'raw' };
const peer = { engine: 'express-session' };
const ours = { engine: 'keycard' };
const oursTouching = { engine: 'keycard', options: { touchInterval: 0 } };
const oursLazy = { engine: 'keycard', options: { load: 'lazy' } };

const FASTIFY = '@fastify/session';
const BARE_FASTIFY = 'bare, Fastify';
const OURS_FASTIFY = 'keycard, Fastify';
const onFastify = {
  [BARE_FASTIFY]: { engine: 'bare', platform: 'fastify' },
  [FASTIFY]: { engine: FASTIFY, platform: 'fastify' },
  [OURS_FASTIFY]: { engine: 'keycard', platform: 'fastify' },
};
/** Each over the bare route of Fastify. */
const fastifyFloors = { [FASTIFY]: BARE_FASTIFY, [OURS_FASTIFY]: BARE_FASTIFY };
const fastifyRatio = [OURS_FASTIFY, FASTIFY, 0.5];

/**
 * `path`: the route. `cookie`: `own` (each connection has a session), `forged` or `none`. `bytes`: the JSON of the session's data.
 * `ratios`: `[ours, peer, most]`, a session cost over another's; a session cost is CPU time a request less that of `bare`, or of what
 * `floors` names for that server.
 */
const read = { title: 'read', path: '/read', cookie: 'own' };
const change = { title: 'change', path: '/change', cookie: 'own' };
const login = { title: 'login', path: '/login', cookie: 'own', follow: true };
const touch = { title: 'read, touch due', path: '/read', cookie: 'own' };
const both = (budget) => [['keycard', 'express-session', budget]];
const touching = [['keycard, touching', 'express-session']];

const memory = {
  store: 'memory',
  peerStore: 'MemoryStore',
  servers: {
    bare,
    'express-session': peer,
    'express-session, memorystore': { engine: 'express-session', store: 'memorystore' },
    'express-session, rolling: false': { engine: 'express-session', options: { rolling: false } },
    keycard: ours,
    'keycard, rolling: false': { engine: 'keycard', options: { rolling: false } },
    'keycard, lazy': oursLazy,
    'keycard, touching': oursTouching,
    ...onFastify,
  },
  cases: [
    {
      ...read,
      servers: ['bare', 'express-session', 'express-session, memorystore', 'keycard', ...Object.keys(onFastify)],
      floors: fastifyFloors,
      ratios: [...both(0.25), ['keycard', 'express-session, memorystore'], ['keycard', FASTIFY], fastifyRatio],
    },
    {
      title: 'read, by @Session()',
      path: '/decorated',
      cookie: 'own',
      servers: ['bare', 'express-session', 'keycard'],
      ratios: both(0.25),
    },
    {
      title: 'read, rolling: false',
      path: '/read',
      cookie: 'own',
      servers: ['bare', 'express-session, rolling: false', 'keycard, rolling: false'],
      ratios: [['keycard, rolling: false', 'express-session, rolling: false', 0.25]],
    },
    {
      ...change,
      servers: ['bare', 'express-session', 'express-session, memorystore', 'keycard', ...Object.keys(onFastify)],
      floors: fastifyFloors,
      ratios: [...both(0.45), ['keycard', 'express-session, memorystore'], ['keycard', FASTIFY], fastifyRatio],
    },
    { ...login, servers: ['bare', 'express-session', 'keycard'], ratios: both(0.8) },
    {
      title: 'no cookie',
      path: '/read',
      cookie: 'none',
      servers: ['bare', 'express-session', 'keycard'],
      ratios: both(0.25),
    },
    {
      title: 'forged cookie',
      path: '/read',
      cookie: 'forged',
      servers: ['bare', 'express-session', 'keycard'],
      ratios: both(0.25),
    },
    {
      title: 'session not asked for',
      path: '/untouched',
      cookie: 'own',
      servers: ['bare', 'express-session', 'keycard', 'keycard, lazy'],
      ratios: [...both(), ['keycard, lazy', 'express-session']],
      overBare: { 'keycard, lazy': 1.03 },
    },
    { ...read, title: 'read, 1 kB', bytes: 1_000, servers: ['bare', 'express-session', 'keycard'], ratios: both(0.25) },
    {
      ...read,
      title: 'read, 32 kB',
      bytes: 32_000,
      servers: ['bare', 'express-session', 'keycard'],
      ratios: both(0.4),
    },
    {
      ...change,
      title: 'change, 32 kB',
      bytes: 32_000,
      servers: ['bare', 'express-session', 'keycard'],
      ratios: both(0.45),
    },
    { ...touch, servers: ['bare', 'express-session', 'keycard, touching'], ratios: touching },
  ],
};

/** What a store outside the process is measured by. */
function outside(
  store,
  peerStore,
  {
    readBudget,
    changeBudget,
    loginBudget,
    moreServers = {},
    moreRead = [],
    readRatios = [],
    moreChange,
    changeRatios = [],
    floors,
    cases = [],
    overRaw,
    onlyBasics = false,
  },
) {
  return {
    store,
    peerStore,
    servers: {
      bare,
      'raw read': raw,
      'express-session': peer,
      keycard: ours,
      'keycard, touching': oursTouching,
      ...moreServers,
    },
    cases: [
      {
        ...read,
        servers: ['bare', 'raw read', 'express-session', 'keycard', ...moreRead],
        ratios: [...both(readBudget), ...readRatios],
        rawShare: overRaw,
        floors,
      },
      {
        ...change,
        servers: ['bare', 'express-session', 'keycard', ...(moreChange ?? changeRatios.map(([name]) => name))],
        floors,
        ratios: [...both(changeBudget), ...changeRatios],
      },
      ...(onlyBasics
        ? []
        : [
            { ...login, servers: ['bare', 'express-session', 'keycard'], ratios: both(loginBudget) },
            { ...touch, servers: ['bare', 'express-session', 'keycard, touching'], ratios: touching },
          ]),
      ...cases,
    ],
  };
}

const large = {
  ...read,
  title: 'read, 32 kB',
  bytes: 32_000,
  servers: ['bare', 'express-session', 'keycard'],
  ratios: both(0.4),
  fullOnly: true,
};

export const groups = [
  memory,
  outside('file', 'session-file-store', {
    readBudget: 0.06,
    changeBudget: 0.8,
    loginBudget: 1,
    moreServers: { 'keycard, fsync: false': { engine: 'keycard', fsync: false } },
    changeRatios: [['keycard, fsync: false', 'express-session', 0.5]],
  }),
  outside('redis', 'connect-redis, ioredis', {
    readBudget: 0.15,
    changeBudget: 0.3,
    loginBudget: 0.6,
    moreServers: {
      'express-session, node-redis': { engine: 'express-session', client: 'node-redis' },
      'keycard, node-redis': { engine: 'keycard', client: 'node-redis' },
      ...onFastify,
    },
    moreRead: ['express-session, node-redis', 'keycard, node-redis', ...Object.keys(onFastify)],
    readRatios: [['keycard, node-redis', 'express-session, node-redis', 0.15], fastifyRatio],
    moreChange: Object.keys(onFastify),
    changeRatios: [fastifyRatio],
    floors: fastifyFloors,
    overRaw: 0.95,
    cases: [large],
  }),
  outside('postgres', 'connect-pg-simple', { readBudget: 0.15, changeBudget: 0.3, loginBudget: 0.45, cases: [large] }),
  outside('mongo', 'connect-mongo', { onlyBasics: true }),
];
