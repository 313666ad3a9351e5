// Configurations of flooding sites for the simulator: who is in which group, periods of two scales, and storage from ample
// to tight, all from the seed.
import type { FloodSettings, GroupSettings, SiteDefinition } from '../../../plugins/service/flood/machine/settings.js';
import type { Random } from '../random.js';

export interface World {
  readonly names: readonly string[];
  /** Places of the sites of each group; the first is the master. */
  readonly groups: readonly { readonly name: string; readonly members: readonly number[] }[];
  readonly settings: readonly FloodSettings[];
  readonly durable: readonly boolean[];
  readonly periods: Periods;
}

export interface Periods {
  readonly pingMs: number;
  readonly estimatesMs: number;
  readonly downMs: number;
  readonly joinMs: number;
  readonly updateMs: number;
  readonly purgeMs: number;
  readonly logPurgeMs: number;
}

const S = 1000;
/** The defaults of floodd's documentation, and the same faster and slower. */
const SCALES = [0.2, 1, 2, 4];
const AMPLE_BYTES = 16 * 1_048_576;

function periodsOf(scale: number): Periods {
  return {
    pingMs: 15 * S * scale,
    estimatesMs: 30 * S * scale,
    downMs: 90 * S * scale,
    joinMs: 60 * S * scale,
    updateMs: 120 * S * scale,
    purgeMs: 600 * S * scale,
    logPurgeMs: 5 * 3600 * S * scale,
  };
}

function groupsOf(r: Random, sites: number): World['groups'] {
  const all = r.shuffled(Array.from({ length: sites }, (_, i) => i));
  if (sites < 5 || r.chance(650)) return [{ name: 'g1', members: all }];
  const cut = r.between(2, sites - 2);
  const shared = r.between(1, Math.min(2, sites - cut));
  const second = all.slice(cut - shared);
  return [
    { name: 'g1', members: all.slice(0, cut) },
    { name: 'g2', members: r.shuffled(second) },
  ];
}

export function makeWorld(r: Random, sites: number): World {
  const names = Array.from({ length: sites }, (_, i) => `s${String(i + 1).padStart(2, '0')}`);
  const groups = groupsOf(r, sites);
  const periods = periodsOf(r.pick(SCALES));
  const connectivity = r.pick([1, 2, 2, 3]);
  const definitions = names.map((name, i): SiteDefinition => ({
    name,
    hostname: `h${i + 1}`,
    clientPort: 2000,
    dataPort: 2001,
  }));
  const knowsAll = r.chance(500);
  const tight = r.chance(400);
  const settings = names.map((site, place): FloodSettings => {
    const own = groups.filter((g) => g.members.includes(place));
    const known = knowsAll ? own.flatMap((g) => g.members) : own.flatMap((g) => [g.members[0]!, r.pick(g.members)]);
    const dataStorageMaxBytes = tight && r.chance(400) ? r.pick([12_000, 60_000]) : AMPLE_BYTES;
    return {
      site,
      sites: definitions.filter((_, i) => i === place || known.includes(i)),
      groups: own.map((g) =>
        groupSettings(
          g.name,
          [place, ...known].filter((i) => g.members.includes(i)),
          g.members[0]!,
          names,
          connectivity,
          periods,
        ),
      ),
      local: {
        dataStorageMaxBytes,
        updateMaxBytes: Math.min(4 * 1_048_576, dataStorageMaxBytes / 2),
        logPurgePeriodMs: periods.logPurgeMs,
        sitePurgePeriodMs: periods.purgeMs,
        exportLocal: true,
        exportTimeoutMs: 0,
        exportRetries: 0,
        exportBundleMaxBytes: r.pick([2000, 1_048_576]),
        adminSites: [],
      },
    };
  });
  return { names, groups, settings, durable: names.map(() => r.chance(300)), periods };
}

function groupSettings(
  name: string,
  known: readonly number[],
  master: number,
  names: readonly string[],
  connectivity: number,
  p: Periods,
): GroupSettings {
  return {
    name,
    sites: [...new Set(known)].map((i) => names[i]!),
    masterSite: names[master]!,
    connectivity,
    updatePeriodMs: p.updateMs,
    joinPeriodMs: p.joinMs,
    pingPeriodMs: p.pingMs,
    bandwidthPeriodMs: 4 * p.pingMs,
    estimatesPeriodMs: p.estimatesMs,
    downPeriodMs: p.downMs,
    bandwidthSizeBytes: 4096,
    allow: [],
    deny: [],
  };
}
