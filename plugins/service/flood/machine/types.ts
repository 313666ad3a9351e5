// The contract between the machine of a flooding site and what surrounds it (docs/design/flood.md, section 2): the calls
// a driver makes (events) and the calls it answers (actions). The real driver and the simulator are the only two that
// implement `FloodPorts`; nothing else differs. All calls are synchronous; the machine may call ports from inside events.
import type { Bytes } from 'peal/plugin';
import type { FloodSettings, SiteDefinition } from './settings.js';

/** An update: origin's name, its incarnation (milliseconds since 1970 at its start, or above), sequence from 1. */
export interface UpdateId {
  readonly origin: string;
  readonly incarnation: number;
  readonly sequence: number;
}

/** Scope of an update that goes to all groups of its origin. */
export const ALL_GROUPS = '*';

/** A connection of the data port; numbers are the driver's and never used again in one life. */
export type ConnectionId = number;

/** Everything drawn or read from outside at the start of a life. */
export interface FloodBirth {
  readonly settings: FloodSettings;
  /**
   * Wall clock at start in milliseconds. The machine makes its incarnation of it, above any that `restore` brings.
   */
  readonly wallMs: number;
  /** Is there anything that takes exports? Without it data for export is dropped and counted. */
  readonly exporter: boolean;
  /**
   * Storage outlives the process: an update is acknowledged only when `stored` has confirmed it. Otherwise at once.
   */
  readonly durable: boolean;
  /** Shown in nothing but HELLO, e.g. `peal/0.1.0`. */
  readonly software: string;
}

/** Source of chance: who is probed, jitter of periods. The SDK's `Random` has this shape. */
export interface Chance {
  /** Uniform, 0 to 2^32 - 1. */
  u32(): number;
  /** Uniform, from 0 up to but not including 1. */
  real(): number;
}

/** Updates for the exporter: oldest first, of one scope, at least one. */
export interface ExportBundle {
  /** Group name, or `ALL_GROUPS`. */
  readonly scope: string;
  readonly updates: readonly { readonly id: UpdateId; readonly bytes: Bytes }[];
}

/** Question to the topology generator; answered by `generated` with the same number. */
export interface TopologyRequest {
  readonly number: number;
  readonly group: string;
  readonly master: string;
  readonly connectivity: number;
  /** Members that are not down, sorted by name (UTF-16 units). */
  readonly sites: readonly string[];
  /** Every pair once, `a` before `b` in `sites`, sorted. */
  readonly links: readonly TopologyLink[];
  /** Shell command of the group, absent: built-in. */
  readonly command?: string;
}

export interface TopologyLink {
  readonly a: string;
  readonly b: string;
  /** Milliseconds; undefined: never measured. */
  readonly rttMs: number | undefined;
  readonly bytesPerSecond: number | undefined;
  /** Above 0: measured, or guessed from places or from the other links. */
  readonly cost: number;
  readonly measured: boolean;
}

export type TopologyAnswer =
  | {
      readonly edges: readonly (readonly [a: string, b: string])[];
      readonly generator: 'builtin' | 'command';
      /** The command failed and the built-in generator stood in: counted as a generator failure. */
      readonly commandFailed: boolean;
    }
  | { readonly failed: string };

/** Sequence numbers of one origin, both ends included. */
export interface MissingRange {
  readonly origin: string;
  readonly incarnation: number;
  readonly first: number;
  readonly last: number;
  /**
   * gap: later ones came; ahead: a peer has had them for long; abandoned: a gap given up, what comes late is not
   * exported; dropped-export: came, but was dropped before its export, or the exporter gave it up.
   */
  readonly reason: 'gap' | 'ahead' | 'abandoned' | 'dropped-export';
}

