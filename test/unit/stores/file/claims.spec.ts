import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Claims, linkOf, nameOfLink } from '../../../../lib/stores/file/claims.js';
import { newOwner } from '../../../../lib/stores/file/owner.js';
import { SessionFolder } from '../../../../lib/stores/file/session-folder.js';

const version = { content: '{}', inode: 7n, writtenNs: 1n };
const first = linkOf('abc', version);
const current = () => true;
let path: string;
let folder: SessionFolder;
let claims: Claims;

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'keycard-claims-'));
  folder = new SessionFolder(path);
  folder.make();
  claims = new Claims(folder);
});
afterEach(() => rmSync(path, { recursive: true }));

const putPlan = async (temp: string) => {
  await folder.writeTemp(temp, '{}', false);
  return { kind: 'put', temp } as const;
};

it('the path of a claim begins with the session, and differs by version', () => {
  expect(nameOfLink(first)).toBe('abc');
  expect(linkOf('abc', { ...version, inode: 8n })).not.toBe(first);
});

it('one writer claims a version; another finds that claim, with its temporary file', async () => {
  const mine = await putPlan(`${newOwner()}.1`);
  expect(claims.take(first, mine, current)).toEqual({ outcome: 'mine', links: [first] });
  const theirs = claims.take(first, await putPlan(`${newOwner()}.2`), current);
  expect(theirs).toMatchObject({ outcome: 'theirs', claim: { kind: 'put' } });
  expect(claims.tempOf(first)).toBe(mine.temp);
});

it('a claim whose temporary file is gone is succeeded by another, which leads back to the first', async () => {
  const lost = await putPlan(`${newOwner()}.1`);
  claims.take(first, lost, current);
  folder.discardTemp(lost.temp);
  const taken = claims.take(first, await putPlan(`${newOwner()}.2`), current);
  expect(taken).toMatchObject({ outcome: 'mine', links: [first, expect.any(String)] });
  const links = taken.outcome === 'mine' ? taken.links : [];
  expect(claims.leadsTo(first, links[1]!)).toBe(true);
  expect(claims.leadsTo(first, linkOf('abc', { ...version, inode: 8n }))).toBe(false);
  claims.drop(links);
  expect(claims.read(first)).toBeUndefined();
});

describe.each([true, false])('a removal, with symbolic links: %s', (makesSymlinks) => {
  beforeEach(() => {
    folder.makesSymlinks = makesSymlinks;
  });

  it('is claimed by one process, whose mark it tells, and leaves no temporary file', async () => {
    const mark = `${newOwner()}.1`;
    expect(claims.take(first, { kind: 'remove', mark }, current).outcome).toBe('mine');
    expect(claims.read(first)).toEqual({ kind: 'remove', mark });
    expect(claims.take(first, { kind: 'remove', mark: `${newOwner()}.2` }, current)).toMatchObject({
      outcome: 'theirs',
      claim: { mark },
    });
    expect(await readdir(folder.temps)).toEqual([]);
  });

  it('of a dead process is succeeded', () => {
    const [world] = newOwner().split('.');
    const mark = `${world}.999999999.1.abcd.1`;
    claims.take(first, { kind: 'remove', mark }, current);
    const taken = claims.take(first, { kind: 'remove', mark: `${newOwner()}.1` }, current);
    expect(taken).toMatchObject({ outcome: 'mine', links: [first, expect.any(String)] });
  });

  it('is not mistaken for a put, whose file is a session', async () => {
    claims.take(first, await putPlan(`${newOwner()}.1`), current);
    expect(claims.read(first)).toMatchObject({ kind: 'put' });
  });
});
