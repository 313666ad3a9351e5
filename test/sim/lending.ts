// The books of what a daemon was lent (core/plugin/lent.ts keeps no more than one number for a slab): nothing comes back twice, nothing that
// was not lent, and what came back is nonsense from the end of the tick on.
import type { Bytes } from '../../core/machine/types.js';

/** Stands in memory that the machine has given back; no legal frame is made of it. */
const NONSENSE = 0xdb;

/** Of each byte: did it come back? Of all daemons, since each is lent bytes of its own. */
const came = new WeakMap<ArrayBufferLike, Uint8Array>();

function cameBack(memory: ArrayBufferLike): Uint8Array {
  let bytes = came.get(memory);
  if (bytes === undefined) came.set(memory, (bytes = new Uint8Array(memory.byteLength)));
  return bytes;
}

export class Lending {
  /** Bytes of each memory that are lent. */
  private readonly lent = new WeakMap<ArrayBufferLike, number>();
  private returned: Bytes[] = [];

  lend({ buffer, length }: Bytes): void {
    this.lent.set(buffer, (this.lent.get(buffer) ?? 0) + length);
  }

  /** As `DaemonPorts.release`. */
  release(bytes: Bytes, count: number | undefined): void {
    const { buffer, byteOffset, length } = bytes;
    const lent = this.lent.get(buffer);
    if (lent === undefined) return;
    const left = lent - (count ?? length);
    if (left < 0) throw new Error('more memory was given back than was lent');
    this.lent.set(buffer, left);
    if (count !== undefined) return;
    const back = cameBack(buffer).subarray(byteOffset, byteOffset + length);
    if (back.includes(1)) throw new Error('memory was given back twice');
    back.fill(1);
    this.returned.push(bytes);
  }

  /** It may be used for something else: whoever still needs it reads nonsense. */
  tickEnd(): void {
    for (const bytes of this.returned) bytes.fill(NONSENSE);
    this.returned = [];
  }
}
