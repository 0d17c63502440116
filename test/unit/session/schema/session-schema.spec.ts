import { describe, expect, it } from '@jest/globals';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import { resolveOptions } from '../../../../lib/options/resolve-options.js';
import { DataSchema } from '../../../../lib/session/schema/session-schema.js';

/** The same shape in each library: a required user, a cart by default, a date as text, a name that is trimmed. */
const LIBRARIES: readonly (readonly [string, { loose: StandardSchemaV1; strict: StandardSchemaV1 }])[] = [
  [
    'zod',
    (() => {
      const shape = {
        user: z.object({ id: z.string() }),
        cart: z.array(z.string()).default([]),
        at: z.coerce.date().optional(),
        name: z.string().trim().optional(),
      };
      return { loose: z.object(shape), strict: z.strictObject(shape) };
    })(),
  ],
  [
    'valibot',
    (() => {
      const shape = {
        user: v.object({ id: v.string() }),
        cart: v.optional(v.array(v.string()), []),
        at: v.optional(
          v.pipe(
            v.union([v.string(), v.date()]),
            v.transform((text) => new Date(text)),
            v.date(),
          ),
        ),
        name: v.optional(v.pipe(v.string(), v.trim())),
      };
      return { loose: v.object(shape), strict: v.strictObject(shape) };
    })(),
  ],
  [
    'arktype',
    (() => {
      const shape = {
        user: { id: 'string' },
        cart: ['string[]', '=', () => []],
        'at?': 'string.date.parse',
        'name?': 'string.trim',
      } as const;
      return { loose: type(shape), strict: type({ '+': 'reject', ...shape }) };
    })(),
  ],
];

const silent = (): void => {};
const read = (schema: StandardSchemaV1, values: Record<string, unknown>) => {
  const { values: given, refused } = new DataSchema(schema, silent).read(values);
  return { values: given, refused: [...refused.keys()] };
};

describe.each(LIBRARIES)('a schema of %s', (_name, { loose, strict }) => {
  describe.each([
    ['loose', loose],
    ['strict', strict],
  ])('%s', (_kind, schema) => {
    it('supplies defaults, and runs transforms on what was JSON', () => {
      const at = '2030-01-01T00:00:00.000Z';
      expect(read(schema, { user: { id: '7' }, at, name: ' Ada ' })).toEqual({
        values: { user: { id: '7' }, cart: [], at: new Date(at), name: 'Ada' },
        refused: [],
      });
    });

    it('gives each session a default of its own', () => {
      const data = new DataSchema(schema, silent);
      for (const stored of [{}, { user: { id: '7' } }]) {
        (data.read(stored).values.cart as string[]).push('apple');
        expect(data.read(stored).values.cart).toEqual([]);
      }
    });

    it('does so too if a required key is missing', () => {
      expect(read(schema, {})).toEqual({ values: { cart: [] }, refused: [] });
      expect(read(schema, { name: ' Ada ' })).toEqual({ values: { cart: [], name: 'Ada' }, refused: [] });
    });

    it('keeps keys that it does not know as they are', () => {
      const others = { passport: { user: 7 }, flash: { info: ['hello'] }, _csrf: 'text' };
      expect(read(schema, { user: { id: '7' }, ...others })).toEqual({
        values: { user: { id: '7' }, cart: [], ...others },
        refused: [],
      });
      expect(read(schema, { ...others })).toEqual({ values: { cart: [], ...others }, refused: [] });
    });

    it('leaves out a key that it refuses, and keeps the others', () => {
      expect(read(schema, { user: 7, cart: ['apple'], passport: 1 })).toEqual({
        values: { cart: ['apple'], passport: 1 },
        refused: ['user'],
      });
      expect(read(schema, { user: { id: 7 }, at: 'noon', name: ' Ada ' })).toEqual({
        values: { cart: [], name: 'Ada' },
        refused: ['user', 'at'],
      });
    });

    it('supplies the default for a key that it refused', () => {
      expect(read(schema, { user: { id: '7' }, cart: 'none' })).toEqual({
        values: { user: { id: '7' }, cart: [] },
        refused: ['cart'],
      });
    });

    it('checks what is to be saved, and lets pass what it does not know and what is not there yet', () => {
      const check = (values: Record<string, unknown>) => () => new DataSchema(schema, silent).check(values);
      expect(check({ user: { id: '7' }, cart: [], passport: 1 })).not.toThrow();
      expect(check({})).not.toThrow();
      expect(check({ passport: 1 })).not.toThrow();
      expect(check({ user: { id: 7 } })).toThrow(
        expect.objectContaining({ code: 'SCHEMA', message: expect.stringContaining('session.user') }),
      );
      expect(check({ cart: [1], passport: 1 })).toThrow('session.cart');
    });
  });
});