/** Notices for the log, for hooks and for counters of the driver. Plain data. */
export type FloodEvent =
  /** Section 11: this site and the peer differ; the driver may run the resync command. */
  | {
      readonly kind: 'inconsistent';
      readonly group: string;
      readonly peer: string;
      readonly ranges: readonly MissingRange[];
      readonly reason: 'abandoned' | 'dropped' | 'ahead';
    }
  | { readonly kind: 'site'; readonly site: string; readonly state: SiteState; readonly why: string }
  | { readonly kind: 'left'; readonly site: string; readonly group: string }
  | { readonly kind: 'purged'; readonly site: string }
  | {
      readonly kind: 'members';
      readonly group: string;
      readonly epoch: number;
      readonly version: number;
      readonly count: number;
    }
  | {
      readonly kind: 'topology';
      readonly group: string;
      readonly epoch: number;
      readonly number: number;
      readonly edges: number;
    }
  | { readonly kind: 'generator'; readonly group: string; readonly detail: string }
  /** Two daemons claim this name: to be logged loudly. */
  | { readonly kind: 'name-clash'; readonly site: string; readonly address: string; readonly detail: string }
  /** We were refused by somebody, or refused somebody. */
  | {
      readonly kind: 'refused';
      readonly peer: string;
      readonly code: number;
      readonly detail: string;
      readonly byUs: boolean;
    }
  | { readonly kind: 'protocol-error'; readonly peer: string; readonly detail: string }
  /** References dropped since the last such notice, at most one a second. */
  | {
      readonly kind: 'dropped';
      readonly down: number;
      readonly send: number;
      readonly export: number;
      readonly full: number;
    }
  /** A peer knows a larger incarnation of ours: from here on we are this one. */
  | { readonly kind: 'reborn'; readonly incarnation: number };

/** What the machine may do. */
export interface FloodPorts {
  readonly chance: Chance;
  /** Call `wake` at that time of `at` (milliseconds, may have a fraction) or at once if it is past; replaces the earlier one. */
  wakeAt(ms: number | undefined): void;
  /**
   * Begins to connect to the site's data port: inet address first, then host name. Answers the connection's number at
   * once; later exactly one of `dialled` or `closed` follows. The driver gives up after 10 s.
   */
  dial(site: SiteDefinition): ConnectionId;
  /**
   * Queues bytes, given away, in order. False: the connection's queue is above the driver's limit (the bytes are
   * queued all the same); `writable` follows when it has room again.
   */
  send(connection: ConnectionId, head: Bytes, body?: Bytes): boolean;
  /** Sends what is queued (for 5 s at most), then ends the connection. No event of it follows. */
  close(connection: ConnectionId): void;
  /** Hands the bundle over. False: not taken, asked again within a second. Else one `exported` follows. */
  offer(bundle: ExportBundle): boolean;
  /** Begins the generator: off this thread. One `generated` follows. */
  generate(request: TopologyRequest): void;
  /**
   * The record of that key changed. At a time of its own choosing the driver takes a consistent cut: `record` for every
   * key touched since the last cut, all written in one batch, then `stored`.
   */
  touched(key: string): void;
  /** A peer asks for a channel (section 11.4): can somebody serve it? Answered by true, `channel` follows at once. */
  canServe(peer: string, reason: string): boolean;
  /**
   * From here on the connection is the driver's and carries raw bytes; `first` came already. `ticket`: of our `connect`,
   * undefined when the peer asked. No event of it is to be told any more.
   */
  channel(connection: ConnectionId, peer: string, ticket: number | undefined, first: Bytes): void;
  /** The `connect` with that ticket came to nothing. */
  channelFailed(ticket: number, why: ChannelFailure): void;
  event(e: FloodEvent): void;
}

export type ChannelFailure = 'unknown-site' | 'unreachable' | 'not-served' | 'timeout';

export type SubmitRefusal = 'no-group' | 'empty' | 'too-large' | 'full' | 'stopping';

/** The pure machine of one site. `at` is called first with the time of the event that follows. */
export interface FloodMachine {
  /** Monotonic milliseconds, fractions welcome (they time probes); wall clock in milliseconds, may jump. */
  at(nowMs: number, wallMs: number): void;
  /** Before `start`: every record that was stored in an earlier life. What cannot be read is dropped and counted. */
  restore(records: Iterable<readonly [key: string, value: Bytes]>): void;
  start(): void;
  /** The time asked for by `wakeAt` has come. */
  wake(): void;

  /** Somebody connected to our data port; `address` is the peer's, IPv4 dotted or IPv6. */
  accepted(connection: ConnectionId, address: string): void;
  dialled(connection: ConnectionId, address: string): void;
  /** Bytes; the machine copies what it keeps. */
  received(connection: ConnectionId, bytes: Bytes): void;
  writable(connection: ConnectionId): void;
  /** Ended by the peer or the network, or a dial that failed. Not after our own `close`. */
  closed(connection: ConnectionId, why: 'refused' | 'unreachable' | 'ended' | 'reset'): void;

