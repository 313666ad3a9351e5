// The memory that the runs of one output queue keep: a slice keeps the whole slab that it lies in, which other slices share.
import type { Bytes } from '../../machine/types.js';
import { holdAll } from '../lent.js';
import { copyAll } from './policy.js';

/** Slices are kept as they are from this average length on, bytes; smaller ones are copied at no cost to speak of. */
const KEPT_SLICE_BYTES = 4096;
/** So much memory may be kept for each byte that waits ... */
const KEPT_PER_BYTE = 2;
/** ... and this besides: a few slabs, of which a slice may be all that is ours ... */
const KEPT_BESIDE_BYTES = 8 * 1024 * 1024;
/** ... and so much by all queues together: 200 clients that had stopped reading kept a gigabyte with 45 KB each. */
export const ALL_BESIDE_BYTES = 64 * 1024 * 1024;

/** What all queues keep beside `KEPT_PER_BYTE` times what waits. */
let allBeside = 0;

export class Kept {
  /** Memory kept, bytes; a slab counts once. */
  bytes = 0;
  /** Bytes that wait. */
  waiting = 0;
  /** Slices in each slab. */
  private readonly slabs = new Map<ArrayBufferLike, number>();
  /** Our part of `allBeside`. */
  private beside = 0;

  /**
   * Keeps a run of `bytes` bytes; answers what to keep of it: its slices, or a copy where these are small or would keep
   * much that is not waiting here. Copied, a message of 100 KB cost a fifth more (365 instead of 309 us).
   */
  add(slices: readonly Bytes[], bytes: number): readonly Bytes[] {
    this.waiting += bytes;
    if (bytes >= slices.length * KEPT_SLICE_BYTES) {
      const before = this.beside;
      this.count(slices);
      this.reckon();
      // What keeps nothing more than before costs less than a copy.
      if (this.beside <= before || (this.beside <= KEPT_BESIDE_BYTES && allBeside <= ALL_BESIDE_BYTES)) {
        holdAll(slices);
        return slices;
      }
      this.discount(slices);
    }
    const copy = [copyAll(slices, Buffer.allocUnsafeSlow(bytes))];
    this.count(copy);
    this.reckon();
    return copy;
  }

  /** What `add` answered for so many bytes is not kept any more; `release` follows when it was written. */
  remove(slices: readonly Bytes[], bytes: number): void {
    this.waiting -= bytes;
    this.discount(slices);
    this.reckon();
  }

  /** Nothing is kept any more. */
  clear(): void {
    this.slabs.clear();
    this.bytes = this.waiting = 0;
    this.reckon();
  }

  private reckon(): void {
    const beside = Math.max(0, this.bytes - KEPT_PER_BYTE * this.waiting);
    allBeside += beside - this.beside;
    this.beside = beside;
  }

  private count(slices: readonly Bytes[]): void {
    for (const { buffer } of slices) {
      const uses = this.slabs.get(buffer) ?? 0;
      if (uses === 0) this.bytes += buffer.byteLength;
      this.slabs.set(buffer, uses + 1);
    }
  }

  private discount(slices: readonly Bytes[]): void {
    for (const { buffer } of slices) {
      const uses = this.slabs.get(buffer)! - 1;
      if (uses > 0) {
        this.slabs.set(buffer, uses);
        continue;
      }
      this.slabs.delete(buffer);
      this.bytes -= buffer.byteLength;
    }
  }
}
