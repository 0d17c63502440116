import { expect, it } from '@jest/globals';
import { readOptions } from '../../../lib/express/express-options.js';

const given = { secret: 'any', resave: false, saveUninitialized: false };

it("session() passes on each option of ours, the app's bus too (#14.4)", () => {
  const bus = { publish: async () => undefined, subscribe: async () => async () => undefined };
  const resolved = readOptions({ ...given, bus, hashIds: true, absoluteTimeout: '30d' }).resolve();
  expect(resolved).toMatchObject({ bus, hashIds: true, absoluteMs: 30 * 86_400_000 });
  expect(readOptions({ ...given, bus: false }).resolve().bus).toBe(false);
});

it('session() has no absolute timeout, and stores no device, unless they are asked for', () => {
  expect(readOptions(given).resolve()).toMatchObject({ absoluteMs: Infinity, device: false, touchIntervalMs: 0 });
});
