// Join, members, leave (docs/design/flood.md, section 5). The master keeps the list of a group; its epoch is its own
// incarnation. Everybody passes on what is newer than what he knew, and adopts a list that names him; a site that a newer
// list does not name asks to join at once and goes on with what it had.
import type { Connection } from './connection.js';
import type { Connections } from './connections.js';
import type { Context } from './context.js';
import { type Group, isNewer } from './group.js';
import type { Join, Leave, Members } from '../wire/frames.js';
import { JOIN_HOPS, JOIN_RELAY_MS } from './limits.js';
import type { SiteDefinition } from './settings.js';
import type { Sites } from './sites.js';

/** MEMBERS has no room for more; also what one group may grow to. */
const MEMBERS_MAX = 1024;

export interface MembershipUp {
  /** The list changed, or a member's run did. */
  changed(g: Group): void;
  /** A topology held back until the list of its epoch was adopted may be looked at again. */
  adopted(g: Group): void;
  /** Ask to join at once. */
  joinNow(g: Group): void;
  /** An earlier run of us had a clock that was ahead. */
  outrun(incarnation: number): void;
}

export class Membership {
  private readonly relayedMs = new Map<string, number>();

  constructor(
    private readonly ctx: Context,
    private readonly sites: Sites,
    private readonly connections: Connections,
    private readonly up: MembershipUp,
  ) {}

  /** At start, and when the master takes a new incarnation. */
  begin(g: Group): void {
    g.members.add(this.ctx.self);
    if (!g.isMaster) return;
    g.epoch = this.ctx.incarnation;
    g.version = 1;
    this.publish(g);
  }

  /** A site of the group came in: until there is a list it counts as a member. */
  met(g: Group, site: string): void {
    if (g.epoch === 0) g.members.add(site);
  }

  onJoin(c: Connection, g: Group, f: Join): void {
    this.ctx.counters.joinsReceived++;
    if (f.site.name === this.ctx.self) return;
    const site = this.sites.learn(f.site);
    if (site === undefined) return;
    this.sites.heard(f.site.name, f.incarnation);
    g.joined.add(f.site.name);
    this.met(g, f.site.name);
    if (g.isMaster) this.enlist(g, f.site, f.incarnation);
    else this.relay(c, g, f);
    if (f.hops === 0 || g.isMaster) this.answer(c, g);
  }

  /** Who is connected learns what is newest. */
  answer(c: Connection, g: Group): void {
    if (c.full) {
      c.stale = true;
      return;
    }
    if (g.latestMembers !== undefined) this.connections.send(c, g.latestMembers);
    if (g.latestTopology !== undefined) this.connections.send(c, g.latestTopology);
  }

  onMembers(c: Connection, g: Group, f: Members): void {
    const known = g.latestMembers;
    if (known !== undefined && !isNewer(f.epoch, f.version, known.epoch, known.version)) return;
    if (g.isMaster) {
      if (f.epoch > g.epoch) this.up.outrun(f.epoch);
      return;
    }
    g.latestMembers = f;
    this.connections.spread(g.name, f, c);
    if (f.members.some((m) => m.site.name === this.ctx.self && m.incarnation <= this.ctx.incarnation)) this.adopt(g, f);
    else this.up.joinNow(g);
  }

  onLeave(c: Connection, g: Group, f: Leave): void {
    const site = this.sites.get(f.site);
    if (site === undefined || f.site === this.ctx.self || !g.members.has(f.site)) return;
    if (f.incarnation < site.incarnation) return;
    this.sites.leave(f.site, f.incarnation);
    this.connections.spread(g.name, f, c);
    this.ctx.ports.event({ kind: 'left', site: f.site, group: g.name });
    this.remove(g, f.site);
  }

  /** It is no member any more: it left, or was silent for the purge period. */
  remove(g: Group, site: string): void {
    g.joined.delete(site);
    g.estimates.delete(site);
    if (!g.members.delete(site)) return;
    if (g.isMaster) {
      g.version++;
      this.publish(g);
    }
    this.up.changed(g);
  }

  /** It is heard again after it was removed here, and the master's list still names it. */
  revive(g: Group, site: string): void {
    if (g.members.has(site)) return;
    const listed = g.latestMembers?.epoch === g.epoch && g.latestMembers.members.some((m) => m.site.name === site);
    if (!listed || g.isMaster) return;
    g.members.add(site);
    this.up.changed(g);
  }

  private enlist(g: Group, definition: SiteDefinition, incarnation: number): void {
    const before = g.latestMembers?.members.find((m) => m.site.name === definition.name);
    const known = g.members.has(definition.name) && before !== undefined;
    if (known && before.incarnation >= incarnation && same(before.site, this.sites.get(definition.name)!.definition))
      return;
    if (!known && g.members.size >= MEMBERS_MAX) return;
    g.members.add(definition.name);
    g.version++;
    this.publish(g);
    this.up.changed(g);
  }

  private publish(g: Group): void {
    const members = [...g.members].sort().flatMap((name) => {
      const site = this.sites.get(name);
      if (site === undefined) return [];
      const incarnation = name === this.ctx.self ? this.ctx.incarnation : site.incarnation;
      return [{ site: site.definition, incarnation }];
    });
    g.latestMembers = { kind: 'members', group: g.name, epoch: g.epoch, version: g.version, members };
    this.connections.spread(g.name, g.latestMembers);
    this.tell(g);
  }

  private adopt(g: Group, f: Members): void {
    g.epoch = f.epoch;
    g.version = f.version;
    g.members.clear();
    for (const m of f.members) {
      const name = m.site.name;
      if (name === this.ctx.self) g.members.add(name);
      else if (this.sites.learn(m.site) !== undefined) {
        g.members.add(name);
        this.sites.listed(name, m.incarnation);
      }
    }
    for (const origin of g.estimates.keys()) if (!g.members.has(origin)) g.estimates.delete(origin);
    this.tell(g);
    this.up.adopted(g);
    this.up.changed(g);
  }

  private relay(c: Connection, g: Group, f: Join): void {
    if (f.hops >= JOIN_HOPS) return;
    const key = `${g.name} ${f.site.name}`;
    const { nowMs } = this.ctx;
    if (nowMs - (this.relayedMs.get(key) ?? -Infinity) < JOIN_RELAY_MS) return;
    this.relayedMs.set(key, nowMs);
    const on: Join = { ...f, hops: f.hops + 1 };
    const [master] = this.connections.openTo(g.settings.masterSite).filter((o) => o !== c && !o.full);
    if (master !== undefined) this.connections.send(master, on);
    else this.connections.spreadOverLinks(g.name, on, c);
  }

  /** Old times of relays go. */
  tidy(): void {
    for (const [key, ms] of this.relayedMs) if (this.ctx.nowMs - ms >= JOIN_RELAY_MS) this.relayedMs.delete(key);
  }

  private tell(g: Group): void {
    const { epoch, version } = g;
    this.ctx.ports.event({ kind: 'members', group: g.name, epoch, version, count: g.members.size });
  }
}

function same(a: SiteDefinition, b: SiteDefinition): boolean {
  return (
    a.hostname === b.hostname &&
    a.inetAddress === b.inetAddress &&
    a.clientPort === b.clientPort &&
    a.dataPort === b.dataPort &&
    a.longitude === b.longitude &&
    a.latitude === b.latitude
  );
}
