// The turn: the right to number packs, for links that do not number themselves. It stays with the last sender; who has
// something to say asks all; the holder sends what it has and passes the turn to the one that has waited longest, as a
// pack in its own stream. A turn ends with its configuration. Pure. Design: docs/design/order.md, section 2.
//
//   ask:  u8 0 | u48 number of this request, from 1
//   pass: u8 1 | u16 rank it goes to | u48 next position | per rank u48: number of the last request served
//
// 48 bits: a configuration may last for years, and two that speak in turn ask thousands of times a second.
import { ByteReader, ByteWriter } from '../../wire/bytes.js';
import type { Bytes } from '../types.js';

const ASK = 0;
const PASS = 1;
const NUMBER_BYTES = 6;

export interface TurnOut {
  /** As an unnumbered pack in our own stream. */
  submit(bytes: Bytes): void;
}

export class Turn {
  /** Position of the next pack, if the turn is ours, else 0. */
  #next = 0;
  #self = 0;
  /** Per rank: number of the last request heard of, and of the last one served. */
  #asked: number[] = [];
  #served: number[] = [];
  /** Per rank: when its request came, as a running number; for "longest waiting". */
  #since: number[] = [];
  #arrivals = 0;

  constructor(private readonly out: TurnOut) {}

  /** A configuration of `members` starts with the turn at its first member, position 1. */
  install(self: number, members: number): void {
    this.#self = self;
    this.#next = self === 0 ? 1 : 0;
    this.#asked = new Array<number>(members).fill(0);
    this.#served = new Array<number>(members).fill(0);
    this.#since = new Array<number>(members).fill(0);
    this.#arrivals = 0;
  }

  get holding(): boolean {
    return this.#next > 0;
  }

  /** Does somebody else wait for the turn that is ours? */
  get awaited(): boolean {
    return this.#longest() >= 0;
  }

  /** The next position. Only while holding. */
  take(): number {
    return this.#next++;
  }

  /** We have something to say and not the turn: asks, once per request. */
  want(): void {
    if (this.#asked[this.#self]! > this.#served[this.#self]!) return;
    this.#asked[this.#self]!++;
    this.out.submit(new ByteWriter(1 + NUMBER_BYTES).u8(ASK).u48(this.#asked[this.#self]!).finish());
  }

  /**
   * What we have is said, or nothing more may be said now: whoever waits longest gets the turn, and if nobody waits the
   * one that is `likely` to speak next (-1: nobody; we keep it).
   */
  release(likely = -1): void {
    const longest = this.#longest();
    const to = longest < 0 ? likely : longest;
    if (!this.holding || to < 0) return;
    this.#served[to] = this.#asked[to]!;
    const w = new ByteWriter(9 + NUMBER_BYTES * this.#served.length);
    w.u8(PASS).u16(to).u48(this.#next);
    for (const n of this.#served) w.u48(n);
    this.#next = 0;
    this.out.submit(w.finish());
  }

  /** A turn pack of that rank, own ones included. False: malformed. */
  pack(sender: number, bytes: Bytes): boolean {
    if (sender === this.#self) return true;
    const r = new ByteReader(bytes);
    const kind = r.u8();
    if (kind === ASK) {
      const number = r.u48();
      if (!r.ok) return false;
      if (number > this.#asked[sender]!) {
        this.#asked[sender] = number;
        this.#since[sender] = ++this.#arrivals;
      }
      return true;
    }
    const to = r.u16();
    const next = r.u48();
    if (kind !== PASS || to >= this.#served.length || next < 1 || r.left !== NUMBER_BYTES * this.#served.length)
      return false;
    for (let i = 0; i < this.#served.length; i++) {
      const served = r.u48();
      this.#served[i] = Math.max(this.#served[i]!, served);
      // A request may be served before it is heard of here.
      this.#asked[i] = Math.max(this.#asked[i]!, served);
    }
    if (!r.ok) return false;
    if (to === this.#self) this.#next = next;
    // What we asked for is here, be it that who passed it had not heard of it yet.
    if (to === this.#self) this.#served[this.#self] = this.#asked[this.#self]!;
    return true;
  }

  describe(): string {
    const waiting = this.#asked.flatMap((n, i) => (n > this.#served[i]! ? [i] : []));
    return `${this.holding ? `turn at ${this.#next}` : 'no turn'}, waiting {${waiting.join(',')}}`;
  }

  #longest(): number {
    let best = -1;
    for (let i = 0; i < this.#asked.length; i++) {
      if (i === this.#self || this.#asked[i]! <= this.#served[i]!) continue;
      if (best < 0 || this.#since[i]! < this.#since[best]!) best = i;
    }
    return best;
  }
}
