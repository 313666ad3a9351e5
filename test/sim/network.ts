// The virtual network: what both flavours share. It plays the part of a medium (core/plugin/medium.ts) and of the
// sockets under it for every daemon of a cluster at once. Bytes are joined only when they arrive; the daemon (daemon.ts) copies what it
// sends, as the system does, and finds out a machine that changes what it gave away.
import type { Bytes, Evidence, Plane } from '../../core/machine/types.js';
import type { MediumFacts } from '../../core/machine/ports.js';
import type { Clock } from './clock.js';
import type { Faults } from './faults.js';
import type { Random } from './random.js';
import { Slab } from './slab.js';

/** One life of a daemon as the network sees it. `begin` and `end` enclose what belongs to one tick. */
export interface NetworkNode {
  begin(): void;
  received(from: number, plane: Plane, bytes: Bytes): void;
  writable(to: number | 'all'): void;
  up(peer: number): void;
  down(peer: number, why: Evidence): void;
  /** Ends the tick: the machine's `flush`. */
  end(): void;
}

export interface NetworkOptions {
  readonly clock: Clock;
  readonly faults: Faults;
  readonly random: Random;
  /** Largest send in bytes. */
  readonly maxBytes: number;
  /**
   * Datagrams: what paths carry well, one value after the other for FIT_MS each; larger sends are often lost. Absent or
   * empty: `maxBytes`.
   */
  readonly fits?: readonly number[];
  /** What sockets hold per pair and plane (stream) or per daemon (datagram). */
  readonly bufferBytes: number;
}

export interface Network {
  readonly facts: MediumFacts;
  /** A process listens at that place from now on. */
  boot(place: number, node: NetworkNode): void;
  /** The process is gone, and its sockets with it. */
  kill(place: number): void;
  /** The process handles nothing until `resume`. */
  pause(place: number): void;
  /** What waited in its sockets is handled now, in ticks. */
  resume(place: number): void;
  reach(place: number, peers: readonly number[]): void;
  sever(place: number, peer: number): void;
  send(place: number, to: number | 'all', plane: Plane, head: Bytes, body?: Bytes): boolean;
  /** Breaks the connections between two daemons, as a box on the way does; nothing on datagrams. */
  reset(a: number, b: number): void;
}

/** A send on its way. */
export interface Flight {
  readonly at: number;
  readonly head: Bytes;
  readonly body: Bytes | undefined;
}

const arrivals = new Slab();

/** A send as it arrives, in memory that nobody else has. */
export function join(head: Bytes, body: Bytes | undefined): Bytes {
  const all = arrivals.take(head.length + (body?.length ?? 0));
  all.set(head);
  if (body !== undefined) all.set(body, head.length);
  return all;
}

/** How long a socket that took nothing stays full when nothing else says so. */
export const FULL_MS = 5;
