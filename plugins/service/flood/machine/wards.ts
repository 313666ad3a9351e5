// Wards (docs/design/flood.md, section 6): sites that were neighbours here when a topology without them came into force.
// Topologies leave out who is down, so its former neighbours go on keeping updates for it, until a topology names it again
// or it is purged. As with neighbours, the storage limit bounds what that costs.
import type { Context } from './context.js';
import { type Group, neighboursOf } from './group.js';
import { LINGER_LEAST_MS, LINGER_MOST_MS } from './limits.js';
import type { Sites } from './sites.js';

export class Wards {
  /** By group, and by site: since when it can do without us; undefined: it cannot. */
  private readonly byGroup = new Map<string, Map<string, number | undefined>>();
  /** Neighbours of each group as they were last. */
  private readonly neighbours = new Map<string, ReadonlySet<string>>();

  constructor(
    private readonly ctx: Context,
    private readonly sites: Sites,
  ) {}

  /** Sites for which updates of the group are kept although they are no neighbours. */
  of(group: string): Iterable<string> {
    return this.byGroup.get(group)?.keys() ?? [];
  }

  /** Members or topology of the group may have changed. */
  change(g: Group): void {
    const now = neighboursOf(g, this.ctx.self);
    const wards = this.byGroup.get(g.name) ?? new Map<string, number | undefined>();
    this.byGroup.set(g.name, wards);
    const named = namedIn(g);
    for (const site of this.neighbours.get(g.name) ?? [])
      if (!now.has(site) && !named.has(site) && this.isWorthIt(g, site)) wards.set(site, undefined);
    for (const site of now) wards.delete(site);
    this.neighbours.set(g.name, now);
    this.look(g);
  }

  /**
   * Lets go of who has others again. Not at once: who is its neighbour now may learn of that later than we did, and what
   * comes in between would fall between two topologies.
   */
  look(g: Group): void {
    const wards = this.byGroup.get(g.name);
    if (wards === undefined || wards.size === 0) return;
    const { nowMs } = this.ctx;
    const named = namedIn(g);
    for (const [site, since] of wards) {
      const isNamed = named.has(site);
      if (!this.sites.mayQueue(site)) wards.delete(site);
      else if (!isNamed && (g.members.has(site) || this.sites.isDown(site))) wards.set(site, undefined);
      else if (since === undefined) wards.set(site, nowMs);
      else if (nowMs - since >= (isNamed ? LINGER_LEAST_MS : LINGER_MOST_MS)) wards.delete(site);
    }
  }

  /** A member, or one that was heard and may come back: it left, or a new master has not heard of it yet. */
  private isWorthIt(g: Group, site: string): boolean {
    return this.sites.mayQueue(site) && (g.members.has(site) || this.sites.isKnown(site));
  }
}

function namedIn(g: Group): ReadonlySet<string> {
  return new Set(g.topology?.edges.flatMap((e) => [e.a, e.b]));
}
