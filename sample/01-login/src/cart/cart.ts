import { menu, type MenuItem } from './menu.js';

type Counts = Readonly<Record<string, number>>;

/** A cart as pages and scripts show it. */
export interface Cart {
  readonly lines: readonly (MenuItem & { readonly count: number })[];
  readonly count: number;
  readonly cents: number;
}

const MOST = 999;

/** The counts after a change of one item; nothing below none. */
export function changed(counts: Counts | undefined, sku: string, by: number): Record<string, number> {
  const count = Math.min(MOST, Math.max(0, (counts?.[sku] ?? 0) + by));
  const { [sku]: _before, ...others } = counts ?? {};
  return count === 0 ? others : { ...others, [sku]: count };
}

export function cartOf(counts: Counts | undefined): Cart {
  const lines = menu.map((item) => ({ ...item, count: counts?.[item.sku] ?? 0 }));
  return {
    lines,
    count: lines.reduce((sum, { count }) => sum + count, 0),
    cents: lines.reduce((sum, { count, cents }) => sum + count * cents, 0),
  };
}
