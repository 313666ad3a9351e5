// From what is defined, in whichever language, to what the machine is told: defaults that depend on other values, names
// that must exist, networks, and the least that a site must know (docs/floodd.md). All errors are found in one go.
import { type OptionsOf, PealError, PealErrors } from 'peal/plugin';
import { isIP } from 'node:net';
import type { FloodSettings, GroupSettings, LocalSettings, Network, SiteDefinition } from '../machine/settings.js';
import {
  CONFIG_ERRORS,
  type ExportDefinition,
  type GroupForm,
  isName,
  type LocalDefinition,
  type SiteForm,
} from './definitions.js';
import { networkOf } from './networks.js';
import { EXPORT_TABLE, MAX_NAME_BYTES, type SITE_TABLE } from './tables.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const HOUR_MS = 3_600_000;
/** Sites and groups that one configuration may define. */
const MAX_SITES = 1024;
const MAX_GROUPS = 256;

const DEFAULT_STORAGE_BYTES = 16 * MIB;
const DEFAULT_UPDATE_BYTES = 4 * MIB;
const DEFAULT_LOG_PURGE_MS = HOUR_MS;
const DEFAULT_SITE_PURGE_MS = HOUR_MS / 6;
/** A site is down after so many of the longer of the periods in which it is bound to be heard. */
const DOWN_PERIODS = 3;
/** When it is bound to be heard in no period at all. */
const DOWN_WITHOUT_PERIODS_MS = 45_000;
const LOOPBACK = ['127.0.0.0/8', '::1'];

/** What a configuration says when all of its sources are put together. */
export interface Sources {
  readonly sites: readonly SiteForm[];
  readonly groups: readonly GroupForm[];
  readonly local: Partial<LocalDefinition>;
  /** Of the S-expression language; an INI file has sections of exporters. */
  readonly export?: ExportDefinition;
}

export interface Settled {
  readonly settings: FloodSettings;
  readonly warnings: readonly PealError[];
}

/** Which groups of a file are a site's: those that list it; for one that none lists, a newcomer, all of them. */
export function groupsOf(own: string, groups: readonly GroupForm[]): readonly GroupForm[] {
  const listed = groups.filter((g) => g.sites?.includes(own) === true || g.masterSite === own);
  return listed.length > 0 ? listed : groups;
}

/** The settings of the site of that name, which must be one of `sites`. Throws PealErrors. */
export function settle(sources: Sources, own: string): Settled {
  return new Settling(sources, own).settle();
}

class Settling {
  private readonly errors: PealError[] = [];
  private readonly warnings: PealError[] = [];

  constructor(
    private readonly sources: Sources,
    private readonly own: string,
  ) {}

  settle(): Settled {
    const { sites, groups } = this.sources;
    this.limit(sites.length, MAX_SITES, 'sites');
    this.limit(groups.length, MAX_GROUPS, 'groups');
    if (sites.length === 0) this.errors.push(PealError.of(CONFIG_ERRORS.NO_SITES, {}));
    const mine = groupsOf(this.own, groups);
    if (mine.length === 0) this.errors.push(PealError.of(CONFIG_ERRORS.NO_GROUPS, {}));
    const settings: FloodSettings = {
      site: this.own,
      sites: sites.map((s) => this.site(s)),
      groups: mine.map((g) => this.group(g)),
      local: this.local(),
    };
    if (this.errors.length > 0) throw new PealErrors(this.errors);
    return { settings, warnings: this.warnings };
  }

  private limit(count: number, limit: number, what: string): void {
    if (count > limit) this.errors.push(PealError.of(CONFIG_ERRORS.TOO_MANY, { count, what, limit }));
  }

  private bad(value: string, keyword: string, form: string, expected: string, at: SiteForm['at']): void {
    this.errors.push(PealError.of(CONFIG_ERRORS.BAD_VALUE, { value, keyword, form, expected }, { at }));
  }

  private site(given: SiteForm): SiteDefinition {
    const { name, at, hostname, clientPort, dataPort, inetAddress } = given;
    const form = `site '${name}'`;
    if (!isName(name)) this.bad(name, 'name', form, `1 to ${MAX_NAME_BYTES} bytes without control characters`, at);
    if (inetAddress !== undefined && isIP(inetAddress) === 0)
      this.bad(inetAddress, 'inet-address', form, 'an IPv4 or IPv6 address', at);
    const longitude = this.degrees(given, 'longitude', 180);
    const latitude = this.degrees(given, 'latitude', 90);
    return {
      name,
      hostname,
      clientPort,
      dataPort,
      ...(inetAddress === undefined ? {} : { inetAddress }),
      ...(longitude === undefined ? {} : { longitude }),
      ...(latitude === undefined ? {} : { latitude }),
    };
  }

