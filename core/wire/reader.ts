// Reads a session's byte stream: chunks of any size in, runs of whole canonical frames out (docs/clients.md, "Frames
// from clients"). Frames that lie whole in a chunk are checked and changed where they are; one that spans chunks is copied,
// unless it is large and the chunks lie one behind the other in memory that lasts.
import { FrameCheck, checkFrames } from './check.js';
import type { FrameFault, SessionFacts } from './check.js';
import { HEADER_BYTES } from './frame.js';
import { PartialFrame } from './partial.js';

/** What a stream is after a chunk: still open, ended by a KILL frame, or broken by an invalid one (see `fault`). */
export type StreamState = 'open' | 'kill' | 'invalid';

/** Frames of that size, bytes, are large: who sends them is read in larger parts, since a tick takes long by their number, not by their bytes. */
const LARGE_FRAME_BYTES = 4096;
/** As many as one read brings of that size; of more, most are small, whatever the last one claims to be. */
export const MANY_MESSAGES = 128;

/**
 * Frames of that many bytes are worth memory of their own to be read into: neither so small that a chunk holds many, nor so large that
 * moving a part of one costs more than is gained. Measured: 100 KB as told in core/plugin/lanes.ts; 10 KB, rate and CPU of all daemons,
 * one sender 1.01 and 0.94, three 1.02 and 0.98, the peer's C clients one 1.02 and 0.96, three 1.00 and 0.98.
 */
export const LEAST_LASTING_BYTES = 8 * 1024;
export const MOST_LASTING_BYTES = 256 * 1024;
/** A run that is less of what was read is copied, lest a small one hold a whole slab. */
const LEAST_SHARE = 1 / 4;

/** Takes runs. Unless `lasting`, `frames` may be memory of the chunk or of the reader: copy what is kept, before returning. */
export interface RunTaker {
  run(frames: Uint8Array, messages: number, lasting: boolean): void;
  /** A frame without any effect was left out. */
  dropped(): void;
}

export class FrameReader {
  private readonly check = new FrameCheck();
  private readonly partial = new PartialFrame();
  /** The incomplete frame where it was read to, in memory that lasts; `partial` is empty then. */
  private inPlace: Uint8Array | undefined;
  /** A frame was left out or cut: where that can happen again, little may be kept of much that was read. */
  private wasteful = false;
  private needed = HEADER_BYTES;
  private messages = 0;

  constructor(
    private readonly facts: SessionFacts,
    private readonly taker: RunTaker,
  ) {}

  /** The rule that was broken; meaningful once `received` answered 'invalid'. */
  get fault(): FrameFault {
    return this.check.fault;
  }

  /** Bytes of an incomplete frame held. */
  get heldBytes(): number {
    return this.inPlace?.length ?? this.partial.length;
  }

  /** These bytes; valid until the next call. */
  get held(): Uint8Array {
    return this.inPlace ?? this.partial.bytes;
  }

  /** The bytes held are in `lasting` from here on, too: what comes next may be read right behind them. */
  moved(lasting: Uint8Array): void {
    this.inPlace = lasting;
    this.partial.clear();
  }

  /** Size of the incomplete frame as far as it is known, bytes; 0: there is none. */
  get awaitedBytes(): number {
    return this.heldBytes > 0 ? this.needed : 0;
  }

  /** By the last chunk: are the frames large? */
  get isLarge(): boolean {
    return this.awaitedBytes >= LARGE_FRAME_BYTES && this.messages < MANY_MESSAGES;
  }

  /** Is the incomplete frame worth memory that lasts? If not, none is held. */
  get wantsLasting(): boolean {
    const { needed } = this;
    return this.isLarge && !this.wasteful && needed >= LEAST_LASTING_BYTES && needed <= MOST_LASTING_BYTES;
  }

  /** Messages that the last chunk brought. */
  get lastMessages(): number {
    return this.messages;
  }

  /** Memory taken for incomplete frames, bytes. */
  get heldCapacity(): number {
    return this.partial.capacity;
  }

  /**
   * The chunk is the reader's until this returns: it is changed in place; `lasting`: for ever, nobody else changes that memory.
   * Not to be called after 'kill' or 'invalid'.
   */
  received(chunk: Uint8Array, lasting = false): StreamState {
    const b = this.inPlace === undefined ? chunk : this.joined(this.inPlace, chunk);
    let at = 0;
    this.messages = 0;
    if (this.partial.length > 0) {
      at = this.complete(b);
      if (this.partial.length > 0) return 'open';
      if (this.check.stop === 'kill' || this.check.stop === 'invalid') return this.check.stop;
    }
    for (;;) {
      this.scan(b, at, b.length, lasting);
      at = this.check.next;
      if (this.check.stop === 'kill' || this.check.stop === 'invalid') return this.check.stop;
      if (this.check.stop !== 'more') continue;
      this.needed = this.check.needed;
      if (lasting) this.inPlace = b.subarray(at);
      if (!this.wantsLasting) this.copyHeld(b, at);
      return 'open';
    }
  }

  /** The frame that is incomplete and what follows it: in one piece where they lie so, else the former is copied. */
  private joined(held: Uint8Array, chunk: Uint8Array): Uint8Array {
    this.inPlace = undefined;
    if (held.buffer === chunk.buffer && held.byteOffset + held.length === chunk.byteOffset)
      return new Uint8Array(held.buffer, held.byteOffset, held.length + chunk.length);
    this.partial.fill(held, 0, held.length, this.needed);
    return chunk;
  }

  private copyHeld(b: Uint8Array, at: number): void {
    this.inPlace = undefined;
    this.partial.fill(b, at, b.length, this.needed);
  }

  /** Adds to the incomplete frame until it is whole and done with, or the chunk is used up; answers where it stopped. */
  private complete(chunk: Uint8Array): number {
    let at = 0;
    for (;;) {
      at = this.partial.fill(chunk, at, chunk.length, this.needed);
      if (this.partial.length < this.needed) return at;
      this.scan(this.partial.bytes, 0, this.needed, false);
      if (this.check.stop !== 'more' || this.check.next > 0) break;
      this.needed = this.check.needed;
    }
    this.partial.clear();
    return at;
  }

  private scan(b: Uint8Array, at: number, end: number, lasting: boolean): void {
    const check = this.check;
    checkFrames(b, at, end, this.facts, check);
    this.messages += check.messages;
    if (check.stop === 'dropped' || check.stop === 'cut') this.wasteful = true;
    if (check.messages > 0) {
      const run = check.to - check.from === b.length ? b : b.subarray(check.from, check.to);
      this.taker.run(run, check.messages, lasting && run.length >= LEAST_SHARE * b.length);
    }
    if (check.stop === 'dropped') this.taker.dropped();
  }
}
