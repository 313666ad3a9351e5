// The incomplete frame at the end of what was read. The memory it holds grows with the bytes that really came, at most
// to twice as much, never with a length somebody claims (design.md 9): a client that announces 64 MiB and sends ten
// bytes costs the smallest buffer.

/** First size of the buffer, bytes. */
const SMALLEST_BYTES = 256;
/** A larger buffer is given back as soon as its frame is complete, so that idle sessions hold little. */
const KEPT_BYTES = 64 * 1024;

export class PartialFrame {
  private buffer = new Uint8Array(0);
  private held = 0;

  /** Bytes held. */
  get length(): number {
    return this.held;
  }

  /** Memory taken, bytes. */
  get capacity(): number {
    return this.buffer.length;
  }

  /** The bytes held; valid until the next call, may be changed in place. */
  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.held);
  }

  /**
   * Takes bytes of [at, end) of `b` until `needed` are held; returns where it stopped. At `end` the frame is
   * either still incomplete or complete to the byte.
   */
  fill(b: Uint8Array, at: number, end: number, needed: number): number {
    const take = Math.min(end - at, needed - this.held);
    if (take <= 0) return at;
    this.reserve(this.held + take, needed);
    this.buffer.set(b.subarray(at, at + take), this.held);
    this.held += take;
    return at + take;
  }

  /** Forgets what is held. */
  clear(): void {
    this.held = 0;
    if (this.buffer.length > KEPT_BYTES) this.buffer = new Uint8Array(0);
  }

  private reserve(bytes: number, needed: number): void {
    if (bytes <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(bytes, Math.min(Math.max(2 * bytes, SMALLEST_BYTES), needed)));
    larger.set(this.bytes);
    this.buffer = larger;
  }
}
