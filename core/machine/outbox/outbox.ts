// The outbox: what local clients said and what is not numbered yet. Runs of frames are copied once, into packs carved
// from slabs, or kept where they are if they are long and their memory lasts; a pack stays open until it is taken, so that
// load fills packs and small load does not wait (design.md 7, rules 1, 3 and 4). Survives changes of the configuration: what
// was never numbered goes, whole, into the next one.
import { MAX_RUN_BYTES, REPEAT_BYTES, repeatsHead } from '../../wire/compact.js';
import { frameBytes, GROUPS_COUNT_OFFSET, HEADER_BYTES, NAME_BYTES, readU32, Service } from '../../wire/frame.js';
import { SLAB_BYTES } from '../options.js';
import { PIECE_HEAD_BYTES, writePieceHead } from '../delivery/pieces.js';
import type { DaemonPorts } from '../ports.js';
import type { Bytes, PackKind, Packing } from '../types.js';

/** Content of a pack before it is numbered. */
export interface Content {
  readonly kind: PackKind;
  readonly safeAt: number;
  readonly bytes: Bytes;
  /** Of a piece: the frame it is a part of. */
  readonly whole?: Bytes;
}

/** A run that is at least that share of a pack, and lasts, is worth a pack of its own. */
const KEPT_SHARE = 1 / 8;

const NO_BYTES: Bytes = new Uint8Array(0);
const NO_WORDS: DataView = new DataView(new ArrayBuffer(0));

interface Frames {
  readonly kind: 'frames';
  safeAt: number;
  bytes: Bytes;
  /** Where packs are made compact: its bytes then, and where in the slab its last frame begins. */
  compactBytes: number;
  last: number;
}

/** A frame too large for a pack; `at` bytes of it were taken. */
interface Large {
  readonly kind: 'large';
  readonly safe: boolean;
  readonly bytes: Bytes;
  at: number;
}

export class Outbox {
  #queue: (Frames | Large)[] = [];
  #head = 0;
  #state: Bytes[] = [];
  /** Largest pack, as it travels. */
  #limit = 0;
  #compacting = false;
  #slab: Bytes = NO_BYTES;
  #slabUsed = 0;
  #slabWords: DataView = NO_WORDS;
  /** The last pack of the queue may still grow: it ends where the slab is free. */
  #open: Frames | undefined = undefined;
  /** Of the frames added by the call under way. */
  #services = 0;
  /** Bytes of client frames not yet taken. */
  bytes = 0;

  constructor(
    private readonly ports: Pick<DaemonPorts, 'allocate' | 'release'>,
    packing: Packing,
  ) {
    this.#use(packing);
  }

