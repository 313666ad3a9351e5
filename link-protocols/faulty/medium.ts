// The faulty medium: another medium, made worse by a rule that may change at run time. Chances and delays concern what
// comes in; a cut is a matter of direction. Rules: README.md.
import type {
  Address,
  Bytes,
  Clock,
  Evidence,
  Identity,
  Medium,
  MediumUp,
  Plane,
  TimerHandle,
  Timers,
} from 'peal/plugin';
import { PealError } from 'peal/plugin';
import { FAULTY_ERRORS } from './errors.js';
import { Line } from './line.js';
import type { Rule } from './rule.js';
import { Dice, NO_FAULTS, changed, ruleText } from './rule.js';

/** On a stream a lost message comes later by what a retransmission takes, in ms. */
const RETRANSMIT_MS = 200;
/** A reordered datagram is later by up to this, in ms. */
const REORDER_MS = 20;
/** Bytes that one line holds: incoming beyond it break the pair, outgoing are refused. */
const LINE_LIMIT_BYTES = 4 * 1024 * 1024;
/** Datagrams that are late at one time; more are lost. */
const MAX_LATE = 10_000;

const PLANES: readonly Plane[] = ['control', 'data'];

export interface FaultyPorts {
  readonly timers: Timers;
  readonly clock: Clock;
}

/** Changes what goes wrong while the daemon runs. */
export interface Faults {
  /** Changes the parts of the rule that are named. Throws a coded error for a daemon that is not in the list. */
  set(change: Partial<Rule>): void;
  /** Nothing goes wrong any more; what is held passes. */
  clear(): void;
  describe(): string;
}

interface Peer {
  readonly place: number;
  /** Streams: the pair is up in the medium below. */
  up: boolean;
  /** Streams: it was reported up. */
  told: boolean;
  /** Streams: it broke below during a cut that hides it. */
  hidden: Evidence | undefined;
  /** A send was refused here, not below. */
  refused: boolean;
  readonly incoming: Readonly<Record<Plane, Line>>;
  readonly outgoing: Readonly<Record<Plane, Line>>;
}

export class FaultyMedium implements Medium {
  readonly maxBytes: number;
  readonly stream: boolean;
  readonly faults: Faults;
  readonly #inner: Medium;
  readonly #ports: FaultyPorts;
  readonly #dice: Dice;
  readonly #names = new Map<number, string>();
  readonly #peers = new Map<number, Peer>();
  readonly #late = new Set<TimerHandle>();
  #wanted: readonly number[] = [];
  #up: MediumUp | undefined;
  #rule: Rule = NO_FAULTS;
  #settling: TimerHandle | undefined;
  #lost = 0;
  #doubled = 0;
  #delayed = 0;
  #broken = 0;

