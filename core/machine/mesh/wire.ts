// The three messages of the mesh: DATA, STAND, NACK. Layouts: docs/design/mesh.md, section 2. Writers make fresh
// bytes to give away; readers check every length first and answer undefined for what is malformed.
import { readU32, writeU32 } from '../../wire/frame.js';
import type { Bytes, Pack, PackKind } from '../types.js';
import { MAX_INDEX, MAX_NACK_RANGES } from './limits.js';

export const DATA = 1;
export const STAND = 2;
export const NACK = 3;

/** Head of DATA without a row: what the mesh costs per pack. */
export const DATA_HEAD_BYTES = 18;
export const STAND_HEAD_BYTES = 6;
export const NACK_HEAD_BYTES = 2;
export const ENTRY_BYTES = 6;
export const RANGE_BYTES = 8;

/** STAND: answer with a STAND. */
export const FLAG_ASK = 1;
/** STAND: what was sent to me behind this row is lost, go on from it. */
export const FLAG_RESEND = 2;
const FLAG_ROW = 0x80;

const KINDS: readonly PackKind[] = ['frames', 'piece', 'state', 'turn'];
const TWO_32 = 2 ** 32;

function readU48(b: Bytes, at: number): number {
  return readU32(b, at) + (b[at + 4]! | (b[at + 5]! << 8)) * TWO_32;
}

function writeU48(b: Bytes, at: number, v: number): void {
  writeU32(b, at, v % TWO_32);
  const high = Math.floor(v / TWO_32);
  b[at + 4] = high & 0xff;
  b[at + 5] = high >>> 8;
}

function writeRow(b: Bytes, at: number, row: ArrayLike<number>, from: number, count: number): void {
  for (let i = 0; i < count; i++) writeU48(b, at + i * ENTRY_BYTES, row[from + i]!);
}

/** Entry `i` of the row that starts at `at`. */
export function readEntry(b: Bytes, at: number, i: number): number {
  return readU48(b, at + i * ENTRY_BYTES);
}

/** Head of a DATA message; the pack's bytes follow it as the body. */
export function dataHead(index: number, pack: Pack, row: ArrayLike<number> | undefined): Bytes {
  const b = new Uint8Array(DATA_HEAD_BYTES + (row === undefined ? 0 : row.length * ENTRY_BYTES));
  b[0] = DATA;
  b[1] = KINDS.indexOf(pack.kind) | (row === undefined ? 0 : FLAG_ROW);
  writeU48(b, 2, index);
  writeU48(b, 8, pack.position);
  writeU32(b, 14, pack.safeAt);
  if (row !== undefined) writeRow(b, DATA_HEAD_BYTES, row, 0, row.length);
  return b;
}

export function readIndex(b: Bytes): number {
  return readU48(b, 2);
}

/** Whether the bytes are a well-formed DATA message in a configuration of `members`. */
export function checkData(b: Bytes, members: number): boolean {
  if (b.length < DATA_HEAD_BYTES) return false;
  if ((b[1]! & 0x7f) >= KINDS.length || readIndex(b) === 0) return false;
  const body = b.length - bodyOffset(b, members);
  const safeAt = readU32(b, 14) | 0;
  return body >= 0 && safeAt >= -1 && (safeAt === -1 || safeAt < body);
}

export function hasRow(b: Bytes): boolean {
  return (b[1]! & FLAG_ROW) !== 0;
}

function bodyOffset(b: Bytes, members: number): number {
  return DATA_HEAD_BYTES + (hasRow(b) ? members * ENTRY_BYTES : 0);
}

/** The pack of a checked DATA message; its bytes are a part of the message. */
export function readPack(b: Bytes, members: number): Pack {
  return {
    kind: KINDS[b[1]! & 0x7f]!,
    position: readU48(b, 8),
    safeAt: readU32(b, 14) | 0,
    bytes: b.subarray(bodyOffset(b, members)),
  };
}

/** A STAND with the entries [from, from + count) of the row. */
export function stand(flags: number, row: ArrayLike<number>, from: number, count: number): Bytes {
  const b = new Uint8Array(STAND_HEAD_BYTES + count * ENTRY_BYTES);
  b[0] = STAND;
  b[1] = flags;
  b[2] = from & 0xff;
  b[3] = from >>> 8;
  b[4] = count & 0xff;
  b[5] = count >>> 8;
  writeRow(b, STAND_HEAD_BYTES, row, from, count);
  return b;
}

export interface Stand {
  readonly flags: number;
  readonly from: number;
  readonly count: number;
}

export function readStand(b: Bytes, members: number): Stand | undefined {
  if (b.length < STAND_HEAD_BYTES + ENTRY_BYTES) return undefined;
  const flags = b[1]!;
  const from = b[2]! | (b[3]! << 8);
  const count = b[4]! | (b[5]! << 8);
  if ((flags & ~(FLAG_ASK | FLAG_RESEND)) !== 0 || count === 0 || from + count > members) return undefined;
  return b.length === STAND_HEAD_BYTES + count * ENTRY_BYTES ? { flags, from, count } : undefined;
}

/** `many` packs of the receiver from index `first` are missing. */
export interface Range {
  readonly first: number;
  readonly many: number;
}

export function nack(ranges: readonly Range[]): Bytes {
  const b = new Uint8Array(NACK_HEAD_BYTES + ranges.length * RANGE_BYTES);
  b[0] = NACK;
  b[1] = ranges.length;
  ranges.forEach((r, i) => {
    const at = NACK_HEAD_BYTES + i * RANGE_BYTES;
    writeU48(b, at, r.first);
    b[at + 6] = r.many & 0xff;
    b[at + 7] = r.many >>> 8;
  });
  return b;
}

export function readNack(b: Bytes): readonly Range[] | undefined {
  const count = b[1] ?? 0;
  if (count === 0 || count > MAX_NACK_RANGES || b.length !== NACK_HEAD_BYTES + count * RANGE_BYTES) return undefined;
  const ranges: Range[] = [];
  let below = 0;
  for (let i = 0; i < count; i++) {
    const at = NACK_HEAD_BYTES + i * RANGE_BYTES;
    const first = readU48(b, at);
    const many = b[at + 6]! | (b[at + 7]! << 8);
    // Rising and apart, so that one NACK never asks for a pack twice.
    if (first <= below || many === 0 || first + many - 1 > MAX_INDEX) return undefined;
    below = first + many - 1;
    ranges.push({ first, many });
  }
  return ranges;
}
