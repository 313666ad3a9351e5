// The repair message: one pack of an old configuration, as its holder has it.
//
//   u48 position | u16 sender (rank in the old configuration) | u48 index | u8 kind | u8 1: end of this answer | i32 safeAt
//   then the bytes of the pack
import { ByteReader, ByteWriter } from '../../wire/bytes.js';
import type { Entry } from '../delivery/log.js';
import type { Bytes, PackKind } from '../types.js';

export const REPAIR_HEAD_BYTES = 20;
const KINDS: readonly PackKind[] = ['frames', 'piece', 'state'];

export interface Repair {
  readonly position: number;
  readonly entry: Entry;
  readonly end: boolean;
}

export function repairHead(position: number, e: Entry, end: boolean): Bytes {
  const w = new ByteWriter(REPAIR_HEAD_BYTES);
  w.u48(position)
    .u16(e.sender)
    .u48(e.index)
    .u8(KINDS.indexOf(e.pack.kind))
    .u8(end ? 1 : 0)
    .u32(e.pack.safeAt >>> 0);
  return w.finish();
}

/** Undefined: malformed. */
export function decodeRepair(bytes: Bytes): Repair | undefined {
  const r = new ByteReader(bytes);
  const position = r.u48();
  const sender = r.u16();
  const index = r.u48();
  const kind = KINDS[r.u8()];
  const end = r.u8() === 1;
  const safeAt = r.u32() | 0;
  if (!r.ok || !kind || position < 1) return undefined;
  const body = r.rest();
  if (safeAt < -1 || safeAt > body.length) return undefined;
  return { position, end, entry: { sender, index, pack: { kind, position, safeAt, bytes: body } } };
}
