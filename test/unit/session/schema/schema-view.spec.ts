import { describe, expect, it } from '@jest/globals';
import { snapshot } from '../../../../lib/common/merge.js';
import { SchemaView } from '../../../../lib/session/schema/schema-view.js';

/** Stored: a name that the schema trims, an age that it refuses, no cart. The app sees the name trimmed and a cart. */
const STORED = { name: ' ada ', age: 'old', other: 1 };
const SEEN = { name: 'ada', cart: [], other: 1 };
const view = (): SchemaView => {
  const made = new SchemaView();
  made.note(snapshot(STORED), SEEN, new Map([['age', 'must be a number']]));
  return made;
};

describe('SchemaView', () => {
  it('what the schema made of the data is no change by the app', () => {
    expect(view().stored(SEEN)).toEqual(STORED);
  });

  it('a key that the app changed is a change', () => {
    expect(view().stored({ ...SEEN, name: 'bob' })).toEqual({ ...STORED, name: 'bob' });
  });

  it('writes defaults, keeps transformed keys as stored, and leaves refused ones out unless they are to be kept', () => {
    expect(view().written(SEEN, false)).toEqual({ name: ' ada ', cart: [], other: 1 });
    expect(view().written(SEEN, true)).toEqual({ name: ' ada ', cart: [], other: 1, age: 'old' });
  });

  it('a refused key that is kept need not fit the schema', () => {
    expect(view().checkable(view().written(SEEN, true))).toEqual({ name: ' ada ', cart: [], other: 1 });
  });

  it('after a write, keys that are stored as the app sees them no longer differ', () => {
    const made = view();
    made.saved(snapshot({ name: 'ada', cart: [], other: 1 }));
    expect(made.stored(SEEN)).toEqual(SEEN);
  });

  it('startOver() keeps only the defaults', () => {
    const made = view();
    made.startOver();
    expect(made.stored(SEEN)).toEqual({ name: 'ada', other: 1 });
  });

  it('note() of some keys leaves the others as they were noted', () => {
    const made = view();
    const seen = { name: ' ada ', cart: ['by the app'], other: 1 };
    made.note(snapshot(STORED), seen, new Map(), new Set(['name']));
    expect(made.stored(seen)).toEqual({ ...STORED, cart: ['by the app'] });
  });
});
