// The mesh in one configuration: what to do at each event (docs/design/mesh.md, section 3). A new configuration is a
// new run; the old one's gate is shut.
import type { Bytes, Configuration, LinkUp, Pack } from '../types.js';
import { Gate } from '../gate.js';
import { Inbox } from './inbox.js';
import {
  ACK_DELAY_MOST_MS,
  ACK_DELAY_MS,
  ACK_DELAY_PER_MEMBER_MS,
  ACK_WINDOW_PART,
  DATAGRAM_WATCH,
  MAX_AHEAD_PACKS,
  MAX_IN_FLIGHT_PACKS,
  MAX_NACK_RANGES,
  STREAM_ACK_WINDOW_PART,
  STREAM_WATCH,
} from './limits.js';
import { Outbox } from './outbox.js';
import { Rows } from './rows.js';
import type { Standing } from './watch.js';
import { Watch } from './watch.js';
import {
  DATA,
  DATA_HEAD_BYTES,
  ENTRY_BYTES,
  FLAG_ASK,
  FLAG_RESEND,
  NACK,
  NACK_HEAD_BYTES,
  RANGE_BYTES,
  STAND,
  STAND_HEAD_BYTES,
  checkData,
  hasRow,
  nack,
  readEntry,
  readIndex,
  readNack,
  readPack,
  readStand,
} from './wire.js';

const ACK_TIMER = 0;
const NACK_TIMER = 1;
const WATCH_TIMER = 2;
/** Every timer key the mesh uses. */
export const TIMER_KEYS = [ACK_TIMER, NACK_TIMER, WATCH_TIMER] as const;

export class Run {
  readonly #members: number;
  readonly #self: number;
  readonly #stream: boolean;
  readonly #maxPackBytes: number;
  readonly #packBytes: () => number;
  readonly #windowBytes: number;
  readonly #gate: Gate;
  readonly #rows: Rows;
  readonly #outbox: Outbox;
  readonly #watch: Watch;
  readonly #inboxes: readonly Inbox[];
  /** Messages heard per rank. */
  readonly #heard: Float64Array;
  /** Per member: what its last NACK asked for, as a sum; it changes when any of it came. */
  readonly #asksFor: Float64Array;

  readonly #ackDelayMs: number;
  /** As many bytes accepted are acknowledged at once. */
  readonly #ackBytesMost: number;
  #ackOwed = false;
  #ackNow = false;
  #ackTimer = false;
  #ackBytes = 0;
  /** Highest position of an accepted pack with SAFE frames. */
  #safeTo = -1;
  #nackTimer = false;
  /** Sum of `accepted` over all ranks, and how many packs are known to be missing. */
  #acceptedSum = 0;
  #holes = 0;
  #window = -1;

  #malformed = 0;
  #doubled = 0;
  #asked = 0;
  #nacked = 0;

