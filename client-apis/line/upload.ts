// What a client sends behind a command (docs/design/line.md, 2): lines up to a single dot, or a number of bytes, collected under
// a limit. Memory is taken for what came; what is too much is read on to its end and thrown away. Pure.

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const FIRST_CAPACITY_BYTES = 1024;

/** Bytes that grow up to a limit; beyond it nothing is kept any more. */
class Collected {
  private bytes = new Uint8Array(0);
  private used = 0;
  tooLarge = false;

  constructor(private readonly limit: number) {}

  add(from: Uint8Array): void {
    if (this.tooLarge || from.length === 0) return;
    const length = this.used + from.length;
    if (length > this.limit) {
      this.tooLarge = true;
      this.bytes = new Uint8Array(0);
      return;
    }
    if (length > this.bytes.length) {
      const larger = new Uint8Array(
        Math.min(this.limit, Math.max(length, this.bytes.length * 2, FIRST_CAPACITY_BYTES)),
      );
      larger.set(this.bytes.subarray(0, this.used));
      this.bytes = larger;
    }
    this.bytes.set(from, this.used);
    this.used = length;
  }

  /** All of it; what has much room to spare is copied. */
  finish(): Uint8Array {
    const all = this.bytes.subarray(0, this.used);
    return this.used * 2 < this.bytes.length ? new Uint8Array(all) : all;
  }
}

export interface Upload {
  readonly tooLarge: boolean;
  /** Takes what belongs to it; answers where to go on, and -1 - that when it is complete. */
  take(chunk: Uint8Array, from: number): number;
  finish(): Uint8Array;
}

export class ByteUpload implements Upload {
  private readonly collected: Collected;
  private left: number;

  constructor(count: number, limitBytes: number) {
    this.collected = new Collected(limitBytes);
    this.left = count;
  }

  get tooLarge(): boolean {
    return this.collected.tooLarge;
  }

  take(chunk: Uint8Array, from: number): number {
    const to = Math.min(chunk.length, from + this.left);
    this.collected.add(chunk.subarray(from, to));
    this.left -= to - from;
    return this.left === 0 ? -1 - to : to;
  }

  finish(): Uint8Array {
    return this.collected.finish();
  }
}

const ONE_LF = Uint8Array.of(LF);
const ONE_CR = Uint8Array.of(CR);

/**
 * Where in a line we are: at its start, behind its leading dot, behind a CR that follows the dot, anywhere else, behind a CR
 * there (which is the line's end if an LF follows, data otherwise).
 */
type Place = 'start' | 'dot' | 'dot-cr' | 'text' | 'text-cr';

export class LineUpload implements Upload {
  private readonly collected: Collected;
  private place: Place = 'start';

  constructor(limitBytes: number) {
    this.collected = new Collected(limitBytes);
  }

  get tooLarge(): boolean {
    return this.collected.tooLarge;
  }

  take(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length) {
      if (this.place === 'text') {
        at = this.text(chunk, at);
        continue;
      }
      const byte = chunk[at]!;
      if (byte === LF) {
        if (this.place === 'dot' || this.place === 'dot-cr') return -1 - (at + 1);
        this.endLine();
        at++;
      } else if (this.place === 'start' && byte === DOT) {
        this.place = 'dot';
        at++;
      } else if (this.place === 'dot' && byte === CR) {
        this.place = 'dot-cr';
        at++;
      } else if (this.place === 'start' && byte === CR) {
        this.place = 'text-cr';
        at++;
      } else {
        // The leading dot of a longer line is gone by now; a CR that ended nothing is data.
        if (this.place === 'dot-cr' || this.place === 'text-cr') this.collected.add(ONE_CR);
        this.place = 'text';
      }
    }
    return at;
  }

  finish(): Uint8Array {
    return this.collected.finish();
  }

  /** As much text as there is, up to what may be the line's end. */
  private text(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length && chunk[at] !== LF && chunk[at] !== CR) at++;
    this.collected.add(chunk.subarray(from, at));
    if (at === chunk.length) return at;
    if (chunk[at] === LF) this.endLine();
    else this.place = 'text-cr';
    return at + 1;
  }

  private endLine(): void {
    this.collected.add(ONE_LF);
    this.place = 'start';
  }
}