  /** `list` is the canonical daemon list, `seed` is not 0. Throws a coded error for names that are not in the list. */
  constructor(inner: Medium, rule: Rule, seed: number, list: readonly Address[], ports: FaultyPorts) {
    this.#inner = inner;
    this.maxBytes = inner.maxBytes;
    this.stream = inner.stream;
    this.#ports = ports;
    this.#dice = new Dice(seed);
    for (const a of list) this.#names.set(a.place, a.name);
    this.#rule = this.#checked(rule);
    this.faults = {
      set: (change) => this.tune(change),
      clear: () => this.tune(NO_FAULTS as unknown as Record<string, unknown>),
      describe: () => ruleText(this.#rule),
    };
  }

  get fitBytes(): number {
    return this.#inner.fitBytes ?? this.maxBytes;
  }

  open(self: Identity, up: MediumUp): Promise<void> {
    this.#up = up;
    return this.#inner.open(self, this.#events(up));
  }

  peers(all: readonly Address[]): void {
    for (const a of all) this.#names.set(a.place, a.name);
    const wanted = all.map((a) => a.place);
    // The medium below severs these, and says nothing about it.
    for (const place of this.#wanted) if (!wanted.includes(place)) this.#forget(place);
    this.#wanted = wanted;
    this.#inner.peers(all);
  }

  send(to: number | 'all', plane: Plane, head: Bytes, body?: Bytes): boolean {
    if (to !== 'all') return this.#sendTo(to, plane, head, body);
    if (this.#wanted.every((place) => this.#clear(place, plane))) return this.#inner.send('all', plane, head, body);
    let everybody = true;
    for (const place of this.#wanted) everybody = this.#sendTo(place, plane, head, body) && everybody;
    return everybody;
  }

  flush(): void {
    this.#inner.flush?.();
  }

  sever(peer: number): void {
    this.#forget(peer);
    this.#inner.sever(peer);
  }

  close(): Promise<void> {
    for (const timer of this.#late) this.#ports.timers.cancel(timer);
    this.#late.clear();
    if (this.#settling !== undefined) this.#ports.timers.cancel(this.#settling);
    for (const peer of this.#peers.values()) clearLines(peer);
    this.#up = undefined;
    return this.#inner.close();
  }

  describe(): Record<string, string | number | boolean> {
    let held = 0;
    for (const p of this.#peers.values())
      for (const plane of PLANES) held += p.incoming[plane].bytes + p.outgoing[plane].bytes;
    return {
      ...this.#inner.describe(),
      faults: ruleText(this.#rule),
      faults_seed: this.#dice.seed,
      faults_lost: this.#lost,
      faults_doubled: this.#doubled,
      faults_delayed: this.#delayed,
      faults_broken: this.#broken,
      faults_held_bytes: held,
    };
  }

  tune(changes: Readonly<Record<string, unknown>>): void {
    this.#rule = this.#checked(changed(this.#rule, changes));
    this.#settleSoon();
  }

  // Events of the medium below --------------------------------------------------------------------------------------

  #events(up: MediumUp): MediumUp {
    return {
      received: (from, plane, bytes) => {
        if (from < 0) up.received(from, plane, bytes);
        else if (this.stream) this.#receivedOnStream(this.#peer(from), plane, bytes);
        else this.#receivedDatagram(from, plane, bytes);
      },
      writable: (to) => {
        for (const peer of this.#peers.values()) if (to === 'all' || peer.place === to) this.#drainOut(peer);
        up.writable(to);
      },
      up: (place) => {
        if (this.stream) {
          this.#peer(place).up = true;
          this.#settle(this.#peer(place));
        } else if (!this.#isCut(place)) up.up(place);
      },
      down: (place, why) => {
        if (this.stream) {
          const peer = this.#peer(place);
          peer.up = false;
          clearLines(peer);
          this.#tellDown(peer, why);
        } else if (!this.#isIn(this.#rule.cutFrom, place)) up.down(place, why);
      },
      flush: () => up.flush(),
      noise: (place, what) => up.noise(place, what),
    };
  }

  // -----------------------------------------------------------------------------------------------------------------

  #isIn(names: readonly string[], place: number): boolean {
    return names.length > 0 && names.includes(this.#names.get(place) ?? '');
  }

  #isCut(place: number): boolean {
    return this.#isIn(this.#rule.cutFrom, place) || this.#isIn(this.#rule.cutTo, place);
  }

  #checked(rule: Rule): Rule {
    const known = [...this.#names.values()];
    for (const name of [...rule.cutTo, ...rule.cutFrom, ...rule.only])
      if (!known.includes(name)) throw PealError.of(FAULTY_ERRORS.NO_SUCH_DAEMON, { name, known: known.join(', ') });
    return rule;
  }

  #peer(place: number): Peer {
    let peer = this.#peers.get(place);
    if (peer !== undefined) return peer;
    const incoming = (plane: Plane): Line =>
      new Line(
        this.#ports,
        () => !this.#hears(place),
        (bytes) => {
          this.#up?.received(place, plane, bytes);
          return true;
        },
        () => this.#up?.flush(),
      );
    const outgoing = (plane: Plane): Line =>
      new Line(
        this.#ports,
        () => this.#isIn(this.#rule.cutTo, place),
        (bytes) => this.#inner.send(place, plane, bytes),
        () => this.#inner.flush?.(),
      );
    peer = {
      place,
      up: false,
      told: false,
      hidden: undefined,
      refused: false,
      incoming: { control: incoming('control'), data: incoming('data') },
      outgoing: { control: outgoing('control'), data: outgoing('data') },
    };
    this.#peers.set(place, peer);
    return peer;
  }

  /** Streams: may messages of that peer be handed up now? */
  #hears(place: number): boolean {
    const peer = this.#peers.get(place);
    return peer?.told === true && peer.hidden === undefined && !this.#isIn(this.#rule.cutFrom, place);
  }

  /** May a message to that peer go straight into the medium below? */
  #clear(place: number, plane: Plane): boolean {
    if (this.#isIn(this.#rule.cutTo, place)) return false;
    if (!this.stream) return true;
    const peer = this.#peer(place);
    return peer.told && peer.hidden === undefined && peer.outgoing[plane].empty;
  }

  #sendTo(place: number, plane: Plane, head: Bytes, body: Bytes | undefined): boolean {
    if (this.#clear(place, plane)) return this.#inner.send(place, plane, head, body);
    if (!this.stream) {
      this.#lost++;
      return true;
    }
    const peer = this.#peer(place);
    // As for any peer that is not connected.
    if (!peer.told || peer.hidden !== undefined) return true;
    const bytes = joined(head, body);
    if (peer.outgoing[plane].bytes + bytes.length > LINE_LIMIT_BYTES) {
      peer.refused = true;
      return false;
    }
    peer.outgoing[plane].push(bytes, 0);
    return true;
  }

  #concerns(place: number): boolean {
    return this.#rule.only.length === 0 || this.#isIn(this.#rule.only, place);
  }

  #receivedDatagram(from: number, plane: Plane, bytes: Bytes): void {
    const { cutFrom, lossPercent, doublePercent } = this.#rule;
    const concerned = this.#concerns(from);
    if (this.#isIn(cutFrom, from) || (concerned && this.#dice.chance(lossPercent))) {
      this.#lost++;
      return;
    }
    this.#passLater(from, plane, bytes, concerned);
    if (!concerned || !this.#dice.chance(doublePercent)) return;
    this.#doubled++;
    this.#passLater(from, plane, bytes, concerned);
  }

  #passLater(from: number, plane: Plane, bytes: Bytes, concerned: boolean): void {
    let ms = concerned ? this.#delay() : 0;
    if (concerned && this.#dice.chance(this.#rule.reorderPercent)) ms += this.#dice.real() * REORDER_MS;
    if (ms === 0) {
      this.#up?.received(from, plane, bytes);
      return;
    }
    if (this.#late.size >= MAX_LATE) {
      this.#lost++;
      return;
    }
    this.#delayed++;
    const timer = this.#ports.timers.set(ms, () => {
      this.#late.delete(timer);
      if (this.#isIn(this.#rule.cutFrom, from)) return;
      this.#up?.received(from, plane, bytes);
      this.#up?.flush();
    });
    this.#late.add(timer);
  }

  #delay(): number {
    const { delayMs, jitterMs } = this.#rule;
    return delayMs + (jitterMs > 0 ? this.#dice.real() * jitterMs : 0);
  }

  #receivedOnStream(peer: Peer, plane: Plane, bytes: Bytes): void {
    const line = peer.incoming[plane];
    let ms = 0;
    if (this.#concerns(peer.place)) {
      ms = this.#delay();
      if (this.#dice.chance(this.#rule.lossPercent)) {
        this.#lost++;
        ms += RETRANSMIT_MS;
      }
    }
    if (ms === 0 && line.empty && this.#hears(peer.place)) {
      this.#up?.received(peer.place, plane, bytes);
      return;
    }
    if (line.bytes + bytes.length > LINE_LIMIT_BYTES) {
      this.#break(peer);
      return;
    }
    if (ms > 0) this.#delayed++;
    line.push(bytes, ms);
  }

  /** More is held than can be: the connection breaks, as it would when nobody reads it. */
  #break(peer: Peer): void {
    this.#broken++;
    clearLines(peer);
    peer.up = false;
    this.#inner.sever(peer.place);
    this.#tellDown(peer, { kind: 'lost', detail: 'too much was held back by a fault' });
  }

  #tellDown(peer: Peer, why: Evidence): void {
    peer.refused = false;
    if (this.#isIn(this.#rule.cutFrom, peer.place)) {
      // Who cannot be heard cannot be heard to die.
      if (peer.told) peer.hidden ??= why;
      return;
    }
    const known = peer.told;
    peer.told = false;
    // A failed dial says something also of a peer that is not up.
    if (known || why.kind === 'refused' || why.kind === 'unanswered') this.#up?.down(peer.place, why);
  }

  #forget(place: number): void {
    const peer = this.#peers.get(place);
    if (peer === undefined) return;
    clearLines(peer);
    peer.up = false;
    peer.told = false;
    peer.hidden = undefined;
    peer.refused = false;
  }

  #settleSoon(): void {
    this.#settling ??= this.#ports.timers.set(0, () => {
      this.#settling = undefined;
      for (const peer of this.#peers.values()) this.#settle(peer);
      this.#up?.flush();
    });
  }

