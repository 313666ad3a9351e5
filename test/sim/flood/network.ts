// The virtual network between flooding sites: connections in order and without loss, as TCP gives them, that can be cut
// silently, reset, refused, slowed down and corrupted. Everything is drawn from the seed.
import { type Clock, Phase } from '../clock.js';
import type { Random } from '../random.js';

/** What the network calls at an end of a connection; the process behind it may stand still meanwhile. */
export interface EndPoint {
  /** False: it stands still; kicked again when it goes on. */
  readonly awake: boolean;
  received(connection: number, bytes: Uint8Array): void;
  writable(connection: number): void;
  closed(connection: number, why: 'ended' | 'reset'): void;
}

export interface Listener {
  /** Where it lives. */
  readonly place: number;
  readonly listening: boolean;
  /** Called by who dialled from that place. */
  accept(connection: number, from: number): EndPoint;
}

const DIAL_LIMIT_MS = 10_000;
/** Bytes under way in one direction above which the sender is told to wait. */
const BUFFER_BYTES = 262_144;
const CHUNK_BYTES = 65_536;
/** What arrives changed is magic or version of a frame: bodies have no checksum of their own, that is the business of TCP. */
const FRONT_BYTES = 3;
const MAGIC = [0x46, 0x44];

/** One direction of a connection. */
interface Direction {
  readonly from: number;
  readonly to: number;
  readonly queue: Uint8Array[];
  bytes: number;
  /** After the queue: the end of the stream. */
  end: 'no' | 'ended' | 'reset';
  full: boolean;
  /** Arrival of what is first. */
  busyUntil: number;
  scheduled: boolean;
  closed: boolean;
}

interface Wire {
  readonly ends: [Side, Side | undefined];
  readonly ways: readonly [Direction, Direction];
}

interface Side {
  readonly id: number;
  readonly point: EndPoint;
  gone: boolean;
}

