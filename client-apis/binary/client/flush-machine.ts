// View synchrony on top of extended virtual synchrony, as the peer's flush library does it, so that its members and ours can
// be in one group (protocol as measured, section 14). A view is installed when all its members have said that they will
// send nothing more in the last one; so a message is delivered in the view in which it was sent. Pure.
//
//   flush ok    FIFO to the group, type -32768, body: id of the view to come (12)
//   flush recv  FIFO to the group, type -32767, body: id of the view installed (12)
//   vulnerable  as asked, type -32766, body: data | i16 type | id of the sender's view (12): sent while a change is under way
//   subgroup    with SUBGROUP_CAST, to private groups; the name of the group it belongs to (32) stands last in the body
import { NAME_BYTES, Service, readName, readU32, writeName, writeU32 } from '../../../core/wire/frame.js';
import type { Body } from './encoder.js';
import { ClientError } from './errors.js';
import {
  type GroupId,
  type Left,
  type Level,
  type Lost,
  type Message,
  type Reconnected,
  type Rejected,
  sameView,
  type SessionEvent,
  type Transitional,
  type View,
  viewText,
} from './events.js';

/** Somebody wants to change the view: say `flush` when nothing more is to be sent in the present one. */
export interface FlushRequest {
  readonly kind: 'flush-request';
  readonly group: string;
}

/** A view that all its members agreed to install. */
export interface SyncedView {
  readonly kind: 'view';
  readonly cause: View['cause'];
  readonly group: string;
  readonly id: GroupId;
  readonly members: readonly string[];
  readonly ownIndex: number;
  readonly changed: string | undefined;
  /** Who came with us from our last view, in its order: they have the same messages as we. */
  readonly together: readonly string[];
}

export type FlushEvent = Message | Rejected | SyncedView | FlushRequest | Transitional | Left | Lost | Reconnected;

export interface FlushOut {
  send(level: Level, groups: readonly string[], body: Body, type: number, bits: number): void;
  deliver(e: FlushEvent): void;
}

/** On the wire: the body ends with the name of a group. Told in the peer's headers. */
export const SUBGROUP_CAST = 0x40000000;
/** Types below belong to the layer. */
export const FLUSH_TYPE_MIN = -32_765;
const FLUSH_OK = -32_768;
const FLUSH_RECV = -32_767;
const VULNERABLE = -32_766;
const ID_BYTES = 12;
const TYPE_BYTES = 2;
/** A change heard of only by its flush oks is forgotten after so many further views. */
const AGE_MAX = 200;
/** Changes heard of at one time. */
const CHANGES_MAX = 1000;
/** Levels whose messages may be overtaken by a change: they say in which view they were sent. */
const WEAK: readonly Level[] = ['unreliable', 'reliable', 'fifo'];

interface Change {
  readonly key: string;
  view: { id: GroupId; members: readonly string[]; cause: View['cause']; changed: string | undefined } | undefined;
  /** Members of its view that have not left since. */
  current: Set<string>;
  readonly oks: Set<string>;
  age: number;
}

interface Installed {
  readonly id: GroupId | undefined;
  readonly members: readonly string[];
  readonly original: ReadonlySet<string>;
  current: Set<string>;
  transitionTold: boolean;
}

interface Group {
  readonly name: string;
  member: 'joining' | 'joined' | 'leaving';
  /** steady; a change was reported (authorize); the user agreed, flush oks come in; installed, flush recvs come in. */
  state: 'steady' | 'authorize' | 'agree' | 'verify';
  current: Change | undefined;
  queue: Change[];
  readonly table: Map<string, Change>;
  installed: Installed;
  /** The last view of the daemon. */
  last: readonly string[];
  recvs: number;
  postponed: Message[];
}

export class FlushMachine {
  private readonly groups = new Map<string, Group>();
  private readonly asked = new Set<string>();

  /** `self`: own private group, which may change with a new connection. */
  constructor(
    private readonly self: () => string,
    private readonly out: FlushOut,
  ) {}

  // --- calls of the user ---

