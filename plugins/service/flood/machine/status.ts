// What the text port shows of a site: pure views of the machine's parts.
import type { Context, Counters } from './context.js';
import type { Group } from './group.js';
import type { Links } from './links.js';
import type { Probes } from './probes.js';
import type { Sites } from './sites.js';
import type { UpdateStore } from './store.js';
import type { FloodStatistics, GroupStatus, MemberStatus, NearestSite } from './types.js';

/** Lines of `nearest`. */
const NEAREST_MOST = 5;

export function groupStatus(g: Group): GroupStatus {
  return {
    name: g.name,
    members: g.members.size,
    masterSite: g.settings.masterSite,
    epoch: g.epoch,
    topologyNumber: g.topology?.number ?? 0,
  };
}

export function memberStatus(g: Group, ctx: Context, sites: Sites): MemberStatus[] {
  return [...g.members].sort().flatMap((name) => {
    const s = sites.get(name);
    if (s === undefined) return [];
    const heard = s.heardMs === undefined ? undefined : Math.max(0, (ctx.nowMs - s.heardMs) / 1000);
    return {
      site: s.definition,
      state: sites.state(name),
      heardSecondsAgo: name === ctx.self ? 0 : heard,
      master: name === g.settings.masterSite,
    };
  });
}

export function nearest(ctx: Context, sites: Sites, probes: Probes): NearestSite[] {
  const found: NearestSite[] = [];
  for (const s of sites.all()) {
    const state = sites.state(s.name);
    if (state === 'self') found.push({ site: s.definition, rttMs: 0 });
    else if (state === 'up') found.push({ site: s.definition, rttMs: probes.rtt(s.name) });
  }
  const far = (n: NearestSite): number => n.rttMs ?? Infinity;
  return found
    .sort((a, b) => (far(a) < far(b) ? -1 : far(a) > far(b) ? 1 : a.site.name < b.site.name ? -1 : 1))
    .slice(0, NEAREST_MOST);
}

export function statistics(
  ctx: Context,
  groups: number,
  sites: Sites,
  links: Links,
  store: UpdateStore,
): FloodStatistics {
  const states = [...sites.all()].filter((s) => sites.isKnown(s.name)).map((s) => sites.state(s.name));
  return {
    ...(ctx.counters as Readonly<Record<keyof Counters, number>>),
    uptimeSeconds: Math.floor((ctx.nowMs - ctx.startedMs) / 1000),
    site: ctx.self,
    incarnation: ctx.incarnation,
    groups,
    sitesKnown: states.length,
    sitesUp: states.filter((s) => s === 'up' || s === 'self').length,
    sitesDown: states.filter((s) => s === 'down').length,
    linksUp: links.up,
    bytesStored: store.bytes,
    dataStorageMax: ctx.settings.local.dataStorageMaxBytes,
    queuedSend: store.queuedSend,
    queuedExport: store.queuedExport,
  };
}
