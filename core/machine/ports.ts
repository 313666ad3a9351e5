// What surrounds the daemon's machine: the calls a driver makes and the calls it answers. The real driver
// (core/runtime) and the simulator (test/sim) are the only two that implement `DaemonPorts`; nothing else differs.
import type { Bytes, Configuration, ConfigurationId, Evidence, Link, Member, Plane } from './types.js';

/** One line of the canonical daemon list, as far as the machine needs it. */
export interface ListedDaemon {
  readonly name: string;
  readonly place: number;
}

/** Facts about the medium under the link. */
export interface MediumFacts {
  readonly maxBytes: number;
  /**
   * What of one send gets through well now, at most `maxBytes`, which it is when it is absent. Read anew each time, since
   * paths change.
   */
  readonly fitBytes?: number;
  readonly stream: boolean;
}

/** Everything drawn or read from outside at the start of a life. */
export interface Birth {
  readonly list: readonly ListedDaemon[];
  /** Own place in the list. */
  readonly self: number;
  readonly listHash: number;
  /** From the wall clock, which may have been set back; differs from every other life of this name; never 0. */
  readonly incarnation: bigint;
  /** The random 32-bit first part of configuration ids proposed in this life. */
  readonly idNumber: number;
  readonly medium: MediumFacts;
  readonly link: Link;
  readonly options: DaemonOptions;
}

/** Times in milliseconds, sizes in bytes; defaults are in core/machine/options.ts. */
export interface DaemonOptions {
  /** A neighbour unheard for that long is suspected. */
  readonly silenceLimitMs: number;
  /** Own upper limit of one pack, 0: what the medium carries. */
  readonly packBytes: number;
  /** Bytes of not yet numbered client frames at which clients are no longer read. */
  readonly backlogBytes: number;
}

/** Why the configuration changed: kept for status, logged, counted. */
export interface ChangeRecord {
  readonly atMs: number;
  readonly from: ConfigurationId | undefined;
  readonly to: ConfigurationId;
  readonly members: readonly string[];
  /** One sentence per cause, e.g. "beta suspected by alpha over tcp: refused". */
  readonly why: readonly string[];
}

/** Notices to the operator. Plain data; the driver logs and counts them. */
export type DaemonEvent =
  /** A regular configuration begins, exactly at its notice in the ordered stream. */
  | { readonly kind: 'installed'; readonly configuration: Configuration; readonly record: ChangeRecord }
  /**
   * The transitional configuration after `from` begins, exactly where the ordered stream has its transitional notice:
   * without it nobody outside could tell regular from transitional deliveries. `survivors` include this daemon.
   */
  | { readonly kind: 'transitional'; readonly from: ConfigurationId; readonly survivors: readonly Member[] }
  | { readonly kind: 'suspected'; readonly peer: string; readonly why: Evidence }
  | { readonly kind: 'round'; readonly round: number; readonly why: string }
  | { readonly kind: 'refused'; readonly peer: string; readonly detail: string }
  /** Bytes from outside that no machine takes: counted by `what`, logged at a bounded rate. */
  | { readonly kind: 'dropped'; readonly peer: number; readonly what: string }
  /** This daemon must stop: the coded error says why. */
  | { readonly kind: 'fatal'; readonly code: string; readonly detail: string };

/** What the machine may do. Synchronous; called from inside the calls to the machine. */
export interface DaemonPorts {
  /** To the peer at that place of the list, or to all that were named by `reach`. */
  send(to: number | 'all', plane: Plane, head: Bytes, body?: Bytes): boolean;
  sever(peer: number): void;
  /** Whom the medium shall reach from now on, places without our own. */
  reach(peers: readonly number[]): void;
  /**
   * Moves the timer of that key; negative: cancels. 0 ms: after one full turn of reading (the driver reads every
   * socket that is ready before it fires), which is how "a timer never accuses" is kept.
   */
  setTimer(key: number, ms: number): void;
  /** A run of whole frames for that session, shared with others: never changed. */
  deliver(session: number, frames: Bytes, messages: number): void;
  /** The session's disconnect was delivered in the order, or concerned nobody else: its name is free again. */
  gone(session: number): void;
  /** May regular frames of clients be read? Joins and leaves of a client travel in the same stream, so all wait. */
  reading(open: boolean): void;
  /** Memory with whatever was in it; the driver gives slabs of the kind its sockets like best. */
  allocate(bytes: number): Bytes;
  /**
   * Of bytes that came by `received`, lasting by `submit`, or from `allocate`: the machine needs these no more when the tick has ended, and their
   * memory may be used again. Once for the same bytes; for which it is never said, those are never changed. `count`: not these,
   * but as many of the same memory, for a head.
   */
  release(bytes: Bytes, count?: number): void;
  event(e: DaemonEvent): void;
}

/**
 * The daemon's machine: membership, recovery, order, delivery and groups over one link. Every call is one event;
 * `at` is called first with the time of the event. `flush` ends a tick.
 */
export interface DaemonMachine {
  /** Monotonic milliseconds, integer, and wall clock in seconds (may jump either way). */
  at(nowMs: number, wallSeconds: number): void;
  start(): void;
  /** Bytes from the medium; `from` is the place of the peer as far as the medium knows, else -1. */
  received(from: number, plane: Plane, bytes: Bytes): void;
  writable(to: number | 'all'): void;
  up(peer: number): void;
  down(peer: number, why: Evidence): void;
  timer(key: number): void;
  flush(): void;

  /** A session begins; `name` is legal and not in use (`nameInUse`). Ids are the driver's and never reused. */
  open(session: number, name: string, membership: boolean): void;
  nameInUse(name: string): boolean;
  /**
   * A run of whole, canonical, checked frames of that session: regular, JOIN and LEAVE (a KILL is `close`). Copied, unless `lasting`:
   * nobody changes that memory before it is given back.
   */
  submit(session: number, frames: Bytes, lasting?: boolean): void;
  /**
   * The session ends (KILL, lost connection, kicked): nothing is delivered to it from here. Its disconnect is ordered if it
   * ever asked to join a group; else `gone` follows in this call.
   */
  close(session: number): void;
  /** A reader with policy `block` is too slow (true) or good again. */
  congested(session: number, on: boolean): void;

  /** Clean leave: own packs are made stable (bounded), the others told; `left` answers when it is done. */
  leave(left: () => void): void;
  status(): DaemonStatus;
  describe(): string;
}

export interface DaemonStatus {
  readonly state: 'starting' | 'operational' | 'gathering' | 'recovering' | 'leaving' | 'stopped';
  readonly configuration: Configuration | undefined;
  readonly round: number;
  readonly changes: readonly ChangeRecord[];
  readonly peers: readonly { name: string; heardMsAgo: number; hearsUs: boolean; heldUntilMs: number }[];
  readonly sessions: number;
  readonly groups: number;
  readonly counters: Readonly<Record<string, number>>;
}

export type { Bytes, Configuration, ConfigurationId, Evidence, Link, Member, Plane };