export class Network {
  private ids = 0;
  private readonly wires = new Map<number, { readonly wire: Wire; readonly side: 0 | 1 }>();
  private readonly cuts = new Set<string>();
  private readonly latency: number[][];
  private readonly bytesPerMs: number[][];
  /** Chunks that arrive with a changed front, out of a million. */
  corruptPerMillion = 0;

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    places: number,
  ) {
    const at = Array.from({ length: places }, () => [random.below(60), random.below(60)] as const);
    const far = (a: number, b: number): number =>
      1 + Math.round(Math.hypot(at[a]![0] - at[b]![0], at[a]![1] - at[b]![1]));
    const all = Array.from({ length: places }, (_, i) => i);
    this.latency = all.map((a) => all.map((b) => far(Math.min(a, b), Math.max(a, b))));
    this.bytesPerMs = all.map(() => all.map(() => random.pick([100, 1000, 10_000])));
  }

  get open(): number {
    return this.wires.size;
  }

  /** Ends of connections at a place. */
  openAt(place: number): number {
    let n = 0;
    for (const { wire, side } of this.wires.values()) if (wire.ways[side].from === place) n++;
    return n;
  }

  /** Without jitter and waiting, there and back. */
  roundTripMs(a: number, b: number): number {
    return this.latency[a]![b]! + this.latency[b]![a]!;
  }

  /** Makes both directions of a path so far, one way, and so wide. */
  setPath(a: number, b: number, oneWayMs: number, bytesPerMs: number): void {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      this.latency[from]![to] = oneWayMs;
      this.bytesPerMs[from]![to] = bytesPerMs;
    }
  }

  isCut(from: number, to: number): boolean {
    return this.cuts.has(`${from} ${to}`);
  }

  cut(from: number, to: number): void {
    this.cuts.add(`${from} ${to}`);
  }

  heal(from: number, to: number): void {
    if (this.cuts.delete(`${from} ${to}`)) this.kickAll();
  }

  healAll(): void {
    this.cuts.clear();
    this.kickAll();
  }

  dial(
    place: number,
    point: EndPoint,
    to: Listener,
    up: { dialled(): void; failed(why: 'refused' | 'unreachable'): void },
  ): number {
    const id = ++this.ids;
    const ms = this.latency[place]![to.place]! + this.random.heavy(1, 20);
    const wire: Wire = {
      ends: [{ id, point, gone: false }, undefined],
      ways: [direction(place, to.place), direction(to.place, place)],
    };
    this.wires.set(id, { wire, side: 0 });
    this.clock.schedule(this.clock.now + ms, Phase.read, () => {
      if (this.isCut(place, to.place) || this.isCut(to.place, place)) {
        this.clock.schedule(this.clock.now + DIAL_LIMIT_MS, Phase.read, () =>
          this.fail(id, () => up.failed('unreachable')),
        );
        return;
      }
      if (!to.listening) {
        this.clock.schedule(this.clock.now + ms, Phase.read, () => this.fail(id, () => up.failed('refused')));
        return;
      }
      if (wire.ends[0].gone) return;
      const other = ++this.ids;
      this.wires.set(other, { wire, side: 1 });
      wire.ends[1] = { id: other, point: to.accept(other, place), gone: false };
      this.clock.schedule(this.clock.now + ms, Phase.read, () => {
        if (this.wires.has(id) && !wire.ends[0].gone) up.dialled();
        this.kick(wire.ways[1], wire);
      });
      this.kick(wire.ways[0], wire);
    });
    return id;
  }

  send(id: number, bytes: Uint8Array): boolean {
    const found = this.wires.get(id);
    if (found === undefined) return true;
    const way = found.wire.ways[found.side];
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) way.queue.push(bytes.subarray(at, at + CHUNK_BYTES));
    way.bytes += bytes.length;
    if (way.bytes > BUFFER_BYTES) way.full = true;
    this.kick(way, found.wire);
    return !way.full;
  }

  /** An end lets go in good order: what was sent arrives, then the end. */
  close(id: number): void {
    this.let(id, 'ended');
  }

  /** An end breaks. */
  reset(id: number): void {
    this.let(id, 'reset');
  }

  /** All connections of a process that is killed: the kernel of a machine that lives ends them. */
  kill(point: EndPoint): void {
    for (const [id, { wire, side }] of [...this.wires]) if (wire.ends[side]?.point === point) this.let(id, 'reset');
  }

  /** Breaks one connection between two places at both ends; false: there is none. */
  breakOne(a: number, b: number): boolean {
    for (const { wire } of this.wires.values()) {
      const { from, to } = wire.ways[0];
      if (!((from === a && to === b) || (from === b && to === a)) || wire.ends[1] === undefined) continue;
      for (const way of wire.ways) {
        way.queue.length = 0;
        way.bytes = 0;
        way.end = 'reset';
        this.kick(way, wire);
      }
      return true;
    }
    return false;
  }

  kickAll(): void {
    for (const { wire, side } of this.wires.values()) this.kick(wire.ways[side], wire);
  }

  private fail(id: number, tell: () => void): void {
    if (!this.wires.delete(id)) return;
    tell();
  }

  private let(id: number, how: 'ended' | 'reset'): void {
    const found = this.wires.get(id);
    if (found === undefined) return;
    this.wires.delete(id);
    const { wire, side } = found;
    wire.ends[side]!.gone = true;
    const way = wire.ways[side];
    if (how === 'reset' && way.queue.length > 1) {
      const kept = way.queue.slice(0, 1 + this.random.below(way.queue.length));
      way.bytes -= way.queue.slice(kept.length).reduce((n, b) => n + b.length, 0);
      way.queue.splice(kept.length);
    }
    way.end = how;
    this.kick(way, wire);
  }

  /** Schedules the arrival of what is first in that direction, if it can arrive. */
  private kick(way: Direction, wire: Wire): void {
    if (way.scheduled || way.closed || this.isCut(way.from, way.to)) return;
    const to = wire.ends[way === wire.ways[0] ? 1 : 0];
    if (to === undefined || (way.queue.length === 0 && way.end === 'no')) return;
    if (!to.point.awake) return;
    const size = way.queue[0]?.length ?? 0;
    const ms = this.latency[way.from]![way.to]! + Math.ceil(size / this.bytesPerMs[way.from]![way.to]!);
    const at = Math.max(
      way.busyUntil,
      this.clock.now + (way.busyUntil > this.clock.now ? 0 : ms) + this.random.heavy(1, 10),
    );
    way.scheduled = true;
    this.clock.schedule(at, Phase.read, () => {
      way.scheduled = false;
      way.busyUntil = this.clock.now + Math.ceil(size / this.bytesPerMs[way.from]![way.to]!);
      if (!this.isCut(way.from, way.to) && to.point.awake) this.arrive(way, wire, to);
      this.kick(way, wire);
    });
  }

  private arrive(way: Direction, wire: Wire, to: Side): void {
    // What gathered arrives together, up to what a socket reads at once.
    const parts: Uint8Array[] = [];
    let bytes = 0;
    while (way.queue.length > 0 && bytes < CHUNK_BYTES) {
      const part = way.queue.shift()!;
      parts.push(part);
      bytes += part.length;
    }
    way.bytes -= bytes;
    if (bytes > 0 && !to.gone) this.deliver(to, Uint8Array.from(Buffer.concat(parts)));
    if (way.full && way.bytes < BUFFER_BYTES / 2) {
      way.full = false;
      const from = wire.ends[way === wire.ways[0] ? 0 : 1];
      if (from !== undefined && !from.gone && from.point.awake) from.point.writable(from.id);
    }
    if (way.queue.length > 0 || way.end === 'no') return;
    way.closed = true;
    if (to.gone) return;
    to.gone = true;
    this.wires.delete(to.id);
    to.point.closed(to.id, way.end);
  }

  private deliver(to: Side, bytes: Uint8Array): void {
    const front = bytes[0] === MAGIC[0] && bytes[1] === MAGIC[1];
    if (front && this.corruptPerMillion > 0 && this.random.below(1_000_000) < this.corruptPerMillion)
      bytes[this.random.below(Math.min(bytes.length, FRONT_BYTES))]! ^= 1 << this.random.below(8);
    if (bytes.length > 1 && this.random.chance(30)) {
      const at = 1 + this.random.below(bytes.length - 1);
      to.point.received(to.id, bytes.slice(0, at));
      if (!to.gone) to.point.received(to.id, bytes.slice(at));
    } else to.point.received(to.id, bytes);
  }
}

function direction(from: number, to: number): Direction {
  return { from, to, queue: [], bytes: 0, end: 'no', full: false, busyUntil: 0, scheduled: false, closed: false };
}
