// The four messages of the ring. All little-endian, all on the data plane. Writers make fresh bytes to give away; readers
// check every length and bound first and answer undefined, or false, for what is malformed.
//
//   DATA    0 u8   1                               TOKEN   0 u8   2
//           1 u8   pack kind: 0 frames,                    1 u8   bit 0: sent again, answer with STATE
//                  1 piece, 2 state,                        2 u48  hop: counts every pass, from 1
//                  3 compact frames;
//                  bit 7: a part of a pack
//           2 u16  rank of the daemon that                 8 u48  highest position given
//                  numbered it                            14 u32  bytes sent in the last rotation
//           4 u48  position                               18 u16  members that had more to say
//          10 u48  index in that daemon's stream          20 u16  hops in a row at which nothing was open
//          16 i32  safeAt, -1 none                        22 u8   number of ranges, at most 64
//          20 ..   the pack's bytes                       23 ..   per member u48: it has all positions up to here
//          of a part:                                      ..     per range u16 asked for by this rank (bit 15: urgent),
//          20 u8   which part, from 0                              u48 first position, u16 how many
//          21 u8   how many, from 2
//          22 ..   its bytes, at least one
//
//   STATE   0 u8   3
//           1 u8   bit 0: parked
//           2 u48  parked: its hop, else           WAKE    0 u8   4
//                  the last hop seen here                  1 u8   0
//           8 u16  rank where it is parked,                2 u48  hop at which it is said to be parked
//                  else our own
import { readU32, writeU32 } from 'peal/plugin';
import type { Bytes, Compactor, Pack, PackKind } from 'peal/plugin';
import { MAX_PARTS, MAX_RANGES, MAX_U48 } from './limits.js';

export const DATA = 1;
export const TOKEN = 2;
export const STATE = 3;
export const WAKE = 4;

export const DATA_HEAD_BYTES = 20;
/** What a part has besides. */
export const PART_BYTES = 2;
export const TOKEN_HEAD_BYTES = 23;
export const HELD_BYTES = 6;
export const RANGE_BYTES = 10;
const STATE_BYTES = 10;
const WAKE_BYTES = 8;

const RESENT = 1;
const PARKED = 1;
const URGENT = 0x8000;
const KINDS: readonly PackKind[] = ['frames', 'piece', 'state'];
/** Behind the kinds: frames whose repeated heads are left out (core/wire/compact.ts). */
const COMPACT = KINDS.length;
const PART = 0x80;
const TWO_32 = 2 ** 32;

function readU16(b: Bytes, at: number): number {
  return b[at]! | (b[at + 1]! << 8);
}

function writeU16(b: Bytes, at: number, v: number): void {
  b[at] = v & 0xff;
  b[at + 1] = v >>> 8;
}

function readU48(b: Bytes, at: number): number {
  return readU32(b, at) + readU16(b, at + 4) * TWO_32;
}

function writeU48(b: Bytes, at: number, v: number): void {
  writeU32(b, at, v % TWO_32);
  writeU16(b, at + 4, Math.floor(v / TWO_32));
}

/** A pack with its place in the order. */
export interface Numbered {
  readonly position: number;
  /** Rank of the daemon that numbered it. */
  readonly sender: number;
  /** Index in that daemon's stream. */
  readonly index: number;
  readonly pack: Pack;
  /** Its bytes as they travel: those of the pack, or its compact form. */
  readonly body: Bytes;
}

/** Head of a DATA message, or of one of its parts; its bytes of the body follow it. */
export function dataHead(n: Numbered, part = 0, parts = 1): Bytes {
  const b = new Uint8Array(parts === 1 ? DATA_HEAD_BYTES : DATA_HEAD_BYTES + PART_BYTES);
  b[0] = DATA;
  b[1] = n.body === n.pack.bytes ? KINDS.indexOf(n.pack.kind) : COMPACT;
  writeU16(b, 2, n.sender);
  writeU48(b, 4, n.position);
  writeU48(b, 10, n.index);
  writeU32(b, 16, n.pack.safeAt);
  if (parts === 1) return b;
  b[1] |= PART;
  b[DATA_HEAD_BYTES] = part;
  b[DATA_HEAD_BYTES + 1] = parts;
  return b;
}

/** A DATA message as it arrived. */
export interface Arrived {
  readonly kind: PackKind;
  readonly compact: boolean;
  readonly position: number;
  readonly sender: number;
  readonly index: number;
  readonly safeAt: number;
  readonly part: number;
  /** 1: the body is whole. */
  readonly parts: number;
  /** A part of the message. */
  readonly body: Bytes;
}

/** Undefined: malformed. */
export function readData(b: Bytes, members: number): Arrived | undefined {
  if (b.length < DATA_HEAD_BYTES) return undefined;
  const isPart = (b[1]! & PART) !== 0;
  const bodyAt = isPart ? DATA_HEAD_BYTES + PART_BYTES : DATA_HEAD_BYTES;
  const code = b[1]! & ~PART;
  const compact = code === COMPACT;
  const kind = compact ? 'frames' : KINDS[code];
  const sender = readU16(b, 2);
  const position = readU48(b, 4);
  const index = readU48(b, 10);
  if (kind === undefined || sender >= members || index < 1 || index > position || b.length < bodyAt) return undefined;
  const part = isPart ? b[DATA_HEAD_BYTES]! : 0;
  const parts = isPart ? b[DATA_HEAD_BYTES + 1]! : 1;
  if (isPart && (parts < 2 || parts > MAX_PARTS || part >= parts || b.length === bodyAt)) return undefined;
  const safeAt = readU32(b, 16) | 0;
  return { kind, compact, position, sender, index, safeAt, part, parts, body: b.subarray(bodyAt) };
}

