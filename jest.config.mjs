const alias = {
  '^nestjs-keycard$': '<rootDir>/lib/index.ts',
  '^nestjs-keycard/(redis|postgres|mongo)$': '<rootDir>/lib/stores/$1/index.ts',
  '^nestjs-keycard/(express|fastify)-request$': '<rootDir>/lib/request-types/$1.ts',
  '^nestjs-keycard/websockets$': '<rootDir>/lib/nest/websockets/index.ts',
  '^nestjs-keycard/(express|testing)$': '<rootDir>/lib/$1/index.ts',
};

/** What needs servers, a browser, other packages or much time: `npm run test:all` runs it, `npm test` does not. */
const full = [
  'test/browser/',
  'test/simulation/',
  'test/contract/from-express',
  'test/e2e/(concurrency|every-store|identity|interop|outages|peers|samples|servers)/',
  'test/e2e/gateways/processes/',
  'test/e2e/(mongo|postgres|redis)/',
];

/** What of it measures time or load: `npm run test:all` runs it last, one file at a time. */
const alone = [
  'test/e2e/concurrency/', // four processes each
  'test/e2e/gateways/processes/',
  'test/e2e/identity/(admission|list-cost)', // admission: stores that are late by 0.2 s
  'test/e2e/outages/',
  'test/e2e/(mongo|postgres|redis)/(failover|half-open|outage|processes)',
];

const specsOf = (paths) => paths.map((path) => `/${path}.*\\.spec\\.ts$`);

const project = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { ...alias, '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
};

/** @type {import('jest').Config} */
export default {
  rootDir: import.meta.dirname,
  projects: [
    {
      ...project,
      displayName: 'quick',
      testMatch: ['**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', ...full],
    },
    {
      ...project,
      displayName: 'full',
      testRegex: specsOf(full),
      testPathIgnorePatterns: ['/node_modules/', ...specsOf(alone)],
    },
    { ...project, displayName: 'alone', testRegex: specsOf(alone) },
  ],
  globalSetup: '<rootDir>/test/support/servers/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/servers/global-teardown.mjs',
  reporters: ['<rootDir>/test/support/servers/skip-reporter.mjs', 'default'],
  testTimeout: 20_000,
  // Each file leaves its modules behind: a worker that has grown is replaced, before its garbage holds tests up.
  workerIdleMemoryLimit: '1GB',
};