  /** May this group be joined? Throws ILLEGAL_GROUP when it is dealt with already. */
  joining(group: string): void {
    if (this.asked.has(group)) throw new ClientError('ILLEGAL_GROUP', `${group} was joined already`);
    this.asked.add(group);
  }

  leaving(group: string): void {
    const g = this.groups.get(group);
    if (g?.member !== 'joined') throw new ClientError('ILLEGAL_GROUP', `${group} was not joined`);
    g.member = 'leaving';
  }

  /** Nothing more will be sent in the present view. Throws ILLEGAL_GROUP, ILLEGAL_STATE (nobody asked). */
  flush(group: string): void {
    const g = this.groups.get(group);
    if (!g || g.member === 'leaving') throw new ClientError('ILLEGAL_GROUP', `${group} was not joined`);
    if (g.state !== 'authorize' || !g.current)
      throw new ClientError('ILLEGAL_STATE', `no flush of ${group} was asked for`);
    g.state = 'agree';
    this.sayOk(g, g.current);
  }

  /** Would `flush` be heard? Not of a group that is being left: its other members no longer wait for us. */
  mayFlush(group: string): boolean {
    const g = this.groups.get(group);
    return g?.state === 'authorize' && g.member !== 'leaving';
  }

  /** To the whole group, or to some of its view (`receivers`), or to a private group by its name. */
  multicast(
    level: Level,
    group: string,
    data: readonly Uint8Array[],
    type: number,
    bits: number,
    receivers?: readonly string[],
  ): void {
    if (type < FLUSH_TYPE_MIN)
      throw new ClientError('ILLEGAL_MESSAGE_TYPE', `types below ${FLUSH_TYPE_MIN} are the layer's`);
    if (group.includes('#')) {
      this.out.send(level, [group], [...data, nameField(group)], type, bits | SUBGROUP_CAST);
      return;
    }
    const g = this.groups.get(group);
    if (g?.member !== 'joined') throw new ClientError('ILLEGAL_GROUP', `${group} was not joined`);
    if (g.state === 'agree')
      throw new ClientError('ILLEGAL_STATE', `nothing may be sent to ${group} until its next view`);
    const strange = receivers?.find((r) => !g.installed.original.has(r));
    if (strange !== undefined) throw new ClientError('ILLEGAL_RECEIVERS', `${strange} is not in the view of ${group}`);
    const vulnerable = g.state !== 'steady' && WEAK.includes(level) && g.installed.id !== undefined;
    const body = [...data];
    if (vulnerable) body.push(vulnerableTail(type, g.installed.id!));
    if (receivers) body.push(nameField(group));
    this.out.send(
      level,
      receivers ?? [group],
      body,
      vulnerable ? VULNERABLE : type,
      bits | (receivers ? SUBGROUP_CAST : 0),
    );
  }

  // --- what the session receives ---

  received(e: SessionEvent): void {
    switch (e.kind) {
      case 'view':
        this.viewed(e);
        return;
      case 'transitional':
        this.transition(this.groups.get(e.group), e.id);
        return;
      case 'left':
        this.groups.delete(e.group);
        this.asked.delete(e.group);
        this.out.deliver(e);
        return;
      case 'message':
        this.message(e);
        return;
      case 'lost':
        this.groups.clear();
        // What is joined again by itself; a group that was being left is not.
        this.asked.clear();
        for (const { group } of e.groups) this.asked.add(group);
        this.out.deliver(e);
        return;
      case 'rejected':
      case 'reconnected':
        this.out.deliver(e);
    }
  }

  /** State of a group, for tests and logs. */
  describe(group: string): string {
    const g = this.groups.get(group);
    return g ? `${g.member} ${g.state} queue ${g.queue.length} members ${g.installed.members.length}` : 'none';
  }

  // --- views of the daemon ---

  private viewed(e: View): void {
    const g = this.groups.get(e.group) ?? this.begin(e.group);
    const c = this.change(g, e.id);
    c.view = { id: e.id, members: e.members, cause: e.cause, changed: e.changed };
    c.current = new Set(e.members);
    const leavers = this.leavers(g, e);
    let shrunk = false;
    for (const l of leavers) if (g.installed.current.delete(l)) shrunk = true;
    this.forgetOld(g, c);
    this.collapse(g, leavers, c);
    const head = g.queue[0] ?? c;
    g.queue.push(c);
    g.last = e.members;
    if (head !== g.current) {
      g.postponed = [];
      this.next(g);
    }
    if (shrunk) this.transition(g, e.id);
  }

