// A random model of what the membership and recovery do to the group layer: configurations with one order each, cut at
// any place, also inside an exchange; members that never install what others installed; restarts. Judges what sessions
// receive by docs/design/groups.md 7: equal views for equal ids, sets that tell the truth, no silent loss.
import type { Bytes, ConfigurationId } from '../../core/machine/types.js';
import type { Notice } from './groups-world.js';
import { Daemon, configuration, join, kill, leave, message, readNotice } from './groups-world.js';

/** Deterministic numbers from a seed. */
export class Chance {
  #s: number;
  constructor(seed: number) {
    this.#s = seed >>> 0;
  }
  /** 0 .. n - 1 */
  below(n: number): number {
    this.#s = (this.#s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#s ^ (this.#s >>> 15), this.#s | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  }
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

interface Event {
  readonly from: Node;
  readonly kind: 'state' | 'frames';
  readonly bytes: Bytes;
}

/** One configuration: its members and its one order. */
class Order {
  readonly log: Event[] = [];
  constructor(
    readonly id: ConfigurationId,
    readonly members: readonly Node[],
  ) {}
}

/** What a session saw of one group since it entered it. */
interface Seen {
  view: Notice | undefined;
  messages: string[];
  signalled: boolean;
}

/** A client, its groups as its own daemon has delivered them, and what it saw. */
interface Client {
  readonly id: number;
  readonly name: string;
  readonly group: string;
  readonly inside: Set<string>;
  readonly seen: Map<string, Seen>;
  leaving: boolean;
}

/** What the survivors of a configuration deliver of it: before `boundary` regular, `rest` in the transitional one. */
interface Plan {
  readonly id: ConfigurationId;
  readonly boundary: number;
  readonly rest: readonly Event[];
}

/** One life of one daemon in the model. */
class Node {
  readonly daemon: Daemon;
  order: Order | undefined;
  delivered = 0;
  transitional = false;
  readonly clients: Client[] = [];

  constructor(
    readonly name: string,
    readonly place: number,
    incarnation: bigint,
  ) {
    this.daemon = new Daemon({ name, place, incarnation });
  }
}

const NAMES = ['alpha', 'beta', 'gamma', 'delta', 'eta'];
const GROUPS = ['g', 'h', 'k'];
const SESSIONS = ['x', 'y'];
const SMALL_PACK = 128;

export class Model {
  readonly nodes: Node[];
  readonly #views = new Map<string, string>();
  /** Per group, view and next view, per set: what was received between. */
  readonly #between = new Map<string, string>();
  #time = 0;
  #incarnation = 0n;
  #text = 0;
  /** How often the interesting things happened: a model that never does them proves nothing. */
  readonly counts = { views: 0, network: 0, transitions: 0, inside: 0, cutShort: 0, endedInside: 0, neverInstalled: 0 };

  constructor(
    readonly chance: Chance,
    size: number,
  ) {
    this.nodes = NAMES.slice(0, size).map((name, place) => this.#birth(name, place));
  }

  #birth(name: string, place: number): Node {
    const n = new Node(name, place, ++this.#incarnation);
    for (const s of SESSIONS) this.#connect(n, s);
    return n;
  }

  #connect(n: Node, name: string): void {
    const id = n.daemon.attach(name);
    const group = `#${name}#${n.name}`;
    n.clients.push({ id, name, group, inside: new Set(), seen: new Map(), leaving: false });
  }

  #id(): ConfigurationId {
    return { number: 9, time: ++this.#time };
  }

  /** One random step. */
  step(): void {
    const what = this.chance.below(20);
    if (what < 10) this.#speak(this.chance.pick(this.nodes));
    else if (what < 17) this.#listen(this.chance.pick(this.nodes));
    else if (what < 18 && this.chance.oneIn(4)) this.#restart(this.chance.below(this.nodes.length));
    else if (what >= 18) this.change();
  }

  /** A daemon's clients say something, if it may submit. */
  #speak(n: Node): void {
    if (n.order === undefined || n.daemon.machine.exchanging) return;
    const c = this.chance.pick(n.clients);
    if (c.leaving) return;
    const g = this.chance.pick(GROUPS);
    const what = this.chance.below(10);
    let bytes: Bytes;
    if (what < 4) bytes = message(c.group, this.chance.oneIn(3) ? GROUPS : [g], `m${++this.#text}`);
    else if (what < 7) bytes = join(c.group, g);
    else if (what < 9) bytes = leave(c.group, g);
    else {
      bytes = kill(c.group);
      c.leaving = true;
      n.daemon.machine.detach(c.id);
    }
    n.order.log.push({ from: n, kind: 'frames', bytes });
  }

  /** A daemon delivers some more of its configuration's order. */
  #listen(n: Node): void {
    if (n.order === undefined) return;
    const to = n.delivered + this.chance.below(n.order.log.length - n.delivered + 1);
    while (n.delivered < to) this.#deliver(n, n.order, n.order.log[n.delivered++]!);
  }

