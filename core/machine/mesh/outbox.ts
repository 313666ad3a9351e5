// What goes out and where each receiver stands: the store, a cursor per way out, rows that are owed to somebody
// (docs/design/mesh.md 3.2, 3.4, 3.5, 3.11). A *way* is a peer on a stream medium, everybody on a datagram medium.
import type { Bytes, Pack } from '../types.js';
import type { Gate } from '../gate.js';
import { Store } from './store.js';
import type { Range } from './wire.js';
import { ENTRY_BYTES, STAND_HEAD_BYTES, dataHead, stand } from './wire.js';

interface Way {
  readonly to: number | 'all';
  /** Index of the next own pack to give to the medium. */
  next: number;
  /** The medium answered false and has not taken it back. */
  full: boolean;
  /** A row did not leave because the way was full. */
  owed: boolean;
}

export class Outbox {
  readonly store = new Store();
  resent = 0;

  readonly #gate: Gate;
  readonly #self: number;
  /** Streams: by rank, undefined for ourselves. Datagrams: one. */
  readonly #ways: readonly (Way | undefined)[];
  readonly #stream: boolean;
  readonly #row: () => Float64Array;
  /** Entries that fit into one STAND. */
  readonly #entries: number;
  /** Ways that are full or have not been given every pack. */
  #behind = 0;

  constructor(
    gate: Gate,
    members: number,
    self: number,
    stream: boolean,
    messageBytes: number,
    row: () => Float64Array,
  ) {
    this.#gate = gate;
    this.#self = self;
    this.#stream = stream;
    this.#row = row;
    this.#entries = Math.max(1, Math.min(members, Math.floor((messageBytes - STAND_HEAD_BYTES) / ENTRY_BYTES)));
    const way = (to: number | 'all'): Way => ({ to, next: 1, full: false, owed: false });
    if (stream) this.#ways = Array.from({ length: members }, (_, rank) => (rank === self ? undefined : way(rank)));
    else this.#ways = members > 1 ? [way('all')] : [];
  }

  /** Ways that wait for the medium or are being brought up to date. */
  get behind(): number {
    return this.#behind;
  }

  /** Sends the newest pack of the store, with the row if given; true if the row went to everybody. */
  sendNewest(row: ArrayLike<number> | undefined): boolean {
    const index = this.store.highest;
    const pack = this.store.get(index)!;
    const head = dataHead(index, pack, row);
    if (this.#behind === 0 && this.#gate.send('all', 'data', head, pack.bytes)) {
      for (const w of this.#ways) if (w !== undefined) w.next = index + 1;
      return true;
    }
    let everybody = true;
    for (const w of this.#ways) {
      if (w === undefined) continue;
      const inStep = w.next === index && !w.full;
      // Over datagrams a refusal of 'all' just now is a refusal; over streams it says only that somebody was full.
      if (inStep && (this.#stream || this.#behind > 0) && this.#gate.send(w.to, 'data', head, pack.bytes)) {
        w.next = index + 1;
        continue;
      }
      if (inStep) w.full = true;
      everybody = false;
    }
    this.#count();
    return everybody;
  }

  /** Sends where we stand to everybody; who is full gets it when there is room. */
  standAll(): void {
    if (this.#behind === 0 && this.#stand('all', 0, this.store.highest)) return;
    for (const w of this.#ways) if (w !== undefined) this.#standOn(w, 0);
    this.#count();
  }

  /** Sends where we stand to one member. False: it was full; without flags the row is then owed. */
  standTo(rank: number, flags: number): boolean {
    const way = this.#stream ? this.#ways[rank] : this.#ways[0];
    if (way === undefined) return true;
    if (this.#stream) {
      const sent = this.#standOn(way, flags);
      this.#count();
      return sent;
    }
    return this.#stand(rank, flags, way.next - 1);
  }

  /** The medium takes bytes again. */
  writable(to: number | 'all'): void {
    for (const w of this.#ways) {
      if (w === undefined || (this.#stream && to !== 'all' && to !== w.to)) continue;
      w.full = false;
      this.#goOn(w);
    }
    this.#count();
  }

  /** The stream to that member is new: nothing waits in it. */
  fresh(rank: number): void {
    const way = this.#ways[rank];
    if (way === undefined) return;
    way.full = false;
    way.owed = false;
    this.#count();
  }

  /** Streams: the member has our packs up to `index` and lost what followed. */
  goBack(rank: number, index: number): void {
    const way = this.#stream ? this.#ways[rank] : undefined;
    if (way === undefined) return;
    const next = Math.max(index + 1, this.store.first);
    if (next >= way.next) return;
    this.resent += way.next - next;
    way.next = next;
    this.#goOn(way);
    this.#count();
  }

  /** Datagrams: the member misses these. What the medium refuses will be asked for again. */
  resend(rank: number, ranges: readonly Range[]): void {
    for (const r of ranges) {
      const last = Math.min(r.first + r.many - 1, this.store.highest);
      for (let i = Math.max(r.first, this.store.first); i <= last; i++) {
        const pack = this.store.get(i)!;
        if (!this.#gate.send(rank, 'data', dataHead(i, pack, undefined), pack.bytes)) return;
        this.resent++;
      }
    }
  }

  #goOn(w: Way): void {
    if (w.owed) this.#standOn(w, 0);
    w.next = Math.max(w.next, this.store.first);
    while (!w.full && w.next <= this.store.highest) {
      const pack: Pack = this.store.get(w.next)!;
      if (this.#gate.send(w.to, 'data', dataHead(w.next, pack, undefined), pack.bytes)) w.next++;
      else w.full = true;
    }
  }

  #standOn(w: Way, flags: number): boolean {
    const sent = !w.full && this.#stand(w.to, flags, w.next - 1);
    if (!sent) {
      w.full = true;
      w.owed = true;
    } else w.owed = false;
    return sent;
  }

  /** `last`: the last own index the receiver was sent, which is our entry in the row. */
  #stand(to: number | 'all', flags: number, last: number): boolean {
    const row = this.#row();
    row[this.#self] = last;
    for (let from = 0; from < row.length; from += this.#entries) {
      const bytes: Bytes = stand(flags, row, from, Math.min(this.#entries, row.length - from));
      if (!this.#gate.send(to, 'data', bytes)) return false;
    }
    return true;
  }

  #count(): void {
    this.#behind = 0;
    for (const w of this.#ways) if (w !== undefined && (w.full || w.next <= this.store.highest)) this.#behind++;
  }
}
