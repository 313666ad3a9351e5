// Bodies of simulated messages and the frames around them: the body says which message it is and how long it must be,
// and its padding follows from that, so a receiver can tell a lost, swapped or changed byte: what is delivered must be
// the frame that was sent, to the byte. Delivered frames are read back into trace events here.
import {
  DATA_LENGTH_OFFSET,
  GROUPS_COUNT_OFFSET,
  HEADER_BYTES,
  NAME_BYTES,
  SENDER_OFFSET,
  Service,
  buildFrame,
  frameBytes,
  frameService,
  readName,
  readU32,
  writeU32,
} from '../../core/wire/frame.js';
import { Random } from './random.js';
import { Slab } from './slab.js';
import type { DeliverEvent, TraceEvent, ViewCause } from './trace.js';

/** Message id and length stand before the padding. */
export const BODY_MIN_BYTES = 8;
const PATTERN_BYTES = 1 << 18;
const PATTERN_STARTS = 1 << 16;

const pattern = ((): Uint8Array => {
  const random = new Random(1, 'pattern');
  const b = new Uint8Array(PATTERN_BYTES);
  for (let i = 0; i < b.length; i += 4) writeU32(b, i, random.next());
  return b;
})();

function padding(id: number, bytes: number): Uint8Array {
  const start = Math.imul(id, 40503) & (PATTERN_STARTS - 1);
  return pattern.subarray(start, start + bytes);
}

const bodies = new Uint8Array(PATTERN_BYTES - PATTERN_STARTS);

/** The body of message `id`, `bytes` long (at least `BODY_MIN_BYTES`, at most 196,608); good until the next call. */
function body(id: number, bytes: number): Uint8Array {
  const b = bodies.subarray(0, bytes);
  writeU32(b, 0, id);
  writeU32(b, 4, bytes);
  b.set(padding(id, bytes - BODY_MIN_BYTES), BODY_MIN_BYTES);
  return b;
}

/** The type (hint) that message `id` is sent with: the same for some in a row, so that heads repeat. */
export const messageType = (id: number): number => (id >> 4) & 0x7fff;

/** A message as it was sent: what its delivery must repeat. */
export interface Sent {
  readonly id: number;
  readonly sender: string;
  readonly service: number;
  readonly groups: readonly string[];
  readonly discard: boolean;
  /** Whoever gives it away gives a copy. */
  readonly frame: Buffer;
}

const frames = new Slab();
const allocate = (bytes: number): Uint8Array => frames.take(bytes);

export function message(
  id: number,
  sender: string,
  service: number,
  groups: readonly string[],
  discard: boolean,
  bytes: number,
): Sent {
  const word = discard ? service | Service.SELF_DISCARD : service;
  const b = buildFrame({ service: word, sender, groups, type: messageType(id), body: body(id, bytes), allocate });
  return { id, sender, service, groups, discard, frame: Buffer.from(b.buffer, b.byteOffset, b.length) };
}

const CAUSES: readonly (readonly [number, ViewCause])[] = [
  [Service.CAUSED_BY_JOIN, 'join'],
  [Service.CAUSED_BY_LEAVE, 'leave'],
  [Service.CAUSED_BY_DISCONNECT, 'disconnect'],
  [Service.CAUSED_BY_NETWORK, 'network'],
];

const signed = (v: number): number => v | 0;

function groupId(frame: Uint8Array, at: number): string {
  return `${signed(readU32(frame, at))}.${signed(readU32(frame, at + 4))}.${signed(readU32(frame, at + 8))}`;
}

function names(frame: Uint8Array, at: number, n: number): string[] {
  return Array.from({ length: n }, (_, i) => readName(frame, at + NAME_BYTES * i));
}

/** What a session reads from delivered bytes; `sent` finds the message of an id. */
export class FrameReader {
  constructor(private readonly sent: (id: number) => Sent | undefined) {}

  /** Trace events of a run of `messages` whole frames. Throws when it is no such run. */
  read(t: number, session: number, frames: Uint8Array, messages: number, emit: (e: TraceEvent) => void): void {
    let at = 0;
    for (let i = 0; i < messages; i++) {
      if (at + HEADER_BYTES > frames.length) throw new Error('a delivered run is shorter than its count says');
      const end = at + frameBytes(frames, at);
      if (end > frames.length) throw new Error('a delivered frame goes beyond its run');
      emit(this.one(t, session, frames, at, end));
      at = end;
    }
    if (at !== frames.length) throw new Error('a delivered run is longer than its count says');
  }

  private one(t: number, session: number, b: Uint8Array, at: number, end: number): TraceEvent {
    const service = frameService(b, at);
    const group = readName.bind(undefined, b, at + SENDER_OFFSET);
    if ((service & Service.REG_MEMB) !== 0) return this.view(t, session, b, at, service);
    const data = at + HEADER_BYTES + NAME_BYTES * readU32(b, at + GROUPS_COUNT_OFFSET);
    if ((service & Service.TRANSITION) !== 0)
      return { t, event: 'transition', session, group: group(), id: groupId(b, data) };
    if ((service & Service.REGULAR) === 0) return { t, event: 'self-leave', session, group: group() };
    return this.message(t, session, b, at, end);
  }

  private message(t: number, session: number, b: Uint8Array, at: number, end: number): DeliverEvent {
    const bytes = readU32(b, at + DATA_LENGTH_OFFSET);
    const data = end - bytes;
    const id = bytes >= BODY_MIN_BYTES ? readU32(b, data) : -1;
    const sent = this.sent(id);
    if (sent?.frame.compare(b, at, end) === 0) {
      const { sender, service, groups } = sent;
      return { t, event: 'deliver', session, id, sender, service, groups, bytes };
    }
    const sender = readName(b, at + SENDER_OFFSET);
    const groups = names(b, at + HEADER_BYTES, readU32(b, at + GROUPS_COUNT_OFFSET));
    const service = frameService(b, at) & Service.REGULAR;
    return { t, event: 'deliver', session, id, sender, service, groups, bytes, corrupt: true };
  }

  private view(t: number, session: number, b: Uint8Array, at: number, service: number): TraceEvent {
    const n = readU32(b, at + GROUPS_COUNT_OFFSET);
    const data = at + HEADER_BYTES + NAME_BYTES * n;
    const cause = CAUSES.find(([bit]) => (service & bit) !== 0)?.[1];
    if (cause === undefined) throw new Error('a membership frame without a cause');
    const count = readU32(b, data + 12);
    const offset = readU32(b, data + 16);
    const sets: string[][] = [];
    let own = -1;
    let set = data + 20;
    for (let i = 0; i < count; i++) {
      if (set - data - 20 === offset) own = i;
      const size = readU32(b, set);
      sets.push(names(b, set + 4, size));
      set += 4 + NAME_BYTES * size;
    }
    if (set - data !== readU32(b, at + DATA_LENGTH_OFFSET)) throw new Error('a membership frame of a wrong length');
    const group = readName(b, at + SENDER_OFFSET);
    const members = names(b, at + HEADER_BYTES, n);
    return { t, event: 'view', session, group, id: groupId(b, data), cause, members, sets, own };
  }
}
