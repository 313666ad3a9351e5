// State messages of the group exchange: a daemon's own members of every group (docs/design/groups.md, 5). Numbers are
// little-endian. Everything read is hostile until checked; what is kept is bounded by the bytes of the message.
//
//   0  u8  version, 1     1  u8 flags: 1 last message of this daemon, 2 it has a tag     2  u16 0
//   4  u32 number, u32 time of the configuration      12  u32 number, u32 time of the tag (0, 0 without one)
//   20 entries to the end, each:
//      u8 flags: 1 changed | u8 length, group name | u32 number, u32 time, u32 index of the group's id
//      u32 members of the group in the announcer's state, all daemons | u16 n >= 1 | n x (u8 length, private name)
//   The names of an entry rise bytewise.
import type { Bytes, ConfigurationId } from '../types.js';
import { readU32, writeU32 } from '../../wire/frame.js';
import { isGroupName, isPrivateName } from '../../wire/name.js';
import type { GroupId } from './notice.js';

const VERSION = 1;
const LAST = 1;
const TAGGED = 2;
const CHANGED = 1;
const HEAD_BYTES = 20;
/** Entry head without the group's name. */
const ENTRY_BYTES = 2 + 12 + 4 + 2;
const MAX_NAMES_PER_ENTRY = 0xffff;

/** Largest state message, bytes; `maxPackBytes` of the configuration may be less. */
export const MAX_STATE_BYTES = 60_000;
/** A message must hold at least one entry with the longest names. */
export const MIN_STATE_BYTES = 128;

/** What one daemon says of one group. */
export interface Announced {
  readonly group: string;
  readonly id: GroupId;
  readonly changed: boolean;
  /** Members of the group in the announcer's state, those of other daemons included. */
  readonly total: number;
  /** Private names of the announcer's own members, rising. */
  readonly names: readonly string[];
}

export interface StateMessage {
  readonly configuration: ConfigurationId;
  readonly tag: ConfigurationId | undefined;
  readonly last: boolean;
  readonly entries: readonly Announced[];
}

/** The messages of one daemon, each at most `limit` bytes, at least one; the last is marked. */
export function encodeState(
  configuration: ConfigurationId,
  tag: ConfigurationId | undefined,
  entries: Iterable<Announced>,
  limit: number,
): Bytes[] {
  const writer = new StateWriter(configuration, tag, Math.max(limit, MIN_STATE_BYTES));
  for (const entry of entries) writer.entry(entry);
  return writer.end();
}

class StateWriter {
  readonly #messages: Bytes[] = [];
  readonly #b: Bytes;
  #at = HEAD_BYTES;

  constructor(configuration: ConfigurationId, tag: ConfigurationId | undefined, limit: number) {
    this.#b = new Uint8Array(limit);
    this.#b[0] = VERSION;
    this.#b[1] = tag === undefined ? 0 : TAGGED;
    writeU32(this.#b, 4, configuration.number);
    writeU32(this.#b, 8, configuration.time);
    writeU32(this.#b, 12, tag?.number ?? 0);
    writeU32(this.#b, 16, tag?.time ?? 0);
  }

  entry(e: Announced): void {
    const head = ENTRY_BYTES + e.group.length;
    for (let next = 0; next < e.names.length;) {
      if (this.#at + head + 1 + e.names[next]!.length > this.#b.length) this.#close();
      const counted = this.#entryHead(e);
      let n = 0;
      while (next < e.names.length && n < MAX_NAMES_PER_ENTRY) {
        const name = e.names[next]!;
        if (this.#at + 1 + name.length > this.#b.length) break;
        this.#name(name);
        next++;
        n++;
      }
      this.#b[counted] = n & 0xff;
      this.#b[counted + 1] = n >>> 8;
    }
  }

  end(): Bytes[] {
    this.#b[1] = this.#b[1]! | LAST;
    this.#close();
    return this.#messages;
  }

  /** Returns where the number of names is to be written. */
  #entryHead(e: Announced): number {
    this.#b[this.#at++] = e.changed ? CHANGED : 0;
    this.#name(e.group);
    for (const word of [e.id.number, e.id.time, e.id.index, e.total]) {
      writeU32(this.#b, this.#at, word);
      this.#at += 4;
    }
    this.#at += 2;
    return this.#at - 2;
  }

  #name(name: string): void {
    this.#b[this.#at++] = name.length;
    for (let i = 0; i < name.length; i++) this.#b[this.#at++] = name.charCodeAt(i);
  }

  #close(): void {
    this.#messages.push(this.#b.slice(0, this.#at));
    this.#at = HEAD_BYTES;
  }
}

/** Undefined: malformed. */
export function decodeState(b: Bytes): StateMessage | undefined {
  if (b.length < HEAD_BYTES || b[0] !== VERSION || b[2] !== 0 || b[3] !== 0) return undefined;
  const flags = b[1]!;
  if ((flags & ~(LAST | TAGGED)) !== 0) return undefined;
  const tagged = (flags & TAGGED) !== 0;
  const tag = { number: readU32(b, 12), time: readU32(b, 16) };
  if (!tagged && (tag.number !== 0 || tag.time !== 0)) return undefined;
  const entries = new StateReader(b, HEAD_BYTES).entries();
  if (entries === undefined) return undefined;
  const last = (flags & LAST) !== 0;
  // Members without a last view cannot be; an empty message that is not the last would cost nothing to repeat.
  if (entries.length > 0 ? !tagged : !last) return undefined;
  const configuration = { number: readU32(b, 4), time: readU32(b, 8) };
  return { configuration, tag: tagged ? tag : undefined, last, entries };
}

class StateReader {
  constructor(
    readonly b: Bytes,
    public at: number,
  ) {}

  entries(): Announced[] | undefined {
    const out: Announced[] = [];
    while (this.at < this.b.length) {
      const e = this.#entry();
      if (e === undefined) return undefined;
      out.push(e);
    }
    return out;
  }

  #entry(): Announced | undefined {
    const flags = this.b[this.at++]!;
    if ((flags & ~CHANGED) !== 0) return undefined;
    const group = this.#name();
    if (group === undefined || !isGroupName(group)) return undefined;
    if (this.at + ENTRY_BYTES - 2 > this.b.length) return undefined;
    const [number, time, index, total] = [this.#word(), this.#word(), this.#word(), this.#word()];
    const n = this.b[this.at]! | (this.b[this.at + 1]! << 8);
    this.at += 2;
    if (n === 0 || n > total) return undefined;
    const names = this.#names(n);
    if (names === undefined) return undefined;
    return { group, id: { number, time, index }, changed: flags !== 0, total, names };
  }

  #names(n: number): string[] | undefined {
    const names: string[] = [];
    for (let i = 0; i < n; i++) {
      const name = this.#name();
      if (name === undefined || !isPrivateName(name)) return undefined;
      if (i > 0 && !(names[i - 1]! < name)) return undefined;
      names.push(name);
    }
    return names;
  }

  #word(): number {
    this.at += 4;
    return readU32(this.b, this.at - 4);
  }

  #name(): string | undefined {
    const n = this.b[this.at++];
    if (n === undefined || this.at + n > this.b.length) return undefined;
    let s = '';
    for (const end = this.at + n; this.at < end; this.at++) s += String.fromCharCode(this.b[this.at]!);
    return s;
  }
}
