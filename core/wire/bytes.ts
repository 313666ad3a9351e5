// Reader and writer for the small messages between daemons: little-endian, bounded, no exception on bad input.
// A reader that runs out of bytes turns `ok` to false and answers zeroes from there on, so a codec checks once.

const FIRST_CAPACITY_BYTES = 64;
/** 2^48: positions and indexes stay below. */
export const U48_LIMIT = 281_474_976_710_656;
const U32_RANGE = 4_294_967_296;

/** Grows as needed; `finish` gives the bytes away. */
export class ByteWriter {
  #bytes: Uint8Array;
  #used = 0;

  constructor(capacity = FIRST_CAPACITY_BYTES) {
    this.#bytes = new Uint8Array(capacity);
  }

  #room(n: number): number {
    const at = this.#used;
    this.#used += n;
    if (this.#used > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#used, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return at;
  }

  u8(v: number): this {
    const at = this.#room(1);
    this.#bytes[at] = v;
    return this;
  }

  u16(v: number): this {
    const at = this.#room(2);
    this.#bytes[at] = v & 0xff;
    this.#bytes[at + 1] = (v >>> 8) & 0xff;
    return this;
  }

  u32(v: number): this {
    const at = this.#room(4);
    this.#bytes[at] = v & 0xff;
    this.#bytes[at + 1] = (v >>> 8) & 0xff;
    this.#bytes[at + 2] = (v >>> 16) & 0xff;
    this.#bytes[at + 3] = v >>> 24;
    return this;
  }

  /** A safe integer below 2^48. */
  u48(v: number): this {
    return this.u32(v % U32_RANGE).u16(Math.floor(v / U32_RANGE));
  }

  u64(v: bigint): this {
    return this.u32(Number(v & 0xffffffffn)).u32(Number((v >> 32n) & 0xffffffffn));
  }

  bytes(v: Uint8Array): this {
    const at = this.#room(v.length);
    this.#bytes.set(v, at);
    return this;
  }

  /** At most 255 characters of ISO-8859-1, preceded by their number. */
  text(v: string): this {
    const n = Math.min(v.length, 255);
    this.u8(n);
    const at = this.#room(n);
    for (let i = 0; i < n; i++) this.#bytes[at + i] = v.charCodeAt(i) & 0xff;
    return this;
  }

  finish(): Uint8Array {
    // A part of a small array would first need a buffer outside V8's heap, which the array alone has not.
    return this.#used === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#used);
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  #at: number;
  /** False once something was read past the end. */
  ok = true;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  #take(n: number): number {
    const at = this.#at;
    if (!this.ok || this.#bytes.length - at < n) {
      this.ok = false;
      return -1;
    }
    this.#at = at + n;
    return at;
  }

  u8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : this.#bytes[at]!;
  }

  u16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : this.#bytes[at]! | (this.#bytes[at + 1]! << 8);
  }

  u32(): number {
    const at = this.#take(4);
    if (at < 0) return 0;
    const b = this.#bytes;
    return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0;
  }

  u48(): number {
    const low = this.u32();
    return this.u16() * U32_RANGE + low;
  }

  u64(): bigint {
    const low = this.u32();
    return (BigInt(this.u32()) << 32n) | BigInt(low);
  }

  /** The rest, shared with the message. */
  rest(): Uint8Array {
    const at = this.#at;
    this.#at = this.#bytes.length;
    return this.#bytes.subarray(at);
  }

  text(): string {
    const n = this.u8();
    const at = this.#take(n);
    let s = '';
    if (at >= 0) for (let i = 0; i < n; i++) s += String.fromCharCode(this.#bytes[at + i]!);
    return s;
  }
}
