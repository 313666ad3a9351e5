// Membership frames as the daemon writes them, and the layout of their body for clients before 4.0.0 (docs/clients.md,
// "Membership frames"; Spread client protocol sections 7.2 and 13).
//
//   body of a REG_MEMB frame                               body of the same frame before 4.0.0
//   0   group id: i32 number, i32 time, i32 index          0   group id
//   12  u32 number of sets                                 12  u32 n
//   16  u32 offset of the receiver's set, from 20 on       16  name[32] * n: the receiver's set
//   20  sets: { u32 n, name[32] * n }
import {
  DATA_LENGTH_OFFSET,
  HEADER_BYTES,
  NAME_BYTES,
  Service,
  frameBytes,
  frameGroups,
  frameService,
  readU32,
  writeU32,
} from './frame.js';

/** Bytes of a group id. */
export const GROUP_ID_BYTES = 12;
export const SETS_COUNT_OFFSET = 12;
export const LOCAL_SET_OFFSET = 16;
/** Where the sets begin; the local offset counts from here. */
export const SETS_OFFSET = 20;

/** Does that service word (without its mark) belong to a membership frame with members and sets? */
export function isView(service: number): boolean {
  return (service & Service.REG_MEMB) !== 0 && (service & Service.REGULAR) === 0;
}

/** The frames of a run with the body of each view in the layout before 4.0.0; the run itself if it holds none. */
export function oldViews(run: Uint8Array): Uint8Array {
  let old: Uint8Array | undefined;
  let to = 0;
  for (let at = 0; at < run.length; at += frameBytes(run, at)) {
    const bytes = frameBytes(run, at);
    if (old === undefined && isView(frameService(run, at))) {
      old = new Uint8Array(run);
      to = at;
    }
    if (old === undefined) continue;
    old.copyWithin(to, at, at + bytes);
    to += isView(frameService(run, at)) ? shorten(old, to) : bytes;
  }
  return old?.subarray(0, to) ?? run;
}

/** Rewrites the view at `at` in place; answers its new length. The old layout is never longer. */
function shorten(b: Uint8Array, at: number): number {
  const body = at + HEADER_BYTES + NAME_BYTES * frameGroups(b, at);
  const set = body + SETS_OFFSET + readU32(b, body + LOCAL_SET_OFFSET);
  const data = GROUP_ID_BYTES + 4 + NAME_BYTES * readU32(b, set);
  b.copyWithin(body + GROUP_ID_BYTES, set, set + data - GROUP_ID_BYTES);
  writeU32(b, at + DATA_LENGTH_OFFSET, data);
  return body + data - at;
}
