import { expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { livenessOf, newOwner } from '../../../../lib/stores/file/owner.js';

function ownerWith(changes: { world?: string; pid?: number; start?: string }): string {
  const [world, pid, start, random] = newOwner().split('.');
  return [changes.world ?? world, changes.pid ?? pid, changes.start ?? start, random].join('.');
}

it('gives every store of a process an owner of its own, and knows it to be alive', () => {
  expect(newOwner()).not.toBe(newOwner());
  expect(livenessOf(newOwner())).toBe('alive');
});

it('knows a process to be dead that has ended', async () => {
  const child = spawn(process.execPath, ['-e', '0']);
  await once(child, 'exit');
  expect(livenessOf(ownerWith({ pid: child.pid! }))).toBe('dead');
});

it('knows a process to be dead whose number another process has now', () => {
  expect(livenessOf(ownerWith({ start: '1' }))).toBe('dead');
});

it('says nothing of processes of another machine or container, nor of what names no process', () => {
  expect(livenessOf(ownerWith({ world: '0123456789abcdef' }))).toBe('unknown');
  for (const owner of ['', 'x', 'x.y.z', ownerWith({}).replace(/\.\d+\./, '.x.')])
    expect(livenessOf(owner)).toBe('unknown');
});
