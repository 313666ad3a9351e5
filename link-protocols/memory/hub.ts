// Where media of one process meet. Everything a hub does later stands in one queue, in the order in which it was asked
// for; a turn of the event loop serves a part of it. So the same calls give the same deliveries on every run.
import type { Bytes, Evidence, Identity, MediumUp, Plane } from 'peal/plugin';

/** Data handed over in one turn of the event loop, so that sockets and timers come in between. */
const TURN_BYTES = 1024 * 1024;
/** Room is announced when a queue has fallen to this part of its bound. */
const ROOM_AT = 0.5;

/** A medium that is open in the hub. */
export interface Port {
  readonly identity: Identity;
  readonly up: MediumUp;
  /** Places it wants to reach. */
  wanted: ReadonlySet<number>;
  readonly queueBytes: number;
}

interface Lane {
  bytes: number;
  full: boolean;
}

/** One direction of a pair. */
interface Way {
  readonly control: Lane;
  readonly data: Lane;
  /** The receiver was told that the pair is up. */
  told: boolean;
}

interface Pair {
  up: boolean;
  /** Rises when the pair is given up: what stands in the queue for an earlier life is void. */
  life: number;
  readonly ways: Map<number, Way>;
}

interface Delivery {
  readonly from: number;
  readonly to: number;
  readonly pair: Pair;
  readonly life: number;
  readonly plane: Plane;
  readonly bytes: Bytes;
}

/** Messages between two happenings: of these control goes first. */
interface Stretch {
  readonly control: Delivery[];
  readonly data: Delivery[];
  then?: () => void;
}

const freshWay = (): Way => ({ control: { bytes: 0, full: false }, data: { bytes: 0, full: false }, told: false });

export class Hub {
  readonly #ports = new Map<number, Port>();
  readonly #pairs = new Map<string, Pair>();
  #queue: Stretch[] = [{ control: [], data: [] }];
  #scheduled = false;
  /** Places that are closing: their last words still travel, nothing new begins. */
  readonly #leaving = new Set<number>();
  /** Called when the last port has left and nothing waits. */
  readonly #empty: () => void;

  constructor(empty: () => void) {
    this.#empty = empty;
  }

