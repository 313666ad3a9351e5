// The numbered packs of one configuration that not everybody is known to have: what is handed up in order, what waits
// behind a gap, and what retransmission draws from (docs/design/ring.md, section 1).
import { Positions } from 'peal/plugin';
import { MAX_RUN } from './limits.js';
import type { Numbered } from './wire.js';

export interface Gap {
  readonly first: number;
  readonly many: number;
}

export class Store {
  readonly #packs = new Positions<Numbered>();
  /** All positions up to here are or were held. */
  heldTo = 0;
  /** All positions up to here were handed up; at most `heldTo`. */
  handedTo = 0;
  /** Every member has all positions up to here; packs up to it are forgotten. */
  stableTo = 0;
  /** Bytes of the packs held as they travel, without heads. */
  bytes = 0;

  get size(): number {
    return this.#packs.size;
  }

  has(position: number): boolean {
    return position <= this.heldTo || this.#packs.has(position);
  }

  get(position: number): Numbered | undefined {
    return this.#packs.get(position);
  }

  /** The position is not held yet. */
  put(n: Numbered): void {
    this.#packs.set(n.position, n);
    this.bytes += n.body.length;
    while (this.#packs.has(this.heldTo + 1)) this.heldTo++;
  }

  /** The next pack to hand up, which counts as handed up from here; undefined: a gap, or nothing. */
  next(): Numbered | undefined {
    if (this.handedTo === this.heldTo) return undefined;
    return this.#packs.get(++this.handedTo);
  }

  /** Forgets what everybody has; `position` is at most `handedTo`. */
  stable(position: number): void {
    while (this.stableTo < position) {
      this.stableTo++;
      this.bytes -= this.#packs.get(this.stableTo)!.body.length;
      this.#packs.delete(this.stableTo);
    }
  }

  /** What is missing up to `position`, lowest first, in at most `max` runs. */
  missing(position: number, max: number): Gap[] {
    const gaps: Gap[] = [];
    for (let first = this.heldTo + 1; first <= position && gaps.length < max; first++) {
      if (this.#packs.has(first)) continue;
      let many = 1;
      while (first + many <= position && many < MAX_RUN && !this.#packs.has(first + many)) many++;
      gaps.push({ first, many });
      first += many;
    }
    return gaps;
  }

  /** What was never handed up, in order. */
  behind(): Numbered[] {
    return this.#packs.above(this.handedTo).map((p) => this.#packs.get(p)!);
  }
}
