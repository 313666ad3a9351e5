// Packs in several datagrams (docs/design/ring.md, "Packs in parts"): where a datagram is small, a pack is made of several,
// so that no message has to fit into what is left of one, and numbering, storing and handing up are paid once for all of them.
import { MAX_RUN_BYTES } from 'peal/plugin';
import type { Bytes, Packing } from 'peal/plugin';
import { DATAGRAM_COST_BYTES, DATAGRAMS_PER_PACK, MAX_PARTS, SMALL_ROOM_BYTES } from './limits.js';
import { PART_BYTES, type Arrived } from './wire.js';

/** Parts are put together in slabs of this size, bytes. */
const SLAB_BYTES = 256 * 1024;

/** How packs are made where a datagram has so much room behind the head of DATA. */
export function packingFor(roomBytes: number): Packing {
  if (roomBytes >= SMALL_ROOM_BYTES) return { bytes: roomBytes, compact: false };
  return { bytes: Math.min(DATAGRAMS_PER_PACK * (roomBytes - PART_BYTES), MAX_RUN_BYTES), compact: true };
}

/** Largest pack that is made where rooms are at most that, and rise and fall: six of a small room may be more than one larger. */
export function largestPack(roomBytes: number): number {
  return Math.max(packingFor(roomBytes).bytes, packingFor(Math.min(roomBytes, SMALL_ROOM_BYTES - 1)).bytes);
}

/** In how many datagrams a body of that length goes; where it would be more than are taken, they are larger. */
export function partsOf(bodyBytes: number, roomBytes: number): number {
  return bodyBytes <= roomBytes ? 1 : Math.min(MAX_PARTS, Math.ceil(bodyBytes / (roomBytes - PART_BYTES)));
}

/** Parts of one pack from one member, in the order in which they arrived. */
interface Begun {
  readonly parts: number;
  readonly arrived: Arrived[];
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
  /** Bytes of the parts kept, with what each costs beside. */
  bytes = 0;

  constructor(members: number) {
    this.#members = members;
  }

  /** The whole body when this part completes it. */
  add(from: number, a: Arrived): Bytes | undefined {
    const key = a.position * this.#members + from;
    let begun = this.#begun.get(key);
    if (begun?.parts !== a.parts) {
      if (begun !== undefined) this.#drop(key, begun);
      begun = { parts: a.parts, arrived: [], bytes: 0 };
      this.#begun.set(key, begun);
    }
    if (begun.arrived.some(({ part }) => part === a.part)) return undefined;
    begun.arrived.push(a);
    begun.bytes += a.body.length;
    this.bytes += a.body.length + DATAGRAM_COST_BYTES;
    if (begun.arrived.length < a.parts) return undefined;
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
    this.bytes -= begun.bytes + begun.arrived.length * DATAGRAM_COST_BYTES;
  }

  #join({ arrived, bytes }: Begun): Bytes {
    if (this.#slab.length - this.#used < bytes) {
      this.#slab = new Uint8Array(Math.max(SLAB_BYTES, bytes));
      this.#used = 0;
    }
    const from = this.#used;
    arrived.sort((a, b) => a.part - b.part);
    for (const { body } of arrived) {
      this.#slab.set(body, this.#used);
      this.#used += body.length;
    }
    return this.#slab.subarray(from, this.#used);
  }
}
