// Which connections carry updates (docs/design/flood.md, section 6): one link per pair of neighbours, dialled by the smaller
// name, by the other one after 10 s; links that no topology asks for linger; a drain connection empties a queue kept for a
// site that is no neighbour any more. One connection per site carries, and the rule that chooses it is the same at both ends.
import { carries, type Connection } from './connection.js';
import type { Connections, End } from './connections.js';
import type { Context } from './context.js';
import { type Group, neighboursOf } from './group.js';
import { DRAIN_QUIET_MS, LINGER_LEAST_MS, LINGER_MOST_MS, SECOND_DIALLER_MS } from './limits.js';
import { Redial } from './redial.js';
import type { Sites } from './sites.js';
import type { UpdateStore } from './store.js';
import { ALL_GROUPS } from './types.js';
import { Wards } from './wards.js';

/**
 * Stands in queues for sites not known yet: a site that begins, and knows of nobody, keeps what enters there for who comes.
 * No site has that name.
 */
export const WHOEVER_COMES = '';

/** For so many join periods something is kept for whoever comes. */
const JOIN_PERIODS = 2;

/** A connection that broke before that is a failure like a dial that was refused. */
const STEADY_MS = 1_000;

export class Links {
  private readonly carriers = new Map<string, Connection>();
  private wanted: ReadonlySet<string> = new Set();
  /** Since when a link is wanted and there is none. */
  private readonly missing = new Map<string, number>();
  private readonly redial: Redial;
  private readonly wards: Wards;

  constructor(
    private readonly ctx: Context,
    private readonly sites: Sites,
    private readonly groups: ReadonlyMap<string, Group>,
    private readonly connections: Connections,
    private readonly store: UpdateStore,
    /** More waits for that site than its connection was told. */
    private readonly handed: (site: string) => void,
  ) {
    this.redial = new Redial(ctx);
    this.wards = new Wards(ctx, sites);
  }

  /** The connection that carries updates to that site. */
  carrier(site: string): Connection | undefined {
    return this.carriers.get(site);
  }

  get up(): number {
    let n = 0;
    for (const c of this.carriers.values()) if (c.purpose === 'link') n++;
    return n;
  }

  /** Sites that get an update of those groups: neighbours that are members, wards, and whoever has a link to us. */
  targets(groups: readonly Group[]): Set<string> {
    const found = new Set<string>();
    for (const g of groups) {
      const ofGroup = [...neighboursOf(g, this.ctx.self)].filter((s) => this.mayGet(g, s));
      for (const s of this.wards.of(g.name)) if (this.sites.mayQueue(s)) ofGroup.push(s);
      for (const [s, c] of this.carriers) if (c.purpose === 'link' && c.groups.has(g.name)) ofGroup.push(s);
      for (const s of ofGroup) found.add(s);
      if (ofGroup.length === 0 && this.mayCome()) found.add(WHOEVER_COMES);
    }
    return found;
  }

  /** Members that live ask to join every join period: whoever does not come in two of them does not. */
  private mayCome(): boolean {
    const { nowMs, startedMs, settings } = this.ctx;
    return nowMs - startedMs < JOIN_PERIODS * Math.max(...settings.groups.map((g) => g.joinPeriodMs));
  }

  /** A topology, a membership or the neighbours before a topology changed. */
  rewire(): void {
    const wanted = new Set<string>();
    for (const g of this.groups.values()) {
      for (const s of neighboursOf(g, this.ctx.self)) wanted.add(s);
      this.wards.change(g);
    }
    const fresh = [...wanted].filter((s) => !this.wanted.has(s));
    this.wanted = wanted;
    for (const s of fresh) this.hand(s);
    if (fresh.length > 0) this.came();
    for (const s of this.missing.keys()) if (!wanted.has(s)) this.missing.delete(s);
    this.redial.tidy((s) => wanted.has(s) || this.store.queued(s) > 0);
    this.reconcile();
  }

  /**
   * A new neighbour may wait for what only an old one was to pass on, in a topology that is not in force any more: what is
   * still on its way to anybody goes to it too, unless its HAVE says that it has it.
   */
  private hand(site: string): void {
    if (!this.sites.mayQueue(site)) return;
    const shared = [...this.groups.values()].filter(
      (g) => this.mayGet(g, site) && neighboursOf(g, this.ctx.self).has(site),
    );
    const inScope = (scope: string): boolean =>
      shared.length > 0 && (scope === ALL_GROUPS || shared.some((g) => g.name === scope));
    const incarnation = this.sites.get(site)?.incarnation;
    for (const s of this.store.sending()) {
      const own = s.data.origin === site && s.data.incarnation === incarnation;
      if (inScope(s.data.scope) && !own) this.store.addWaiting(site, s);
    }
    this.handed(site);
  }

  /** What was kept for whoever comes has been handed on, where somebody has come. */
  private came(): void {
    const empty = [...this.groups.values()].filter(
      (g) => ![...neighboursOf(g, this.ctx.self)].some((s) => this.mayGet(g, s)),
    );
    for (const s of [...this.store.queue(WHOEVER_COMES)])
      if (!empty.some((g) => s.data.scope === ALL_GROUPS || s.data.scope === g.name))
        this.store.release(WHOEVER_COMES, s.key);
  }

