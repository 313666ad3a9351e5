// The one check of a client's frames, where they enter the daemon (docs/clients.md, "Frames from clients"; Spread
// client protocol section 6). Lengths come before anything else. A frame that passes is made canonical in place
// (little-endian header, names zero behind their NUL, foreign service bits masked, hint untouched) and travels as
// bytes from here on; nothing behind this file checks it again. No object is made per frame: a whole run of frames is
// reported as one range in a `FrameCheck` that the caller reuses.
import {
  DATA_LENGTH_OFFSET,
  ENDIAN_MARK,
  GROUPS_COUNT_OFFSET,
  HEADER_BYTES,
  HINT_OFFSET,
  MAX_GROUPS,
  NAME_BYTES,
  SENDER_OFFSET,
  Service,
  readU32,
  sameHead,
  writeU32,
} from './frame.js';
import { isGroupField, nameLength } from './name.js';

/** What must be known of a session to check its frames. */
export interface SessionFacts {
  /** Own private group, 32 bytes, zero behind its end: the only sender a frame of this session may name. */
  readonly sender: Uint8Array;
  /** Largest 32 * groups + data of one frame, bytes. */
  readonly maxMessageBytes: number;
}

/**
 * Rules a frame can break; each ends the session without an answer. too-long: 32 * groups + data above the limit, or
 * negative. groups: not 0 to 100 of them. service: not exactly one of the regular, JOIN, LEAVE and KILL bits.
 * forged: bits only a daemon sets. sender: not this session's private group. hint: bits outside the message type.
 * unterminated: a destination without a NUL. no-group: a JOIN without a group.
 */
export type FrameFault = 'too-long' | 'groups' | 'service' | 'forged' | 'sender' | 'hint' | 'unterminated' | 'no-group';

/**
 * Why the check stopped. more: the frame at `next` is not complete. dropped: a harmless frame that can have no effect
 * was left out. cut: the last frame of the run lost what has no meaning (a JOIN's body). After both the check goes on
 * at `next`. kill: a KILL frame ends at `next`. invalid: the frame at `next` breaks rule `fault`.
 */
export type CheckStop = 'more' | 'dropped' | 'cut' | 'kill' | 'invalid';

/** Result of `checkFrames`, reused from call to call. */
export class FrameCheck {
  /** [from, to) are `messages` whole canonical regular, JOIN and LEAVE frames, to be handed on as one run. */
  from = 0;
  to = 0;
  messages = 0;
  /** Where to go on. */
  next = 0;
  stop: CheckStop = 'more';
  fault: FrameFault = 'service';
  /** With `more`: bytes from `next` that must be there before it is worth while to call again. */
  needed = HEADER_BYTES;
}

const KINDS = (Service.REGULAR | Service.JOIN | Service.LEAVE | Service.KILL) >>> 0;
/** Bits that only daemons set: membership, REJECT and the internal ones. The peer lets them through. */
const FORGED = 0x0078ff00;
/** Bits of a regular frame that are delivered: its level, SELF_DISCARD, and those from 0x02000000 up (SUBGROUP_CAST). */
const KEPT = 0x7e00007f;
/** The hint may hold a message type in bits 8 to 23 and the endian mark. */
const HINT_FOREIGN = 0x7f00007f;

function readU32be(b: Uint8Array, at: number): number {
  return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
}

/** The number at `at` of a header in either byte order. */
function readWord(b: Uint8Array, at: number, little: boolean): number {
  return little ? readU32(b, at) : readU32be(b, at);
}

function isOneBit(v: number): boolean {
  return v !== 0 && (v & (v - 1)) === 0;
}

/** Do the bytes of the sender field name this session? Bytes behind the NUL do not matter. */
function isSender(b: Uint8Array, at: number, own: Uint8Array): boolean {
  for (let i = 0; i < NAME_BYTES; i++) {
    const c = own[i]!;
    if (b[at + i] !== c) return false;
    if (c === 0) return true;
  }
  return false;
}

/** Zeroes the field at `at` behind its NUL; false when there is no NUL. */
function closeName(b: Uint8Array, at: number): boolean {
  const n = nameLength(b, at);
  if (n === NAME_BYTES) return false;
  for (let i = at + n + 1; i < at + NAME_BYTES; i++) b[i] = 0;
  return true;
}

/**
 * Checks the frames in [at, end) of `b` from the first byte of one on, and makes them canonical in place. Stops at
 * the first that is incomplete, left out, a KILL or invalid; what lies before it is the run of `r`. A frame's
 * header is judged as soon as its 48 bytes are there, whatever length it claims. Call again at `r.next` after
 * `dropped` or `cut`.
 */
