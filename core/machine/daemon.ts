// The daemon's machine: one link, and over it order, delivery, groups; beside it membership and recovery. This file only
// wires them: which machine gets which message, and in which order things happen at a change of the configuration.
// Pure; the driver and the simulator run it unchanged. Design: docs/design/architecture.md.
import { ChurnMap } from './churn-map.js';
import { Delivery } from './delivery/delivery.js';
import {
  Envelope,
  ENVELOPE_BYTES,
  Kind,
  readEnvelope,
  sameId,
  sealed,
  writeEnvelope,
  type Transmitter,
} from './envelope.js';
import { Flow } from './flow/flow.js';
import { cut, Fragments } from './fragments/fragments.js';
import type { GroupsMachine } from './groups/contract.js';
import { createGroups } from './groups/index.js';
import { Membership, MembershipTimer, type Proposal } from './membership/membership.js';
import { CHANGES_KEPT, DEFAULT_PACK_BYTES, LARGEST_MESSAGE_BYTES, LEAVE_LIMIT_MS, LEAVE_LINGER_MS } from './options.js';
import { LinkOrder } from './order/link-order.js';
import type { Order } from './order/order.js';
import { TurnOrder } from './order/turn-order.js';
import { Outbox } from './outbox/outbox.js';
import type { Birth, ChangeRecord, DaemonMachine, DaemonPorts, DaemonStatus } from './ports.js';
import type { Plan, Report } from './recovery/plan.js';
import { decodeProposal, Recovery } from './recovery/recovery.js';
import { REPAIR_HEAD_BYTES } from './recovery/repair.js';
import type { Bytes, Configuration, ConfigurationId, Evidence, LinkUp, Member, Packing, Plane } from './types.js';
import { buildFrame, HEADER_BYTES, MAX_GROUPS, NAME_BYTES, Service } from '../wire/frame.js';

/** Timer keys: one space for all machines. */
const RECOVERY_TIMER = 16;
const FLOW_TIMER = 17;
const LEAVE_TIMER = 18;
const LINK_TIMERS = 1000;

/** Builds the machine of one life of one daemon. */
export function createDaemon(birth: Birth, ports: DaemonPorts): DaemonMachine {
  return new Daemon(birth, ports);
}

interface OwnSession {
  readonly name: string;
  /** It ever asked to join a group. */
  asksToJoin: boolean;
}

class Daemon implements DaemonMachine {
  readonly #self: Transmitter;
  readonly #name: string;
  readonly #membership: Membership;
  readonly #recovery: Recovery;
  readonly #delivery: Delivery;
  readonly #order: Order;
  readonly #groups: GroupsMachine;
  readonly #outbox: Outbox;
  readonly #flow: Flow;
  readonly #envelope = new Envelope();
  readonly #fragments = new Fragments();
  /** What a send has besides the pack, at the most. */
  readonly #headBytes: number;
  readonly #ownPackBytes: number;
  /** What packs of the present configuration are made for: room of one send, and how. */
  #room = 0;
  #packing: Packing;
  readonly #sessions = new ChurnMap<number, OwnSession>();
  readonly #changes: ChangeRecord[] = [];
  readonly #counters: Record<string, number> = {};
  readonly #linkUp: LinkUp;
  #configuration: Configuration | undefined = undefined;
  /** That of all data in the present configuration. */
  readonly #dataEnvelope = new Uint8Array(ENVELOPE_BYTES);
  /** Rank by place in the present configuration, -1: no member. */
  #rankOf: number[] = [];
  /** A proposal was accepted since the configuration began: nothing is numbered or accepted for it any more. */
  #frozen = true;
  #now = 0;
  #leaving: (() => void) | undefined = undefined;
  #leaveBy = 0;
  #told = false;

