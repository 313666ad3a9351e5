// Own packs that are not stable yet, by index: what retransmission draws from (docs/design/mesh.md, section 1).
import type { Pack } from '../types.js';
import { DATA_HEAD_BYTES } from './wire.js';

/** Freed places at the front are given back when there are this many and they are half of the array. */
const COMPACT_AT = 1024;

export class Store {
  readonly #packs: (Pack | undefined)[] = [];
  /** Index of the pack at place 0 of the array. */
  #base = 1;
  #first = 1;
  #bytes = 0;

  /** Index of the last pack, 0 before the first. */
  get highest(): number {
    return this.#base + this.#packs.length - 1;
  }

  /** Lowest index still kept; highest + 1 when nothing is. */
  get first(): number {
    return this.#first;
  }

  get count(): number {
    return this.highest - this.#first + 1;
  }

  /** Bytes in flight, heads included. */
  get bytes(): number {
    return this.#bytes;
  }

  push(pack: Pack): number {
    this.#packs.push(pack);
    this.#bytes += pack.bytes.length + DATA_HEAD_BYTES;
    return this.highest;
  }

  get(index: number): Pack | undefined {
    return this.#packs[index - this.#base];
  }

  /** Forgets the packs up to `index`, which is at most `highest`. */
  drop(index: number): void {
    for (; this.#first <= index; this.#first++) {
      const place = this.#first - this.#base;
      this.#bytes -= this.#packs[place]!.bytes.length + DATA_HEAD_BYTES;
      this.#packs[place] = undefined;
    }
    const freed = this.#first - this.#base;
    if (freed < COMPACT_AT || freed * 2 < this.#packs.length) return;
    this.#packs.splice(0, freed);
    this.#base = this.#first;
  }
}
