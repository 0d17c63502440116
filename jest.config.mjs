const alias = {
  '^nestjs-keycard$': '<rootDir>/lib/index.ts',
  '^nestjs-keycard/(redis|postgres|mongo)$': '<rootDir>/lib/stores/$1/index.ts',
  '^nestjs-keycard/(express|fastify)-request$': '<rootDir>/lib/request-types/$1.ts',
  '^nestjs-keycard/websockets$': '<rootDir>/lib/nest/websockets/index.ts',
  '^nestjs-keycard/(express|testing)$': '<rootDir>/lib/$1/index.ts',
};

/** @type {import('jest').Config} */
export default {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
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
  globalSetup: '<rootDir>/test/support/servers/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/servers/global-teardown.mjs',
  reporters: ['<rootDir>/test/support/servers/skip-reporter.mjs', 'default'],
  testTimeout: 20_000,
  // Each file leaves its modules behind: a worker that has grown is replaced, before its garbage holds tests up.
  workerIdleMemoryLimit: '1GB',
};