  constructor(
    private readonly birth: Birth,
    private readonly ports: DaemonPorts,
  ) {
    const { list, self, listHash, incarnation, medium, link, options } = birth;
    this.#self = { place: self, listHash, incarnation };
    this.#name = list[self]!.name;
    this.#headBytes = ENVELOPE_BYTES + Math.max(link.overheadBytes, REPAIR_HEAD_BYTES);
    this.#ownPackBytes = Math.min(options.packBytes || DEFAULT_PACK_BYTES, medium.maxBytes - this.#headBytes);
    this.#packing = this.#packingFor(this.#ownPackBytes);
    this.#membership = new Membership(list, self, incarnation, birth.idNumber, options.silenceLimitMs, {
      send: (to, kind, body) => this.#control(to, kind, this.#configuration?.id, body),
      sever: (peer) => ports.sever(peer),
      reach: (peers) => ports.reach(peers),
      setTimer: (key, ms) => ports.setTimer(key, ms),
      abandon: () => this.#recovery.abandon(),
      propose: (p) => this.#propose(p),
      event: (e) => ports.event(e),
    });
    const maxFrameBytes = HEADER_BYTES + NAME_BYTES * MAX_GROUPS + LARGEST_MESSAGE_BYTES;
    this.#delivery = new Delivery(maxFrameBytes, {
      frames: (sender, bytes, from, to) => this.#groups.frames(sender, bytes, from, to),
      state: (sender, bytes) => this.#groups.state(sender, bytes),
      dropped: (what) => this.#dropped(-1, what),
      release: (bytes) => ports.release(bytes),
    });
    this.#recovery = new Recovery(self, this.#delivery.log, {
      send: (to, kind, id, head, body) => this.#control(to, kind, id, head, body),
      setTimer: (ms) => ports.setTimer(RECOVERY_TIMER, ms),
      report: () => this.#report(),
      completed: (plan) => this.#delivery.completed(plan),
      commit: (p, plan) => this.#install(p, plan),
      stuck: (why) => this.#membership.stuck(why),
    });
    this.#outbox = new Outbox(ports, this.#packing);
    const parts = {
      link,
      outbox: this.#outbox,
      delivery: this.#delivery,
      exchanging: () => this.#groups.exchanging,
      dropped: (what: string) => this.#dropped(-1, what),
    };
    this.#order = link.totalOrder ? new LinkOrder(parts) : new TurnOrder(parts);
    this.#flow = new Flow(options.backlogBytes, {
      tell: (closed) => this.#control('all', Kind.flow, this.#configuration?.id, new Uint8Array([closed ? 1 : 0])),
      reading: (open) => ports.reading(open),
      setTimer: (ms) => ports.setTimer(FLOW_TIMER, ms),
    });
    this.#groups = createGroups(this.#name, {
      deliver: (session, frames, messages) => ports.deliver(session, frames, messages),
      gone: (session) => ports.gone(session),
      submitState: (messages) => this.#outbox.addState(messages),
      exchanged: () => undefined,
    });
    this.#linkUp = this.#makeLinkUp();
  }

  // --- events ---

  at(nowMs: number, wallSeconds: number): void {
    this.#now = nowMs;
    this.#membership.at(nowMs, wallSeconds);
    this.#recovery.at(nowMs);
    this.#flow.at(nowMs);
  }

  start(): void {
    this.#membership.start();
  }

  received(from: number, plane: Plane, bytes: Bytes): void {
    const e = this.#envelope;
    const reason = readEnvelope(bytes, this.#self.listHash, this.birth.list.length, e);
    if (reason !== undefined) return this.#dropped(from, reason);
    if (from >= 0 && from !== e.place) return this.#dropped(from, 'speaks for another daemon');
    const { kind, place, incarnation, bodyAt } = e;
    if (!this.#membership.heard(place, incarnation)) return this.#count(`ignored ${plane} of another life`);
    if (kind !== Kind.fragment) return this.#message(bytes, e);
    const whole = this.#fragments.received(place, bytes.subarray(bodyAt));
    if (whole === undefined) return;
    if (whole === 'malformed') return this.#dropped(place, 'malformed fragment');
    const wrong = readEnvelope(whole, this.#self.listHash, this.birth.list.length, e);
    // A piece can stand only for a control message of who sent it.
    const ours = wrong === undefined && e.place === place && e.incarnation === incarnation;
    if (!ours || e.kind === Kind.fragment || e.kind === Kind.data) return this.#dropped(place, 'malformed fragment');
    this.#message(whole, e);
  }

  #message(bytes: Bytes, { kind, place, incarnation, number, time, bodyAt }: Envelope): void {
    if (kind === Kind.beat) return this.#membership.beaten();
    const body = bytes.subarray(bodyAt);
    const id = { number, time };
    switch (kind) {
      case Kind.data:
        return this.#data(place, incarnation, id, body);
      case Kind.row:
        return this.#taken(place, this.#membership.receiveRow(place, body), 'malformed row');
      case Kind.propose:
        return this.#proposed(place, id, body);
      case Kind.refuse:
        return this.#refused(place, id, body);
      case Kind.flow:
        if (this.#rankOf[place]! >= 0) this.#flow.told(place, body[0] === 1);
        return;
      default:
        return this.#taken(place, this.#recovery.received(place, kind, id, body), 'malformed recovery message');
    }
  }

  writable(to: number | 'all'): void {
    if (this.#frozen) return;
    const rank = to === 'all' ? 'all' : this.#rankOf[to]!;
    if (rank !== -1) this.birth.link.writable(rank);
  }

  up(peer: number): void {
    this.#membership.reachable();
    const rank = this.#rankOf[peer] ?? -1;
    if (rank >= 0 && !this.#frozen) this.birth.link.reconnected(rank);
  }

  down(peer: number, why: Evidence): void {
    this.#count(`down ${why.kind}`);
    this.#membership.down(peer, why);
  }

  timer(key: number): void {
    if (key >= LINK_TIMERS) {
      if (!this.#frozen) this.birth.link.timer(key - LINK_TIMERS);
    } else if (key === RECOVERY_TIMER) this.#recovery.timer();
    else if (key === FLOW_TIMER) this.#flow.timer();
    else if (key === LEAVE_TIMER) this.#leaveTimer();
    else this.#membership.timer(key as MembershipTimer);
  }

  flush(): void {
    this.#membership.flush();
    if (!this.#frozen) {
      if (this.#roomBytes() !== this.#room) this.#outbox.limit(this.#fit());
      this.#order.pump();
      this.#flow.backlog(this.#outbox.bytes);
      this.birth.link.flush();
    }
    if (this.#leaving && !this.#told && this.#quiet()) this.#tellLeave();
  }

  // --- sessions ---

  open(session: number, name: string, membership: boolean): void {
    this.#sessions.set(session, { name, asksToJoin: false });
    this.#groups.attach(session, name, membership);
  }

  nameInUse(name: string): boolean {
    return this.#groups.nameInUse(name);
  }

  submit(session: number, frames: Bytes, lasting = false): void {
    const s = this.#sessions.get(session);
    if (s === undefined) return;
    if ((this.#outbox.add(frames, lasting) & Service.JOIN) !== 0) s.asksToJoin = true;
    this.#flow.backlog(this.#outbox.bytes);
  }

  close(session: number): void {
    const s = this.#sessions.get(session);
    if (s === undefined) return;
    this.#sessions.delete(session);
    this.#flow.congested(session, false);
    // To order an end that concerns nobody cost a third of a connection.
    if (!s.asksToJoin) return this.#groups.forget(session);
    this.#groups.detach(session);
    const sender = `#${s.name}#${this.#name}`;
    this.#outbox.add(buildFrame({ service: Service.KILL, sender, groups: [sender] }));
  }

  congested(session: number, on: boolean): void {
    if (this.#sessions.has(session)) this.#flow.congested(session, on);
  }

  // --- leaving, status ---

  leave(left: () => void): void {
    if (this.#leaving) return;
    this.#leaving = left;
    this.#leaveBy = this.#now + LEAVE_LIMIT_MS;
    this.ports.reading(false);
    this.ports.setTimer(LEAVE_TIMER, LEAVE_LIMIT_MS);
  }

  /** Is everything that local clients said known to everybody? */
  #quiet(): boolean {
    const { log } = this.#delivery;
    const said = this.#outbox.bytes === 0 && this.#order.waiting === 0 && log.stableTo >= log.highest;
    return !this.#configuration || said || this.#now >= this.#leaveBy;
  }

  #tellLeave(): void {
    this.#told = true;
    this.#membership.leave();
    this.ports.setTimer(LEAVE_TIMER, LEAVE_LINGER_MS);
  }

  #leaveTimer(): void {
    if (!this.#told) return this.#tellLeave();
    const left = this.#leaving;
    left?.();
  }

  status(): DaemonStatus {
    const m = this.#membership;
    const { sessions, groups } = this.#groups.counts();
    const peers = m.peers
      .filter((p) => p.place !== this.#self.place)
      .map((p) => ({
        name: p.name,
        heardMsAgo: p.everHeard ? this.#now - p.heardAt : -1,
        hearsUs: p.row?.entries.get(this.#self.place)?.hears === true,
        heldUntilMs: p.heldUntil > this.#now ? p.heldUntil : -1,
      }));
    return {
      state: this.#leaving && m.state !== 'stopped' ? 'leaving' : m.state,
      configuration: this.#configuration,
      round: m.round,
      changes: this.#changes,
      peers,
      sessions,
      groups,
      counters: {
        ...this.#counters,
        'backlog bytes': this.#outbox.bytes + this.#order.waitingBytes,
        'log packs': this.#delivery.log.size,
        'log bytes': this.#delivery.log.bytes,
        'delivered position': this.#delivery.log.deliveredTo,
        'stable position': this.#delivery.log.stableTo,
      },
    };
  }

  describe(): string {
    const link = this.#configuration ? this.birth.link.describe() : '-';
    return [
      this.#membership.describe(),
      `recovery ${this.#recovery.describe()}`,
      this.#order.describe(),
      `delivery ${this.#delivery.describe()}`,
      `flow ${this.#flow.describe()}`,
      `groups ${this.#groups.describe()}`,
      `link ${link}${this.#frozen ? ' frozen' : ''}`,
    ].join('\n');
  }

  // --- the link ---

  #makeLinkUp(): LinkUp {
    const { ports } = this;
    return {
      accepted: (sender, index, pack) => this.#order.accepted(sender, index, pack),
      release: (bytes, count) => ports.release(bytes, count),
      stable: (upTo) => this.#order.stable(upTo),
      window: (bytes) => this.#order.window(bytes),
      suspect: (rank, why) => this.#membership.suspect(this.#configuration!.members[rank]!.place, why),
      send: (to, plane, head, body) => {
        const framed = new Uint8Array(ENVELOPE_BYTES + head.length);
        framed.set(this.#dataEnvelope);
        framed.set(head, ENVELOPE_BYTES);
        const place = to === 'all' ? 'all' : this.#configuration!.members[to]!.place;
        this.#membership.sent(place);
        return ports.send(place, plane, framed, body);
      },
      setTimer: (key, ms) => ports.setTimer(LINK_TIMERS + key, ms),
      now: () => this.#now,
      roomBytes: () => this.#roomBytes(),
    };
  }

  #data(place: number, incarnation: bigint, id: ConfigurationId, body: Bytes): void {
    if (sameId(id, this.#recovery.accepted)) this.#recovery.implied();
    const c = this.#configuration;
    if (this.#frozen || !c || !sameId(id, c.id)) return this.#count('data of another configuration');
    const rank = this.#rankOf[place]!;
    if (rank < 0 || c.members[rank]!.incarnation !== incarnation) return this.#dropped(place, 'data of a stranger');
    this.ports.release(body, ENVELOPE_BYTES);
    this.birth.link.received(rank, body);
  }

  // --- change of the configuration ---

  #propose(p: Proposal): void {
    const refusal = this.#membership.accept(p);
    if (refusal === undefined) this.#begin(p, this.#self.place);
    else this.#membership.raise(`own proposal refused: ${refusal}`);
  }

  #proposed(place: number, id: ConfigurationId, body: Bytes): void {
    if (this.#recovery.again(id)) return;
    const p = decodeProposal(id, body, this.birth.list.length);
    if (!p || id.time === 0) return this.#dropped(place, 'malformed proposal');
    if (sameId(id, this.#configuration?.id)) return;
    const refusal = this.#membership.accept(p);
    if (refusal === undefined) return this.#begin(p, place);
    this.ports.event({ kind: 'refused', peer: this.birth.list[place]!.name, detail: refusal });
    this.#control(place, Kind.refuse, id, this.#membership.rowBytes());
  }

  #refused(place: number, id: ConfigurationId, body: Bytes): void {
    if (!this.#membership.receiveRow(place, body)) return this.#dropped(place, 'malformed row');
    if (sameId(id, this.#recovery.accepted))
      this.#membership.raise(`proposal refused by ${this.birth.list[place]!.name}`);
  }

  /** From here on nothing is accepted for the old configuration but by repair. */
  #begin(p: Proposal, leader: number): void {
    if (this.#configuration && !this.#frozen) this.#order.freeze();
    this.#frozen = true;
    if (leader !== this.#self.place) this.#membership.causes.push(`proposed by ${this.birth.list[leader]!.name}`);
    this.#recovery.begin(p, leader);
  }

  #report(): Report {
    const c = this.#configuration;
    const { log, promised } = this.#delivery;
    const old = c && { id: c.id, rank: c.self, stable: log.stableTo, promised, ranges: log.ranges() };
    return { maxPackBytes: this.#ownPackBytes, highestTime: this.#membership.highestTime, old };
  }

  /** Delivers the rest of the old configuration as the plan says, then begins the new one. */
  #install(p: Proposal, plan: Plan): void {
    const before = this.#configuration;
    const rank = p.members.findIndex((m) => m.place === this.#self.place);
    const together = plan.olds.find((o) => sameId(o.id, before?.id))?.together ?? [];
    const survivors = before ? before.members.filter((m) => together.includes(m.place)) : [];
    if (before) {
      // Ids of transitional configurations come from the proposal's: its time has room for one per member below it.
      const first = p.members.findIndex((m) => m.place === together[0]);
      const id = { number: p.id.number, time: p.id.time - p.members.length + first };
      this.#delivery.finish(() => {
        this.ports.event({ kind: 'transitional', from: before.id, survivors });
        this.#groups.transitional(id, survivors);
      });
    }
    const members: Member[] = p.members.map((m) => ({ ...m, name: this.birth.list[m.place]!.name }));
    const c: Configuration = { id: p.id, members, self: rank, maxPackBytes: plan.maxPackBytes };
    this.#configuration = c;
    writeEnvelope(this.#dataEnvelope, this.#self, Kind.data, c.id);
    this.#rankOf = this.birth.list.map((d) => members.findIndex((m) => m.place === d.place));
    this.#frozen = false;
    this.#delivery.install();
    this.#fragments.clear();
    this.#outbox.restart(this.#fit(), this.#order.takeUnsent());
    this.#order.install(c);
    this.#record(before, c);
    this.#membership.installed(c);
    this.birth.link.install(c, this.#linkUp);
    this.#groups.regular({ ...c, maxPackBytes: this.#packing.bytes }, survivors);
  }

  #record(before: Configuration | undefined, c: Configuration): void {
    const members = c.members.map((m) => m.name);
    const record = { atMs: this.#now, from: before?.id, to: c.id, members, why: [...this.#membership.causes] };
    this.#changes.push(record);
    if (this.#changes.length > CHANGES_KEPT) this.#changes.shift();
    this.ports.event({ kind: 'installed', configuration: c, record });
  }

  // --- sending, counting ---

  #control(to: number | 'all', kind: Kind, id: ConfigurationId | undefined, head?: Bytes, body?: Bytes): boolean {
    this.#membership.sent(to);
    const { ports } = this;
    const message = sealed(this.#self, kind, id, head);
    const fits = this.#fitBytes();
    if (message.length + (body?.length ?? 0) <= fits) return ports.send(to, 'control', message, body);
    this.#count('fragmented');
    return cut(message, body, fits - ENVELOPE_BYTES).every((piece) =>
      ports.send(to, 'control', sealed(this.#self, Kind.fragment, id, piece.head), piece.bytes),
    );
  }

  /** What one send may have so that it gets through well. */
  #fitBytes(): number {
    const { maxBytes, fitBytes = maxBytes } = this.birth.medium;
    return Math.min(maxBytes, fitBytes);
  }

  /** What one send to a member may have beside the heads, and gets through well. */
  #roomBytes(): number {
    return Math.min(this.#configuration!.maxPackBytes, this.#fitBytes() - this.#headBytes);
  }

  /** How packs of the present configuration are made for what now gets through. */
  #fit(): Packing {
    this.#room = this.#roomBytes();
    return (this.#packing = this.#packingFor(this.#room));
  }

  #packingFor(roomBytes: number): Packing {
    const { bytes, compact } = this.birth.link.packing?.(roomBytes) ?? { bytes: roomBytes, compact: false };
    return { bytes: Math.min(bytes, this.birth.options.packBytes || bytes), compact };
  }

  #taken(place: number, ok: boolean, what: string): void {
    if (!ok) this.#dropped(place, what);
  }

  #dropped(peer: number, what: string): void {
    this.#count(`dropped: ${what}`);
    this.ports.event({ kind: 'dropped', peer, what });
  }

  #count(what: string): void {
    this.#counters[what] = (this.#counters[what] ?? 0) + 1;
  }
}
