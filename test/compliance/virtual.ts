// A network and a clock that exist only here: carries the messages of links between virtual members, with loss,
// duplication, reordering, cuts, breaks and full buffers, all drawn from one seed. Used by the link suite.
import type { Bytes } from '../../core/machine/types.js';
import { seeded } from './api.js';

export interface Weather {
  /** Chances per datagram, 0 to 1; streams ignore both. */
  readonly loss: number;
  readonly doubling: number;
  /** Delay of a message in ms; on datagrams each draws its own, so a wide range reorders. */
  readonly delayMs: readonly [number, number];
}

export const CALM: Weather = { loss: 0, doubling: 0, delayMs: [0.1, 0.2] };
export const ROUGH: Weather = { loss: 0.15, doubling: 0.1, delayMs: [0.1, 12] };

export interface Facts {
  readonly stream: boolean;
  /** Largest message. */
  readonly maxBytes: number;
  /** Bytes that wait for one receiver before the medium says false. */
  readonly queueBytes: number;
}

/** What the network needs of a member. */
export interface Endpoint {
  received(from: number, bytes: Bytes): void;
  writable(peer: number | 'all'): void;
  reconnected(peer: number): void;
  /** Ends the tick. */
  flush(): void;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

interface Pair {
  queued: number;
  /** False was answered. */
  full: boolean;
  /** Streams: nothing arrives before this. */
  lastAt: number;
  /** Counts breaks: what was in flight in an earlier life of the stream is lost. */
  life: number;
  cut: boolean;
}

/** Room opens again when the queue has fallen to this part of its limit. */
const ROOM_AT = 0.5;

export class VirtualNetwork {
  nowMs = 0;
  weather: Weather = CALM;
  /** Messages given to the network. */
  sent = 0;
  readonly random: () => number;
  readonly #facts: Facts;
  readonly #endpoints: Endpoint[] = [];
  readonly #pairs: Pair[][] = [];
  readonly #events: Event[] = [];
  readonly #dead = new Set<number>();
  /** Members that stand still, with what they missed. */
  readonly #paused = new Map<number, (() => void)[]>();
  #order = 0;

  constructor(seed: number, facts: Facts, members: number) {
    this.random = seeded(seed);
    this.#facts = facts;
    for (let i = 0; i < members; i++)
      this.#pairs.push(
        Array.from({ length: members }, () => ({ queued: 0, full: false, lastAt: 0, life: 0, cut: false })),
      );
  }

  join(endpoint: Endpoint): void {
    this.#endpoints.push(endpoint);
  }

  /** Is anything still to happen? */
  get pending(): number {
    return this.#events.length;
  }

  /** Runs `fn` at the member `ms` from now as one tick, or when it wakes. */
  later(member: number, ms: number, fn: () => void): void {
    this.#push(ms, () => this.#tick(member, fn));
  }

  /** Runs events for that many virtual milliseconds, or until nothing is left. */
  run(ms: number, until: () => boolean = () => false): void {
    const end = this.nowMs + ms;
    while (!until()) {
      const next = this.#events[0];
      if (next === undefined || next.at > end) {
        if (next !== undefined) this.nowMs = end;
        return;
      }
      this.#pop();
      this.nowMs = next.at;
      next.run();
    }
  }

