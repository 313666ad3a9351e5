// The ring in one configuration: what to do at each event (docs/design/ring.md, section 3). A new configuration is a new
// run; the old one's gate is shut.
import { Compactor, Gate, MAX_RUN_BYTES } from 'peal/plugin';
import type { Bytes, Configuration, Frozen, LinkUp, Pack } from 'peal/plugin';
import { Custody } from './custody.js';
import { Holes } from './holes.js';
import {
  DATAGRAM_COST_BYTES,
  HELD_WINDOWS,
  HOP_ROTATIONS,
  HOP_SLACK,
  MAX_OPEN_PACKS,
  MAX_RANGES,
  TOKEN_BYTES,
} from './limits.js';
import { OwnPacks } from './own.js';
import { largestPack, Parts, partsOf } from './parts.js';
import { answer } from './requests.js';
import { Store } from './store.js';
import type { Numbered, Token, TokenState } from './wire.js';
import {
  DATA,
  DATA_HEAD_BYTES,
  HELD_BYTES,
  RANGE_BYTES,
  STATE,
  TOKEN,
  TOKEN_HEAD_BYTES,
  WAKE,
  dataHead,
  isResent,
  numberedOf,
  readData,
  readState,
  readToken,
  readWake,
  stateBytes,
  tokenBytes,
} from './wire.js';

const PASS_TIMER = 0;
const WAKE_TIMER = 1;
/** Every timer key the ring uses. */
const TIMER_KEYS = [PASS_TIMER, WAKE_TIMER] as const;

export class Run {
  readonly #members: number;
  readonly #self: number;
  /** Largest pack that is made. */
  readonly #packBytes: number;
  readonly #windowBytes: number;
  readonly #acceleratedBytes: number;
  readonly #maxRanges: number;
  readonly #gate: Gate;
  /** What a datagram has room for behind the head of DATA, bytes. */
  readonly #room: () => number;
  readonly #compactor = new Compactor();
  readonly #parts: Parts;
  readonly #store = new Store();
  readonly #own: OwnPacks;
  readonly #custody: Custody;
  readonly #holes: Holes;
  /** Packs handed up per rank. */
  readonly #counts: number[];
  /** Per rank: it has all positions up to here, as far as known. */
  readonly #held: Float64Array;

  /** The token, while it is here. */
  #token: Token | undefined;
  /** It stays here until somebody has something to say. */
  #parkedHere = false;
  /** Where it is parked, as far as known. */
  #parked: TokenState | undefined;
  /** Who called for the token that is parked here. */
  #caller: number | undefined;
  #lastHop = 0;
  /** Highest hop known to have been: by tokens seen and passed, and by what others say. */
  #knownHop = 0;
  /** Highest position heard of, and as it was when we last passed the token. */
  #highest = 0;
  #highestBefore = 0;
  /** The medium did not take the token; it takes nothing for these members. */
  #tokenStuck = false;
  readonly #full = new Set<number>();
  #window = -1;

  #malformed = 0;
  #doubled = 0;
  #resent = 0;
  #requested = 0;
  #rotations = 0;

