export interface MenuItem {
  readonly sku: string;
  readonly name: string;
  readonly detail: string;
  readonly cents: number;
}

export const menu: readonly MenuItem[] = [
  { sku: 'coffee', name: 'Pot of coffee', detail: 'For two, with warm milk', cents: 650 },
  { sku: 'croissant', name: 'Butter croissant', detail: 'Baked at six this morning', cents: 320 },
  { sku: 'eggs', name: 'Eggs as you like them', detail: 'With sourdough toast', cents: 1150 },
  { sku: 'fruit', name: 'Fruit of the season', detail: 'Today: figs, pears and grapes', cents: 780 },
];