  private degrees(
    site: SiteForm,
    which: keyof OptionsOf<typeof SITE_TABLE> & ('longitude' | 'latitude'),
    most: number,
  ) {
    const text = site[which];
    if (text === undefined) return undefined;
    const value = /^[+-]?\d+(\.\d*)?$/.test(text) ? Number(text) : NaN;
    if (Math.abs(value) <= most) return value;
    this.bad(text, which, `site '${site.name}'`, `degrees from -${most} to ${most}`, site.at);
    return undefined;
  }

  private group(given: GroupForm): GroupSettings {
    const { name, at, sites = [], connectivity, topologyGenerator, bandwidthSizeBytes } = given;
    const { updatePeriodMs, joinPeriodMs, pingPeriodMs, bandwidthPeriodMs, estimatesPeriodMs } = given;
    const form = `group '${name}'`;
    if (!isName(name)) this.bad(name, 'name', form, `1 to ${MAX_NAME_BYTES} bytes without control characters`, at);
    if (sites.length === 0) {
      const values = { keyword: ':site', form, doc: 'one entry for each known member' };
      this.errors.push(PealError.of(CONFIG_ERRORS.MISSING, values, { at }));
    }
    const masterSite = given.masterSite ?? sites[0] ?? this.own;
    this.checkWayIn(given, masterSite);
    const longest = DOWN_PERIODS * Math.max(pingPeriodMs, estimatesPeriodMs);
    return {
      name,
      sites: [...new Set(sites)],
      masterSite,
      connectivity,
      ...(topologyGenerator === undefined || topologyGenerator === '' ? {} : { topologyGenerator }),
      updatePeriodMs,
      joinPeriodMs,
      pingPeriodMs,
      bandwidthPeriodMs,
      estimatesPeriodMs,
      downPeriodMs: given.downPeriodMs ?? (longest === 0 ? DOWN_WITHOUT_PERIODS_MS : longest),
      bandwidthSizeBytes,
      allow: this.networks(given.allowSites, ':allow-site', form, at),
      deny: this.networks(given.denySites, ':deny-site', form, at),
    };
  }

  /** A site that is not the master must know where it can send its join. */
  private checkWayIn({ name, at, sites = [] }: GroupForm, masterSite: string): void {
    const defined = (site: string): boolean => this.sources.sites.some((s) => s.name === site);
    const values = { group: name, master: masterSite };
    if (!defined(masterSite) && !sites.includes(masterSite))
      this.warnings.push(PealError.of(CONFIG_ERRORS.NOT_A_MEMBER, values, { at }));
    if (masterSite === this.own || [masterSite, ...sites].some((s) => s !== this.own && defined(s))) return;
    this.errors.push(PealError.of(CONFIG_ERRORS.NO_WAY_IN, values, { at }));
  }

  private networks(
    texts: readonly string[] | undefined,
    keyword: string,
    form: string,
    at: SiteForm['at'],
  ): readonly Network[] {
    return (texts ?? []).flatMap((text) => {
      const network = networkOf(text);
      if (network === undefined) this.bad(text, keyword, form, 'a network: 18.0.0.0, 10.1.0.0/16 or fe80::/10', at);
      return network ?? [];
    });
  }

  private local(): LocalSettings {
    const { local, export: run = EXPORT_DEFAULTS } = this.sources;
    const { dataStorageMaxBytes = DEFAULT_STORAGE_BYTES, resyncCommand, resyncServeCommand } = local;
    const half = Math.max(1, Math.floor(dataStorageMaxBytes / 2));
    const updateMaxBytes = Math.min(half, local.updateMaxBytes ?? DEFAULT_UPDATE_BYTES);
    if (local.updateMaxBytes !== undefined && local.updateMaxBytes > half)
      this.warnings.push(PealError.of(CONFIG_ERRORS.UPDATE_MAX, { value: local.updateMaxBytes, limit: half }));
    return {
      dataStorageMaxBytes,
      updateMaxBytes,
      logPurgePeriodMs: local.logPurgePeriodMs ?? DEFAULT_LOG_PURGE_MS,
      sitePurgePeriodMs: local.sitePurgePeriodMs ?? DEFAULT_SITE_PURGE_MS,
      ...(run.exportCommand === undefined || run.exportCommand === '' ? {} : { exportCommand: run.exportCommand }),
      exportLocal: local.exportLocal ?? true,
      exportTimeoutMs: run.exportTimeoutMs,
      exportRetries: run.exportRetry,
      exportBundleMaxBytes: run.exportBundleMaxBytes,
      ...(resyncCommand === undefined || resyncCommand === '' ? {} : { resyncCommand }),
      ...(resyncServeCommand === undefined || resyncServeCommand === '' ? {} : { resyncServeCommand }),
      adminSites: this.networks(local.adminSites ?? LOOPBACK, ':admin-site', ':local', undefined),
    };
  }
}

const EXPORT_DEFAULTS: ExportDefinition = {
  exportCommand: undefined,
  exportTimeoutMs: EXPORT_TABLE.export_timeout_ms.default,
  exportRetry: EXPORT_TABLE.export_retry.default,
  exportBundleMaxBytes: EXPORT_TABLE.export_bundle_max_bytes.default,
};
