// The incomplete frame at the end of what was read. The memory it holds grows with the bytes that really came, at most
// to twice as much or to one of a few buffers that lie about, never with a length somebody claims (design.md 9): a client
// that announces 64 MiB and sends ten bytes costs the smallest buffer. (Frames that lie in memory that lasts are not here: reader.ts.)

/** First size of the buffer, bytes. */
const SMALLEST_BYTES = 256;
/** A larger buffer is given back as soon as its frame is complete, so that idle sessions hold little. */
const KEPT_BYTES = 64 * 1024;
/** Larger buffers given back are kept for whoever needs one next: so many, and none above that many bytes. */
const MOST_SPARES = 8;
const LARGEST_SPARE_BYTES = 256 * 1024;

/**
 * A fresh buffer for each large frame must be cleared and collected: a twelfth of the time of daemons that are sent 100 KB
 * (187 to 172 us). What is in one is never read before it was written.
 */
const spares: Uint8Array<ArrayBuffer>[] = [];

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
    if (this.buffer.length <= KEPT_BYTES) return;
    give(this.buffer);
    this.buffer = new Uint8Array(0);
  }

  private reserve(bytes: number, needed: number): void {
    if (bytes <= this.buffer.length) return;
    const larger = take(Math.max(bytes, Math.min(Math.max(2 * bytes, SMALLEST_BYTES), needed)));
    larger.set(this.bytes);
    this.buffer = larger;
  }
}

/** Nobody uses it any more: the next large frame may, unless there are enough that are larger. */
function give(buffer: Uint8Array<ArrayBuffer>): void {
  if (buffer.length > LARGEST_SPARE_BYTES) return;
  spares.push(buffer);
  if (spares.length <= MOST_SPARES) return;
  spares.sort((a, b) => b.length - a.length);
  spares.pop();
}

/** A buffer of so many bytes or, if one lies about, of more; its content is anything. */
function take(bytes: number): Uint8Array<ArrayBuffer> {
  const at = bytes > KEPT_BYTES ? spares.findIndex((b) => b.length >= bytes) : -1;
  return at < 0 ? new Uint8Array(bytes) : spares.splice(at, 1)[0]!;
}
