// Slabs that clients who send large frames are read straight into, a few clients at a time: packs then keep the frames where they were
// read (`lasting` of Session.submit), where they would be copied into a pack and, if a read ended within them, put together before.
//
// Who has one keeps it while each read ends within a large frame; one who stalls there, for as long as he does.
//
// Measured beside one buffer for all reads (three daemons over tcp, one sender at a daemon, interleaved; rate, CPU of all daemons):
// 100 KB, one sender 1.04 and 0.94, three 1.01 and 0.97; one of the peer's C clients 1.04 and 0.94, three 1.00 and 0.98.
import type { Bytes } from '../machine/types.js';
import { release, Slab } from './lent.js';

/** Clients that may have one at a time; what the others send is copied. */
export const MOST_LANES = 8;
const LANE_BYTES = 1024 * 1024;
/** With less room than that for the next read a slab is left. */
const LEAST_ROOM_BYTES = 128 * 1024;

/** Who puts frames together: what is there of the incomplete one, and where else it lies now. */
export interface Holder {
  readonly held: Bytes;
  moved(lasting: Bytes): void;
}

const lasting = new WeakSet<ArrayBufferLike>();

/** Are these bytes in such a slab, so that nobody changes them but who gets them, until they were given back (lent.ts)? */
export function isLasting(bytes: Bytes): boolean {
  return lasting.has(bytes.buffer);
}

export class Lane {
  private lent: Slab | undefined;
  private slab: Bytes = new Uint8Array(0);
  private used = 0;

  /**
   * Where the next read goes, `most` bytes or less: right behind what is held of the incomplete frame, which is at most half a slab.
   * No holder: right behind what was read before, of which the holder has not seen all.
   */
  room(holder: Holder | undefined, most: number): Bytes {
    if (this.slab.length - this.used < LEAST_ROOM_BYTES) this.begin();
    const held = holder?.held;
    if (held !== undefined && held.length > 0 && !this.endsWith(held)) {
      if (this.slab.length - this.used < held.length + LEAST_ROOM_BYTES) this.begin();
      const place = this.slab.subarray(this.used, this.used + held.length);
      place.set(held);
      this.lent!.lend(held.length);
      holder!.moved(place);
      release(held);
      this.used += held.length;
    }
    return this.slab.subarray(this.used, this.used + most);
  }

  /** So many bytes were read into what `room` answered last. */
  filled(bytes: number): void {
    this.used += bytes;
    this.lent!.lend(bytes);
  }

  private endsWith(held: Bytes): boolean {
    return held.buffer === this.slab.buffer && held.byteOffset + held.length === this.slab.byteOffset + this.used;
  }

  private begin(): void {
    this.lent?.leave();
    this.lent = new Slab(LANE_BYTES);
    this.slab = this.lent.memory;
    this.used = 0;
    lasting.add(this.slab.buffer);
  }
}

const free = Array.from({ length: MOST_LANES }, () => new Lane());

/** Undefined: all are taken. */
export function takeLane(): Lane | undefined {
  return free.pop();
}

/** Its slab goes on where it is. */
export function giveLane(lane: Lane): void {
  free.push(lane);
}
