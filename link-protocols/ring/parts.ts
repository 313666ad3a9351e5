// Packs in several datagrams (docs/design/ring.md, "Packs in parts"): where a datagram is small, a pack is made of several,
// so that no message has to fit into what is left of one, and numbering, storing and handing up are paid once for all of them.
import type { Bytes, Packing } from 'peal/plugin';
import { DATAGRAMS_PER_PACK, SMALL_ROOM_BYTES } from './limits.js';
import { PART_BYTES, type Arrived } from './wire.js';

/** Parts are put together in slabs of this size, bytes. */
const SLAB_BYTES = 256 * 1024;

/** How packs are made where a datagram has so much room behind the head of DATA. */
export function packingFor(roomBytes: number): Packing {
  if (roomBytes >= SMALL_ROOM_BYTES) return { bytes: roomBytes, compact: false };
  return { bytes: DATAGRAMS_PER_PACK * (roomBytes - PART_BYTES), compact: true };
}

/** In how many datagrams a body of that length goes. */
export function partsOf(bodyBytes: number, roomBytes: number): number {
  return bodyBytes <= roomBytes ? 1 : Math.ceil(bodyBytes / (roomBytes - PART_BYTES));
}

/** Parts of one pack from one member. */
interface Begun {
  readonly parts: (Bytes | undefined)[];
  missing: number;
  bytes: number;
}

/**
 * What arrived of packs that are not whole. Each member's parts of a pack are kept apart, since two may have cut it
 * differently. What is kept is what arrived, never what was claimed.
 */
export class Parts {
  readonly #members: number;
  /** By position and member. */
  readonly #begun = new Map<number, Begun>();
  #slab: Bytes = new Uint8Array(0);
  #used = 0;
  /** Bytes of the parts kept. */
  bytes = 0;

  constructor(members: number) {
    this.#members = members;
  }

  /** The whole body when this part completes it. */
  add(from: number, { position, part, parts, body }: Arrived): Bytes | undefined {
    const key = position * this.#members + from;
    let begun = this.#begun.get(key);
    if (begun?.parts.length !== parts) {
      if (begun !== undefined) this.#drop(key, begun);
      begun = { parts: new Array<Bytes | undefined>(parts).fill(undefined), missing: parts, bytes: 0 };
      this.#begun.set(key, begun);
    }
    if (begun.parts[part] !== undefined) return undefined;
    begun.parts[part] = body;
    begun.bytes += body.length;
    this.bytes += body.length;
    if (--begun.missing > 0) return undefined;
    this.#drop(key, begun);
    return this.#join(begun);
  }

  /** That position is held: what else arrived of it is not needed. */
  forget(position: number): void {
    if (this.#begun.size === 0) return;
    for (let from = 0; from < this.#members; from++) {
      const key = position * this.#members + from;
      const begun = this.#begun.get(key);
      if (begun !== undefined) this.#drop(key, begun);
    }
  }

  #drop(key: number, begun: Begun): void {
    this.#begun.delete(key);
    this.bytes -= begun.bytes;
  }

  #join({ parts, bytes }: Begun): Bytes {
    if (this.#slab.length - this.#used < bytes) {
      this.#slab = new Uint8Array(Math.max(SLAB_BYTES, bytes));
      this.#used = 0;
    }
    const from = this.#used;
    for (const part of parts) {
      this.#slab.set(part!, this.#used);
      this.#used += part!.length;
    }
    return this.#slab.subarray(from, this.#used);
  }
}
