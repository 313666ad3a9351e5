// Numbers of the updates that enter here: one counter for all groups, and for each group the previous number that its
// members get, so that they can tell a gap from an update for others (docs/design/flood.md, section 7).
import type { Data } from '../wire/frames.js';
import { ALL_GROUPS } from './types.js';

export class Origin {
  private last = 0;
  private lastForAll = 0;
  private readonly lastOf = new Map<string, number>();

  constructor(private readonly groups: readonly string[]) {}

  /** A new incarnation counts from 1. */
  reset(): void {
    this.last = 0;
    this.lastForAll = 0;
    this.lastOf.clear();
  }

  /** Head of the next update. */
  next(origin: string, incarnation: number, scope: string, created: number): Data {
    const all = scope === ALL_GROUPS;
    const before = (g: string): number => this.lastOf.get(g) ?? 0;
    const since = all ? this.lastForAll : before(scope);
    const sinceOf = all ? this.groups.map((g) => [g, before(g)] as const) : [];
    const sequence = ++this.last;
    if (all) this.lastForAll = sequence;
    for (const g of all ? this.groups : [scope]) this.lastOf.set(g, sequence);
    return { kind: 'data', origin, incarnation, sequence, scope, hops: 0, created, since, sinceOf };
  }
}

/** The number before it of what members of that group get. */
export function sinceIn(d: Data, group: string): number {
  return d.sinceOf.find(([g]) => g === group)?.[1] ?? d.since;
}
