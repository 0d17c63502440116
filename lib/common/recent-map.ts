/**
 * Remembers the latest entries: at least `size`, at most twice as many. It keeps no order of use, so an entry costs no
 * more than in a `Map`.
 */
export class RecentMap<V> {
  private latest = new Map<string, V>();
  private earlier = new Map<string, V>();

  constructor(private readonly size: number) {}

  get(key: string): V | undefined {
    return this.latest.get(key) ?? this.earlier.get(key);
  }

  set(key: string, value: V): void {
    if (this.latest.size === this.size) {
      this.earlier = this.latest;
      this.latest = new Map();
    }
    this.latest.set(key, value);
  }
}
