import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { satisfies } from 'semver';

interface Package {
  readonly engines?: { readonly node?: string };
  readonly optional?: boolean;
}

const read = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;

describe('package.json', () => {
  it('no dependency asks for a newer Node than ours, so npm ci prints no EBADENGINE (#13.31)', () => {
    const { packages } = read<{ packages: Record<string, Package> }>('package-lock.json');
    const refusing = Object.entries(packages)
      .filter(([, { engines, optional }]) => optional !== true && engines?.node !== undefined)
      .filter(([, { engines }]) => !satisfies('20.19.0', engines!.node!))
      .map(([path, { engines }]) => `${path}: ${engines!.node!}`);
    expect(refusing).toEqual([]);
  });

  it('says where the project is, and how to report a vulnerability (#13.31)', () => {
    const { repository, homepage, bugs, files } = read<Record<string, unknown>>('package.json');
    expect([repository, homepage, bugs]).toEqual([
      { type: 'git', url: expect.stringMatching(/^git\+https:.*\.git$/) },
      expect.stringMatching(/^https:/),
      { url: expect.stringMatching(/^https:.*\/issues$/) },
    ]);
    expect([existsSync('SECURITY.md'), files]).toEqual([true, expect.arrayContaining(['SECURITY.md'])]);
  });
});
