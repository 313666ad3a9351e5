// What a text port sends, taken apart (docs/design/line.md, 3 and 5): replies, and asynchronous lines with the bytes that follow some of
// them. Bounded, and everything from the daemon is checked: a client may be connected to anything. Pure.

/** A whole reply. */
export interface LineReply {
  readonly code: number;
  /** Text of the `ddd-` lines. */
  readonly lines: readonly string[];
  /** Text of the last line. */
  readonly text: string;
}

export type Received =
  | { readonly kind: 'reply'; readonly reply: LineReply }
  /** An asynchronous line without its `* `; `data` if bytes followed it. */
  | { readonly kind: 'event'; readonly text: string; readonly data: Uint8Array | undefined };

export interface ReaderLimits {
  /** Longest line, bytes. */
  readonly lineBytes: number;
  /** Lines of one reply. */
  readonly replyLines: number;
  /** Bytes behind a line. */
  readonly blockBytes: number;
}

export const READER_LIMITS: ReaderLimits = {
  lineBytes: 4 * 64 * 1024 * 1024,
  replyLines: 100_000,
  blockBytes: 64 * 1024 * 1024,
};

const LF = 0x0a;
const CR = 0x0d;
/** CR LF behind a block. */
const BLOCK_END_BYTES = 2;

const decoder = new TextDecoder('utf-8');

export class ReplyReader {
  private parts: Uint8Array[] = [];
  private bytes = 0;
  private lines: string[] = [];
  private block: { readonly text: string; readonly bytes: number } | undefined;
  /** What is wrong with what came; nothing is read any more. */
  fault: string | undefined;

  constructor(
    private readonly take: (received: Received) => void,
    private readonly limits = READER_LIMITS,
  ) {}

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && this.fault === undefined;)
      at = this.block === undefined ? this.line(chunk, at) : this.data(chunk, at, this.block);
  }

  private line(chunk: Uint8Array, at: number): number {
    const end = chunk.indexOf(LF, at);
    this.keep(chunk.subarray(at, end < 0 ? chunk.length : end));
    if (this.bytes > this.limits.lineBytes) this.fault = 'a line that does not end';
    if (end < 0) return chunk.length;
    const line = this.kept();
    this.whole(decoder.decode(line.at(-1) === CR ? line.subarray(0, -1) : line));
    return end + 1;
  }

  private data(chunk: Uint8Array, at: number, block: { readonly text: string; readonly bytes: number }): number {
    const to = Math.min(chunk.length, at + block.bytes + BLOCK_END_BYTES - this.bytes);
    this.keep(chunk.subarray(at, to));
    if (this.bytes < block.bytes + BLOCK_END_BYTES) return to;
    this.block = undefined;
    this.take({ kind: 'event', text: block.text, data: this.kept().subarray(0, block.bytes) });
    return to;
  }

  private whole(line: string): void {
    if (line.startsWith('* ')) {
      this.event(line.slice(2));
      return;
    }
    const match = /^([1-5]\d\d)([- ])(.*)$/s.exec(line);
    if (match === null) this.fault = 'a line that is no reply';
    else if (match[2] === '-') {
      this.lines.push(match[3]!);
      if (this.lines.length > this.limits.replyLines) this.fault = 'a reply that does not end';
    } else {
      const reply = { code: Number(match[1]), lines: this.lines, text: match[3]! };
      this.lines = [];
      this.take({ kind: 'reply', reply });
    }
  }

  private event(text: string): void {
    const size = /^block .* (\d{1,10})$/.exec(text)?.[1];
    if (size === undefined) this.take({ kind: 'event', text, data: undefined });
    else if (Number(size) > this.limits.blockBytes) this.fault = 'a block that is too large';
    else this.block = { text, bytes: Number(size) };
  }

  private keep(bytes: Uint8Array): void {
    if (bytes.length > 0) this.parts.push(bytes);
    this.bytes += bytes.length;
  }

  private kept(): Uint8Array {
    const all = new Uint8Array(this.bytes);
    let at = 0;
    for (const part of this.parts) {
      all.set(part, at);
      at += part.length;
    }
    this.parts = [];
    this.bytes = 0;
    return all;
  }
}
