// Control messages larger than what the medium carries well: cut here, put together there. A message is named by its own
// hash, so what is repeated until answered completes what was lost of it before. Pure, bounded per peer.
// Design: docs/design/fragments.md.
//
//   0   u32  hash of the whole message
//   4   u32  its length, 1 to MESSAGE_BYTES
//   8   u16  bytes of each piece but the last
//   10  u16  which piece, from 0
//   12  ..   its bytes
import { readU32, writeU32 } from '../../wire/frame.js';
import type { Bytes } from '../types.js';

export const FRAGMENT_HEAD_BYTES = 12;
/** Largest message that is put together; a plan of thousands of segments is a twentieth of it. */
export const MESSAGE_BYTES = 4 * 1024 * 1024;
/** Messages of one peer that may be incomplete at a time; a further one takes the place of the one longest untouched. */
export const OPEN_MESSAGES = 16;
/** Bytes of incomplete messages of one peer, at least one message. */
export const OPEN_BYTES = MESSAGE_BYTES;
/** Pieces of a message at the most. */
const PIECES_MAX = 0xffff;

const FNV_START = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a over both parts. */
export function hashOf(head: Bytes, body?: Bytes): number {
  let h = FNV_START;
  for (const part of body === undefined ? [head] : [head, body])
    for (let i = 0; i < part.length; i++) h = Math.imul(h ^ part[i]!, FNV_PRIME);
  return h >>> 0;
}

/** A piece as it is sent behind an envelope: its head is fresh, its bytes are of the message. */
export interface Piece {
  readonly head: Bytes;
  readonly bytes: Bytes;
}

/**
 * Cuts a message into pieces that have `room` bytes each, heads included. The message is larger than `room` and at most
 * MESSAGE_BYTES; a room too small for it is a programmer's error.
 */
export function cut(head: Bytes, body: Bytes | undefined, room: number): readonly Piece[] {
  const whole = body === undefined ? head : joined([head, body], head.length + body.length);
  const size = Math.min(room - FRAGMENT_HEAD_BYTES, 0xffff);
  const count = Math.ceil(whole.length / size);
  if (size < 1 || count > PIECES_MAX || whole.length > MESSAGE_BYTES)
    throw new Error(`a control message of ${whole.length} bytes for ${room}`);
  const hash = hashOf(whole);
  return Array.from({ length: count }, (_, i) => {
    const h = new Uint8Array(FRAGMENT_HEAD_BYTES);
    writeU32(h, 0, hash);
    writeU32(h, 4, whole.length);
    writeU32(h, 8, (size | (i << 16)) >>> 0);
    return { head: h, bytes: whole.subarray(i * size, (i + 1) * size) };
  });
}

/** A message that is not whole yet. */
interface Partial {
  readonly pieces: Map<number, Bytes>;
  bytes: number;
}

/** What is held of one peer, the longest untouched first. */
interface Held {
  readonly partials: Map<string, Partial>;
  bytes: number;
}

/** Puts pieces together, by the place of who sent them. */
export class Fragments {
  readonly #held = new Map<number, Held>();

  /** The whole message when this piece completes it; 'malformed' for what is no piece. Else it is kept, or known. */
  received(place: number, b: Bytes): Bytes | 'malformed' | undefined {
    if (b.length <= FRAGMENT_HEAD_BYTES) return 'malformed';
    const [hash, total, sized] = [readU32(b, 0), readU32(b, 4), readU32(b, 8)];
    const size = sized & 0xffff;
    const index = sized >>> 16;
    const bytes = b.subarray(FRAGMENT_HEAD_BYTES);
    if (size === 0 || total > MESSAGE_BYTES || bytes.length !== Math.min(size, total - index * size))
      return 'malformed';
    let held = this.#held.get(place);
    if (held === undefined) this.#held.set(place, (held = { partials: new Map(), bytes: 0 }));
    const name = `${hash} ${total} ${size}`;
    const partial = held.partials.get(name) ?? { pieces: new Map<number, Bytes>(), bytes: 0 };
    // Put behind all others: it was touched.
    held.partials.delete(name);
    held.partials.set(name, partial);
    if (partial.pieces.has(index)) return undefined;
    partial.pieces.set(index, bytes);
    partial.bytes += bytes.length;
    held.bytes += bytes.length;
    if (partial.bytes < total) {
      shed(held);
      return undefined;
    }
    drop(held, name, partial);
    // Every piece has its one length and index, so as many bytes as the whole are the whole.
    const parts = [...partial.pieces].sort(([a], [z]) => a - z).map(([, part]) => part);
    const whole = joined(parts, total);
    return hashOf(whole) === hash ? whole : 'malformed';
  }

  /** Nothing that was begun is wanted any more. */
  clear(): void {
    this.#held.clear();
  }

  /** Bytes held of that peer. */
  bytesOf(place: number): number {
    return this.#held.get(place)?.bytes ?? 0;
  }
}

/** The longest untouched go until the rest is within bounds; the last one stays. */
function shed(held: Held): void {
  for (const [name, partial] of held.partials) {
    const { size } = held.partials;
    if (size === 1 || (size <= OPEN_MESSAGES && held.bytes <= OPEN_BYTES)) return;
    drop(held, name, partial);
  }
}

function drop(held: Held, name: string, partial: Partial): void {
  held.partials.delete(name);
  held.bytes -= partial.bytes;
}

function joined(parts: readonly Bytes[], length: number): Bytes {
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
