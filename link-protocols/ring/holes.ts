// What we miss and may ask for, and how long we have missed it (docs/design/ring.md 3.6). The token comes round as long as
// a hole is open, so its visits are the looks; no timer is needed.
import type { LinkUp } from 'peal/plugin';
import { HOLE_LOOK_MS, HOLE_LOOKS, HOLE_URGENT_LOOKS } from './limits.js';
import type { Store } from './store.js';
import type { Range } from './wire.js';

export class Holes {
  readonly #up: LinkUp;
  readonly #self: number;
  /** The first missing position at the last look, 0: none; when it was, and how many looks found the same. */
  #missing = 0;
  #lookedAt = 0;
  #looks = 0;

  constructor(up: LinkUp, self: number) {
    this.#up = up;
    this.#self = self;
  }

  /** Our requests at this visit: what is missing up to `position`. `held`: per rank, what it has. */
  look(store: Store, position: number, max: number, held: ArrayLike<number>): Range[] {
    if (store.heldTo >= position) {
      this.#missing = 0;
      return [];
    }
    const now = this.#up.now();
    if (this.#missing !== store.heldTo + 1) {
      this.#missing = store.heldTo + 1;
      this.#lookedAt = now;
      this.#looks = 0;
    } else if (now - this.#lookedAt >= HOLE_LOOK_MS) {
      this.#lookedAt = now;
      if (++this.#looks >= HOLE_LOOKS) this.#accuse(held);
    }
    const urgent = this.#looks >= HOLE_URGENT_LOOKS;
    return store.missing(position, max).map((gap) => ({ ...gap, who: this.#self, urgent }));
  }

  /** The first after us that has it should have sent it; the path from there carries tokens, but not packs. */
  #accuse(held: ArrayLike<number>): void {
    this.#looks = 0;
    for (let i = 1; i < held.length; i++) {
      const rank = (this.#self + i) % held.length;
      if (held[rank]! < this.#missing) continue;
      const detail = `pack ${this.#missing}, which it has, does not come`;
      this.#up.suspect(rank, { kind: 'stuck', detail });
      return;
    }
  }
}