  private begin(name: string): Group {
    const alone = [this.self()];
    const installed = {
      id: undefined,
      members: alone,
      original: new Set(alone),
      current: new Set(alone),
      transitionTold: true,
    };
    const g: Group = {
      name,
      member: 'joining',
      state: 'agree',
      current: undefined,
      queue: [],
      table: new Map(),
      installed,
      last: alone,
      recvs: 0,
      postponed: [],
    };
    this.groups.set(name, g);
    this.asked.add(name);
    return g;
  }

  private change(g: Group, id: GroupId): Change {
    const key = viewText(id);
    let c = g.table.get(key);
    if (c === undefined && g.table.size >= CHANGES_MAX) this.forgetOldest(g);
    if (c === undefined) g.table.set(key, (c = { key, view: undefined, current: new Set(), oks: new Set(), age: 0 }));
    return c;
  }

  /** Of those without a view, which anybody can make up. */
  private forgetOldest(g: Group): void {
    for (const c of g.table.values())
      if (c.view === undefined) {
        g.table.delete(c.key);
        return;
      }
  }

  private leavers(g: Group, e: View): string[] {
    if (e.cause === 'join') return [];
    if (e.changed !== undefined) return [e.changed];
    return g.last.filter((m) => !e.together.includes(m));
  }

  private forgetOld(g: Group, present: Change): void {
    for (const c of g.table.values())
      if (c !== present && c.view === undefined && ++c.age > AGE_MAX) g.table.delete(c.key);
  }

  /** A change whose leaver never said its flush ok can never be installed: it melts into the one after it. */
  private collapse(g: Group, leavers: readonly string[], latest: Change): void {
    const kept: Change[] = [];
    let melted = false;
    for (const c of g.queue) {
      if (melted) {
        c.view!.cause = 'network';
        melted = false;
      }
      const missing = leavers.some((l) => c.current.has(l) && !c.oks.has(l));
      if (missing) {
        g.table.delete(c.key);
        melted = true;
        continue;
      }
      for (const l of leavers) c.current.delete(l);
      kept.push(c);
    }
    if (melted) latest.view!.cause = 'network';
    g.queue = kept;
  }

  private next(g: Group): void {
    g.current = g.queue[0];
    g.recvs = 0;
    if (!g.current) return;
    if (g.state === 'steady' || g.state === 'verify') {
      g.state = 'authorize';
      this.out.deliver({ kind: 'flush-request', group: g.name });
    } else if (g.state === 'agree') this.sayOk(g, g.current);
  }

  private transition(g: Group | undefined, id: GroupId): void {
    if (!g || g.installed.transitionTold) return;
    g.installed.transitionTold = true;
    this.out.deliver({ kind: 'transitional', group: g.name, id: g.installed.id ?? id });
  }

  // --- messages ---

  private message(m: Message): void {
    if (m.level === 'fifo' && m.data.length === ID_BYTES && (m.type === FLUSH_OK || m.type === FLUSH_RECV)) {
      const g = this.groups.get(m.groups[0] ?? '');
      const id = readId(m.data, 0, m.bigEndian);
      if (!g) return;
      if (m.type === FLUSH_OK) this.ok(g, id, m.sender);
      else this.recv(g, id);
      return;
    }
    const read = unwrap(m);
    if (read === undefined) return;
    const { message, group, sentIn } = read;
    if (group.includes('#')) {
      this.out.deliver(message);
      return;
    }
    const g = this.groups.get(group);
    if (!g) return;
    const early = g.state === 'agree' && sentIn !== undefined && sameView(sentIn, g.current?.view?.id);
    if (early && g.current!.current.has(m.sender)) g.postponed.push(message);
    else this.deliver(g, message);
  }

  private deliver(g: Group, m: Message): void {
    if (g.installed.current.has(m.sender)) this.out.deliver(m);
  }

