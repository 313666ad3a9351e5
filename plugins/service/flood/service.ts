// The face of service `flood` for a client API that stands beside it: what `scope.get(Companion)` is when the section of
// that API says `service = flood`. Types only; the text port turns these calls into the commands of the original.
import type { Bytes, CommandFace, Service } from 'peal/plugin';
import type {
  FloodStatistics,
  GroupStatus,
  HaveLine,
  MemberStatus,
  MissingRange,
  NearestSite,
  SubmitRefusal,
  TopologyStatus,
  UpdateId,
} from './machine/types.js';
import type { SiteDefinition } from './machine/settings.js';

export type {
  EdgeStatus,
  FloodStatistics,
  GroupStatus,
  HaveLine,
  MemberStatus,
  MissingRange,
  NearestSite,
  SiteState,
  SubmitRefusal,
  TopologyStatus,
  UpdateId,
} from './machine/types.js';
export type { SiteDefinition } from './machine/settings.js';

/** Told while a channel stands; `closed` is the last call. */
export interface ChannelSink {
  /** Given away. */
  received(bytes: Bytes): void;
  /** After a `write` that answered false: it may go on. */
  drained(): void;
  /** The other end closed, or the connection broke. */
  closed(): void;
}

/** A raw connection to an application at another site. */
export interface Channel {
  readonly peer: string;
  /** Bytes are given away. False: wait for `drained`. */
  write(bytes: Bytes): boolean;
  /** Stop and go on telling `received`: what waits stays in the network. */
  pause(on: boolean): void;
  /** Ends it after what was written; `closed` is not called. */
  end(): void;
}

/** unknown-site: 550; unreachable, timeout: 451 or 550 within 10 s; not-served: 502; stopping: 421. */
export type ConnectRefusal = 'unknown-site' | 'unreachable' | 'timeout' | 'not-served' | 'stopping';

/** An offer to serve the next channel that a peer asks for. */
export interface Listening {
  /** The channel; undefined after `cancel` or when the service stops. */
  readonly accepted: Promise<Channel | undefined>;
  cancel(): void;
}

export interface FloodService extends Service {
  /** Its commands on the text port: `floodFace(this, ...)` of commands/index.ts, there from the constructor on. */
  readonly face: CommandFace;
  /** Own definition. */
  readonly site: SiteDefinition;
  /** Largest update in bytes. */
  readonly updateMaxBytes: number;

  /**
   * Floods bytes (given away), to one group or to all groups of this site. Resolves when the update is recorded: with
   * durable storage, on disk. Never rejects.
   */
  submit(bytes: Bytes, group?: string): Promise<UpdateId | SubmitRefusal>;

  groups(): readonly GroupStatus[];
  /** In order of names. Undefined: no such group. */
  members(group: string): readonly MemberStatus[] | undefined;
  topology(group: string): TopologyStatus | undefined;
  /** At most five, best first: this site and sites that are up. */
  nearest(): readonly NearestSite[];
  have(group: string): readonly HaveLine[] | undefined;
  missing(group: string): readonly MissingRange[] | undefined;
  statistics(): FloodStatistics;

  /** Sends raw bytes to and fro with an application at that site. Resolves within 10 s, never rejects. */
  connect(site: string, sink: ChannelSink): Promise<Channel | ConnectRefusal>;
  /** Undefined: somebody listens already. */
  listen(sink: ChannelSink): Listening | undefined;

  /** May a client at that address use `terminate` and `update`? */
  isAdmin(address: string): boolean;
  /** Computes the topology now; false when this site is not the master of that group, or has no such group. */
  update(group: string): boolean;
  /** Ends the daemon in an orderly way (port `Shutdown` of the SDK): the caller has asked `isAdmin`. */
  terminate(): void;
}
