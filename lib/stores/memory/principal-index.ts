import { ShardedMap } from './sharded-map.js';

/** The ids of each principal. Most have one session, and a `Set` for one id needs more memory than the id. */
export class PrincipalIndex {
  private readonly ids = new ShardedMap<string | Set<string>>();

  /** The ids of a principal. */
  of(principal: string): readonly string[] {
    const found = this.ids.get(principal);
    if (found === undefined) return [];
    return typeof found === 'string' ? [found] : [...found];
  }

  add(principal: string, id: string): void {
    const found = this.ids.get(principal);
    if (found === undefined) this.ids.set(principal, id);
    else if (typeof found !== 'string') found.add(id);
    else if (found !== id) this.ids.set(principal, new Set([found, id]));
  }

  remove(principal: string, id: string): void {
    const found = this.ids.get(principal);
    if (found === id) this.ids.delete(principal);
    if (typeof found !== 'object' || !found.delete(id) || found.size > 1) return;
    const [last] = found;
    this.ids.set(principal, last!);
  }

  clear(): void {
    this.ids.clear();
  }
}