export function checkFrames(b: Uint8Array, at: number, end: number, facts: SessionFacts, r: FrameCheck): void {
  r.from = at;
  r.to = at;
  r.messages = 0;
  let words: DataView | undefined;
  while (checkFrame(b, at, end, facts, r)) {
    const first = at;
    at = r.next;
    r.to = at;
    r.messages++;
    if (readU32(b, first + GROUPS_COUNT_OFFSET) !== 1) continue;
    const length = at - first;
    if (end - at < length) continue;
    // Most clients send one kind of message: a head like the one before is as good as that was.
    words ??= new DataView(b.buffer, b.byteOffset, b.length);
    while (end - at >= length && sameHead(words, first, at)) {
      at += length;
      r.to = at;
      r.messages++;
    }
  }
}

/** One frame. True: it is whole, canonical and ends at `r.next`. False: `r` says why the run ends here. */
function checkFrame(b: Uint8Array, at: number, end: number, facts: SessionFacts, r: FrameCheck): boolean {
  r.needed = HEADER_BYTES;
  if (end - at < HEADER_BYTES) return stopAt(r, 'more', at);
  const little = (b[at]! & 0x80) !== 0;
  const groups = readWord(b, at + GROUPS_COUNT_OFFSET, little);
  if (groups > MAX_GROUPS) return invalid(r, 'groups', at);
  const data = readWord(b, at + DATA_LENGTH_OFFSET, little);
  if (NAME_BYTES * groups + data > facts.maxMessageBytes) return invalid(r, 'too-long', at);
  const service = (readWord(b, at, little) & ~ENDIAN_MARK) >>> 0;
  const fault = headerFault(b, at, service, groups, facts);
  if (fault !== undefined) return invalid(r, fault, at);
  r.needed = HEADER_BYTES + NAME_BYTES * groups + data;
  if (end - at < r.needed) return stopAt(r, 'more', at);
  r.next = at + r.needed;
  if ((service & Service.KILL) !== 0) return stopAt(r, 'kill', r.next);
  if ((service & Service.REGULAR) === 0) return checkMembership(b, at, service, groups, facts, r);
  if (groups === 0) return stopAt(r, 'dropped', r.next);
  const names = at + HEADER_BYTES;
  for (let name = names; name < names + NAME_BYTES * groups; name += NAME_BYTES)
    if (!closeName(b, name)) return invalid(r, 'unterminated', at);
  writeHeader(b, at, service & KEPT, groups, data, facts.sender);
  return true;
}

/** The rule that the header at `at` breaks, its lengths apart. */
function headerFault(
  b: Uint8Array,
  at: number,
  service: number,
  groups: number,
  facts: SessionFacts,
): FrameFault | undefined {
  if (!isOneBit(service & KINDS)) return 'service';
  if ((service & FORGED) !== 0) return 'forged';
  if ((readU32(b, at + HINT_OFFSET) & HINT_FOREIGN) !== 0) return 'hint';
  if (!isSender(b, at + SENDER_OFFSET, facts.sender)) return 'sender';
  if (groups === 0 && (service & Service.JOIN) !== 0) return 'no-group';
  return undefined;
}

/**
 * A JOIN or LEAVE keeps its first group and nothing else. With an illegal name, or one that starts with '#', nobody
 * could ever be reached by it: it is left out.
 */
function checkMembership(
  b: Uint8Array,
  at: number,
  service: number,
  groups: number,
  facts: SessionFacts,
  r: FrameCheck,
): boolean {
  const end = r.next;
  if (groups === 0 || !isGroupField(b, at + HEADER_BYTES)) return stopAt(r, 'dropped', end);
  writeHeader(b, at, service & (Service.JOIN | Service.LEAVE), 1, 0, facts.sender);
  closeName(b, at + HEADER_BYTES);
  const to = at + HEADER_BYTES + NAME_BYTES;
  if (to === end) return true;
  r.to = to;
  r.messages++;
  return stopAt(r, 'cut', end);
}

function writeHeader(b: Uint8Array, at: number, service: number, groups: number, data: number, own: Uint8Array): void {
  writeU32(b, at, (service | ENDIAN_MARK) >>> 0);
  for (let i = 0; i < NAME_BYTES; i++) b[at + SENDER_OFFSET + i] = own[i]!;
  writeU32(b, at + GROUPS_COUNT_OFFSET, groups);
  writeU32(b, at + DATA_LENGTH_OFFSET, data);
}

function stopAt(r: FrameCheck, stop: CheckStop, next: number): false {
  r.stop = stop;
  r.next = next;
  return false;
}

function invalid(r: FrameCheck, fault: FrameFault, at: number): false {
  r.fault = fault;
  return stopAt(r, 'invalid', at);
}
