import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { keepReturnTo, takeReturnTo } from '../../../lib/nest/return-to.js';

const page = (url: string, more: object = {}): IncomingMessage =>
  ({ method: 'GET', url, headers: { accept: 'text/html' }, ...more }) as IncomingMessage;

describe('takeReturnTo()', () => {
  it.each(['/', '/account', '/a/b?next=//evil.example#x', '/a%20b', '/..a', '/%2541'])('gives %s, once', (path) => {
    const session = { returnTo: path };
    expect(takeReturnTo(session, '/home')).toBe(path);
    expect(takeReturnTo(session, '/home')).toBe('/home');
  });

  it.each([
    '//evil.example',
    'https://evil.example',
    'account',
    '',
    '/\\evil.example',
    '/%5Cevil.example',
    '/%255Cevil.example',
    '/a/%2e%2e//evil.example',
    '/a/../b',
    '/.',
    '/a%0d%0aX: y',
    '/%',
    '/%2525',
    '/%25252525252541',
    '/a b',
    '/ü',
    `/${'a'.repeat(2_048)}`,
    7,
  ])('gives the fallback for %j', (path) => {
    const session = { returnTo: path };
    expect(takeReturnTo(session, '/home')).toBe('/home');
    expect(session).not.toHaveProperty('returnTo');
  });

  it('the fallback is / by default', () => expect(takeReturnTo({})).toBe('/'));
});

describe('keepReturnTo()', () => {
  it.each<[string, IncomingMessage, string | undefined]>([
    ['a page', page('/cart?a=1'), '/cart?a=1'],
    ['a page under a prefix', page('/cart', { originalUrl: '/shop/cart' }), '/shop/cart'],
    [
      'a page that a browser navigates to',
      page('/cart', { headers: { accept: 'TEXT/HTML', 'sec-fetch-mode': 'navigate' } }),
      '/cart',
    ],
    ['a fetch() of a script', page('/cart', { headers: { accept: 'text/html', 'sec-fetch-mode': 'cors' } }), undefined],
    ['a form', page('/cart', { method: 'POST' }), undefined],
    ['JSON', page('/cart', { headers: { accept: 'application/json' } }), undefined],
    ['no Accept header', page('/cart', { headers: {} }), undefined],
    ['a path that leads elsewhere', page('//evil.example'), undefined],
  ])('keeps the path of %s', (_, request, path) => {
    const session: { returnTo?: string } = {};
    keepReturnTo(session, request);
    expect(session.returnTo).toBe(path);
  });
});
