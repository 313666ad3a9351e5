// Pieces: a frame too large for a pack travels as several, in order, in its sender's stream; its place in the order is
// that of its last piece. A piece is `u32 total | u32 offset | bytes`. Memory follows what really arrived.
import { readU32, writeU32 } from '../../wire/frame.js';
import type { Bytes } from '../types.js';

export const PIECE_HEAD_BYTES = 8;

interface Unfinished {
  readonly total: number;
  got: number;
  readonly parts: Bytes[];
}

/** Puts frames together again, per sender. */
export class Reassembly {
  readonly #unfinished = new Map<number, Unfinished>();
  /** Pieces that fitted nothing: a sender whose earlier pieces lie in a gap. */
  dropped = 0;

  /** `limit`: largest whole frame. */
  constructor(private readonly limit: number) {}

  clear(): void {
    this.#unfinished.clear();
  }

  /** The whole frame, if this was its last piece. */
  add(sender: number, piece: Bytes): Bytes | undefined {
    const fits = this.#fits(sender, piece);
    if (!fits) {
      this.#unfinished.delete(sender);
      this.dropped++;
      return undefined;
    }
    const part = piece.subarray(PIECE_HEAD_BYTES);
    fits.parts.push(part);
    fits.got += part.length;
    if (fits.got < fits.total) return undefined;
    this.#unfinished.delete(sender);
    const whole = new Uint8Array(fits.total);
    let at = 0;
    for (const p of fits.parts) {
      whole.set(p, at);
      at += p.length;
    }
    return whole;
  }

  #fits(sender: number, piece: Bytes): Unfinished | undefined {
    if (piece.length <= PIECE_HEAD_BYTES) return undefined;
    const total = readU32(piece, 0);
    const offset = readU32(piece, 4);
    if (total > this.limit || offset + piece.length - PIECE_HEAD_BYTES > total) return undefined;
    if (offset === 0) this.#unfinished.set(sender, { total, got: 0, parts: [] });
    const u = this.#unfinished.get(sender);
    return u?.total === total && u.got === offset ? u : undefined;
  }
}

/** Writes the head of a piece to the front of `into`. */
export function writePieceHead(into: Bytes, total: number, offset: number): void {
  writeU32(into, 0, total);
  writeU32(into, 4, offset);
}