  /** False: the place is taken. */
  join(port: Port): boolean {
    const { place } = port.identity.address;
    if (this.#ports.has(place)) return false;
    this.#ports.set(place, port);
    this.#connectAll(place);
    return true;
  }

  /** What it sent before still arrives; after that its peers hear that it is gone. `left` is called then. */
  leave(port: Port, left: () => void): void {
    const { place } = port.identity.address;
    if (this.#ports.get(place) !== port) {
      left();
      return;
    }
    this.#leaving.add(place);
    for (const peer of this.#peersOf(place)) {
      const pair = this.#pair(place, peer);
      const { life } = pair;
      if (!pair.up) continue;
      pair.up = false;
      this.#later(() => {
        if (pair.life === life) this.#fall(place, peer, { kind: 'refused', detail: 'it closed' });
      });
    }
    this.#later(() => {
      this.#ports.delete(place);
      this.#leaving.delete(place);
      left();
      if (this.#ports.size === 0) this.#empty();
    });
  }

  wants(port: Port, wanted: ReadonlySet<number>): void {
    const { place } = port.identity.address;
    const before = port.wanted;
    port.wanted = wanted;
    for (const peer of before) if (!wanted.has(peer)) this.sever(place, peer);
    this.#connectAll(place);
  }

  sever(place: number, peer: number): void {
    const pair = this.#pair(place, peer);
    pair.ways.get(place)!.told = false;
    this.#fall(place, peer, { kind: 'lost', detail: 'given up by the other side' });
    this.#connect(place, peer);
  }

  connected(place: number, peer: number): boolean {
    return this.#pairs.get(keyOf(place, peer))?.up === true;
  }

  queued(place: number, plane: Plane): number {
    let sum = 0;
    for (const peer of this.#peersOf(place)) sum += this.#pair(place, peer).ways.get(peer)![plane].bytes;
    return sum;
  }

  /** False: the queue to that peer is full. Bytes for a pair that is not up are dropped. */
  send(port: Port, to: number, plane: Plane, bytes: Bytes): boolean {
    const from = port.identity.address.place;
    const pair = this.#pairs.get(keyOf(from, to));
    if (pair?.up !== true) return true;
    const lane = pair.ways.get(to)![plane];
    if (lane.full || (lane.bytes > 0 && lane.bytes + bytes.length > port.queueBytes)) {
      lane.full = true;
      return false;
    }
    lane.bytes += bytes.length;
    this.#queue.at(-1)![plane].push({ from, to, pair, life: pair.life, plane, bytes });
    this.#schedule();
    return true;
  }

  #peersOf(place: number): number[] {
    return [...this.#ports.keys()].filter((p) => p !== place).sort((a, b) => a - b);
  }

  #pair(a: number, b: number): Pair {
    const key = keyOf(a, b);
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      pair = { up: false, life: 0, ways: new Map([a, b].map((place) => [place, freshWay()])) };
      this.#pairs.set(key, pair);
    }
    return pair;
  }

  #connectAll(place: number): void {
    for (const peer of this.#peersOf(place)) this.#connect(place, peer);
  }

  /** A pair comes up when both are open and one of them wants it; and when they have the same list. */
  #connect(place: number, peer: number): void {
    const [a, b] = [this.#ports.get(place), this.#ports.get(peer)];
    if (a === undefined || b === undefined || !(a.wanted.has(peer) || b.wanted.has(place))) return;
    const pair = this.#pair(place, peer);
    if (pair.up || this.#leaving.has(place) || this.#leaving.has(peer)) return;
    if (a.identity.listHash !== b.identity.listHash) {
      this.#later(() => {
        for (const [x, y] of [
          [a, b],
          [b, a],
        ] as const) {
          const names = `${x.identity.address.name} and ${y.identity.address.name}`;
          x.up.noise(y.identity.address.place, `${names} have different daemon lists`);
        }
      });
      return;
    }
    pair.up = true;
    const life = ++pair.life;
    for (const [x, y] of [
      [place, peer],
      [peer, place],
    ] as const) {
      Object.assign(pair.ways.get(x)!, { control: { bytes: 0, full: false }, data: { bytes: 0, full: false } });
      this.#later(() => {
        if (pair.life !== life) return;
        pair.ways.get(x)!.told = true;
        this.#at(x, (up) => up.up(y));
      });
    }
  }

  /** The pair ends; who was told that it is up, and is not `place` itself, is told that it is down. */
  #fall(place: number, peer: number, why: Evidence): void {
    const pair = this.#pair(place, peer);
    pair.up = false;
    pair.life++;
    const way = pair.ways.get(peer)!;
    this.#later(() => {
      if (!way.told) return;
      way.told = false;
      this.#at(peer, (up) => up.down(place, why));
    });
  }

  #at(place: number, fn: (up: MediumUp) => void): void {
    const port = this.#ports.get(place);
    if (port === undefined) return;
    fn(port.up);
    port.up.flush();
  }

  #later(then: () => void): void {
    this.#queue.at(-1)!.then = then;
    this.#queue.push({ control: [], data: [] });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    let budget = TURN_BYTES;
    while (budget > 0) {
      const stretch = this.#queue[0]!;
      const rest = stretch.data.splice(0);
      budget -= this.#deliver(stretch.control.splice(0), Infinity).bytes;
      const { bytes, count } = this.#deliver(rest, budget);
      budget -= bytes;
      // What was sent meanwhile stands behind what is left.
      if (count < rest.length) stretch.data.unshift(...rest.slice(count));
      if (stretch.control.length > 0 || stretch.data.length > 0) break;
      if (stretch.then === undefined) return;
      this.#queue.shift();
      stretch.then();
    }
    this.#schedule();
  }

  /** Hands messages over until `limit` bytes; a receiver's tick ends where the next receiver's begins. */
  #deliver(messages: readonly Delivery[], limit: number): { bytes: number; count: number } {
    let bytes = 0;
    let count = 0;
    let open = -1;
    for (const d of messages) {
      if (bytes >= limit) break;
      count++;
      if (d.pair.life !== d.life) continue;
      bytes += d.bytes.length;
      const way = d.pair.ways.get(d.to)!;
      way[d.plane].bytes -= d.bytes.length;
      if (open !== d.to && open >= 0) this.#ports.get(open)?.up.flush();
      open = d.to;
      this.#ports.get(d.to)?.up.received(d.from, d.plane, d.bytes);
      this.#room(d, way[d.plane]);
    }
    if (open >= 0) this.#ports.get(open)?.up.flush();
    return { bytes, count };
  }

  #room(d: Delivery, lane: Lane): void {
    const sender = this.#ports.get(d.from);
    if (!lane.full || sender === undefined || lane.bytes > sender.queueBytes * ROOM_AT) return;
    lane.full = false;
    this.#later(() => {
      if (d.pair.life === d.life) this.#at(d.from, (up) => up.writable(d.to));
    });
  }
}

function keyOf(a: number, b: number): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

const hubs = new Map<string, Hub>();

/** The hub of that name, in this process. */
export function hubNamed(name: string): Hub {
  let hub = hubs.get(name);
  if (hub === undefined) {
    hub = new Hub(() => hubs.delete(name));
    hubs.set(name, hub);
  }
  return hub;
}
