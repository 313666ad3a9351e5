// Delivered frames as plain objects, for those who want one: sessions in the same process, clients, tests (docs/clients.md,
// "Frames to clients"). The path of messages inside the daemon never makes them. Hostile input is checked: a client may
// be connected to anything.
import {
  DATA_LENGTH_OFFSET,
  GROUPS_COUNT_OFFSET,
  HEADER_BYTES,
  HINT_OFFSET,
  NAME_BYTES,
  SENDER_OFFSET,
  Service,
  frameService,
  readName,
  readU32,
} from './frame.js';
import { GROUP_ID_BYTES, LOCAL_SET_OFFSET, SETS_COUNT_OFFSET, SETS_OFFSET, isView } from './view.js';

/** Identity of one view of a group; never used twice (design.md 6). Compare all three for equality only. */
export interface GroupId {
  readonly number: number;
  readonly time: number;
  readonly index: number;
}

/** A message somebody sent. */
export interface MessageEvent {
  readonly kind: 'message';
  /** As the sender set it, without the endian mark: one level, maybe SELF_DISCARD and others. */
  readonly service: number;
  /** Private group of the sender. */
  readonly sender: string;
  /** All destinations, in the sender's order. */
  readonly groups: readonly string[];
  /** Signed 16 bit, chosen by the sender. */
  readonly type: number;
  /** Byte order of the sender's machine, which matters only to what the application put into `data`. */
  readonly bigEndian: boolean;
  readonly data: Uint8Array;
}

/** A new view of a group one is a member of. */
export interface ViewEvent {
  readonly kind: 'view';
  readonly cause: 'join' | 'leave' | 'disconnect' | 'network';
  readonly group: string;
  /** Private groups, in the one order everybody sees. */
  readonly members: readonly string[];
  readonly id: GroupId;
  /**
   * join, leave, disconnect: one set with the one member concerned. network: the whole view, parted by the views
   * the members come from.
   */
  readonly sets: readonly (readonly string[])[];
  /** Index in `sets` of the one the receiver belongs to (of the only one, for join, leave and disconnect). */
  readonly localSet: number;
}

/** What follows up to the next view is guaranteed to one's own set only. */
export interface TransitionalEvent {
  readonly kind: 'transitional';
  readonly group: string;
  /** Of the view that ends. */
  readonly id: GroupId;
}

/** One's own leave was ordered: nothing of that group follows. */
export interface LeftEvent {
  readonly kind: 'left';
  readonly group: string;
}

export type FrameEvent = MessageEvent | ViewEvent | TransitionalEvent | LeftEvent;

/** All frames of a run; undefined if one of them is malformed. */
export function readEvents(run: Uint8Array): FrameEvent[] | undefined {
  const events: FrameEvent[] = [];
  for (let at = 0; at < run.length;) {
    if (run.length - at < HEADER_BYTES) return undefined;
    const groups = readU32(run, at + GROUPS_COUNT_OFFSET);
    const end = at + HEADER_BYTES + NAME_BYTES * groups + readU32(run, at + DATA_LENGTH_OFFSET);
    if (end > run.length) return undefined;
    const event = readEvent(run, at, groups, end);
    if (event === undefined) return undefined;
    events.push(event);
    at = end;
  }
  return events;
}

function readEvent(b: Uint8Array, at: number, groups: number, end: number): FrameEvent | undefined {
  const service = frameService(b, at);
  const group = readName(b, at + SENDER_OFFSET);
  const data = b.subarray(at + HEADER_BYTES + NAME_BYTES * groups, end);
  if ((service & Service.REGULAR) !== 0) return readMessage(b, at, service, names(b, at + HEADER_BYTES, groups), data);
  if (isView(service)) return readView(service, group, names(b, at + HEADER_BYTES, groups), data);
  if ((service & Service.TRANSITION) !== 0) {
    return data.length < GROUP_ID_BYTES ? undefined : { kind: 'transitional', group, id: groupId(data) };
  }
  return (service & Service.CAUSED_BY_LEAVE) !== 0 ? { kind: 'left', group } : undefined;
}

function readMessage(
  b: Uint8Array,
  at: number,
  service: number,
  groups: readonly string[],
  data: Uint8Array,
): MessageEvent {
  const bigEndian = (b[at + HINT_OFFSET]! & 0x80) === 0;
  const [high, low] = bigEndian
    ? [b[at + HINT_OFFSET + 1]!, b[at + HINT_OFFSET + 2]!]
    : [b[at + HINT_OFFSET + 2]!, b[at + HINT_OFFSET + 1]!];
  const type = (((high << 8) | low) << 16) >> 16;
  return { kind: 'message', service, sender: readName(b, at + SENDER_OFFSET), groups, type, bigEndian, data };
}

function readView(service: number, group: string, members: readonly string[], b: Uint8Array): ViewEvent | undefined {
  const cause = causeOf(service);
  if (cause === undefined || b.length < SETS_OFFSET) return undefined;
  const local = readU32(b, LOCAL_SET_OFFSET);
  const sets: string[][] = [];
  let localSet = -1;
  let at = SETS_OFFSET;
  for (let left = readU32(b, SETS_COUNT_OFFSET); left > 0; left--) {
    if (b.length - at < 4 || (b.length - at - 4) / NAME_BYTES < readU32(b, at)) return undefined;
    if (at - SETS_OFFSET === local) localSet = sets.length;
    const n = readU32(b, at);
    sets.push(names(b, at + 4, n));
    at += 4 + NAME_BYTES * n;
  }
  return { kind: 'view', cause, group, members, id: groupId(b), sets, localSet };
}

function causeOf(service: number): ViewEvent['cause'] | undefined {
  if ((service & Service.CAUSED_BY_JOIN) !== 0) return 'join';
  if ((service & Service.CAUSED_BY_LEAVE) !== 0) return 'leave';
  if ((service & Service.CAUSED_BY_DISCONNECT) !== 0) return 'disconnect';
  return (service & Service.CAUSED_BY_NETWORK) !== 0 ? 'network' : undefined;
}

function names(b: Uint8Array, at: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => readName(b, at + NAME_BYTES * i));
}

function groupId(b: Uint8Array): GroupId {
  return { number: readU32(b, 0), time: readU32(b, 4), index: readU32(b, 8) };
}
