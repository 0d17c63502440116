import { describe, expect, it } from '@jest/globals';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import { fieldsOf } from '../../../../lib/session/schema/schema-fields.js';

const validate = (schema: StandardSchemaV1, value: unknown): unknown => schema['~standard'].validate(value);

describe('fieldsOf()', () => {
  it.each<[string, StandardSchemaV1]>([
    ['zod', z.object({ user: z.string(), cart: z.array(z.string()).default([]) })],
    ['valibot', v.object({ user: v.string(), cart: v.optional(v.array(v.string()), []) })],
    ['arktype', type({ user: 'string', cart: type('string[]').default(() => []) })],
  ])('finds the keys of %s, each with its schema', (_, schema) => {
    const fields = fieldsOf(schema)!;
    expect([...fields.keys()].sort()).toEqual(['cart', 'user']);
    expect(validate(fields.get('user')!.schema, 7)).toHaveProperty('issues');
    expect(validate(fields.get('user')!.schema, 'ada')).toMatchObject({ value: 'ada' });
  });

  it('makes the defaults of arktype anew each time, as its keys do not apply them', () => {
    const fields = fieldsOf(type({ cart: type('string[]').default(() => []), size: 'number = 3' }))!;
    const [one, two] = [fields.get('cart')!.makeDefault!(), fields.get('cart')!.makeDefault!()];
    expect(one).toEqual([]);
    expect(one).not.toBe(two);
    expect(fields.get('size')!.makeDefault!()).toBe(3);
  });

  it.each<[string, StandardSchemaV1]>([
    ['a schema that is no object', z.string()],
    ['a union', z.union([z.object({ a: z.string() }), z.object({ b: z.string() })])],
    ['shape that holds no schemas', { ...z.string(), shape: { a: 1 } } as never],
  ])('finds none in %s', (_, schema) => expect(fieldsOf(schema)).toBeUndefined());
});
