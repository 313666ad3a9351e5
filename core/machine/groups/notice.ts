// Builders of the frames that only daemons make: regular membership, transitional signal, self-leave (Spread client
// protocol 7.2 to 7.4, docs/design/groups.md 4). Pure functions from names and numbers to canonical bytes.
//
//   body of a membership frame: group id (12) | u32 number of sets | u32 offset of the receiver's set, counted from
//   here on | per set u32 n, n names (32 each)
import type { Bytes } from '../types.js';
import {
  DATA_LENGTH_OFFSET,
  ENDIAN_MARK,
  GROUPS_COUNT_OFFSET,
  HEADER_BYTES,
  HINT_OFFSET,
  NAME_BYTES,
  SENDER_OFFSET,
  Service,
  writeU32,
} from '../../wire/frame.js';

/** Identity of a view, as clients see it: three 32-bit words. */
export interface GroupId {
  readonly number: number;
  readonly time: number;
  readonly index: number;
}

/** A virtual-synchrony set: blocks of name fields end to end. */
export type NameSet = readonly Bytes[];

/** A set of a view; `own` marks the receivers' set. */
export interface ViewSets {
  readonly sets: readonly NameSet[];
  /** Index of the receiver's set. */
  readonly own: number;
}

export type Cause =
  | typeof Service.CAUSED_BY_JOIN
  | typeof Service.CAUSED_BY_LEAVE
  | typeof Service.CAUSED_BY_DISCONNECT
  | typeof Service.CAUSED_BY_NETWORK;

const ID_BYTES = 12;
const SET_COUNT_OFFSET = 12;
const SET_OFFSET_OFFSET = 16;
const SETS_OFFSET = 20;

/** Header of a frame about that group, with room for `names` member fields and `data` bytes of body. */
function noticeFrame(service: number, group: Bytes, names: number, data: number): Bytes {
  const b = new Uint8Array(HEADER_BYTES + NAME_BYTES * names + data);
  writeU32(b, 0, (service | ENDIAN_MARK) >>> 0);
  b.set(group, SENDER_OFFSET);
  writeU32(b, GROUPS_COUNT_OFFSET, names);
  writeU32(b, HINT_OFFSET, ENDIAN_MARK);
  writeU32(b, DATA_LENGTH_OFFSET, data);
  return b;
}

function writeId(b: Bytes, at: number, id: GroupId): void {
  writeU32(b, at, id.number);
  writeU32(b, at + 4, id.time);
  writeU32(b, at + 8, id.index);
}

function namesIn(set: NameSet): number {
  return set.reduce((n, block) => n + block.length / NAME_BYTES, 0);
}

/** Where a set begins, counted from body offset 20. */
function setOffset(sets: readonly NameSet[], own: number): number {
  let offset = 0;
  for (let i = 0; i < own; i++) offset += 4 + NAME_BYTES * namesIn(sets[i]!);
  return offset;
}

/** A view: its members in order, its id, its sets. */
export function viewFrame(cause: Cause, group: Bytes, members: Bytes, id: GroupId, view: ViewSets): Bytes {
  const names = members.length / NAME_BYTES;
  const listed = view.sets.reduce((n, set) => n + 4 + NAME_BYTES * namesIn(set), 0);
  const b = noticeFrame(Service.REG_MEMB | cause, group, names, SETS_OFFSET + listed);
  b.set(members, HEADER_BYTES);
  const body = HEADER_BYTES + members.length;
  writeId(b, body, id);
  writeU32(b, body + SET_COUNT_OFFSET, view.sets.length);
  writeU32(b, body + SET_OFFSET_OFFSET, setOffset(view.sets, view.own));
  let at = body + SETS_OFFSET;
  for (const set of view.sets) {
    writeU32(b, at, namesIn(set));
    at += 4;
    for (const block of set) {
      b.set(block, at);
      at += block.length;
    }
  }
  return b;
}

/** The transitional signal; `id` is the view that ends. */
export function transitionFrame(group: Bytes, id: GroupId): Bytes {
  const b = noticeFrame(Service.TRANSITION, group, 0, ID_BYTES);
  writeId(b, HEADER_BYTES, id);
  return b;
}

/** What a leaver receives instead of the view without it. */
export function selfLeaveFrame(group: Bytes): Bytes {
  return noticeFrame(Service.CAUSED_BY_LEAVE, group, 0, 0);
}
