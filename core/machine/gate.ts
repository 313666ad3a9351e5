// A link's way up, which can be shut: after `freeze` no call to `up` follows, not even from the middle of a loop whose
// own up-call led to the freeze (core/machine/types.ts, Link). Every link of ours has one for each configuration.
import type { Bytes, Evidence, LinkUp, Pack, Plane } from './types.js';

/** Passes every call on until it is shut; after that sends count as taken and everything else is nothing. */
export class Gate implements LinkUp {
  #up: LinkUp | undefined;

  constructor(up: LinkUp) {
    this.#up = up;
  }

  get open(): boolean {
    return this.#up !== undefined;
  }

  shut(): void {
    this.#up = undefined;
  }

  accepted(sender: number, index: number, pack: Pack): void {
    this.#up?.accepted(sender, index, pack);
  }

  release(bytes: Bytes, count?: number): void {
    this.#up?.release(bytes, count);
  }

  stable(upTo: ArrayLike<number>): void {
    this.#up?.stable(upTo);
  }

  window(bytes: number): void {
    this.#up?.window(bytes);
  }

  suspect(rank: number, why: Evidence): void {
    this.#up?.suspect(rank, why);
  }

  send(to: number | 'all', plane: Plane, head: Bytes, body?: Bytes): boolean {
    if (this.#up === undefined) return true;
    return body === undefined ? this.#up.send(to, plane, head) : this.#up.send(to, plane, head, body);
  }

  setTimer(key: number, ms: number): void {
    this.#up?.setTimer(key, ms);
  }

  now(): number {
    return this.#up?.now() ?? 0;
  }
}
