// State transfer on joins and merges, for applications that replicate a state by ordered messages. Pure. After each view
// that brings members of different pasts together everybody says of which past it is (`here`), one for all that come from
// a whole view; the first member of each past sends its state; when all are there, all merge the same states at the same
// place of the order, and go on. Rules R1 to R7 of docs/design/state-transfer.md.
//
// A *past* is a text that is equal for exactly those members that have delivered the same messages: the last view in which
// the state was whole, and, while it is not, each view and set since (virtual synchrony: who goes together from one view
// to the next has delivered the same). A joiner has none, `fresh`. What is said while states are exchanged waits, but not where the only state is.
import { ByteReader, ByteWriter } from '../../../core/wire/bytes.js';
import type { Message, SessionEvent, View } from './events.js';
import { viewText } from './events.js';

/** The application's state. Every call is deterministic: the same at all members of the group. */
export interface Replica {
  /** The whole state as bytes. */
  snapshot(): Uint8Array;
  /**
   * From now on the state is what these make together: one snapshot for each past, in the order of their first members
   * in the view. None: nobody has a state yet, it begins. One: load it. Several: the sides of a partition come together.
   */
  merge(snapshots: readonly Uint8Array[]): void;
  /** A message of the application, in its place in the order. */
  apply(m: Message): void;
}

export interface StateOut {
  /** To the group, in agreed order. */
  send(type: number, body: Uint8Array): void;
  /** The state is whole in this view; until the next `incomplete` everything is applied as it comes. */
  complete(view: View): void;
  incomplete(view: View): void;
}

/** Message types of the exchange; an application in the same group takes others. */
export const HERE_TYPE = -31_001;
export const STATE_TYPE = -31_002;
/** Bytes of a snapshot in one message. */
const PART_BYTES = 100_000;
/** A snapshot that claims more is not believed. */
const SNAPSHOT_MAX_BYTES = 1024 * 1024 * 1024;
const FRESH = 'fresh';

interface Incoming {
  readonly parts: Uint8Array[];
  readonly total: number;
  got: number;
}

interface Exchange {
  readonly view: View;
  /** Past of each member that said it. */
  readonly pasts: Map<string, string>;
  /** Snapshots by their senders. */
  readonly states: Map<string, Incoming>;
  /** First members of each past but the fresh one, in the order of the view; once all have said theirs. */
  speakers: readonly string[] | undefined;
  /** The only state is ours: nothing need wait. */
  open: boolean;
}

export class StateMachine {
  private past = FRESH;
  /** A view came since we were out of the group. */
  private inside = false;
  private exchange: Exchange | undefined;
  private waiting: Message[] = [];

  constructor(
    private readonly group: string,
    private readonly self: () => string,
    private readonly replica: Replica,
    private readonly out: StateOut,
  ) {}

  /** Is the state whole, so that what is said is applied as it comes? */
  get complete(): boolean {
    return this.inside && this.exchange === undefined;
  }

  received(e: SessionEvent): void {
    if (e.kind === 'view' && e.group === this.group) this.viewed(e);
    else if (e.kind === 'message' && e.groups.includes(this.group)) this.message(e);
    else if (e.kind === 'lost' || (e.kind === 'left' && e.group === this.group)) this.forget();
  }

  /** We are out of the group. Our state stays, as a past of our own: whoever comes back has missed something. */
  private forget(): void {
    this.settle();
    this.inside = false;
    this.exchange = undefined;
    if (this.past !== FRESH) this.past = `${this.self()} after ${this.past}`;
  }

  private viewed(v: View): void {
    const wasWhole = this.complete;
    this.settle();
    this.inside = true;
    const alone = v.members.length === 1;
    const parted = v.cause === 'network' ? v.sets.length > 1 : v.cause === 'join';
    if (alone || (wasWhole && !parted)) {
      const fresh = this.past === FRESH;
      this.exchange = undefined;
      this.past = viewText(v.id);
      if (fresh) this.replica.merge([]);
      this.out.complete(v);
      return;
    }
    const joined = v.cause === 'join' && v.changed === this.self();
    if (this.past !== FRESH && !joined)
      this.past = `${this.past}>${viewText(v.id)}/${v.cause === 'network' ? v.localSet : 0}`;
    this.exchange = { view: v, pasts: new Map(), states: new Map(), speakers: undefined, open: false };
    this.out.incomplete(v);
    // R2: who comes from a whole view lets the first of its set speak for all.
    if (wasWhole && setOf(v, this.self())[0] !== this.self()) return;
    const head = new ByteWriter().bytes(idOf(v)).u8(wasWhole ? 1 : 0);
    this.out.send(HERE_TYPE, head.bytes(encode(this.past)).finish());
  }