  #use({ bytes, compact }: Packing): void {
    this.#limit = compact ? Math.min(bytes, MAX_RUN_BYTES) : bytes;
    this.#compacting = compact;
  }

  /**
   * A configuration begins: packs are made like that, and a large frame that was not taken whole begins again. `unsent`: the
   * last that was taken, in order, and never numbered; its frames go first, a large one whole.
   */
  restart(packing: Packing, unsent: readonly Content[] = []): void {
    const frames: Bytes[] = [];
    for (const { kind, bytes, whole } of unsent) {
      // Own state messages are those of the configuration that ended.
      const frame = kind === 'frames' ? bytes : whole;
      if (frame !== undefined && frames.at(-1) !== frame) frames.push(frame);
    }
    const old = this.#queue.slice(this.#head);
    for (const item of old) if (frames.at(-1) !== item.bytes) frames.push(item.bytes);
    this.#queue = [];
    this.#head = 0;
    this.#open = undefined;
    this.#state = [];
    this.bytes = 0;
    this.#use(packing);
    for (const frame of frames) this.add(frame);
  }

  /** From here on packs are made like that; what was cut stays as it is. */
  limit(packing: Packing): void {
    const [limit, compacting] = [this.#limit, this.#compacting];
    this.#use(packing);
    if (limit !== this.#limit || compacting !== this.#compacting) this.#close();
  }

  /** Own messages of the group exchange: they go before everything else, and nothing else goes until `exchanged`. */
  addState(messages: readonly Bytes[]): void {
    this.#state.push(...messages);
  }

  /**
   * Whole canonical frames; copied, unless they are `lasting`: nobody changes them any more. Answers which bits the service words have:
   * each that at least one of them has.
   */
  add(frames: Bytes, lasting = false): number {
    this.bytes += frames.length;
    this.#services = 0;
    // What is to be compact is made from longer runs, which begin where the slab says.
    const least = lasting && !this.#compacting ? KEPT_SHARE * this.#limit : Infinity;
    for (let at = 0; at < frames.length;) {
      const length = frameBytes(frames, at);
      if (length > this.#limit) {
        this.#close();
        this.#addLarge(frames.subarray(at, at + length), lasting);
        at += length;
      } else if (frames.length - at >= least) at = this.#keepRun(frames, at);
      else {
        const from = at;
        at = this.#copyRun(frames, at, length);
        if (lasting) this.ports.release(frames.subarray(from, at));
      }
    }
    return this.#services;
  }

  /** A pack of as many whole frames from `from` on as fit (the first does), where they are; answers where it stopped. */
  #keepRun(frames: Bytes, from: number): number {
    this.#close();
    let to = from;
    let safeAt = -1;
    while (to < frames.length) {
      const length = frameBytes(frames, to);
      if (to + length - from > this.#limit) break;
      const service = readU32(frames, to);
      this.#services |= service;
      if (safeAt < 0 && (service & Service.SAFE) !== 0) safeAt = to - from;
      to += length;
    }
    this.#queue.push({ kind: 'frames', safeAt, bytes: frames.subarray(from, to), compactBytes: 0, last: -1 });
    return to;
  }

  #addLarge(frame: Bytes, lasting: boolean): void {
    const bytes = lasting ? frame : this.ports.allocate(frame.length);
    if (!lasting) bytes.set(frame);
    const service = readU32(bytes, 0);
    this.#services |= service;
    this.#queue.push({ kind: 'large', safe: (service & Service.SAFE) !== 0, bytes, at: 0 });
  }

  /** Copies as many whole frames from `from` on as fit the open pack (at least the first); answers where it stopped. */
  #copyRun(frames: Bytes, from: number, first: number): number {
    const compacting = this.#compacting;
    const words = compacting ? new DataView(frames.buffer, frames.byteOffset, frames.length) : NO_WORDS;
    if (this.#open) {
      const cost = compacting ? this.#cost(first, words, from, this.#slabWords, this.#open.last) : first;
      if (this.#open.bytes.length + first > this.#room() || this.#open.compactBytes + cost > this.#limit) this.#close();
    }
    const open = (this.#open ??= this.#begin(first));
    const used = open.bytes.length;
    const room = this.#room() - used;
    let to = from;
    let safe = -1;
    let services = 0;
    let others = this.#slabWords;
    let last = open.last;
    for (let length = first; ; length = frameBytes(frames, to)) {
      if (to + length - from > room) break;
      if (compacting) {
        const cost = this.#cost(length, words, to, others, last);
        if (open.compactBytes + cost > this.#limit) break;
        open.compactBytes += cost;
        others = words;
        last = to;
      }
      const service = readU32(frames, to);
      services |= service;
      if (safe < 0 && (service & Service.SAFE) !== 0) safe = to - from;
      to += length;
      if (to >= frames.length) break;
    }
    this.#slab.set(to - from === frames.length ? frames : frames.subarray(from, to), this.#slabUsed);
    if (compacting) open.last = this.#slabUsed + last - from;
    const start = this.#slabUsed - used;
    this.#slabUsed += to - from;
    open.bytes = this.#slab.subarray(start, this.#slabUsed);
    if (safe >= 0 && open.safeAt < 0) open.safeAt = used + safe;
    this.#services |= services;
    return to;
  }

  /** Bytes of the frame at `at` in a compact pack, behind the frame at `other`, -1: it is the first. */
  #cost(length: number, words: DataView, at: number, others: DataView, other: number): number {
    if (other < 0 || !repeatsHead(words, at, others, other)) return length;
    return length - HEADER_BYTES - NAME_BYTES * words.getInt32(at + GROUPS_COUNT_OFFSET, true) + REPEAT_BYTES;
  }

  /** How long the open pack may become: the limit, or what the slab has left. */
  #room(): number {
    const used = this.#open?.bytes.length ?? 0;
    const most = this.#compacting ? MAX_RUN_BYTES : this.#limit;
    return Math.min(most, this.#slab.length - this.#slabUsed + used);
  }

  #begin(first: number): Frames {
    if (this.#slab.length - this.#slabUsed < first) {
      this.ports.release(this.#slab, this.#slab.length - this.#slabUsed);
      this.#slab = this.ports.allocate(Math.max(SLAB_BYTES, this.#limit));
      this.#slabWords = new DataView(this.#slab.buffer, this.#slab.byteOffset, this.#slab.length);
      this.#slabUsed = 0;
    }
    const pack: Frames = { kind: 'frames', safeAt: -1, bytes: NO_BYTES, compactBytes: 0, last: -1 };
    this.#queue.push(pack);
    return pack;
  }

  #close(): void {
    this.#open = undefined;
  }

  /** Is there something to take? While an exchange runs only its own messages. */
  pending(exchanging: boolean): boolean {
    return this.#state.length > 0 || (!exchanging && this.#head < this.#queue.length);
  }

  /** Size of what `take` answers next, in bytes, where the link makes it compact of that; 0: nothing. */
  nextBytes(exchanging: boolean): number {
    const state = this.#state[0];
    if (state) return state.length;
    const item = exchanging ? undefined : this.#queue[this.#head];
    if (!item) return 0;
    return item.kind === 'frames'
      ? item.compactBytes || item.bytes.length
      : Math.min(this.#limit, item.bytes.length - item.at + PIECE_HEAD_BYTES);
  }

  /** The next pack's content; there is one. */
  take(): Content {
    const state = this.#state.shift();
    if (state) return { kind: 'state', safeAt: -1, bytes: state };
    const item = this.#queue[this.#head]!;
    if (item.kind === 'large') return this.#takePiece(item);
    if (item === this.#open) this.#close();
    this.#next();
    this.bytes -= item.bytes.length;
    return item;
  }

  #takePiece(item: Large): Content {
    const part = item.bytes.subarray(item.at, item.at + this.#limit - PIECE_HEAD_BYTES);
    const bytes = this.ports.allocate(PIECE_HEAD_BYTES + part.length);
    writePieceHead(bytes, item.bytes.length, item.at);
    bytes.set(part, PIECE_HEAD_BYTES);
    item.at += part.length;
    const last = item.at === item.bytes.length;
    if (last) {
      this.#next();
      this.bytes -= item.bytes.length;
    }
    return { kind: 'piece', safeAt: last && item.safe ? 0 : -1, bytes, whole: item.bytes };
  }

  #next(): void {
    this.#head++;
    if (this.#head < 64 && this.#head < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }
}
