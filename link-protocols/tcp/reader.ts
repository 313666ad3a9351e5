// Cuts a stream of bytes into messages. Bytes are copied once, out of the socket's buffer into slabs that are never
// reused (design: packs are carved from slabs), so a message is a part of a slab and may be kept by whoever gets it.
import type { Bytes } from 'peal/plugin';
import { readU32 } from 'peal/plugin';
import { LENGTH_BYTES } from './wire.js';

export class MessageReader {
  readonly #maxBytes: number;
  readonly #slabBytes: number;
  readonly #message: (bytes: Bytes) => void;
  #slab: Buffer | undefined;
  /** What is in the slab and not yet cut into messages: [start, end). */
  #start = 0;
  #end = 0;
  #stopped = false;

  /** `slabBytes`: at least twice the largest message, so that a rest is moved once. */
  constructor(maxBytes: number, slabBytes: number, message: (bytes: Bytes) => void) {
    this.#maxBytes = maxBytes;
    this.#slabBytes = Math.max(slabBytes, 2 * (maxBytes + LENGTH_BYTES));
    this.#message = message;
  }

  /** No message is handed up any more, not even from a call that is under way. */
  stop(): void {
    this.#stopped = true;
    this.#slab = undefined;
  }

  /** False: a length outside its bounds; nothing after it can be read. */
  push(chunk: Bytes): boolean {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      const slab = this.#room();
      const n = Math.min(chunk.length - at, slab.length - this.#end);
      slab.set(chunk.subarray(at, at + n), this.#end);
      this.#end += n;
      at += n;
      if (!this.#cut(slab)) return false;
    }
    return true;
  }

  #room(): Buffer {
    if (this.#slab !== undefined && this.#end < this.#slab.length) return this.#slab;
    const next = Buffer.allocUnsafeSlow(this.#slabBytes);
    const rest = this.#end - this.#start;
    if (this.#slab !== undefined) next.set(this.#slab.subarray(this.#start, this.#end));
    this.#slab = next;
    this.#start = 0;
    this.#end = rest;
    return next;
  }

  #cut(slab: Buffer): boolean {
    while (!this.#stopped && this.#end - this.#start >= LENGTH_BYTES) {
      const length = readU32(slab, this.#start);
      if (length === 0 || length > this.#maxBytes) return false;
      const from = this.#start + LENGTH_BYTES;
      if (this.#end - from < length) break;
      this.#start = from + length;
      this.#message(slab.subarray(from, from + length));
    }
    return true;
  }
}
