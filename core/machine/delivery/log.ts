// The numbered packs of one regular configuration, by position, kept until every member has accepted them and they
// were delivered here. Design: docs/design/order.md, section 3.
import type { History } from '../recovery/recovery.js';
import type { Range } from '../recovery/plan.js';
import { Positions } from '../positions.js';
import type { Pack } from '../types.js';

export interface Entry {
  /** Rank of the daemon that numbered and sent it. */
  readonly sender: number;
  /** Index in that sender's stream. */
  readonly index: number;
  readonly pack: Pack;
}

export class PackLog implements History {
  readonly #entries = new Positions<Entry>();
  readonly #dropped: (entry: Entry) => void;
  /** All positions up to here are or were held. */
  heldTo = 0;
  /** Every member holds all positions up to here. */
  stableTo = 0;
  /** All positions up to here were delivered whole. */
  deliveredTo = 0;
  /** Highest position held. */
  highest = 0;
  bytes = 0;
  #droppedTo = 0;

  /** `dropped`: called for each entry that is needed by nobody. */
  constructor(dropped: (entry: Entry) => void) {
    this.#dropped = dropped;
  }

  clear(): void {
    this.#entries.clear();
    this.heldTo = this.stableTo = this.deliveredTo = this.highest = this.bytes = this.#droppedTo = 0;
  }

  get size(): number {
    return this.#entries.size;
  }

  holds(position: number): boolean {
    return position <= this.heldTo || this.#entries.has(position);
  }

  get(position: number): Entry | undefined {
    return this.#entries.get(position);
  }

  /** The position is not held yet. */
  put(position: number, entry: Entry): void {
    this.#entries.set(position, entry);
    this.bytes += entry.pack.bytes.length;
    if (position > this.highest) this.highest = position;
    while (this.#entries.has(this.heldTo + 1)) this.heldTo++;
  }

  /** From acknowledgements: per rank the index that every member has accepted. True if the stable position rose. */
  acknowledge(upTo: ArrayLike<number>): boolean {
    const before = this.stableTo;
    for (;;) {
      const e = this.#entries.get(this.stableTo + 1);
      if (!e || e.index > (upTo[e.sender] ?? 0)) break;
      this.stableTo++;
    }
    return this.stableTo > before;
  }

  /** All up to this position. True if the stable position rose. */
  acknowledgeTo(position: number): boolean {
    const to = Math.min(position, this.heldTo);
    if (to <= this.stableTo) return false;
    this.stableTo = to;
    return true;
  }

  /** What is delivered here and held by all is needed by nobody. */
  drop(): void {
    const to = Math.min(this.stableTo, this.deliveredTo);
    while (this.#droppedTo < to) {
      this.#droppedTo++;
      const e = this.#entries.get(this.#droppedTo);
      if (!e) continue;
      this.bytes -= e.pack.bytes.length;
      this.#entries.delete(this.#droppedTo);
      this.#dropped(e);
    }
  }

  /** Positions held, ascending, disjoint. */
  ranges(): Range[] {
    const ranges: Range[] = [];
    if (this.heldTo > 0) ranges.push({ from: 1, to: this.heldTo });
    for (const p of this.#entries.above(this.heldTo)) {
      const last = ranges.at(-1);
      if (last?.to === p - 1) ranges[ranges.length - 1] = { from: last.from, to: p };
      else ranges.push({ from: p, to: p });
    }
    return ranges;
  }

  /** Entries beyond the first gap, in order. */
  *behind(): Generator<[number, Entry]> {
    for (const p of this.#entries.above(this.heldTo)) yield [p, this.#entries.get(p)!];
  }
}
