// The vocabulary shared by every machine: bytes, members, configurations, packs, and the contract of a link
// (design: docs/design/architecture.md). Types only; nothing here runs.

/** Bytes given away at a call: nobody changes them before they are given back (`LinkUp.release`), so they may be shared without a copy. */
export type Bytes = Uint8Array;

/**
 * One life of one daemon. A name alone or an address alone never identifies a member: a daemon that restarts under
 * the same name has another incarnation and is another member.
 */
export interface Member {
  /** Name of the daemon: 1 to 19 bytes, each 0x24 to 0x7e, no '#'. */
  readonly name: string;
  /** Differs at every start, and rises unless the clock was set back: 64 bits, never 0. */
  readonly incarnation: bigint;
  /** Place in the canonical daemon list (order of the file), 0-based; also the order of members in a configuration. */
  readonly place: number;
}

/**
 * Identity of a configuration. `number` is drawn at random at each start of the proposer, `time` is above every time
 * known to any member, so an id never repeats although nothing is kept on disk and clocks may be set back.
 */
export interface ConfigurationId {
  /** 32 bits, unsigned. Stands towards clients where Spread writes an IPv4 address. */
  readonly number: number;
  /** Seconds, 31 bits, at least 1; rises along every daemon's life. */
  readonly time: number;
}

/** A regular configuration: the agreed set of daemons that can talk now. */
export interface Configuration {
  readonly id: ConfigurationId;
  /** Ordered by `place`; a member's rank is its position here. */
  readonly members: readonly Member[];
  /** Own rank. */
  readonly self: number;
  /** Largest pack, in bytes, that every member can send and receive in one send. */
  readonly maxPackBytes: number;
}

/**
 * frames: whole canonical client frames laid end to end. piece: a part of one frame too large for a pack.
 * state: a message of the group exchange. turn: the right to number, or the wish to have it (docs/design/order.md 2).
 */
export type PackKind = 'frames' | 'piece' | 'state' | 'turn';

/** The unit between daemons. */
export interface Pack {
  readonly kind: PackKind;
  /** Place in the one order of the configuration, from 1, 48 bits; 0: not numbered. */
  readonly position: number;
  /** Byte offset of the first SAFE frame, -1 when there is none: acknowledgements must not be delayed. */
  readonly safeAt: number;
  readonly bytes: Bytes;
}

/** Why somebody is suspected or a configuration changed: kept, logged and shown to the operator. */
export interface Evidence {
  /**
   * refused: the process is gone. unanswered: a dial got no answer. lost: a connection broke. silent: nothing heard
   * within the limit. one-way: we hear it, it does not hear us (or the reverse, told by a row). restarted: a new
   * incarnation appeared. left: clean leave. moved: it is in another configuration. stuck: it answers but makes no progress.
   */
  readonly kind: 'refused' | 'unanswered' | 'lost' | 'silent' | 'one-way' | 'restarted' | 'left' | 'moved' | 'stuck';
  /** One sentence for the log, e.g. "no beat for 512 ms (limit 500 ms)". */
  readonly detail: string;
}

/**
 * Control never waits behind data: a medium keeps a path of its own for it.
 */
export type Plane = 'control' | 'data';

/** How packs are best made for a link. */
export interface Packing {
  /** Largest pack, bytes; where it is compact at most MAX_RUN_BYTES count. */
  readonly bytes: number;
  /**
   * Heads that repeat are left out (core/wire/compact.ts): a pack of frames may be longer than that, at most MAX_RUN_BYTES,
   * if its compact form is not.
   */
  readonly compact: boolean;
}

/**
 * A link makes packs reliable over a medium inside one configuration. It is a pure machine: no sockets, no clock.
 *
 * Liveness: between members that hear each other every submitted pack is accepted in the end, or somebody is
 * suspected in time.
 */
export interface Link {
  /** True: the link numbers packs itself (a token). False: the core's turn numbers each pack before `submit`. */
  readonly totalOrder: boolean;
  /** Bytes the link puts before a pack; with the envelope this is what a datagram has less for the pack. */
  readonly overheadBytes: number;
  /**
   * How packs are made where one send has room for `roomBytes` of a pack. Absent: packs of that much, as they are. A link
   * that answers more sends such a pack in parts.
   */
  packing?(roomBytes: number): Packing;
  /** A new configuration begins; everything of the one before is forgotten. */
  install(configuration: Configuration, up: LinkUp): void;
  /** Sends a pack to all members. Only within the window; the n-th call has index n, from 1. */
  submit(pack: Pack): void;
  /** Bytes of the data plane from the member of that rank, in this configuration only. Hostile until checked. */
  received(from: number, bytes: Bytes): void;
  /** A timer set with `up.setTimer` has run out. */
  timer(key: number): void;
  /** The medium takes data again after `up.send` answered false; `peer` is a rank, or 'all'. */
  writable(peer: number | 'all'): void;
  /** The stream to that member was broken and is usable again: what was in flight either way may be lost. */
  reconnected(peer: number): void;
  /** End of a tick (one chunk read, one timer): what was held back to be sent together leaves now. */
  flush(): void;
  /** The end, synchronous: no call to `up` follows. Idempotent. */
  freeze(): Frozen;
  /** Short stable text for scripts, status and monitor. */
  describe(): string;
}

/** What a link may do. All calls are synchronous and may come from inside any call to the link. */
export interface LinkUp {
  /**
   * Every pack of every member, own packs too, exactly once, per sender in order of index without a gap.
   * With `totalOrder`, call n is position n. The link keeps a pack's bytes until `stable` at the longest.
   */
  accepted(sender: number, index: number, pack: Pack): void;
  /** Of `received`, packs handed up aside: these bytes are not needed any more (`DaemonPorts.release`). */
  release(bytes: Bytes, count?: number): void;
  /** Every member has accepted these: [position] if `totalOrder`, else an index per rank. Never falls. */
  stable(upTo: ArrayLike<number>): void;
  /** How many more bytes `submit` may take now; 0 stops clients, never delivery. */
  window(bytes: number): void;
  /** May be wrong; membership decides. */
  suspect(rank: number, why: Evidence): void;
  /**
   * `head` is the link's own header, `body` the pack's bytes or nothing. False: not taken (nothing was sent);
   * `writable` follows. With 'all' on a medium that has no multicast a false means that some peer did not get it.
   */
  send(to: number | 'all', plane: Plane, head: Bytes, body?: Bytes): boolean;
  /** Moves the timer of that key; negative: cancels. Milliseconds. */
  setTimer(key: number, ms: number): void;
  /** Milliseconds, monotonic, of the event being handled. */
  now(): number;
  /**
   * What one send has room for behind the link's own head and gets through well at present, bytes: at most `maxPackBytes` of
   * the configuration, which it is when this is absent. Rises and falls with what the medium's paths carry.
   */
  roomBytes?(): number;
}

/** What a link with `totalOrder` still held at the end. Others return empty lists: the core holds all of it. */
export interface Frozen {
  /** Never numbered: they go into the next configuration. */
  readonly unsent: readonly Pack[];
  /** Held beyond the first gap of the order. */
  readonly behind: readonly { position: number; sender: number; index: number; pack: Pack }[];
}
