import { describe, expect, it } from '@jest/globals';
import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { CookieSigner } from '../../../lib/cookie/cookie-signer.js';

const SECRET = 'a secret of at least thirty-two bytes';
const ID = 'QIQLjLQ2Pz9AW0qVmUqqPuqjYgUFyRzo';
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

const hmac = (secret: string | Buffer, id: string): string =>
  createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '');
const signatureOf = (signed: string): string => signed.slice(-43);

describe('CookieSigner', () => {
  it('signs as createHmac does, for secrets and ids of every length around the block of the hash', () => {
    for (const length of [1, 31, 32, 55, 56, 63, 64, 65, 128, 200]) {
      const secret = randomBytes(length);
      for (const idLength of [1, 8, 32, 55, 64, 119, 255, 256]) {
        const id = randomBytes(256).toString('base64url').slice(0, idLength);
        expect(new CookieSigner([secret]).sign(id)).toBe(`s:${id}.${hmac(secret, id)}`);
      }
    }
  });

  it('takes text, bytes and a KeyObject as one and the same secret', () => {
    const given = [
      'clé 🔑 of more than thirty-two bytes',
      Buffer.from('clé 🔑 of more than thirty-two bytes'),
      createSecretKey('clé 🔑 of more than thirty-two bytes', 'utf8'),
    ];
    const signed = given.map((secret) => new CookieSigner([secret]).sign(ID));
    expect(new Set(signed).size).toBe(1);
    expect(signed[0]).toBe(`s:${ID}.${hmac('clé 🔑 of more than thirty-two bytes', ID)}`);
    for (const secret of given) expect(new CookieSigner([secret]).unsign(signed[0]!)).toBe(ID);
  });

  it('signs with the first of several secrets and verifies with all of them', () => {
    const rotated = new CookieSigner(['the new one', 'the old one', 'the oldest one']);
    expect(rotated.sign(ID)).toBe(new CookieSigner(['the new one']).sign(ID));
    for (const secret of ['the new one', 'the old one', 'the oldest one'])
      expect(rotated.unsign(new CookieSigner([secret]).sign(ID))).toBe(ID);
    expect(rotated.unsign(new CookieSigner(['another']).sign(ID))).toBeUndefined();
  });

  it('compares the signature as text: none of the 63 other last letters will do, those that decode to the same bytes included', () => {
    const signer = new CookieSigner([SECRET]);
    const signed = signer.sign(ID);
    const accepted = [...BASE64].filter((letter) => signer.unsign(signed.slice(0, -1) + letter) !== undefined);
    expect(accepted).toEqual([signed.at(-1)]);
    const sameBytes = [...BASE64].filter((letter) =>
      Buffer.from(signatureOf(signed).slice(0, -1) + letter, 'base64').equals(
        Buffer.from(signatureOf(signed), 'base64'),
      ),
    );
    expect(sameBytes.length).toBe(4);
  });

  it('compares the whole signature: a change of any one letter is seen', () => {
    const signer = new CookieSigner([SECRET]);
    const signed = signer.sign(ID);
    for (let at = signed.length - 43; at < signed.length; at += 1) {
      const other = signed[at] === 'A' ? 'B' : 'A';
      expect(signer.unsign(signed.slice(0, at) + other + signed.slice(at + 1))).toBeUndefined();
    }
  });

  it('refuses what is padded, cut short, too long, of the url alphabet, or not signed at all', () => {
    const signer = new CookieSigner([SECRET]);
    // An id whose signature holds both letters that the url alphabet writes otherwise.
    const id = Array.from({ length: 500 }, (_, n) => `id-${n}`).find((each) =>
      /\+.*\/|\/.*\+/.test(hmac(SECRET, each)),
    )!;
    const signed = signer.sign(id);
    const signature = signatureOf(signed);
    expect(signer.unsign(signed)).toBe(id);
    const refused = [
      `${signed}=`,
      signed.slice(0, -1),
      signed.slice(0, -20),
      `${signed}A`,
      `s:${id}.${signature.replaceAll('+', '-').replaceAll('/', '_')}`,
      `${id}.${signature}`,
      `S:${id}.${signature}`,
      `s:${id}`,
      `s:${id}${signature}`,
      `s:.${signature}`,
      's:.',
      's:',
      '',
      `s:${id}.${'A'.repeat(43)}`,
      `s:${id}.${'é'.repeat(43)}`,
      `s:${id}.${String.fromCharCode(signature.charCodeAt(0) + 256)}${signature.slice(1)}`,
    ];
    for (const value of refused) expect([value, signer.unsign(value)]).toEqual([value, undefined]);
  });

  it('refuses ids that are not well formed, however well they are signed', () => {
    const signer = new CookieSigner([SECRET]);
    const signed = (id: string): string => `s:${id}.${hmac(SECRET, id)}`;
    for (const id of ['a', 'a.b', '../etc/passwd', '"quoted"', '~!@#$%^&*()', 'x'.repeat(256)])
      expect(signer.unsign(signed(id))).toBe(id);
    for (const id of ['', ' ', 'a b', 'a\nb', 'a\u0000', 'é', 'id\u007f', 'x'.repeat(257), 'x'.repeat(100_000)]) {
      expect([id.length, signer.unsign(signed(id))]).toEqual([id.length, undefined]);
    }
  });

  it('knows thousands of verified cookies again, each of them only as a whole', () => {
    const signer = new CookieSigner([SECRET]);
    const ids = Array.from({ length: 2_500 }, (_, n) => `id-${n}`);
    for (let round = 0; round < 3; round += 1) {
      for (const id of ids) {
        const signed = signer.sign(id);
        for (const sent of [signed, signed, encodeURIComponent(signed), encodeURIComponent(signed)])
          expect(signer.read(sent)).toBe(id);
        const last = BASE64[BASE64.indexOf(signed.at(-1)!) ^ 1]!;
        expect(signer.read(signed.slice(0, -1) + last)).toBeUndefined();
        expect(signer.read(signed.replace(id, `${id}0`))).toBeUndefined();
      }
    }
    // What one has verified says nothing to another.
    expect(
      new CookieSigner(['another secret of at least thirty-two bytes']).read(signer.sign(ids[0]!)),
    ).toBeUndefined();
  });
});
