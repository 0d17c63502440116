import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import expressSession, { type Store } from 'express-session';
import { FileStore } from 'nestjs-keycard';
import { interopSuite } from '../../support/interop/interop-suite.js';

type SessionFileStore = new (options: Record<string, unknown>) => Store;
const SessionFileStore = (
  createRequire(import.meta.url)('session-file-store') as (session: unknown) => SessionFileStore
)(expressSession);

describe('between session-file-store and FileStore', () =>
  interopSuite(async () => {
    const path = mkdtempSync(join(tmpdir(), 'keycard-interop-'));
    const peer = new SessionFileStore({ path, reapInterval: -1, retries: 0, logFn: () => undefined });
    const ours = new FileStore({ path, fsync: false, pruneInterval: false });
    await ours.open();
    return {
      peer,
      ours,
      close: async () => {
        await ours.close();
        rmSync(path, { recursive: true, force: true });
      },
    };
  }));
