// The path of messages: walks the frames of a pack and hands runs of them to the local sessions they go to
// (docs/design/groups.md, 8; design rules of the hot path: docs/design/architecture.md). No object and no string is
// made per message; joins, leaves and disconnects are handed to the caller between two runs.
import type { Bytes } from '../types.js';
import {
  DATA_LENGTH_OFFSET,
  GROUPS_COUNT_OFFSET,
  HEADER_BYTES,
  MAX_GROUPS,
  NAME_BYTES,
  SENDER_OFFSET,
  Service,
  readU32,
} from '../../wire/frame.js';
import type { GroupsOut } from './contract.js';
import type { NameTable } from './names.js';
import { isPrivateGroupOf, sameName } from './names.js';
import type { LocalSession, Target } from './sessions.js';

const CONTROL = Service.JOIN | Service.LEAVE | Service.KILL;
/** Bits that no frame between daemons has: membership, internal ones, REJECT. */
const FOREIGN = 0x0078ff00;

/** A daemon whose frames are walked. */
export interface FrameSender {
  readonly place: number;
  /** Its name and a NUL. */
  readonly suffix: Bytes;
  readonly own: boolean;
}

/** A JOIN, LEAVE or KILL: the frame is at `at`, its sender field checked. */
export type ControlFrame = (sender: FrameSender, service: number, bytes: Bytes, at: number) => void;

export class Router {
  /** Frames that no honest daemon sends, or that came when none may come. */
  ignored = 0;
  readonly #lastKey = new Uint8Array(NAME_BYTES);
  #last: Target | undefined;
  #lastVersion = -1;
  readonly #nobody: LocalSession[] = [];
  /** The run: its recipients, where it began, its frames. */
  #to: LocalSession[] = this.#nobody;
  #from = 0;
  #messages = 0;
  /** For recipients that are no group's list; the other one may be those of the run. */
  #scratch: LocalSession[] = [];
  #spare: LocalSession[] = [];
  #epoch = 0;

  constructor(
    readonly table: NameTable<Target>,
    readonly out: GroupsOut,
    readonly control: ControlFrame,
  ) {}

  /** The whole frames in [from, to). A frame that does not fit ends the walk. */
  route(sender: FrameSender, bytes: Bytes, from: number, to: number): void {
    let at = from;
    while (to - at >= HEADER_BYTES) {
      const service = readU32(bytes, at);
      const groups = readU32(bytes, at + GROUPS_COUNT_OFFSET);
      const end = at + HEADER_BYTES + NAME_BYTES * groups + readU32(bytes, at + DATA_LENGTH_OFFSET);
      if (groups > MAX_GROUPS || end > to) break;
      if ((service & FOREIGN) !== 0 || !isPrivateGroupOf(bytes, at + SENDER_OFFSET, sender.suffix)) {
        this.#flush(bytes, at);
        this.ignored++;
      } else if ((service & CONTROL) !== 0) {
        this.#flush(bytes, at);
        this.control(sender, service, bytes, at);
      } else {
        this.#extend(this.#recipients(sender, service, groups, bytes, at), bytes, at);
      }
      at = end;
    }
    this.#flush(bytes, at);
    if (at !== to) this.ignored++;
  }

  /** The frame at `at` goes to `list`: part of the run or the first of the next. */
  #extend(list: LocalSession[], bytes: Bytes, at: number): void {
    if (list !== this.#to && !sameSessions(list, this.#to)) {
      this.#flush(bytes, at);
      this.#from = at;
      this.#to = list;
      if (list === this.#scratch) {
        this.#scratch = this.#spare;
        this.#spare = list;
      }
    }
    this.#messages++;
  }

  /** Delivers the run that ends before `end`. */
  #flush(bytes: Bytes, end: number): void {
    const list = this.#to;
    const messages = this.#messages;
    this.#to = this.#nobody;
    this.#messages = 0;
    if (list.length === 0 || messages === 0) return;
    const run = end - this.#from === bytes.length ? bytes : bytes.subarray(this.#from, end);
    for (const s of list) if (!s.detached) this.out.deliver(s.id, run, messages);
  }

  #recipients(sender: FrameSender, service: number, groups: number, bytes: Bytes, at: number): LocalSession[] {
    const discard = sender.own && (service & Service.SELF_DISCARD) !== 0;
    if (groups === 1 && !discard) return this.#find(bytes, at + HEADER_BYTES)?.local ?? this.#nobody;
    const epoch = ++this.#epoch;
    const list = this.#scratch;
    list.length = 0;
    if (discard) {
      const self = this.table.get(bytes, at + SENDER_OFFSET)?.local[0];
      if (self !== undefined) self.mark = epoch;
    }
    for (let i = 0; i < groups; i++) {
      const target = this.table.get(bytes, at + HEADER_BYTES + NAME_BYTES * i);
      if (target === undefined) continue;
      for (const s of target.local) {
        if (s.mark === epoch) continue;
        s.mark = epoch;
        list.push(s);
      }
    }
    return list;
  }

  /** Compares with the last name first. */
  #find(bytes: Bytes, at: number): Target | undefined {
    if (this.#lastVersion === this.table.version && sameName(this.#lastKey, 0, bytes, at)) return this.#last;
    for (let i = 0; i < NAME_BYTES; i++) this.#lastKey[i] = bytes[at + i]!;
    this.#lastVersion = this.table.version;
    return (this.#last = this.table.get(bytes, at));
  }
}

function sameSessions(a: readonly LocalSession[], b: readonly LocalSession[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