  constructor(configuration: Configuration, windowBytes: number, acceleratedBytes: number, up: LinkUp) {
    const { members, self, maxPackBytes } = configuration;
    this.#members = members.length;
    this.#self = self;
    this.#room = () => Math.min(maxPackBytes, up.roomBytes?.() ?? maxPackBytes);
    // Who does not tell the room of a send makes packs that fit one.
    this.#packBytes = up.roomBytes === undefined ? maxPackBytes : largestPack(maxPackBytes);
    this.#windowBytes = Math.max(windowBytes, this.#cost(this.#packBytes));
    this.#acceleratedBytes = acceleratedBytes;
    const most = Math.min(TOKEN_BYTES, this.#room() + DATA_HEAD_BYTES);
    const room = most - TOKEN_HEAD_BYTES - HELD_BYTES * this.#members;
    this.#maxRanges = Math.min(MAX_RANGES, Math.floor(room / RANGE_BYTES));
    if (this.#members > 1 && this.#maxRanges < 1) throw new Error('ring: a token for so many members fits no datagram');
    const gate = (this.#gate = new Gate(up));
    this.#parts = new Parts(this.#members);
    // A ring of one waits for nobody.
    this.#own = new OwnPacks(self, this.#members === 1 ? Infinity : this.#windowBytes, this.#store);
    this.#custody = new Custody(gate, { pass: PASS_TIMER, wake: WAKE_TIMER });
    this.#holes = new Holes(gate, self);
    this.#counts = members.map(() => 0);
    this.#held = new Float64Array(this.#members);
  }

  start(): void {
    for (const key of TIMER_KEYS) this.#gate.setTimer(key, -1);
    // By convention, without a message: the token is parked at the first member.
    if (this.#self === 0) {
      const held = new Float64Array(this.#members);
      this.#token = { hop: 0, highest: 0, flight: 0, busy: 0, quiet: 0, held, ranges: [] };
      this.#parkedHere = true;
    } else this.#parked = { parked: true, hop: 0, holder: 0 };
    this.#tellWindow();
  }

  submit(pack: Pack): void {
    const body = this.#bodyOf(pack);
    this.#own.queue(pack, body, this.#cost(body.length));
    if (this.#members === 1) this.#alone();
    this.#tellWindow();
  }

  received(from: number, bytes: Bytes): void {
    const stranger = !Number.isInteger(from) || from < 0 || from >= this.#members || from === this.#self;
    if (stranger || !this.#take(from, bytes)) this.#malformed++;
  }

  timer(key: number): void {
    if (key === PASS_TIMER) this.#custody.pass.timer();
    else if (key === WAKE_TIMER) this.#custody.wake.timer();
  }

  writable(peer: number | 'all'): void {
    if (peer === 'all') this.#full.clear();
    else this.#full.delete(peer);
    if (this.#tokenStuck) this.#tokenStuck = !this.#custody.resend();
    this.#tellWindow();
  }

  reconnected(peer: number): void {
    if (this.#custody.passedTo === peer && this.#custody.pass.open) this.#custody.resend();
  }

  /** The token is handled once a tick: so it takes along what all of the tick brought. */
  flush(): void {
    const token = this.#token;
    const something = this.#own.waiting > 0;
    if (token !== undefined) {
      if (!this.#parkedHere || something || this.#caller !== undefined) this.#visit(token);
    } else if (something && this.#parked !== undefined) this.#custody.call(this.#parked);
  }

  freeze(): Frozen {
    this.#gate.shut();
    return { unsent: this.#own.unsent(), behind: this.#store.behind() };
  }

  describe(): string {
    const { stableTo, handedTo, heldTo, size, bytes } = this.#store;
    const where =
      this.#token !== undefined
        ? this.#parkedHere
          ? 'parked here'
          : 'here'
        : this.#parked !== undefined
          ? `parked at ${this.#parked.holder}`
          : 'out';
    return (
      `ring self=${this.#self} token=${where} hop=${this.#lastHop} stable=${stableTo} accepted=${handedTo} ` +
      `held=${heldTo}/${this.#highest} kept=${size}:${bytes} waiting=${this.#own.waiting} window=${this.#window} ` +
      `visits=${this.#rotations} requested=${this.#requested} resent=${this.#resent} ` +
      `tokens again=${this.#custody.repeated} doubled=${this.#doubled} malformed=${this.#malformed}`
    );
  }

  // --- what arrives ---

  /** False: malformed. */
  #take(from: number, bytes: Bytes): boolean {
    switch (bytes[0]) {
      case DATA:
        return this.#takeData(from, bytes);
      case TOKEN:
        return this.#takeToken(from, bytes);
      case STATE:
        return this.#takeState(from, bytes);
      case WAKE:
        return this.#takeWake(from, bytes);
      default:
        return false;
    }
  }

  #takeData(from: number, bytes: Bytes): boolean {
    const a = readData(bytes, this.#members);
    if (a === undefined) return false;
    if (this.#store.has(a.position)) {
      this.#doubled++;
      return true;
    }
    // Own packs are held from the moment they are numbered until all have them.
    if (a.sender === this.#self || a.position > this.#store.heldTo + MAX_OPEN_PACKS) return false;
    if (this.#token !== undefined && a.position > this.#token.highest) return false;
    const beyond = a.position > this.#store.heldTo + 1;
    if (beyond && this.#store.bytes + this.#parts.bytes > HELD_WINDOWS * this.#windowBytes) return true;
    const body = a.parts === 1 ? a.body : this.#parts.add(from, a);
    if (body === undefined) return true;
    const n = numberedOf(a, body, this.#compactor);
    if (n === undefined) return false;
    this.#store.put(n);
    this.#parts.forget(n.position);
    if (n.position > this.#highest) {
      this.#highest = n.position;
      this.#parked = undefined;
      this.#custody.wake.end();
      this.#custody.heardOf(n.position);
    }
    this.#handUp();
    return true;
  }

  #takeToken(from: number, bytes: Bytes): boolean {
    const t = readToken(bytes, this.#members);
    if (t === undefined || t.held[this.#self]! > this.#store.heldTo) return false;
    if (t.hop <= this.#lastHop) {
      // Seen: the same token again, or one of long ago. Who sends again wants to know that it was seen.
      if (isResent(bytes)) this.#tell(from);
      return true;
    }
    if (this.#token !== undefined || !this.#plausible(t.hop)) return false;
    if (t.highest < this.#highestBefore || t.highest > this.#store.heldTo + MAX_OPEN_PACKS) return false;
    this.#lastHop = this.#knownHop = t.hop;
    this.#highest = t.highest;
    this.#token = t;
    this.#parked = undefined;
    this.#tokenStuck = false;
    this.#custody.end();
    this.#tellWindow();
    return true;
  }

  #takeState(from: number, bytes: Bytes): boolean {
    const s = readState(bytes, this.#members);
    if (s === undefined || !this.#plausible(s.hop)) return false;
    if (!s.parked) this.#custody.seen(s.hop);
    if (s.hop < this.#knownHop || this.#token !== undefined || (s.parked && s.holder === this.#self)) return true;
    this.#knownHop = s.hop;
    if (s.parked) {
      this.#parked = s;
      this.#custody.end();
      return true;
    }
    if (this.#parked !== undefined && (s.hop > this.#parked.hop || from === this.#parked.holder)) {
      this.#parked = undefined;
      this.#custody.wake.end();
    }
    return true;
  }

  #takeWake(from: number, bytes: Bytes): boolean {
    if (readWake(bytes) === undefined) return false;
    if (this.#parkedHere) this.#caller ??= from;
    else this.#tell(from);
    return true;
  }

  /** Every member sees the token at least once in two rotations (docs/design/ring.md 6); twice that is believed. */
  #plausible(hop: number): boolean {
    return hop <= Math.max(this.#lastHop, this.#custody.passedHop) + HOP_ROTATIONS * this.#members + HOP_SLACK;
  }

  /** Tells that member where the token is, as far as we know. */
  #tell(to: number): void {
    const here = { parked: this.#parkedHere, hop: this.#knownHop, holder: this.#self };
    this.#gate.send(to, 'data', stateBytes(this.#parked ?? here));
  }

  #handUp(): void {
    for (let n = this.#store.next(); n !== undefined; n = this.#gate.open ? this.#store.next() : undefined)
      this.#gate.accepted(n.sender, ++this.#counts[n.sender]!, n.pack);
  }

  // --- the token is here ---

  #visit(t: Token): void {
    this.#rotations++;
    const woken = this.#parkedHere;
    const cost = (body: Bytes): number => this.#cost(body.length);
    const answers = answer(t.ranges, this.#store, this.#self, this.#windowBytes, cost);
    for (const { to, pack } of answers.sends) this.#send(to, pack);
    this.#resent += answers.sends.length;
    const numbered = this.#own.number(t, answers.bytes, this.#full.size > 0);
    for (const n of numbered) this.#parts.forget(n.position);
    this.#highest = t.highest;
    this.#learn(t);
    const gaps = this.#holes.look(this.#store, this.#highestBefore, this.#maxRanges, t.held);
    this.#requested += gaps.length;
    t.ranges = [...answers.left, ...gaps].slice(0, this.#maxRanges);
    const open = numbered.length > 0 || t.ranges.length > 0 || this.#least() < t.highest || this.#own.waiting > 0;
    t.quiet = open || woken ? 0 : t.quiet + 1;
    this.#highestBefore = t.highest;
    if (this.#mayPark(t)) this.#park();
    else this.#pass(t, numbered, woken);
    this.#handUp();
    this.#settle();
  }

  /** What everybody has, from the token and into it. */
  #learn(t: Token): void {
    t.held[this.#self] = this.#store.heldTo;
    for (let i = 0; i < this.#members; i++) {
      if (t.held[i]! > this.#held[i]!) this.#held[i] = t.held[i]!;
      else t.held[i] = this.#held[i]!;
    }
  }

  #least(): number {
    let least = Infinity;
    for (const position of this.#held) if (position < least) least = position;
    return least;
  }

  /** Everybody knows that all is stable; the best place is with who spoke last, since he most often speaks next. */
  #mayPark(t: Token): boolean {
    return t.quiet >= 2 * this.#members || (t.quiet >= this.#members && this.#own.lastPosition === t.highest);
  }

  #park(): void {
    this.#parkedHere = true;
    this.#gate.send('all', 'data', stateBytes({ parked: true, hop: this.#knownHop, holder: this.#self }));
  }

  /** The token goes first, then the packs it announces, but for what is more than may follow it. */
  #pass(t: Token, numbered: readonly Numbered[], woken: boolean): void {
    const to = (woken ? this.#caller : undefined) ?? (this.#self + 1) % this.#members;
    this.#token = undefined;
    this.#parkedHere = false;
    this.#caller = undefined;
    this.#knownHop = ++t.hop;
    let before = numbered.reduce((sum, n) => sum + n.body.length, 0) - this.#acceleratedBytes;
    let next = 0;
    for (; before > 0 && next < numbered.length; next++) {
      this.#send('all', numbered[next]!);
      before -= numbered[next]!.body.length;
    }
    this.#tokenStuck = !this.#custody.passed(to, t, tokenBytes(t));
    for (; next < numbered.length; next++) this.#send('all', numbered[next]!);
  }

  /** In one datagram, or in parts. */
  #send(to: number | 'all', n: Numbered): void {
    const most = partsOf(n.body.length, this.#room());
    if (most === 1) return this.#sendOne(to, dataHead(n), n.body);
    const size = Math.ceil(n.body.length / most);
    // Cut evenly it may be fewer.
    const parts = Math.ceil(n.body.length / size);
    for (let i = 0; i < parts; i++) this.#sendOne(to, dataHead(n, i, parts), n.body.subarray(i * size, (i + 1) * size));
  }

  /** What a member does not get because the medium takes nothing for it, it asks for like anything lost. */
  #sendOne(to: number | 'all', head: Bytes, body: Bytes): void {
    if (to === 'all' && this.#full.size === 0 && this.#gate.send('all', 'data', head, body)) return;
    // Over streams that says only that somebody was full, perhaps somebody who is no member.
    for (let rank = 0; rank < this.#members; rank++) {
      if (rank === this.#self || (to !== 'all' && to !== rank) || this.#full.has(rank)) continue;
      if (!this.#gate.send(rank, 'data', head, body)) this.#full.add(rank);
    }
  }

  /** What that many bytes of a pack cost on the way. */
  #cost(bodyBytes: number): number {
    return bodyBytes + DATAGRAM_COST_BYTES * partsOf(bodyBytes, this.#room());
  }

  /** As it travels: compact where it would not fit one datagram else. */
  #bodyOf({ kind, bytes }: Pack): Bytes {
    const fits = bytes.length <= this.#room();
    if (fits || kind !== 'frames' || bytes.length > MAX_RUN_BYTES) return bytes;
    const compact = this.#compactor.compact(bytes);
    return compact.length < bytes.length ? compact : bytes;
  }

  // --- what follows ---

  #settle(): void {
    const least = Math.min(this.#least(), this.#store.handedTo);
    if (least > this.#store.stableTo) {
      this.#store.stable(least);
      this.#gate.stable([least]);
    }
    this.#tellWindow();
  }

  /** A ring of one: numbered, accepted and stable at once. */
  #alone(): void {
    this.#own.number(this.#token!, 0, false);
    this.#handUp();
    this.#held[0] = this.#store.heldTo;
    this.#settle();
  }

  /** With the token here, what may be sent and one pack more, which shows that there is more; else one pack. */
  #tellWindow(): void {
    const alone = this.#members === 1;
    const allowed =
      this.#token === undefined ? 0 : alone ? this.#windowBytes : this.#own.allowed(this.#token, this.#full.size > 0);
    const window =
      this.#token === undefined && this.#own.waiting > 0
        ? 0
        : Math.max(0, allowed + this.#packBytes - this.#own.waitingBytes);
    if (window === this.#window) return;
    this.#window = window;
    this.#gate.window(window);
  }
}
