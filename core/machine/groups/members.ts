// The members of one group in view order: daemons by place, then private groups bytewise (docs/design/groups.md, 2.1).
// They lie end to end as 32-byte fields, the form in which frames carry them, so a view is one copy.
import type { Bytes } from '../types.js';
import { NAME_BYTES, readName } from '../../wire/frame.js';
import { compareNames } from './names.js';

interface Part {
  readonly place: number;
  count: number;
}

/** Ordered members, keyed by (place of the daemon, name field). */
export class MemberList {
  #block = new Uint8Array(NAME_BYTES);
  #count = 0;
  readonly #parts: Part[] = [];
  /** Where the last `#find` ended: index into parts, and of the member counted over all parts. */
  #part = 0;
  #at = 0;

  get count(): number {
    return this.#count;
  }

  /** Places of the daemons that have members, rising. */
  get places(): readonly number[] {
    return this.#parts.map((p) => p.place);
  }

  /** The member fields of that daemon, end to end. Valid until the next change: copy at once. */
  of(place: number): Bytes {
    let from = 0;
    for (const p of this.#parts) {
      if (p.place === place) return this.#block.subarray(from * NAME_BYTES, (from + p.count) * NAME_BYTES);
      from += p.count;
    }
    return this.#block.subarray(0, 0);
  }

  /** The fields of that daemon's members but one, in two blocks. Valid until the next change. */
  without(place: number, b: Bytes, at: number): readonly [Bytes, Bytes] {
    const all = this.of(place);
    if (!this.#find(place, b, at)) return [all, all.subarray(0, 0)];
    const cut = this.#at * NAME_BYTES - (all.byteOffset - this.#block.byteOffset);
    return [all.subarray(0, cut), all.subarray(cut + NAME_BYTES)];
  }

  /** All member fields, end to end. Valid until the next change. */
  get all(): Bytes {
    return this.#block.subarray(0, this.#count * NAME_BYTES);
  }

  has(place: number, b: Bytes, at: number): boolean {
    return this.#find(place, b, at);
  }

  /** False: already there. */
  insert(place: number, b: Bytes, at: number): boolean {
    if (this.#find(place, b, at)) return false;
    const from = this.#at * NAME_BYTES;
    const end = this.#count * NAME_BYTES;
    if (end === this.#block.length) {
      const old = this.#block;
      this.#block = new Uint8Array(end * 2);
      this.#block.set(old);
    }
    this.#block.copyWithin(from + NAME_BYTES, from, end);
    for (let i = 0; i < NAME_BYTES; i++) this.#block[from + i] = b[at + i]!;
    const part = this.#parts[this.#part];
    if (part?.place === place) part.count++;
    else this.#parts.splice(this.#part, 0, { place, count: 1 });
    this.#count++;
    return true;
  }

  /** False: not there. */
  remove(place: number, b: Bytes, at: number): boolean {
    if (!this.#find(place, b, at)) return false;
    this.#cut(this.#at, 1);
    const part = this.#parts[this.#part]!;
    if (--part.count === 0) this.#parts.splice(this.#part, 1);
    return true;
  }

  /** Removes all members of that daemon; how many they were. */
  removePlace(place: number): number {
    let from = 0;
    for (const [i, p] of this.#parts.entries()) {
      if (p.place === place) {
        this.#cut(from, p.count);
        this.#parts.splice(i, 1);
        return p.count;
      }
      from += p.count;
    }
    return 0;
  }

  /** Private groups in view order. */
  names(): string[] {
    const out: string[] = [];
    for (let i = 0; i < this.#count; i++) out.push(readName(this.#block, i * NAME_BYTES));
    return out;
  }

  #cut(from: number, count: number): void {
    this.#block.copyWithin(from * NAME_BYTES, (from + count) * NAME_BYTES, this.#count * NAME_BYTES);
    this.#count -= count;
  }

  /** Sets `#part` and `#at` to where the member is or belongs. */
  #find(place: number, b: Bytes, at: number): boolean {
    let from = 0;
    let i = 0;
    while (i < this.#parts.length && this.#parts[i]!.place < place) from += this.#parts[i++]!.count;
    this.#part = i;
    const part = this.#parts[i];
    let low = from;
    let high = part?.place === place ? from + part.count : from;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareNames(this.#block, middle * NAME_BYTES, b, at);
      if (order === 0) {
        this.#at = middle;
        return true;
      }
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    this.#at = low;
    return false;
  }
}
