// Distribution of measurements (docs/design/flood.md, section 9): every estimates period a site floods its own on the group.
// The frame is also the heartbeat of the group, and every fifth says what the site has, so that all learn what they miss.
import type { Estimates as EstimatesFrame } from '../wire/frames.js';
import type { Connection } from './connection.js';
import type { Connections } from './connections.js';
import type { Context } from './context.js';
import type { Group } from './group.js';
import { SUMMARY_EVERY } from './limits.js';
import type { Probes } from './probes.js';
import type { Resync } from './resync.js';
import type { Sites } from './sites.js';

export class Estimates {
  /** Rises over all groups; a new run begins anew with its incarnation. */
  private serial = 0;
  private readonly sent = new Map<string, number>();

  constructor(
    private readonly ctx: Context,
    private readonly sites: Sites,
    private readonly connections: Connections,
    private readonly probes: Probes,
    private readonly resync: Resync,
  ) {}

  begin(g: Group): void {
    this.ctx.every(`estimates ${g.name}`, g.settings.estimatesPeriodMs, () => this.tell(g));
  }

  on(c: Connection, g: Group, f: EstimatesFrame): void {
    const site = this.sites.get(f.origin);
    if (f.origin === this.ctx.self || site === undefined || f.incarnation < site.incarnation) return;
    const last = g.estimates.get(f.origin);
    if (
      last !== undefined &&
      (f.incarnation < last.incarnation || (f.incarnation === last.incarnation && f.serial <= last.serial))
    )
      return;
    g.estimates.set(f.origin, f);
    this.sites.heard(f.origin, f.incarnation);
    this.connections.spreadOverLinks(g.name, f, c);
    if (f.have !== undefined) this.resync.told(g, f.origin, f.have);
  }

  private tell(g: Group): void {
    const count = this.sent.get(g.name) ?? 0;
    this.sent.set(g.name, count + 1);
    this.serial++;
    this.ctx.counters.estimatesSent++;
    const f: EstimatesFrame = {
      kind: 'estimates',
      group: g.name,
      origin: this.ctx.self,
      incarnation: this.ctx.incarnation,
      serial: this.serial,
      links: this.probes.links(g),
      have: count % SUMMARY_EVERY === SUMMARY_EVERY - 1 ? g.log.have() : undefined,
    };
    g.estimates.set(this.ctx.self, f);
    this.connections.spreadOverLinks(g.name, f);
  }
}