  /** Dials what is wanted and due; lets go of what is not wanted. */
  reconcile(): void {
    if (this.ctx.leaving) return;
    const { nowMs } = this.ctx;
    for (const site of this.wanted) {
      if (this.carriers.get(site)?.purpose === 'link') {
        this.missing.delete(site);
        continue;
      }
      const since = this.missing.get(site) ?? nowMs;
      this.missing.set(site, since);
      this.dialWhenDue(site, since);
    }
    for (const c of this.carriers.values()) if (c.dialled) this.linger(c);
    this.drain();
    this.arm();
  }

  /** Greeted on both sides: does it carry? */
  opened(c: Connection): boolean {
    this.redial.succeeded(c.site);
    if (!carries(c)) return false;
    const old = this.carriers.get(c.site);
    if (old !== undefined && this.keeps(old, c)) {
      this.connections.close(c, 'there is a better connection');
      return false;
    }
    this.carriers.set(c.site, c);
    if (c.purpose === 'link') this.missing.delete(c.site);
    if (old !== undefined) this.connections.close(old, 'there is a better connection');
    return true;
  }

  ended(c: Connection, end: End, wasOpen: boolean): void {
    if (this.carriers.get(c.site) === c) this.carriers.delete(c.site);
    if (c.purpose !== 'link' && c.purpose !== 'drain') return;
    const { nowMs } = this.ctx;
    if (this.wanted.has(c.site) && !this.carriers.has(c.site) && wasOpen) this.missing.set(c.site, nowMs);
    const failed = end !== 'ours' && (!wasOpen || nowMs - c.sinceMs < STEADY_MS || end === 'broken');
    if (c.dialled && failed) this.redial.failed(c.site);
    this.arm();
  }

  /** A site that was silent is heard. */
  heardAgain(site: string): void {
    this.redial.alive(site);
    if (this.missing.has(site) || this.store.queued(site) > 0) this.ctx.after('links', 0, () => this.reconcile());
  }

  /** Who was kept for and has others again is let go. */
  sweep(): void {
    for (const g of this.groups.values()) this.wards.look(g);
    if (!this.mayCome()) this.store.free(WHOEVER_COMES);
    this.reconcile();
  }

  /** Pings quiet links and gives up dead ones. */
  watch(pingMs: number, downMs: number, ping: (c: Connection) => void): void {
    for (const c of [...this.carriers.values()]) {
      const { nowMs } = this.ctx;
      if (nowMs - c.heardMs >= downMs) this.connections.giveUp(c);
      else if (nowMs - Math.max(c.heardMs, c.askedMs) >= pingMs) {
        c.askedMs = nowMs;
        ping(c);
      }
    }
  }

  /** A neighbour for which updates may wait: a member, one that left and may come back, or before any topology one of the file. */
  private mayGet(g: Group, site: string): boolean {
    if (!this.sites.mayQueue(site)) return false;
    return g.topology === undefined || g.members.has(site) || this.sites.hasLeft(site);
  }

  /** Of two connections with one site, does the old one stay? A link beats a drain; the smaller name's dial beats the other's. */
  private keeps(old: Connection, c: Connection): boolean {
    if (old.purpose !== c.purpose) return old.purpose === 'link';
    const smallerIsUs = this.ctx.self < c.site;
    return old.dialled !== c.dialled && old.dialled === smallerIsUs;
  }

  private dialWhenDue(site: string, sinceMs: number): void {
    const s = this.sites.get(site);
    if (s === undefined || this.connections.dialling(site, 'link')) return;
    const due = Math.max(this.redial.notBefore(site), this.ctx.self < site ? sinceMs : sinceMs + SECOND_DIALLER_MS);
    if (this.ctx.nowMs >= due) this.connections.dial(s.definition, 'link');
  }

  /** One that we dialled and that no topology asks for goes when its queue is empty, or after a minute. */
  private linger(c: Connection): void {
    const { nowMs } = this.ctx;
    if (c.purpose === 'link') {
      if (this.wanted.has(c.site)) {
        c.unwantedMs = undefined;
        return;
      }
      c.unwantedMs ??= nowMs;
      const ms = nowMs - c.unwantedMs;
      const empty = this.store.queued(c.site) === 0;
      if ((empty && ms >= LINGER_LEAST_MS) || ms >= LINGER_MOST_MS)
        this.connections.close(c, 'no topology asks for it');
    } else if (
      this.store.queued(c.site) === 0 &&
      c.flow.haveWanted.size === 0 &&
      nowMs - Math.max(c.flow.dataMs, c.sinceMs) >= DRAIN_QUIET_MS
    )
      this.connections.close(c, 'drained');
  }

  private drain(): void {
    for (const site of this.store.sites()) {
      if (this.wanted.has(site) || this.carriers.has(site) || this.connections.dialling(site, 'drain')) continue;
      const s = this.sites.get(site);
      if (s === undefined || !this.sites.isKnown(site) || this.sites.isDown(site)) continue;
      if (this.ctx.nowMs >= this.redial.notBefore(site)) this.connections.dial(s.definition, 'drain');
    }
  }

  /** Wakes for the next dial that will be due. */
  private arm(): void {
    let next = Infinity;
    for (const [site, since] of this.missing) {
      if (this.connections.dialling(site, 'link') || this.sites.get(site) === undefined) continue;
      const due = this.ctx.self < site ? since : since + SECOND_DIALLER_MS;
      next = Math.min(next, Math.max(due, this.redial.notBefore(site)));
    }
    if (next === Infinity) this.ctx.timers.cancel('links');
    else this.ctx.timers.set('links', Math.max(next, this.ctx.nowMs), () => this.reconcile());
  }
}