  /** The exchange is cut short: what waited belongs to our past. Who has no state has nothing to apply it to. */
  private settle(): void {
    const all = this.waiting;
    this.waiting = [];
    if (this.past !== FRESH) for (const m of all) this.replica.apply(m);
  }

  private message(m: Message): void {
    if (m.type === HERE_TYPE || m.type === STATE_TYPE) {
      const x = this.exchange;
      if (!x || !startsWith(m.data, idOf(x.view)) || !x.view.members.includes(m.sender)) return;
      const body = m.data.subarray(ID_BYTES);
      if (m.type === HERE_TYPE) this.here(x, m.sender, body);
      else this.state(x, m.sender, body);
    } else if (this.exchange && !this.exchange.open) this.waiting.push(m);
    else if (this.inside) this.replica.apply(m);
  }

  private here(x: Exchange, sender: string, body: Uint8Array): void {
    if (body.length < 1 || x.speakers) return;
    const past = decode(body.subarray(1));
    for (const m of body[0] === 1 ? setOf(x.view, sender) : [sender]) x.pasts.set(m, past);
    if (x.pasts.size < x.view.members.length) return;
    const seen = new Set<string>([FRESH]);
    x.speakers = x.view.members.filter((m) => {
      const p = x.pasts.get(m)!;
      return !seen.has(p) && seen.add(p);
    });
    if (x.speakers.includes(this.self())) this.speak(x);
    x.open = x.speakers.length === 1 && x.pasts.get(x.speakers[0]!) === this.past;
    // R4: our state has been read where it had to be; it may go on.
    if (x.open) this.settle();
    this.finish(x);
  }

  private speak(x: Exchange): void {
    const whole = this.replica.snapshot();
    for (let at = 0; at === 0 || at < whole.length; at += PART_BYTES) {
      const part = whole.subarray(at, at + PART_BYTES);
      this.out.send(
        STATE_TYPE,
        new ByteWriter(part.length + 32).bytes(idOf(x.view)).u32(whole.length).u32(at).bytes(part).finish(),
      );
    }
  }

  private state(x: Exchange, sender: string, body: Uint8Array): void {
    const r = new ByteReader(body);
    const total = r.u32();
    const at = r.u32();
    const part = r.rest();
    if (!r.ok || total > SNAPSHOT_MAX_BYTES) return;
    let s = x.states.get(sender);
    if (s === undefined) x.states.set(sender, (s = { parts: [], total, got: 0 }));
    if (s.total !== total || s.got !== at || at + part.length > total) return;
    s.parts.push(part);
    s.got += part.length;
    this.finish(x);
  }

  /** All states are there, at the same place of the order for everybody. */
  private finish(x: Exchange): void {
    if (!x.speakers) return;
    const states = x.speakers.map((m) => x.states.get(m));
    if (states.some((s) => s === undefined || s.got < s.total)) return;
    const all = this.waiting;
    this.waiting = [];
    this.exchange = undefined;
    const mine = this.past;
    this.past = viewText(x.view.id);
    // Of one past, and that ours: the state is what it was.
    const single = x.speakers.length === 1 && x.pasts.get(x.speakers[0]!) === mine;
    if (!single) this.replica.merge(states.map((s) => concat(s!)));
    this.out.complete(x.view);
    for (const m of all) this.replica.apply(m);
  }
}

const ID_BYTES = 12;

/** Who came to this view together with that member, in the order of the view. */
function setOf(v: View, member: string): readonly string[] {
  const set =
    v.cause === 'network'
      ? (v.sets.find((s) => s.includes(member)) ?? [member])
      : v.members.filter((m) => v.cause !== 'join' || m !== v.changed);
  return set.includes(member) ? v.members.filter((m) => set.includes(m)) : [member];
}

function idOf(v: View): Uint8Array {
  return new ByteWriter(ID_BYTES).u32(v.id.number).u32(v.id.time).u32(v.id.index).finish();
}

function startsWith(b: Uint8Array, head: Uint8Array): boolean {
  return b.length >= head.length && head.every((x, i) => b[i] === x);
}

function encode(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

function decode(b: Uint8Array): string {
  let s = '';
  for (const c of b) s += String.fromCharCode(c);
  return s;
}

function concat({ parts, total }: Incoming): Uint8Array {
  const whole = new Uint8Array(total);
  let at = 0;
  for (const p of parts) {
    whole.set(p, at);
    at += p.length;
  }
  return whole;
}
