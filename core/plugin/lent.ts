// Memory that is read into again and again. Sockets are read straight into slabs, and what they brought is kept where it lies, by
// packs, output queues and connections; a slab is taken again when all that was lent of it has come back. Who says nothing is
// safe: what never comes back leaves its slab to the garbage collector, as if there were no lending.
//
// The rule: what was handed on may be kept by anybody for the rest of the tick. Beyond it, only
// * the machine, which says what it needs no more (`DaemonPorts.release`; it counts from the end of the tick), and
// * who has called `hold`, until as many bytes are given to `release`; without a second call that is for ever.
//
// A slab that was used just now is in the caches of the processor, one that waited for the garbage collector (32 MB of them)
// is not. Measurements: docs/performance.md, "Slabs that are used again".
import type { Bytes } from '../machine/types.js';

/**
 * Slabs of one size that wait for their next use. A burst of the peer's C clients with 100 KB keeps twenty in output queues; measured
 * with 8 and 32, three of them: 1.07 times the rate, 0.92 of the CPU.
 */
export const MOST_FREE = 32;

const slabs = new WeakMap<ArrayBufferLike, Slab>();
/** Asked for last: most questions are about the same slab. */
let asked: ArrayBufferLike | undefined;
let answer: Slab | undefined;
const free = new Map<number, Bytes[]>();

export class Slab {
  /** Whatever was in it. No Buffer, of which a part costs twice as much to make as of a plain array. */
  readonly memory: Bytes;
  /** Bytes that went up and did not come back, and those that are held, once for each who holds them. */
  private lent = 0;
  private filling = true;

  constructor(bytes: number) {
    this.memory = free.get(bytes)?.pop() ?? new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
    slabs.set(this.memory.buffer, this);
    asked = undefined;
  }

  lend(bytes: number): void {
    this.lent += bytes;
  }

  /** More than was lent is a fault of whoever gives it back: the slab is never used again, and a warning of the process tells. */
  back(bytes: number): void {
    this.lent -= bytes;
    if (this.lent >= 0) return this.settle();
    this.lent = Infinity;
    process.emitWarning('more memory was given back than was lent', { code: 'PEAL_LENT' });
  }

  /** Nothing more is read into it. */
  leave(): void {
    this.filling = false;
    this.settle();
  }

  private settle(): void {
    if (this.filling || this.lent > 0) return;
    const { memory } = this;
    slabs.delete(memory.buffer);
    asked = answer = undefined;
    const kept = free.get(memory.length);
    if (kept === undefined) free.set(memory.length, [memory]);
    else if (kept.length < MOST_FREE) kept.push(memory);
  }
}

function slabOf({ buffer }: Bytes): Slab | undefined {
  if (buffer === asked) return answer;
  asked = buffer;
  return (answer = slabs.get(buffer));
}

/** Memory of which all is lent: it is used again when every byte has come back. */
export function lentWhole(bytes: number): Bytes {
  const slab = new Slab(bytes);
  slab.lend(bytes);
  slab.leave();
  return slab.memory;
}

/** These are needed beyond the tick: their memory is not used again before `release`. Nothing for memory that is not lent. */
export function hold(bytes: Bytes): void {
  slabOf(bytes)?.lend(bytes.length);
}

/**
 * Once for each `hold` of these; `count`: as many bytes of that memory. Nothing for memory that is not lent. What the machine
 * was given is given back by the driver alone.
 */
export function release(bytes: Bytes, count = bytes.length): void {
  slabOf(bytes)?.back(count);
}

export function holdAll(slices: readonly Bytes[]): void {
  for (const slice of slices) hold(slice);
}

export function releaseAll(slices: readonly Bytes[]): void {
  for (const slice of slices) release(slice);
}