  private ok(g: Group, id: GroupId, sender: string): void {
    const c = this.change(g, id);
    c.oks.add(sender);
    // Groups are open: anybody could say so, only members count.
    if (g.state === 'agree' && c === g.current && c.view?.members.every((m) => c.oks.has(m)) === true)
      this.install(g, c);
  }

  private install(g: Group, c: Change): void {
    const { id, members, cause, changed } = c.view!;
    const before = g.installed;
    const together = before.members.filter((m) => before.current.has(m) && members.includes(m));
    const ownIndex = members.indexOf(this.self());
    this.out.deliver({
      kind: 'view',
      cause,
      group: g.name,
      id,
      members,
      ownIndex,
      changed: cause === 'network' ? undefined : changed,
      together,
    });
    g.state = 'verify';
    if (g.member === 'joining') g.member = 'joined';
    g.installed = { id, members, original: new Set(members), current: c.current, transitionTold: false };
    g.queue = g.queue.filter((x) => x !== c);
    g.table.delete(c.key);
    if (g.queue.length === 0) {
      g.current = undefined;
      this.out.send('fifo', [g.name], [idBytes(id)], FLUSH_RECV, 0);
    } else this.next(g);
    if (g.installed.current.size < members.length) this.transition(g, id);
    const waiting = g.postponed;
    g.postponed = [];
    for (const m of waiting) this.deliver(g, m);
  }

  private recv(g: Group, id: GroupId): void {
    const installed = g.state === 'verify' && sameView(id, g.installed.id);
    const early = g.state === 'agree' && sameView(id, g.current?.view?.id);
    if (!installed && !early) return;
    g.recvs++;
    if (installed && g.recvs >= g.installed.members.length) g.state = 'steady';
  }

  private sayOk(g: Group, c: Change): void {
    this.out.send('fifo', [g.name], [idBytes(c.view!.id)], FLUSH_OK, 0);
  }
}

// --- bytes ---

function idBytes(id: GroupId): Uint8Array {
  const b = new Uint8Array(ID_BYTES);
  [id.number, id.time, id.index].forEach((n, i) => writeU32(b, 4 * i, n));
  return b;
}

function readId(b: Uint8Array, at: number, big: boolean): GroupId {
  const word = (i: number): number => {
    const o = at + 4 * i;
    return big ? ((b[o]! << 24) | (b[o + 1]! << 16) | (b[o + 2]! << 8) | b[o + 3]!) >>> 0 : readU32(b, o);
  };
  return { number: word(0), time: word(1), index: word(2) };
}

function nameField(name: string): Uint8Array {
  const b = new Uint8Array(NAME_BYTES);
  writeName(b, 0, name);
  return b;
}

function vulnerableTail(type: number, id: GroupId): Uint8Array {
  return Uint8Array.of(type & 0xff, (type >> 8) & 0xff, ...idBytes(id));
}

/** The message as its sender meant it; undefined: its tail is not all there. */
function unwrap(m: Message): { message: Message; group: string; sentIn: GroupId | undefined } | undefined {
  let { data, type, service, groups } = m;
  let group = groups[0] ?? '';
  let sentIn: GroupId | undefined;
  if ((service & SUBGROUP_CAST) !== 0) {
    if (data.length < NAME_BYTES) return undefined;
    group = readName(data, data.length - NAME_BYTES);
    data = data.subarray(0, data.length - NAME_BYTES);
    service &= ~SUBGROUP_CAST;
    groups = [...groups, group];
  }
  if (type === VULNERABLE) {
    const at = data.length - ID_BYTES - TYPE_BYTES;
    if (at < 0) return undefined;
    sentIn = readId(data, at + TYPE_BYTES, m.bigEndian);
    const [low, high] = m.bigEndian ? [data[at + 1]!, data[at]!] : [data[at]!, data[at + 1]!];
    type = (((high << 8) | low) << 16) >> 16;
    data = data.subarray(0, at);
  }
  return { message: { ...m, data, type, service, groups }, group, sentIn };
}

/** Bits a user of the layer may not set: those of membership, of the protocol, of the layer. */
export const FORBIDDEN_BITS = (0x20000000 | Service.MEMBERSHIP | 0x003fc000) >>> 0;