  /** An update enters here, for one group or for all of this site. The bytes are given away. */
  submit(bytes: Bytes, group?: string): UpdateId | SubmitRefusal;
  /** The bundle taken last is done, or given up after all attempts of the exporter. */
  exported(ok: boolean): void;
  generated(number: number, answer: TopologyAnswer): void;
  /** Value now to be stored under a touched key; undefined: delete it. */
  record(key: string): Bytes | undefined;
  /** Before the first `record` of a cut: what is touched from here on belongs to the next one. Answers its number. */
  cut(): number;
  /** All cuts up to that one hold. Needed only when `durable`. */
  stored(cut: number): void;

  /** Opens a channel to a site; answers a ticket, and `channel` or `channelFailed` follow within 10 s. */
  connect(site: string, reason: string): number;
  /** Recompute now: false when we are not the master of that group. */
  update(group: string): boolean;
  /** Orderly end: LEAVE and GOODBYE are sent; the driver closes all connections afterwards. Idempotent. */
  leave(): void;

  readonly incarnation: number;
  groups(): readonly GroupStatus[];
  /** Undefined: not a group of this site. */
  members(group: string): readonly MemberStatus[] | undefined;
  topology(group: string): TopologyStatus | undefined;
  nearest(): readonly NearestSite[];
  have(group: string): readonly HaveLine[] | undefined;
  missing(group: string): readonly MissingRange[] | undefined;
  statistics(): FloodStatistics;
  /** The definition known now, e.g. for the environment of a hook. */
  site(name: string): SiteDefinition | undefined;
}

export type SiteState = 'self' | 'up' | 'suspect' | 'down';

export interface GroupStatus {
  readonly name: string;
  readonly members: number;
  readonly masterSite: string;
  /** Incarnation of the master whose list this is; 0: none heard of yet. */
  readonly epoch: number;
  readonly topologyNumber: number;
}

export interface MemberStatus {
  readonly site: SiteDefinition;
  readonly state: SiteState;
  /** Seconds since it was heard, 0 for ourselves; undefined: never. */
  readonly heardSecondsAgo: number | undefined;
  readonly master: boolean;
}

export interface EdgeStatus {
  /** a < b. */
  readonly a: string;
  readonly b: string;
  readonly cost: number;
  readonly rttMs: number | undefined;
  readonly bytesPerSecond: number | undefined;
}

export interface TopologyStatus {
  readonly epoch: number;
  readonly number: number;
  readonly edges: readonly EdgeStatus[];
  /** Greatest distance in edges; 0 when it has none. */
  readonly diameter: number;
  readonly generator: 'builtin' | 'command' | 'bootstrap';
}

export interface NearestSite {
  readonly site: SiteDefinition;
  /** Undefined: not measured; 0 for ourselves. */
  readonly rttMs: number | undefined;
}

/** What this site has of one origin in one group. */
export interface HaveLine {
  readonly origin: string;
  readonly incarnation: number;
  /** Everything up to here was seen, or was given up. */
  readonly lowWater: number;
  /** Seen above it, both ends included, rising. */
  readonly ranges: readonly (readonly [first: number, last: number])[];
}

/** Counters never decrease in one life; the others are of now. The order is that of the text port. */
export interface FloodStatistics {
  readonly uptimeSeconds: number;
  readonly site: string;
  readonly incarnation: number;
  readonly groups: number;
  readonly sitesKnown: number;
  readonly sitesUp: number;
  readonly sitesDown: number;
  readonly linksUp: number;
  readonly updatesOriginated: number;
  readonly updatesReceived: number;
  readonly duplicates: number;
  readonly updatesExported: number;
  readonly exportRuns: number;
  readonly exportFailures: number;
  readonly exportDropped: number;
  readonly bytesStored: number;
  readonly dataStorageMax: number;
  readonly queuedSend: number;
  readonly queuedExport: number;
  readonly droppedDown: number;
  readonly droppedSend: number;
  readonly droppedExport: number;
  readonly droppedOversize: number;
  /** Updates of neighbours that found no room at all; acknowledged, not recorded as seen. */
  readonly droppedFull: number;
  readonly gapsAbandoned: number;
  readonly pings: number;
  readonly bandwidthProbes: number;
  readonly estimatesSent: number;
  readonly joinsSent: number;
  readonly joinsReceived: number;
  readonly topologiesComputed: number;
  readonly topologiesReceived: number;
  readonly generatorFailures: number;
  readonly protocolErrors: number;
}
