// From the bytes of a connection to events. Pure; memory follows the bytes that really came. Headers may have either byte
// order, as daemons on other machines write them (protocol, section 3).
import { readEvents } from '../../../core/wire/event.js';
import {
  DATA_LENGTH_OFFSET,
  ENDIAN_MARK,
  GROUPS_COUNT_OFFSET,
  HEADER_BYTES,
  HINT_OFFSET,
  NAME_BYTES,
  SENDER_OFFSET,
  Service,
  readName,
  readU32,
  writeU32,
} from '../../../core/wire/frame.js';
import { PartialFrame } from '../../../core/wire/partial.js';
import { isView, LOCAL_SET_OFFSET, SETS_COUNT_OFFSET, SETS_OFFSET } from '../../../core/wire/view.js';
import { ClientError } from './errors.js';
import { LEVELS, type Level, type SessionEvent, type View } from './events.js';

/** More destinations than any daemon takes, as long as the bytes are there. */
const GROUPS_MAX = 1_000_000;
const REJECT_EXTRA_BYTES = 4;
const LEVEL_NAMES = new Map<number, Level>(Object.entries(LEVELS).map(([name, bit]) => [bit, name as Level]));

function swapU32(b: Uint8Array, at: number): void {
  const [w, x, y, z] = [b[at]!, b[at + 1]!, b[at + 2]!, b[at + 3]!];
  b[at] = z;
  b[at + 1] = y;
  b[at + 2] = x;
  b[at + 3] = w;
}

export class EventReader {
  private readonly partial = new PartialFrame();

  /** `maxBytes`: a frame that claims more is a fault of the other side. `self`: our private group. */
  constructor(
    private readonly self: string,
    private readonly maxBytes: number,
  ) {}

  /** Is the rest of a frame awaited? */
  get torn(): boolean {
    return this.partial.length > 0;
  }

  /** Events of this chunk, in order. The chunk is given away. Throws ILLEGAL_MESSAGE. */
  push(chunk: Uint8Array): SessionEvent[] {
    const events: SessionEvent[] = [];
    let at = 0;
    while (this.partial.length > 0 && at < chunk.length) {
      const needed = this.partial.length < HEADER_BYTES ? HEADER_BYTES : this.frameBytes(this.partial.bytes, 0);
      at = this.partial.fill(chunk, at, chunk.length, needed);
      if (this.partial.length < HEADER_BYTES || this.partial.length < this.frameBytes(this.partial.bytes, 0)) continue;
      // The buffer is used again for the next frame; what is handed up is not.
      this.event(new Uint8Array(this.partial.bytes), events);
      this.partial.clear();
    }
    while (chunk.length - at >= HEADER_BYTES) {
      const bytes = this.frameBytes(chunk, at);
      if (chunk.length - at < bytes) break;
      this.event(chunk.subarray(at, at + bytes), events);
      at += bytes;
    }
    if (at < chunk.length) this.partial.fill(chunk, at, chunk.length, Math.max(HEADER_BYTES, chunk.length - at));
    return events;
  }

  private frameBytes(b: Uint8Array, at: number): number {
    const little = (b[at]! & 0x80) !== 0;
    const word = (offset: number): number => {
      const v = readU32(b, at + offset);
      return little ? v : (((v & 0xff) << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24)) >>> 0;
    };
    const groups = word(GROUPS_COUNT_OFFSET);
    const data = word(DATA_LENGTH_OFFSET);
    const extra = (word(0) & Service.REJECT) !== 0 ? REJECT_EXTRA_BYTES : 0;
    const total = HEADER_BYTES + extra + NAME_BYTES * groups + data;
    if (groups > GROUPS_MAX || data > this.maxBytes || total > this.maxBytes)
      throw new ClientError('ILLEGAL_MESSAGE', `a frame of ${groups} groups and ${data} bytes`);
    return total;
  }

  private event(frame: Uint8Array, into: SessionEvent[]): void {
    const f = (frame[0]! & 0x80) !== 0 ? frame : littleEndian(frame);
    const service = (readU32(f, 0) & ~ENDIAN_MARK) >>> 0;
    if ((service & Service.REJECT) !== 0) {
      into.push(rejected(f));
      return;
    }
    const [e] = readEvents(f) ?? [];
    if (e === undefined)
      throw new ClientError('ILLEGAL_MESSAGE', `a frame of service ${service.toString(16)} that means nothing`);
    if (e.kind === 'message') into.push({ ...e, level: levelOf(e.service) });
    else if (e.kind === 'view') into.push(this.view(e));
    else into.push(e);
  }

  private view(e: Omit<View, 'ownIndex' | 'changed' | 'together'>): View {
    const ownIndex = e.members.indexOf(this.self);
    const changed = e.cause === 'network' ? undefined : e.sets[0]?.[0];
    const together =
      e.cause === 'network' ? (e.sets[e.localSet] ?? []) : e.members.filter((m) => e.cause !== 'join' || m !== changed);
    return { ...e, ownIndex, changed, together };
  }
}

function levelOf(service: number): Level {
  return LEVEL_NAMES.get(service & Service.REGULAR) ?? 'reliable';
}

/** A frame the daemon gave back: the original service stands behind the header. */
function rejected(f: Uint8Array): SessionEvent {
  const service = (readU32(f, HEADER_BYTES) & ~ENDIAN_MARK) >>> 0;
  const count = readU32(f, GROUPS_COUNT_OFFSET);
  const from = HEADER_BYTES + REJECT_EXTRA_BYTES;
  const groups = Array.from({ length: count }, (_, i) => readName(f, from + NAME_BYTES * i));
  const bigEndian = (f[HINT_OFFSET]! & 0x80) === 0;
  const [high, low] = bigEndian
    ? [f[HINT_OFFSET + 1]!, f[HINT_OFFSET + 2]!]
    : [f[HINT_OFFSET + 2]!, f[HINT_OFFSET + 1]!];
  const type = (((high << 8) | low) << 16) >> 16;
  const data = f.subarray(from + NAME_BYTES * count);
  return {
    kind: 'rejected',
    level: levelOf(service),
    service,
    sender: readName(f, SENDER_OFFSET),
    groups,
    type,
    bigEndian,
    data,
  };
}

/** A copy with every number of the header, and of a membership body, little-endian; the hint is untouched. */
function littleEndian(frame: Uint8Array): Uint8Array {
  const f = new Uint8Array(frame);
  for (const at of [0, GROUPS_COUNT_OFFSET, DATA_LENGTH_OFFSET]) swapU32(f, at);
  const service = readU32(f, 0);
  writeU32(f, 0, (service | ENDIAN_MARK) >>> 0);
  if ((service & Service.REJECT) !== 0) {
    swapU32(f, HEADER_BYTES);
    return f;
  }
  const body = HEADER_BYTES + NAME_BYTES * readU32(f, GROUPS_COUNT_OFFSET);
  const ids = isView(service) || (service & Service.TRANSITION) !== 0;
  if (ids) for (let at = body; at < Math.min(body + SETS_COUNT_OFFSET, f.length - 3); at += 4) swapU32(f, at);
  if (!isView(service) || f.length < body + SETS_OFFSET) return f;
  swapU32(f, body + SETS_COUNT_OFFSET);
  swapU32(f, body + LOCAL_SET_OFFSET);
  for (
    let at = body + SETS_OFFSET, left = readU32(f, body + SETS_COUNT_OFFSET);
    left > 0 && at + 4 <= f.length;
    left--
  ) {
    swapU32(f, at);
    at += 4 + NAME_BYTES * readU32(f, at);
  }
  return f;
}