  send(from: number, to: number | 'all', head: Bytes, body: Bytes | undefined): boolean {
    const bytes = new Uint8Array(head.length + (body?.length ?? 0));
    bytes.set(head);
    if (body !== undefined) bytes.set(body, head.length);
    if (bytes.length > this.#facts.maxBytes) throw new Error(`a message of ${bytes.length} bytes, more than maxBytes`);
    const all = to === 'all' ? this.#endpoints.map((_, i) => i).filter((i) => i !== from) : [to];
    // Datagrams leave one socket: if somebody's queue is full, nobody gets this one.
    if (!this.#facts.stream && all.some((i) => this.#refuses(from, i, bytes.length))) return false;
    let everybody = true;
    for (const i of all) everybody = this.#offer(from, i, bytes) && everybody;
    return everybody;
  }

  cut(from: number, to: number, on: boolean): void {
    this.#pairs[from]![to]!.cut = on;
  }

  /** Streams: breaks the pair; what is in flight is lost, both are told when it is back. */
  breakPair(a: number, b: number, forMs: number): void {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const pair = this.#pairs[from]![to]!;
      pair.life++;
      pair.queued = 0;
      pair.full = false;
      pair.cut = true;
    }
    this.#push(forMs, () => {
      this.cut(a, b, false);
      this.cut(b, a, false);
      this.#tick(a, () => this.#endpoints[a]!.reconnected(b));
      this.#tick(b, () => this.#endpoints[b]!.reconnected(a));
    });
  }

  kill(member: number): void {
    this.#dead.add(member);
  }

  pause(member: number): void {
    this.#paused.set(member, []);
  }

  resume(member: number): void {
    const missed = this.#paused.get(member) ?? [];
    this.#paused.delete(member);
    for (const fn of missed) this.#tick(member, fn);
  }

  #tick(member: number, fn: () => void): void {
    if (this.#dead.has(member)) return;
    const missed = this.#paused.get(member);
    if (missed !== undefined) {
      missed.push(fn);
      return;
    }
    fn();
    this.#endpoints[member]!.flush();
  }

  #refuses(from: number, to: number, bytes: number): boolean {
    const pair = this.#pairs[from]![to]!;
    if (pair.queued > 0 && pair.queued + bytes > this.#facts.queueBytes) pair.full = true;
    return pair.full;
  }

  #offer(from: number, to: number, bytes: Bytes): boolean {
    if (this.#refuses(from, to, bytes.length)) return false;
    this.sent++;
    const pair = this.#pairs[from]![to]!;
    if (this.#facts.stream) {
      // Towards a peer that is not connected bytes are dropped and count as taken.
      if (!pair.cut) this.#carry(from, to, bytes, pair);
      return true;
    }
    const copies = this.random() < this.weather.doubling ? 2 : 1;
    for (let i = 0; i < copies; i++)
      if (!pair.cut && this.random() >= this.weather.loss) this.#carry(from, to, bytes, pair);
    return true;
  }

  #carry(from: number, to: number, bytes: Bytes, pair: Pair): void {
    const [least, most] = this.weather.delayMs;
    let at = this.nowMs + least + this.random() * (most - least);
    if (this.#facts.stream) at = pair.lastAt = Math.max(at, pair.lastAt);
    pair.queued += bytes.length;
    const life = pair.life;
    this.#push(at - this.nowMs, () => {
      // A datagram has left the sender's buffer whatever becomes of it; a stream waits for its reader.
      if (!this.#facts.stream) this.#drained(from, to, bytes.length, pair);
      this.#tick(to, () => {
        if (pair.life !== life) return;
        this.#endpoints[to]!.received(from, bytes);
        if (this.#facts.stream) this.#push(0, () => this.#drained(from, to, bytes.length, pair));
      });
    });
  }

  #drained(from: number, to: number, bytes: number, pair: Pair): void {
    pair.queued = Math.max(0, pair.queued - bytes);
    if (!pair.full || pair.queued > this.#facts.queueBytes * ROOM_AT) return;
    pair.full = false;
    this.#tick(from, () => this.#endpoints[from]!.writable(this.#facts.stream ? to : 'all'));
  }

  #push(ms: number, run: () => void): void {
    const event = { at: this.nowMs + ms, order: this.#order++, run };
    const heap = this.#events;
    let i = heap.length;
    heap.push(event);
    for (let up = (i - 1) >> 1; i > 0 && before(event, heap[up]!); i = up, up = (i - 1) >> 1) {
      heap[i] = heap[up]!;
      heap[up] = event;
    }
  }

  #pop(): void {
    const heap = this.#events;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    heap[0] = last;
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2])
        if (child < heap.length && before(heap[child]!, heap[least]!)) least = child;
      if (least === i) return;
      [heap[i], heap[least]] = [heap[least]!, heap[i]!];
      i = least;
    }
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
