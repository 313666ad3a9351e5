// The frames between sites as plain data. How each is written is in write.ts, how it is read and checked in read.ts; the
// table of fields is docs/design/flood.md, section 3. Times of other clocks are information only.
import type { Bytes } from 'peal/plugin';
import type { SiteDefinition } from '../machine/settings.js';
import type { UpdateId } from '../machine/types.js';

/** What a connection is for; said by who dialled it and repeated by who answers. */
export type Purpose = 'link' | 'probe' | 'join' | 'drain' | 'sync';
export const PURPOSES: readonly Purpose[] = ['link', 'probe', 'join', 'drain', 'sync'];

export interface Hello {
  readonly kind: 'hello';
  readonly site: SiteDefinition;
  readonly incarnation: number;
  readonly purpose: Purpose;
  readonly protocol: number;
  readonly software: string;
  readonly groups: readonly string[];
}

/** What a site has of one origin: everything up to `lowWater`, and `ranges` above it, rising, not touching. */
export interface HaveOrigin {
  readonly origin: string;
  readonly incarnation: number;
  readonly lowWater: number;
  readonly ranges: readonly (readonly [first: number, last: number])[];
}

/** A frame that says all a site has of a group. */
export interface Have {
  readonly kind: 'have';
  readonly group: string;
  readonly origins: readonly HaveOrigin[];
}

/**
 * Head of an update. `since`: the sequence of the origin's previous update that members of the scope get, so that they
 * can tell a gap from updates for others; with scope `*` also per group of the origin.
 */
export interface Data extends UpdateId {
  readonly kind: 'data';
  readonly scope: string;
  readonly hops: number;
  /** Clock of the origin, milliseconds since 1970. */
  readonly created: number;
  readonly since: number;
  readonly sinceOf: readonly (readonly [group: string, sequence: number])[];
}

export interface Ack {
  readonly kind: 'ack';
  readonly ids: readonly UpdateId[];
}

export interface Ping {
  readonly kind: 'ping' | 'pong';
  readonly id: number;
  /** The sender's clock, echoed. */
  readonly time: number;
}

export interface BandwidthTest {
  readonly kind: 'bwtest';
  readonly id: number;
}

export interface BandwidthResult {
  readonly kind: 'bwresult';
  readonly id: number;
  readonly bytes: number;
  readonly elapsedUs: number;
}

export interface EstimatedLink {
  readonly to: string;
  readonly rttMs: number | undefined;
  readonly bytesPerSecond: number | undefined;
  readonly ageSeconds: number;
}

export interface Estimates {
  readonly kind: 'estimates';
  readonly group: string;
  readonly origin: string;
  readonly incarnation: number;
  readonly serial: number;
  readonly links: readonly EstimatedLink[];
  /** With every fifth: what the origin has. */
  readonly have: readonly HaveOrigin[] | undefined;
}

export interface Join {
  readonly kind: 'join';
  readonly group: string;
  readonly hops: number;
  readonly site: SiteDefinition;
  readonly incarnation: number;
}

export interface Members {
  readonly kind: 'members';
  readonly group: string;
  readonly epoch: number;
  readonly version: number;
  readonly members: readonly { readonly site: SiteDefinition; readonly incarnation: number }[];
}

export interface TopologyEdge {
  readonly a: string;
  readonly b: string;
  readonly cost: number;
}

export interface Topology {
  readonly kind: 'topology';
  readonly group: string;
  readonly epoch: number;
  readonly number: number;
  readonly connectivity: number;
  readonly generator: 'builtin' | 'command';
  readonly edges: readonly TopologyEdge[];
}

export interface Leave {
  readonly kind: 'leave';
  readonly group: string;
  readonly site: string;
  readonly incarnation: number;
}

/** Asks for a raw channel, and answers that it stands. */
export interface Sync {
  readonly kind: 'sync';
  readonly to: string;
  readonly reason: string;
}

export interface Goodbye {
  readonly kind: 'goodbye';
  readonly reason: string;
}

export interface ErrorFrame {
  readonly kind: 'error';
  readonly code: number;
  readonly text: string;
  /** With 553: the incarnation known of the refused site; 0: does not apply. */
  readonly incarnation: number;
}

export type ControlFrame =
  | Hello
  | Have
  | Ack
  | Ping
  | BandwidthResult
  | Estimates
  | Join
  | Members
  | Topology
  | Leave
  | Sync
  | Goodbye
  | ErrorFrame;

/** A frame that was read. The payload of `data` is undefined when it was larger than the reader keeps. */
export type Frame =
  | ControlFrame
  | (Data & { readonly payload: Bytes | undefined; readonly payloadBytes: number })
  | (BandwidthTest & { readonly payloadBytes: number; readonly firstAtMs: number });

/** Codes of ERROR. */
export const ErrorCode = {
  busy: 450,
  protocol: 500,
  notServed: 502,
  notAllowed: 530,
  noCommonGroup: 550,
  identity: 553,
} as const;
