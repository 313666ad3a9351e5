// Reads a session's byte stream: chunks of any size in, runs of whole canonical frames out (docs/clients.md, "Frames
// from clients"). Frames that lie whole in a chunk are checked and changed where they are; only one that spans chunks
// is copied.
import { FrameCheck, checkFrames } from './check.js';
import type { FrameFault, SessionFacts } from './check.js';
import { HEADER_BYTES } from './frame.js';
import { PartialFrame } from './partial.js';

/** What a stream is after a chunk: still open, ended by a KILL frame, or broken by an invalid one (see `fault`). */
export type StreamState = 'open' | 'kill' | 'invalid';

/** Takes runs. `frames` may be memory of the chunk or of the reader: copy what is kept, before returning. */
export interface RunTaker {
  run(frames: Uint8Array, messages: number): void;
  /** A frame without any effect was left out. */
  dropped(): void;
}

export class FrameReader {
  private readonly check = new FrameCheck();
  private readonly partial = new PartialFrame();
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
    return this.partial.length;
  }

  /** Size of the incomplete frame as far as it is known, bytes; 0: there is none. */
  get awaitedBytes(): number {
    return this.partial.length > 0 ? this.needed : 0;
  }

  /** Messages that the last chunk brought. */
  get lastMessages(): number {
    return this.messages;
  }

  /** Memory taken for incomplete frames, bytes. */
  get heldCapacity(): number {
    return this.partial.capacity;
  }

  /** The chunk is the reader's from here on: it is changed in place. Not to be called after 'kill' or 'invalid'. */
  received(chunk: Uint8Array): StreamState {
    let at = 0;
    this.messages = 0;
    if (this.partial.length > 0) {
      at = this.complete(chunk);
      if (this.partial.length > 0) return 'open';
      if (this.check.stop === 'kill' || this.check.stop === 'invalid') return this.check.stop;
    }
    for (;;) {
      this.scan(chunk, at, chunk.length);
      at = this.check.next;
      if (this.check.stop === 'kill' || this.check.stop === 'invalid') return this.check.stop;
      if (this.check.stop !== 'more') continue;
      this.needed = this.check.needed;
      this.partial.fill(chunk, at, chunk.length, this.needed);
      return 'open';
    }
  }

  /** Adds to the incomplete frame until it is whole and done with, or the chunk is used up; answers where it stopped. */
  private complete(chunk: Uint8Array): number {
    let at = 0;
    for (;;) {
      at = this.partial.fill(chunk, at, chunk.length, this.needed);
      if (this.partial.length < this.needed) return at;
      this.scan(this.partial.bytes, 0, this.needed);
      if (this.check.stop !== 'more' || this.check.next > 0) break;
      this.needed = this.check.needed;
    }
    this.partial.clear();
    return at;
  }

  private scan(b: Uint8Array, at: number, end: number): void {
    const check = this.check;
    checkFrames(b, at, end, this.facts, check);
    this.messages += check.messages;
    if (check.messages > 0) this.taker.run(b.subarray(check.from, check.to), check.messages);
    if (check.stop === 'dropped') this.taker.dropped();
  }
}