/** The pack of which that is the whole body; undefined: malformed. */
export function numberedOf(a: Arrived, body: Bytes, compactor: Compactor): Numbered | undefined {
  const { kind, position, sender, index, safeAt } = a;
  const bytes = a.compact ? compactor.expand(body) : body;
  if (bytes === undefined || safeAt < -1 || (safeAt > -1 && safeAt >= bytes.length)) return undefined;
  return { position, sender, index, pack: { kind, position, safeAt, bytes }, body };
}

/** `many` positions from `first` on that a member misses. */
export interface Range {
  readonly who: number;
  /** Everybody who has them sends them. */
  readonly urgent: boolean;
  readonly first: number;
  readonly many: number;
}

/** The right to number, with what is known of everybody. Changed by the member that has it. */
export interface Token {
  hop: number;
  /** Highest position given. */
  highest: number;
  /** Bytes sent in the last rotation, retransmissions included. */
  flight: number;
  /** Members that had more to say than they might send. */
  busy: number;
  /** Hops in a row at which nothing was open. */
  quiet: number;
  /** Per rank: it has all positions up to here. */
  readonly held: Float64Array;
  ranges: readonly Range[];
}

export function tokenBytes(t: Token): Bytes {
  const rangesAt = TOKEN_HEAD_BYTES + t.held.length * HELD_BYTES;
  const b = new Uint8Array(rangesAt + t.ranges.length * RANGE_BYTES);
  b[0] = TOKEN;
  writeU48(b, 2, t.hop);
  writeU48(b, 8, t.highest);
  writeU32(b, 14, t.flight);
  writeU16(b, 18, t.busy);
  writeU16(b, 20, t.quiet);
  b[22] = t.ranges.length;
  t.held.forEach((position, i) => writeU48(b, TOKEN_HEAD_BYTES + i * HELD_BYTES, position));
  t.ranges.forEach((r, i) => {
    const at = rangesAt + i * RANGE_BYTES;
    writeU16(b, at, r.who | (r.urgent ? URGENT : 0));
    writeU48(b, at + 2, r.first);
    writeU16(b, at + 8, r.many);
  });
  return b;
}

/** The same token, marked as sent again. */
export function resentToken(token: Bytes): Bytes {
  const b = new Uint8Array(token);
  b[1] = RESENT;
  return b;
}

export function isResent(token: Bytes): boolean {
  return token[1] === RESENT;
}

/** Undefined: malformed, or not for a configuration of `members`. */
export function readToken(b: Bytes, members: number): Token | undefined {
  const rangesAt = TOKEN_HEAD_BYTES + members * HELD_BYTES;
  if (b.length < rangesAt || b[1]! > RESENT || b[22]! > MAX_RANGES) return undefined;
  if (b.length !== rangesAt + b[22]! * RANGE_BYTES) return undefined;
  const highest = readU48(b, 8);
  const held = new Float64Array(members);
  for (let i = 0; i < members; i++) {
    held[i] = readU48(b, TOKEN_HEAD_BYTES + i * HELD_BYTES);
    if (held[i]! > highest) return undefined;
  }
  const ranges: Range[] = [];
  for (let at = rangesAt; at < b.length; at += RANGE_BYTES) {
    const who = readU16(b, at);
    const range = { who: who & ~URGENT, urgent: who >= URGENT, first: readU48(b, at + 2), many: readU16(b, at + 8) };
    if (range.who >= members || range.many < 1 || range.first < 1 || range.first + range.many - 1 > highest)
      return undefined;
    ranges.push(range);
  }
  const busy = readU16(b, 18);
  if (busy > members || highest >= MAX_U48) return undefined;
  return { hop: readU48(b, 2), highest, flight: readU32(b, 14), busy, quiet: readU16(b, 20), held, ranges };
}

/** Where the token was last seen, or is parked. */
export interface TokenState {
  readonly parked: boolean;
  readonly hop: number;
  readonly holder: number;
}

export function stateBytes(s: TokenState): Bytes {
  const b = new Uint8Array(STATE_BYTES);
  b[0] = STATE;
  b[1] = s.parked ? PARKED : 0;
  writeU48(b, 2, s.hop);
  writeU16(b, 8, s.holder);
  return b;
}

/** Undefined: malformed. */
export function readState(b: Bytes, members: number): TokenState | undefined {
  if (b.length !== STATE_BYTES || b[1]! > PARKED) return undefined;
  const holder = readU16(b, 8);
  return holder < members ? { parked: b[1] === PARKED, hop: readU48(b, 2), holder } : undefined;
}

export function wakeBytes(hop: number): Bytes {
  const b = new Uint8Array(WAKE_BYTES);
  b[0] = WAKE;
  writeU48(b, 2, hop);
  return b;
}

/** The hop at which the sender believes the token parked; undefined: malformed. */
export function readWake(b: Bytes): number | undefined {
  return b.length === WAKE_BYTES && b[1] === 0 ? readU48(b, 2) : undefined;
}
