// What a site is told: one typed tree that both ways of saying it (an S-expression file, INI) are turned into
// (docs/design/flood.md, section 1). Checked before it gets here: names unique, ports legal, every group named once.
import type { Bytes } from 'peal/plugin';

/** Where and what a site is. Names: 1 to 64 bytes of UTF-8 without control characters. */
export interface SiteDefinition {
  readonly name: string;
  /** Domain name; need not resolve everywhere. */
  readonly hostname: string;
  /** Tried before the host name. */
  readonly inetAddress?: string;
  /** Text port. */
  readonly clientPort: number;
  /** Port between daemons. */
  readonly dataPort: number;
  /** Degrees, east and north positive. */
  readonly longitude?: number;
  readonly latitude?: number;
}

/** An entry of an access list: addresses whose first `prefixBits` bits are those of `address`. */
export interface Network {
  /** 4 or 16 bytes, in network order. */
  readonly address: Bytes;
  readonly prefixBits: number;
}

/** Periods in milliseconds; 0 switches the activity off. Only the master uses the first four after `masterSite`. */
export interface GroupSettings {
  readonly name: string;
  /** The `:site` entries, in the order of the file; this site need not be among them. At least one. */
  readonly sites: readonly string[];
  readonly masterSite: string;
  /** k of the k-connected topology, at least 1. */
  readonly connectivity: number;
  /** Shell command; absent: the built-in generator. */
  readonly topologyGenerator?: string;
  readonly updatePeriodMs: number;
  readonly joinPeriodMs: number;
  readonly pingPeriodMs: number;
  readonly bandwidthPeriodMs: number;
  readonly estimatesPeriodMs: number;
  /** Silence after which a site is down. Already resolved from its default, above 0. */
  readonly downPeriodMs: number;
  readonly bandwidthSizeBytes: number;
  readonly allow: readonly Network[];
  readonly deny: readonly Network[];
}

export interface LocalSettings {
  /** Most memory for updates on their way, each counted once as its bytes + 512. */
  readonly dataStorageMaxBytes: number;
  /** Largest single update, at most half of `dataStorageMaxBytes`. */
  readonly updateMaxBytes: number;
  readonly logPurgePeriodMs: number;
  readonly sitePurgePeriodMs: number;
  /** Shell command; absent: the exporter of the daemon's own file, or none. */
  readonly exportCommand?: string;
  /** Export also what entered here. */
  readonly exportLocal: boolean;
  /** 0: never ended. */
  readonly exportTimeoutMs: number;
  readonly exportRetries: number;
  /** Most bytes of updates in one batch. */
  readonly exportBundleMaxBytes: number;
  readonly resyncCommand?: string;
  readonly resyncServeCommand?: string;
  /** Who may end the daemon or ask for a new topology. */
  readonly adminSites: readonly Network[];
}

export interface FloodSettings {
  /** Own name; a definition of it is in `sites`. */
  readonly site: string;
  /** Every site defined locally. */
  readonly sites: readonly SiteDefinition[];
  /** Groups of this site. */
  readonly groups: readonly GroupSettings[];
  readonly local: LocalSettings;
}
