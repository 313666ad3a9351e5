// The join task (docs/design/flood.md, section 5): at start, every join period, and at once when a newer list does not name
// us, a JOIN goes to the master, or to one configured or known site after the other until one can be reached.
import type { Connection } from './connection.js';
import type { Connections } from './connections.js';
import type { Context } from './context.js';
import type { Group } from './group.js';
import { JOIN_AGAIN_MS, JOIN_STAYS_MS } from './limits.js';
import type { Sites } from './sites.js';

interface Attempt {
  readonly group: Group;
  /** Sites still to be tried. */
  readonly left: string[];
}

export class Joins {
  private readonly attempts = new Map<Connection, Attempt>();
  private readonly lastMs = new Map<string, number>();

  constructor(
    private readonly ctx: Context,
    private readonly sites: Sites,
    private readonly connections: Connections,
  ) {}

  begin(g: Group): void {
    if (g.isMaster) return;
    this.attempt(g);
    this.ctx.every(`join ${g.name}`, g.settings.joinPeriodMs, () => this.attempt(g));
  }

  /** At once, but no more than once a second. */
  now(g: Group): void {
    const timer = `join now ${g.name}`;
    if (g.isMaster || this.ctx.leaving || this.ctx.timers.has(timer)) return;
    const due = (this.lastMs.get(g.name) ?? -Infinity) + JOIN_AGAIN_MS;
    this.ctx.timers.set(timer, Math.max(due, this.ctx.nowMs), () => this.attempt(g));
  }

  /** A connection of purpose `join` that we dialled is greeted. */
  opened(c: Connection): void {
    const attempt = this.attempts.get(c);
    if (attempt === undefined) return;
    this.attempts.delete(c);
    this.send(c, attempt.group);
    this.ctx.after(`joined ${c.id}`, JOIN_STAYS_MS, () => this.connections.close(c, 'joined'));
  }

  ended(c: Connection): void {
    this.ctx.timers.cancel(`joined ${c.id}`);
    const attempt = this.attempts.get(c);
    if (attempt === undefined) return;
    this.attempts.delete(c);
    if (!this.ctx.leaving) this.next(attempt);
  }

  private attempt(g: Group): void {
    if (this.ctx.leaving) return;
    this.lastMs.set(g.name, this.ctx.nowMs);
    for (const a of this.attempts.values()) if (a.group === g) return;
    const all = new Set([g.settings.masterSite, ...g.settings.sites, ...[...g.members].sort()]);
    all.delete(this.ctx.self);
    this.next({ group: g, left: [...all].reverse() });
  }

  private next(a: Attempt): void {
    for (let site = a.left.pop(); site !== undefined; site = a.left.pop()) {
      const [open] = this.connections.openTo(site).filter((c) => c.groups.has(a.group.name) && !c.full);
      if (open !== undefined) {
        this.send(open, a.group);
        return;
      }
      const s = this.sites.get(site);
      if (s === undefined || this.connections.dialling(site, 'join')) continue;
      this.attempts.set(this.connections.dial(s.definition, 'join'), a);
      return;
    }
  }

  private send(c: Connection, g: Group): void {
    this.ctx.counters.joinsSent++;
    const site = this.sites.get(this.ctx.self)!.definition;
    this.connections.send(c, { kind: 'join', group: g.name, hops: 0, site, incarnation: this.ctx.incarnation });
  }
}