  #deliver(n: Node, order: Order, e: Event): void {
    const rank = order.members.indexOf(e.from);
    const was = n.daemon.machine.exchanging;
    if (e.kind === 'state') {
      if (!n.daemon.machine.state(rank, e.bytes)) throw new Error('an honest state message was refused');
    } else n.daemon.machine.frames(rank, e.bytes, 0, e.bytes.length);
    if (was && e.kind === 'frames') throw new Error('model: frames in an exchange');
    if (e.from === n && e.kind === 'frames') this.#followOwn(n, e.bytes);
    this.#judge(n);
  }

  /** What the own daemon has ordered for its client is the truth about that client. */
  #followOwn(n: Node, bytes: Bytes): void {
    const text = Buffer.from(bytes).toString('latin1');
    const c = n.clients.find((x) => text.startsWith(`${x.group}\0`, 4))!;
    const group = text.slice(48, text.indexOf('\0', 48));
    const service = bytes[2]!;
    if (service === 1) c.inside.add(group);
    else if (service === 2) {
      c.inside.delete(group);
      c.seen.delete(group);
    } else if (service === 4) {
      if (n.daemon.gone.pop() !== c.id) throw new Error('a disconnected session is gone');
      n.clients.splice(n.clients.indexOf(c), 1);
      this.#connect(n, c.name);
    }
  }

  #restart(i: number): void {
    const old = this.nodes[i]!;
    this.nodes[i] = this.#birth(old.name, old.place);
  }

  /** A random new partition of the daemons; every part goes through recovery into a configuration of its own. */
  change(parts = 1 + this.chance.below(3)): void {
    const component = this.nodes.map(() => this.chance.below(parts));
    for (let p = 0; p < parts; p++) {
      const members = this.nodes.filter((_, i) => component[i] === p);
      if (members.length > 0 && (parts === 1 || !this.chance.oneIn(3))) this.#form(members);
    }
  }

  #form(members: readonly Node[]): void {
    const order = new Order(this.#id(), members);
    const before = new Map<Order | undefined, Node[]>();
    for (const n of members) before.set(n.order, [...(before.get(n.order) ?? []), n]);
    for (const [old, survivors] of before) {
      const plan = old === undefined ? undefined : this.#plan(old, survivors);
      for (const n of survivors) {
        // Some never hear the commit: they stay where they are and will go another way.
        if (survivors.length > 1 && this.chance.oneIn(8)) this.counts.neverInstalled++;
        else this.#install(n, order, plan, old === undefined ? [] : survivors);
      }
    }
  }

  /** What the survivors deliver of their old order: regular up to `boundary`, then all to the gap, then own packs. */
  #plan(old: Order, survivors: readonly Node[]): Plan {
    const least = Math.max(...survivors.map((n) => n.delivered));
    const gap = least + this.chance.below(old.log.length - least + 1);
    const boundary = least + this.chance.below(gap - least + 1);
    const beyond = old.log.slice(gap).filter((e) => survivors.includes(e.from));
    return { id: this.#id(), boundary, rest: [...old.log.slice(boundary, gap), ...beyond] };
  }

  #install(n: Node, order: Order, plan: Plan | undefined, survivors: readonly Node[]): void {
    const { machine } = n.daemon;
    const old = n.order;
    const carried = survivors.map((s) => s.daemon.member);
    if (plan !== undefined && old !== undefined) {
      while (n.delivered < plan.boundary) this.#deliver(n, old, old.log[n.delivered++]!);
      const was = machine.exchanging;
      n.transitional = true;
      machine.transitional(plan.id, carried);
      this.#judge(n);
      for (const e of plan.rest) this.#deliver(n, old, e);
      if (machine.exchanging) this.counts.cutShort++;
      else if (was) this.counts.endedInside++;
    }
    n.order = order;
    n.transitional = false;
    n.delivered = 0;
    n.daemon.submitted = [];
    const members = order.members.map((m) => m.daemon.member);
    machine.regular(configuration(order.id, members, n.daemon.member, SMALL_PACK), carried);
    for (const bytes of n.daemon.submitted) order.log.push({ from: n, kind: 'state', bytes });
    if (machine.exchanging === (n.daemon.submitted.length === 0)) throw new Error('an exchange has messages');
    this.#judge(n);
  }

  /** Everybody together and everything delivered: all must agree, and with the truth. */
  settle(): void {
    do this.change(1);
    while (this.nodes.some((n) => n.order !== this.nodes[0]!.order));
    for (let round = 0; round < 2; round++) {
      for (const n of this.nodes)
        while (n.delivered < n.order!.log.length) this.#deliver(n, n.order!, n.order!.log[n.delivered++]!);
    }
    const truth = new Map<string, string[]>();
    for (const n of this.nodes) {
      if (n.daemon.machine.exchanging) throw new Error(`${n.name} does not end its exchange`);
      for (const c of [...n.clients].sort((a, b) => (a.name < b.name ? -1 : 1)))
        for (const g of c.inside) truth.set(g, [...(truth.get(g) ?? []), c.group]);
    }
    for (const n of this.nodes) {
      same(n.daemon.machine.groups(), [...truth.keys()].sort(), `groups at ${n.name}`);
      for (const [g, members] of truth) same(n.daemon.machine.members(g), members, `members of ${g} at ${n.name}`);
      if (n.daemon.machine.counts().ignored !== 0) throw new Error('honest frames were ignored');
      for (const c of n.clients)
        for (const [g, s] of c.seen)
          if (c.inside.has(g)) same(s.view!.members, truth.get(g)!, `last view of ${g} at ${c.group}`);
    }
  }

  /** Looks at what the clients of that daemon received. */
  #judge(n: Node): void {
    for (const c of n.clients) {
      for (const frame of n.daemon.take(c.id)) this.#judgeFrame(c, readNotice(frame));
    }
    if (n.transitional || n.daemon.machine.exchanging) return;
    const here = n.order!.members.map((m) => m.name);
    for (const g of n.daemon.machine.groups())
      for (const m of n.daemon.machine.members(g))
        if (!here.includes(m.split('#')[2]!)) throw new Error(`${m} of another configuration is in ${g} at ${n.name}`);
  }

  #judgeFrame(c: Client, f: Notice): void {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${c.group} received ${JSON.stringify(f)}`);
    };
    if (f.kind === 'message') {
      const to = f.members.filter((g) => c.seen.get(g)?.view !== undefined);
      if (to.length === 0) fail('a message for somebody else');
      for (const g of to) c.seen.get(g)!.messages.push(f.body);
      return;
    }
    if (f.kind === 'SELF-LEAVE') {
      c.seen.delete(f.group);
      return;
    }
    const s = c.seen.get(f.group) ?? { view: undefined, messages: [], signalled: false };
    if (f.kind === 'TRANSITION') {
      if (s.view?.id !== f.id) fail('TRANSITION names another view');
      s.signalled = true;
      this.counts.transitions++;
      return;
    }
    this.#judgeView(c, s, f, fail);
    c.seen.set(f.group, { view: f, messages: [], signalled: false });
  }

  #judgeView(c: Client, s: Seen, f: Notice, fail: (why: string) => never): void {
    this.counts.views++;
    const known = this.#views.get(`${f.group} ${f.id}`);
    const members = f.members.join();
    if (known !== undefined && known !== members) fail(`one id, two views (${known})`);
    this.#views.set(`${f.group} ${f.id}`, members);
    if (f.id === s.view?.id) fail('the same view again');
    if (!f.members.includes(c.group)) fail('a view without its receiver');
    if (new Set(f.members).size !== f.members.length) fail('a member twice');
    if (f.kind !== 'NETWORK') {
      if (s.view !== undefined && s.signalled) fail('a plain view after TRANSITION');
      this.#compare(s, f, '');
      return;
    }
    this.counts.network++;
    if (f.sets.flat().sort().join() !== [...f.members].sort().join()) fail('the sets do not partition the view');
    const own = f.sets[f.own] ?? fail('no own set');
    if (!own.includes(c.group)) fail('the own set is another');
    if (s.view === undefined) {
      this.counts.inside++;
      if (own.length !== 1 || f.own !== f.sets.length - 1) fail('a joiner is alone in the last set');
      return;
    }
    const before = s.view.members;
    if (own.some((m) => !before.includes(m))) fail('a set with somebody who was not in the view before');
    if (!s.signalled && before.some((m) => !own.includes(m))) fail('a loss without TRANSITION');
    if (!s.signalled && own.length === f.members.length) fail('a view without need');
    this.#compare(s, f, own.join());
  }

  /** Those who go together from view to view received the same between. */
  #compare(s: Seen, f: Notice, set: string): void {
    if (s.view === undefined) return;
    const key = [f.group, f.id, set].join(' ');
    const path = `${s.view.id}: ${s.messages.join()}`;
    const other = this.#between.get(key);
    if (other !== undefined && other !== path) throw new Error(`one set, two pasts of ${key}: ${other} / ${path}`);
    this.#between.set(key, path);
  }
}

function same(a: readonly string[], b: readonly string[], what: string): void {
  if (a.join() !== b.join()) throw new Error(`${what}: ${a.join()} instead of ${b.join()}`);
}