  constructor(configuration: Configuration, stream: boolean, windowBytes: number, up: LinkUp) {
    const { members, self, maxPackBytes } = configuration;
    this.#members = members.length;
    this.#self = self;
    this.#stream = stream;
    this.#maxPackBytes = maxPackBytes;
    this.#packBytes = () => up.roomBytes?.() ?? maxPackBytes;
    this.#windowBytes = Math.max(windowBytes, maxPackBytes + DATA_HEAD_BYTES);
    const share = stream ? Math.min(ACK_DELAY_PER_MEMBER_MS * members.length, ACK_DELAY_MOST_MS) : 0;
    this.#ackDelayMs = Math.max(ACK_DELAY_MS, share);
    this.#ackBytesMost = this.#windowBytes / (stream ? STREAM_ACK_WINDOW_PART : ACK_WINDOW_PART);
    this.#gate = new Gate(up);
    this.#rows = new Rows(this.#members, self);
    const messageBytes = maxPackBytes + DATA_HEAD_BYTES;
    this.#outbox = new Outbox(this.#gate, this.#members, self, stream, messageBytes, () => this.#rows.own());
    this.#inboxes = members.map(() => new Inbox());
    this.#heard = new Float64Array(this.#members);
    this.#asksFor = new Float64Array(this.#members);
    this.#watch = new Watch(stream ? STREAM_WATCH : DATAGRAM_WATCH, this.#members, self, {
      standing: (rank) => this.#standing(rank),
      ask: (rank) => this.#ask(rank),
      accuse: (rank, looks) => this.#accuse(rank, looks),
      lookIn: (ms) => this.#gate.setTimer(WATCH_TIMER, ms),
    });
  }

  start(): void {
    for (const key of TIMER_KEYS) this.#gate.setTimer(key, -1);
    this.#tellWindow();
  }

  shut(): void {
    this.#gate.shut();
  }

  submit(pack: Pack): void {
    const index = this.#outbox.store.push(pack);
    if (this.#members > 1) this.#send(pack, index);
    this.#accept(this.#self, index, pack);
    this.#settle();
  }

  received(from: number, bytes: Bytes): void {
    const stranger = !Number.isInteger(from) || from < 0 || from >= this.#members || from === this.#self;
    if (stranger || !this.#take(from, bytes)) this.#malformed++;
    else this.#settle();
  }

  timer(key: number): void {
    if (key === ACK_TIMER) {
      this.#ackTimer = false;
      if (this.#ackOwed) this.#ackNow = true;
    } else if (key === NACK_TIMER) {
      this.#nackTimer = false;
      this.#sendNacks();
    } else if (key === WATCH_TIMER) this.#watch.look(this.#open());
  }

  writable(peer: number | 'all'): void {
    this.#outbox.writable(peer);
  }

  reconnected(peer: number): void {
    if (!this.#stream) return;
    this.#outbox.fresh(peer);
    this.#outbox.standTo(peer, FLAG_RESEND);
  }

  flush(): void {
    if (this.#ackNow || this.#ackBytes >= this.#ackBytesMost) {
      this.#ackDone();
      this.#outbox.standAll();
    } else if (this.#ackOwed && !this.#ackTimer) {
      this.#ackTimer = true;
      this.#gate.setTimer(ACK_TIMER, this.#ackDelayMs);
    }
    if (this.#open()) this.#watch.start();
    if (this.#holes > 0 && !this.#stream) this.#setNackTimer();
  }

  describe(): string {
    const { store } = this.#outbox;
    const accepted = this.#inboxes.map(
      (b, r) => `${b.accepted}${b.hole ? `<${b.known}` : ''}/${this.#rows.stable[r]!}`,
    );
    const held = this.#inboxes.reduce((n, b) => n + b.held, 0);
    return (
      `mesh self=${this.#self} accepted/stable=[${accepted.join(' ')}] flight=${store.count}:${store.bytes} ` +
      `window=${this.#window} behind=${this.#outbox.behind} held=${held} resent=${this.#outbox.resent} ` +
      `nacks=${this.#nacked} asks=${this.#asked} doubled=${this.#doubled} malformed=${this.#malformed}`
    );
  }

  #send(pack: Pack, index: number): void {
    const fits = pack.bytes.length + this.#members * ENTRY_BYTES <= this.#packBytes();
    if (!this.#ackOwed || !fits) {
      this.#outbox.sendNewest(undefined);
      return;
    }
    const row = this.#rows.own();
    row[this.#self] = index;
    if (this.#outbox.sendNewest(row)) this.#ackDone();
  }

  #ackDone(): void {
    this.#ackOwed = false;
    this.#ackNow = false;
    this.#ackBytes = 0;
  }

  #accept(sender: number, index: number, pack: Pack): void {
    const box = this.#inboxes[sender]!;
    box.accepted = index;
    if (box.known < index) box.known = index;
    else this.#holes--;
    this.#acceptedSum++;
    this.#rows.raise(this.#self, sender, index);
    if (pack.safeAt >= 0) this.#safeTo = Math.max(this.#safeTo, pack.position);
    if (sender !== this.#self) {
      this.#ackOwed = true;
      this.#ackBytes += pack.bytes.length + DATA_HEAD_BYTES;
    }
    // A SAFE message waits for all before it, whoever sent them and whenever they came; packs of the turn have no position.
    // When these did hurry, three senders at 1,700/s each cost 1.2 times the CPU and p50 as soon as there had been a SAFE message.
    if (this.#ackOwed && pack.kind !== 'turn' && pack.position <= this.#safeTo) this.#ackNow = true;
    this.#gate.accepted(sender, index, pack);
    // Used up at once; our own are still to be sent.
    if (pack.kind === 'turn' && sender !== this.#self) this.#gate.release(pack.bytes);
  }

  /** What a call has changed is told at its end: stability first, because the window follows from it. */
  #settle(): void {
    if (this.#rows.changed) {
      this.#rows.changed = false;
      this.#outbox.store.drop(this.#rows.stable[this.#self]!);
      this.#gate.stable(new Float64Array(this.#rows.stable));
    }
    this.#tellWindow();
  }

  #tellWindow(): void {
    const { store } = this.#outbox;
    const left = Math.max(0, this.#windowBytes - store.bytes - DATA_HEAD_BYTES);
    const window = store.count < MAX_IN_FLIGHT_PACKS ? left : 0;
    if (window === this.#window) return;
    this.#window = window;
    this.#gate.window(window);
  }

  /** False: malformed. */
  #take(from: number, bytes: Bytes): boolean {
    switch (bytes[0]) {
      case DATA:
        return this.#takeData(from, bytes);
      case STAND:
        this.#gate.release(bytes);
        return this.#takeStand(from, bytes);
      case NACK: {
        const ranges = readNack(bytes);
        if (ranges === undefined) return false;
        this.#asksFor[from] = ranges.reduce((sum, r) => sum + r.first + r.many, 0);
        const lowest = ranges[0]!.first;
        if (this.#stream) this.#outbox.goBack(from, lowest - 1);
        else this.#outbox.resend(from, ranges);
        return true;
      }
      default:
        return false;
    }
  }

  #takeData(from: number, bytes: Bytes): boolean {
    if (!checkData(bytes, this.#members)) return false;
    const index = readIndex(bytes);
    const box = this.#inboxes[from]!;
    if (index > box.accepted + MAX_AHEAD_PACKS) return false;
    if (hasRow(bytes) && !this.#takeRow(from, bytes, DATA_HEAD_BYTES, 0, this.#members)) return false;
    this.#heard[from]!++;
    if (index <= box.accepted) {
      this.#doubled++;
      return true;
    }
    const pack = readPack(bytes, this.#members);
    this.#gate.release(bytes, bytes.length - pack.bytes.length);
    if (index > box.accepted + 1) {
      if (!box.hold(index, pack, this.#windowBytes)) this.#doubled++;
      this.#known(from, index, false);
      return true;
    }
    this.#accept(from, index, pack);
    for (let next = box.take(); next !== undefined && this.#gate.open; next = box.take())
      this.#accept(from, box.accepted + 1, next);
    if (!box.hole) box.nackAt = 0;
    return true;
  }

  #takeStand(from: number, bytes: Bytes): boolean {
    const s = readStand(bytes, this.#members);
    if (s === undefined) return false;
    if (!this.#takeRow(from, bytes, STAND_HEAD_BYTES, s.from, s.count)) return false;
    this.#heard[from]!++;
    const ask = (s.flags & FLAG_ASK) !== 0;
    const covers = (rank: number): boolean => rank >= s.from && rank < s.from + s.count;
    if (covers(from)) this.#known(from, readEntry(bytes, STAND_HEAD_BYTES, from - s.from), ask);
    if (!covers(this.#self)) return true;
    if ((s.flags & FLAG_RESEND) !== 0)
      this.#outbox.goBack(from, readEntry(bytes, STAND_HEAD_BYTES, this.#self - s.from));
    if (ask) this.#outbox.standTo(from, 0);
    return true;
  }

  /** Checks a row and then raises ours by it; its entry of the transmitter itself says what it sent. */
  #takeRow(from: number, bytes: Bytes, at: number, first: number, count: number): boolean {
    for (let i = 0; i < count; i++) {
      const rank = first + i;
      const entry = readEntry(bytes, at, i);
      if (rank === this.#self && entry > this.#outbox.store.highest) return false;
      if (rank === from && entry > this.#inboxes[from]!.accepted + MAX_AHEAD_PACKS) return false;
    }
    for (let i = 0; i < count; i++) if (first + i !== from) this.#rows.raise(from, first + i, readEntry(bytes, at, i));
    return true;
  }

  /** That member has sent us its packs up to `index`: is one missing? `again`: ask even if we did already. */
  #known(from: number, index: number, again: boolean): void {
    const box = this.#inboxes[from]!;
    if (index > box.known) {
      this.#holes += index - box.known;
      box.known = index;
    }
    if (!box.hole) return;
    if (!this.#stream) box.openHole(this.#gate.now());
    else if (again || box.resendAt !== box.accepted) {
      box.resendAt = box.accepted;
      this.#outbox.standTo(from, FLAG_RESEND);
    }
  }

  #sendNacks(): void {
    const now = this.#gate.now();
    const room = Math.floor((this.#maxPackBytes + DATA_HEAD_BYTES - NACK_HEAD_BYTES) / RANGE_BYTES);
    const ranges = Math.max(1, Math.min(MAX_NACK_RANGES, room));
    this.#inboxes.forEach((box, rank) => {
      if (!box.hole || box.nackAt > now) return;
      box.nacked(now);
      this.#nacked++;
      this.#gate.send(rank, 'data', nack(box.missing(ranges)));
    });
  }

  #setNackTimer(): void {
    if (this.#nackTimer) return;
    let at = Infinity;
    for (const box of this.#inboxes) if (box.hole && box.nackAt < at) at = box.nackAt;
    this.#nackTimer = true;
    this.#gate.setTimer(NACK_TIMER, Math.max(1, at - this.#gate.now()));
  }

  /** Is there a pack that is not stable by our rows, or one that is known and missing? */
  #open(): boolean {
    return this.#acceptedSum !== this.#rows.stableSum || this.#holes > 0;
  }

  #standing(rank: number): Standing {
    const box = this.#inboxes[rank]!;
    const owes = this.#rows.owes(rank);
    const mine = this.#rows.get(rank, this.#self);
    const owesMine = mine < this.#outbox.store.highest;
    return {
      ask: owes || (this.#stream && box.hole),
      marks: [
        // Any missing pack that came is progress: on a lossy path the lowest may be unlucky many times.
        box.hole ? box.accepted + box.held : undefined,
        owesMine ? mine + this.#asksFor[rank]! : undefined,
        owes && !owesMine ? this.#heard[rank]! : undefined,
      ],
    };
  }

  #ask(rank: number): void {
    this.#asked++;
    const lost = this.#stream && this.#inboxes[rank]!.hole;
    this.#outbox.standTo(rank, lost ? FLAG_ASK | FLAG_RESEND : FLAG_ASK);
  }

  #accuse(rank: number, looks: number): void {
    const box = this.#inboxes[rank]!;
    const mine = this.#rows.get(rank, this.#self);
    const what = box.hole
      ? `its pack ${box.accepted + 1} of ${box.known} does not come`
      : mine < this.#outbox.store.highest
        ? `it acknowledges ${mine} of our ${this.#outbox.store.highest} packs`
        : 'it does not acknowledge the packs of others';
    this.#gate.suspect(rank, { kind: 'stuck', detail: `${what}, asked ${looks} times` });
  }
}
