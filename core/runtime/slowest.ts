// Remembers the slowest handlers of the event loop, each by its longest run, for `peal status`.
import type { SlowHandler } from '../plugin/loop.js';

/** How many are remembered, as in Spread's event subsystem. */
export const SLOWEST_KEPT = 5;

export class Slowest {
  private kept: SlowHandler[] = [];
  /** Runs at or below this change nothing, milliseconds. */
  private floor = 0;

  note(name: string, ms: number, atMs: number): void {
    if (ms <= this.floor) return;
    const known = this.kept.find((s) => s.name === name);
    if (known !== undefined && known.ms >= ms) return;
    this.kept = [...this.kept.filter((s) => s !== known), { name, ms, atMs }]
      .sort((a, b) => b.ms - a.ms)
      .slice(0, SLOWEST_KEPT);
    if (this.kept.length === SLOWEST_KEPT) this.floor = this.kept.at(-1)!.ms;
  }

  list(): readonly SlowHandler[] {
    return this.kept;
  }
}