  /** After an event or another rule: tells what was hidden, and lets pass what may. From the event loop only. */
  #settle(peer: Peer): void {
    if (!this.stream) return;
    if (peer.hidden !== undefined && !this.#isIn(this.#rule.cutFrom, peer.place)) {
      const why = peer.hidden;
      peer.hidden = undefined;
      peer.told = false;
      this.#up?.down(peer.place, why);
    }
    if (peer.up && !peer.told && !this.#isCut(peer.place)) {
      peer.told = true;
      this.#up?.up(peer.place);
    }
    for (const plane of PLANES) peer.incoming[plane].drain();
    this.#drainOut(peer);
  }

  #drainOut(peer: Peer): void {
    for (const plane of PLANES) peer.outgoing[plane].drain();
    // Whoever let this pass need not be a tick of our user.
    this.#inner.flush?.();
    if (!peer.refused || PLANES.some((plane) => !peer.outgoing[plane].empty)) return;
    peer.refused = false;
    this.#up?.writable(peer.place);
  }
}

function clearLines(peer: Peer): void {
  for (const plane of PLANES) {
    peer.incoming[plane].clear();
    peer.outgoing[plane].clear();
  }
}

function joined(head: Bytes, body: Bytes | undefined): Bytes {
  if (body === undefined || body.length === 0) return head;
  const all = new Uint8Array(head.length + body.length);
  all.set(head);
  all.set(body, head.length);
  return all;
}
