// The frames of one connection out of the pieces that a socket gives. Memory is taken for bytes that came, never for a
// length that was claimed; payloads that nobody wants are counted and let go as they come. What is kept is copied: the
// piece handed in belongs to the socket.
import type { Bytes } from 'peal/plugin';
import type { Data, Frame } from './frames.js';
import {
  type FrameKind,
  kindOf,
  MAGIC_0,
  MAGIC_1,
  MAX_HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_TEXT_BYTES,
  PREFIX_BYTES,
  PROTOCOL_VERSION,
} from './limits.js';
import { readControl, readData, readProbeId } from './read.js';

const EMPTY = new Uint8Array(0);

/** One thing of known length, gathered; its memory doubles as bytes come, up to the length. */
class Gathered {
  private buffer: Bytes = EMPTY;
  private bytes = 0;

  /** Takes what belongs to a thing of `length` bytes from `b`, from `at` on; answers how many bytes it took. */
  take(b: Bytes, at: number, length: number): number {
    const n = Math.min(length - this.bytes, b.length - at);
    const needed = this.bytes + n;
    if (needed > this.buffer.length) {
      const larger = new Uint8Array(Math.min(length, Math.max(needed, 2 * this.buffer.length)));
      larger.set(this.buffer.subarray(0, this.bytes));
      this.buffer = larger;
    }
    this.buffer.set(b.subarray(at, at + n), this.bytes);
    this.bytes = needed;
    return n;
  }

  full(length: number): boolean {
    return this.bytes === length;
  }

  /** What was gathered, exactly; begins anew. */
  whole(): Bytes {
    const { buffer } = this;
    this.buffer = EMPTY;
    this.bytes = 0;
    return buffer;
  }
}

interface Head {
  readonly kind: FrameKind | undefined;
  readonly header: Bytes;
  readonly payloadBytes: number;
  readonly data: Data | undefined;
  readonly probe: number | undefined;
  readonly keep: boolean;
  /** When the first byte of the payload was here. */
  readonly atMs: number;
}

/** What came wrong; the connection is to be ended. */
export type ReadFault = 'magic' | 'version' | 'length' | 'header';

export class FrameStream {
  private readonly gathered = new Gathered();
  private lengths: { readonly type: number; readonly header: number; readonly payload: number } | undefined;
  private head: Head | undefined;
  private left = 0;
  private stopped = false;

  /** Payloads of updates are kept up to `updateMaxBytes`; `take` may call `stop`. */
  constructor(
    private readonly updateMaxBytes: number,
    private readonly take: (f: Frame) => void,
  ) {}

  /** A bandwidth probe is coming in. */
  get probing(): boolean {
    return this.head?.kind === 'bwtest';
  }

  /** Nothing more is read as frames: what comes is `rest` of the `push` under way. */
  stop(): void {
    this.stopped = true;
  }

  /** Reads a piece; answers what is wrong, or the bytes after `stop`. `nowMs` times bandwidth probes. */
  push(b: Bytes, nowMs: number): ReadFault | Bytes | undefined {
    let at = 0;
    while (!this.stopped) {
      const step = this.head === undefined ? this.front(b, at, nowMs) : this.payload(b, at);
      if (typeof step !== 'number') return step;
      if (step < 0) return undefined;
      at += step;
    }
    return at < b.length ? b.slice(at) : EMPTY;
  }

  /** Prefix and header. Answers bytes taken, -1 when more are needed. */
  private front(b: Bytes, at: number, nowMs: number): ReadFault | number {
    let taken = 0;
    if (this.lengths === undefined) {
      taken = this.gathered.take(b, at, PREFIX_BYTES);
      if (!this.gathered.full(PREFIX_BYTES)) return -1;
      const fault = this.prefix(this.gathered.whole());
      if (fault !== undefined) return fault;
    }
    const { type, header, payload } = this.lengths!;
    taken += this.gathered.take(b, at + taken, header);
    if (!this.gathered.full(header)) return -1;
    this.lengths = undefined;
    const head = this.headOf(kindOf(type), this.gathered.whole(), payload, nowMs);
    if (head === undefined) return 'header';
    this.head = head;
    this.left = payload;
    return taken;
  }

  private prefix(p: Bytes): ReadFault | undefined {
    if (p[0] !== MAGIC_0 || p[1] !== MAGIC_1) return 'magic';
    if (p[2] !== PROTOCOL_VERSION) return 'version';
    const view = new DataView(p.buffer, p.byteOffset);
    const header = view.getUint32(4);
    const payload = view.getUint32(8);
    const type = p[3]!;
    const kind = kindOf(type);
    const text = kind !== undefined && kind !== 'data' && kind !== 'bwtest';
    if (header > MAX_HEADER_BYTES || payload > (text ? MAX_TEXT_BYTES : MAX_PAYLOAD_BYTES)) return 'length';
    this.lengths = { type, header, payload };
    return undefined;
  }

  private headOf(kind: FrameKind | undefined, header: Bytes, payloadBytes: number, nowMs: number): Head | undefined {
    const data = kind === 'data' ? readData(header) : undefined;
    const probe = kind === 'bwtest' ? readProbeId(header) : undefined;
    if ((kind === 'data' && data === undefined) || (kind === 'bwtest' && probe === undefined)) return undefined;
    const keep = kind !== undefined && kind !== 'bwtest' && (kind !== 'data' || payloadBytes <= this.updateMaxBytes);
    return { kind, header, payloadBytes, data, probe, keep, atMs: nowMs };
  }

  private payload(b: Bytes, at: number): ReadFault | number {
    const head = this.head!;
    const n = Math.min(this.left, b.length - at);
    if (head.keep) this.gathered.take(b, at, head.payloadBytes);
    this.left -= n;
    if (this.left > 0) return -1;
    this.head = undefined;
    const frame = frameOf(head, head.keep ? this.gathered.whole() : undefined);
    if (frame === 'header') return frame;
    if (frame !== undefined) this.take(frame);
    return n;
  }
}

/** Undefined: of a type that is skipped. */
function frameOf(h: Head, payload: Bytes | undefined): Frame | 'header' | undefined {
  const { kind, payloadBytes } = h;
  if (kind === undefined) return undefined;
  if (h.data !== undefined) return { ...h.data, payload, payloadBytes };
  if (h.probe !== undefined) return { kind: 'bwtest', id: h.probe, payloadBytes, firstAtMs: h.atMs };
  return readControl(kind, h.header, payload ?? EMPTY) ?? 'header';
}
