// The cost of a link between two sites (docs/design/flood.md, section 9): the time in milliseconds to move 10 KiB one way.
// The average of both directions when both are known; guessed from places, or from the other links, when none is.
import type { EstimatedLink, Estimates } from '../wire/frames.js';
import type { SiteDefinition } from './settings.js';
import type { TopologyLink } from './types.js';

const COST_BYTES = 10_240;
const EARTH_KM = 6_371;
const PLACE_BASE_MS = 5;
const PLACE_MS_PER_KM = 0.02;
const NOTHING_KNOWN = 100;
/** Of a pair whose round-trip time alone is known, when no bandwidth is known at all: bytes per second. */
const USUAL_BANDWIDTH = 1_000_000;
const COST_LEAST = 0.001;

interface Measured {
  readonly rttMs: number | undefined;
  readonly bytesPerSecond: number | undefined;
}

/** Every pair of the sites, in the order of the list, from what each site measured last. */
export function costMatrix(
  sites: readonly string[],
  estimates: ReadonlyMap<string, Estimates>,
  definition: (site: string) => SiteDefinition | undefined,
): TopologyLink[] {
  const measured = new Map<string, EstimatedLink>();
  for (const [from, e] of estimates) for (const l of e.links) measured.set(`${from} > ${l.to}`, l);
  const slowest = Math.min(
    ...[...measured.values()].map((l) => l.bytesPerSecond).filter((b): b is number => b !== undefined && b > 0),
  );
  const bandwidth = Number.isFinite(slowest) ? slowest : USUAL_BANDWIDTH;
  const pairs = sites.flatMap((a, i) =>
    sites.slice(i + 1).map((b) => {
      const both = [measured.get(`${a} > ${b}`), measured.get(`${b} > ${a}`)].filter((l) => l?.rttMs !== undefined);
      const costs = both.map((l) => costOf(l!, bandwidth));
      return {
        a,
        b,
        rttMs: average(both.map((l) => l!.rttMs)),
        bytesPerSecond: average(both.map((l) => l!.bytesPerSecond)),
        cost: average(costs),
      };
    }),
  );
  const dearest = Math.max(0, ...pairs.map((p) => p.cost ?? 0));
  const guess = dearest > 0 ? 2 * dearest : NOTHING_KNOWN;
  return pairs.map((p) => ({
    ...p,
    cost: Math.max(COST_LEAST, p.cost ?? byPlace(definition(p.a), definition(p.b)) ?? guess),
    measured: p.cost !== undefined,
  }));
}

function costOf(m: Measured, bandwidth: number): number {
  return (m.rttMs ?? 0) / 2 + (1000 * COST_BYTES) / Math.max(1, m.bytesPerSecond ?? bandwidth);
}

function average(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((v) => v !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, v) => sum + v, 0) / known.length;
}

/** Over the great circle; undefined when a place is unknown. */
function byPlace(a: SiteDefinition | undefined, b: SiteDefinition | undefined): number | undefined {
  if (a?.latitude === undefined || a.longitude === undefined) return undefined;
  if (b?.latitude === undefined || b.longitude === undefined) return undefined;
  const rad = (degrees: number): number => (degrees * Math.PI) / 180;
  const [la, lb] = [rad(a.latitude), rad(b.latitude)];
  const half =
    Math.sin((lb - la) / 2) ** 2 +
    Math.cos(la) * Math.cos(lb) * Math.sin((rad(b.longitude) - rad(a.longitude)) / 2) ** 2;
  return PLACE_BASE_MS + 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(half))) * PLACE_MS_PER_KM;
}
