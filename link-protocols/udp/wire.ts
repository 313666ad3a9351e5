// What the udp medium puts on the wire besides the bytes it carries. Pure. Little-endian.
//
//   datagram   0  ..   the bytes carried (which begin with the core's envelope), or a note
//              -5 u32  trailer: hash of the daemon list
//              -1 u8   0xd0 data, 0xc0 control, 0xb0 a note
//
//   note       0  u8   1 ask, 2 answer
//              1  u8   0 the ask came to one, 1 it came to the group
//              2  u32  number of the ask; the answer repeats it
//              6  u16  size of the whole datagram of the ask; the answer repeats it
//              8  ..   an ask is filled with zeros up to its size
//
// The trailer is behind the bytes, so that a datagram begins with the envelope and nothing has to be copied.
import type { Bytes } from 'peal/plugin';
import { readU32, writeU32 } from '../../core/wire/frame.js';

export const TRAILER_BYTES = 5;
export const NOTE_BYTES = 8;
/** An ask or answer without filling, trailer included. */
export const SMALL_BYTES = NOTE_BYTES + TRAILER_BYTES;
/** What we ever send in one datagram: below IPv4's 65,507, with room for tunnels. */
export const MAX_DATAGRAM_BYTES = 61_440;
/** What every IPv4 network carries. */
export const MIN_DATAGRAM_BYTES = 548;

const CARRIES = { note: 0xb0, control: 0xc0, data: 0xd0 } as const;
/** What a datagram carries. */
export type Carries = keyof typeof CARRIES;

/** The end of every datagram of daemons with that list. */
export function writeTrailer(carries: Carries, listHash: number): Bytes {
  const b = new Uint8Array(TRAILER_BYTES);
  writeU32(b, 0, listHash);
  b[TRAILER_BYTES - 1] = CARRIES[carries];
  return b;
}

/** What the whole datagram carries; undefined: it is none of ours. Whose list it has is another question. */
export function readTrailer(b: Bytes): Carries | undefined {
  return b.length > TRAILER_BYTES ? CARRIED.get(b[b.length - 1]!) : undefined;
}

/** Hash of the list that the sender of a whole datagram has. */
export function readListHash(b: Bytes): number {
  return readU32(b, b.length - TRAILER_BYTES);
}

const CARRIED = new Map((Object.keys(CARRIES) as Carries[]).map((carries) => [CARRIES[carries] as number, carries]));

const ASK = 1;
const ANSWER = 2;

export interface Note {
  readonly kind: 'ask' | 'answer';
  /** The ask went to the group. */
  readonly group: boolean;
  readonly number: number;
  /** Of the whole datagram of the ask. */
  readonly bytes: number;
}

/** Without the trailer. */
export function writeNote(note: Note): Bytes {
  const b = new Uint8Array(note.kind === 'ask' ? Math.max(SMALL_BYTES, note.bytes) - TRAILER_BYTES : NOTE_BYTES);
  b[0] = note.kind === 'ask' ? ASK : ANSWER;
  b[1] = note.group ? 1 : 0;
  writeU32(b, 2, note.number);
  b[6] = note.bytes & 0xff;
  b[7] = note.bytes >>> 8;
  return b;
}

/** Reads a note without its trailer; undefined: it is none, or an ask that did not come whole. */
export function readNote(b: Bytes): Note | undefined {
  if (b.length < NOTE_BYTES || (b[0] !== ASK && b[0] !== ANSWER) || b[1]! > 1) return undefined;
  const bytes = b[6]! | (b[7]! << 8);
  const kind = b[0] === ASK ? 'ask' : 'answer';
  if (b.length !== (kind === 'ask' ? bytes - TRAILER_BYTES : NOTE_BYTES)) return undefined;
  return { kind, group: b[1] === 1, number: readU32(b, 2), bytes };
}
