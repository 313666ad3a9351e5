// Named counters for status and metrics. Names may come from what was received, so their number is bounded.

/** Names told apart; further ones are counted as "other". */
export const MAX_COUNTERS = 1000;

export class Counters {
  private readonly values = new Map<string, number>();

  add(name: string, by = 1): void {
    const known = this.values.get(name);
    if (known === undefined && this.values.size >= MAX_COUNTERS) name = 'other';
    this.values.set(name, (known ?? this.values.get(name) ?? 0) + by);
  }

  /** 0 for a name that was never counted. */
  get(name: string): number {
    return this.values.get(name) ?? 0;
  }

  /** In the order of first use. */
  all(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.values);
  }
}