describe('a schema for session data', () => {
  it('drops a key whose transform throws', () => {
    const schema = z.object({ cart: z.string().transform((text) => JSON.parse(text) as unknown), name: z.string() });
    expect(read(schema, { cart: '{', name: 'Ada' })).toEqual({ values: { name: 'Ada' }, refused: ['cart'] });
  });

  it('drops what a schema for every key refuses: such a key is not unknown', () => {
    expect(read(z.record(z.string(), z.number()), { a: 1, b: 'text' })).toEqual({ values: { a: 1 }, refused: ['b'] });
    expect(read(z.object({ a: z.string() }).catchall(z.number()), { a: 'text', b: 'text' })).toEqual({
      values: { a: 'text' },
      refused: ['b'],
    });
  });

  it('drops a key that only certain words please, and whose message never differs', () => {
    expect(read(z.strictObject({ theme: z.enum(['dark', 'light'], { error: 'no' }) }), { theme: 'blue' })).toEqual({
      values: {},
      refused: ['theme'],
    });
  });

  it('reads each key by itself if the whole is invalid, and refuses to save it', () => {
    const schema = z
      .object({ from: z.coerce.number(), to: z.number().default(9) })
      .refine(({ from, to }) => from < to, 'from is to be before to');
    expect(read(schema, { from: '12' })).toEqual({ values: { from: 12, to: 9 }, refused: [] });
    expect(() => new DataSchema(schema, silent).check({ from: 12, to: 9 })).toThrow('from is to be before to');
  });

  it('can do with a schema that shows nothing of itself', () => {
    const inner = z.strictObject({ user: z.string().optional(), cart: z.array(z.string()).default([]) });
    const schema: StandardSchemaV1 = {
      '~standard': { version: 1, vendor: 'ours', validate: (value) => inner['~standard'].validate(value) },
    };
    expect(read(schema, { user: 7, passport: 1 })).toEqual({ values: { cart: [], passport: 1 }, refused: ['user'] });
  });

  it('gives each session defaults of its own far down, and leaves what is no plain data as it is', () => {
    class Money {
      constructor(readonly cents: number) {}
    }
    const inner = v.object({
      tags: v.optional(v.custom<string[]>(Array.isArray), []),
      price: v.pipe(
        v.number(),
        v.transform((cents) => new Money(cents)),
      ),
    });
    const data = new DataSchema(v.object({ item: inner }), silent);
    const read = () => data.read({ item: { price: 5 } }).values.item as { tags: string[]; price: Money };
    read().tags.push('new');
    expect(read().tags).toEqual([]);
    expect(read().price).toBeInstanceOf(Money);
  });

  it('warns once which transform works on its own results', () => {
    const said: string[] = [];
    const schema = new DataSchema(
      z.object({ count: z.number().transform((n) => n + 1), name: z.string().trim() }),
      (message) => said.push(message),
    );
    schema.check({ count: 1, name: ' Ada ' });
    schema.check({ count: 2, name: ' Ada ' });
    expect(said).toEqual([expect.stringContaining('session.count')]);
  });

  it('drops a key that is validated asynchronously, and refuses to save it', () => {
    const schema = z.object({
      name: z.string().refine(() => Promise.resolve(true)),
      cart: z.array(z.string()).default([]),
    });
    expect(read(schema, { name: 'Ada' })).toEqual({ values: { cart: [] }, refused: ['name'] });
    expect(() => new DataSchema(schema, silent).check({ name: 'Ada' })).toThrow('session.name');
  });

  it('is refused at bootstrap if it is no schema, or is known to be asynchronous', () => {
    const secret = 'a secret of at least thirty-two bytes';
    const asynchronous: StandardSchemaV1 = {
      '~standard': { version: 1, vendor: 'ours', validate: () => Promise.reject(new Error('later')) },
    };
    expect(() => resolveOptions({ secret, schema: asynchronous })).toThrow('asynchronously');
    expect(() => resolveOptions({ secret, schema: {} as StandardSchemaV1 })).toThrow('it takes a Standard Schema');
    expect(() => resolveOptions({ secret, migrate: (data) => data })).toThrow('"schemaVersion"');
  });
});
