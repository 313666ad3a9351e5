// The parts of a site's machine and their wiring: which part hears of what. Everything the protocol between sites decides is in
// the parts themselves (docs/design/flood.md); machine.ts is their face to the driver.
import type { Bytes } from 'peal/plugin';
import { ErrorCode, type Frame, type Hello } from '../wire/frames.js';
import { isAllowed } from './access.js';
import { Channels } from './channels.js';
import { carries, type Connection } from './connection.js';
import { Connections, type End } from './connections.js';
import { Context } from './context.js';
import { Estimates } from './estimates.js';
import { Exports } from './exports.js';
import { Flooding } from './flooding.js';
import type { Group } from './group.js';
import { Joins } from './joins.js';
import { REBIRTH_AGAIN_MS, REBIRTH_SPREAD_MS, SWEEP_LEAST_MS, SWEEP_MOST_MS } from './limits.js';
import { Links } from './links.js';
import { Membership } from './membership.js';
import { Probes } from './probes.js';
import { ReceivedLog } from './received.js';
import { INCARNATION_KEY, logKey, queueRecordKey, readRecords, updateRecordKey } from './records.js';
import { Resync } from './resync.js';
import type { GroupSettings } from './settings.js';
import { Sites } from './sites.js';
import { UpdateStore } from './store.js';
import { Topologies } from './topology.js';
import type { FloodBirth, FloodPorts } from './types.js';

/** Reason of GOODBYE when a site ends; it is down at once. */
const LEAVING = 'leaving';

/** All parts of one site, and who tells whom. */
export class Parts {
  readonly ctx: Context;
  readonly groupsByName = new Map<string, Group>();
  readonly sites: Sites;
  readonly connections: Connections;
  readonly store: UpdateStore;
  readonly exports: Exports;
  readonly links: Links;
  readonly flooding: Flooding;
  private readonly membership: Membership;
  private readonly joins: Joins;
  readonly probes: Probes;
  private readonly resync: Resync;
  private readonly estimates: Estimates;
  readonly topologies: Topologies;
  readonly channels: Channels;
  private rebornMs = -Infinity;

  constructor(birth: FloodBirth, ports: FloodPorts) {
    const ctx = new Context(birth, ports);
    this.ctx = ctx;
    this.sites = new Sites(ctx, (s) => this.heardAgain(s.name));
    this.resync = new Resync(ctx, this.groupsByName);
    for (const settings of birth.settings.groups) this.groupsByName.set(settings.name, this.newGroup(settings));
    this.store = this.newStore();
    this.exports = new Exports(ctx, this.store, ({ data }) =>
      this.neverExported(data.origin, data.incarnation, data.sequence),
    );
    this.connections = new Connections(ctx, this.sites, {
      opened: (c, hello) => this.opened(c, hello),
      frame: (c, f) => this.frame(c, f),
      ended: (c, end, wasOpen) => this.ended(c, end, wasOpen),
      writable: (c) => this.roomOn(c),
      outrun: (incarnation) => this.outrun(incarnation),
      raw: (c, first) => this.channels.raw(c, first),
    });
    this.links = new Links(ctx, this.sites, this.groupsByName, this.connections, this.store, (site) =>
      this.flooding.resume(site),
    );
    this.flooding = new Flooding(
      ctx,
      this.sites,
      this.groupsByName,
      this.connections,
      this.links,
      this.store,
      this.exports,
    );
    this.membership = new Membership(ctx, this.sites, this.connections, {
      changed: (g) => this.membersChanged(g),
      adopted: (g) => this.topologies.adopt(g),
      joinNow: (g) => this.joins.now(g),
      outrun: (incarnation) => this.outrun(incarnation),
    });
    this.joins = new Joins(ctx, this.sites, this.connections);
    this.probes = new Probes(ctx, this.sites, this.connections);
    this.estimates = new Estimates(ctx, this.sites, this.connections, this.probes, this.resync);
    this.topologies = new Topologies(ctx, this.sites, this.connections, () => this.links.rewire());
    this.channels = new Channels(ctx, this.sites, this.connections);
  }

  /** Takes up what an earlier life stored. */
  restore(records: Iterable<readonly [key: string, value: Bytes]>): void {
    const { ctx, store } = this;
    const { updateMaxBytes } = ctx.settings.local;
    const life = readRecords(records, this.groupsByName, updateMaxBytes, ctx.nowMs);
    ctx.incarnation = Math.max(ctx.incarnation, life.incarnation + 1);
    for (const key of life.useless) this.touched(key);
    for (const { data, bytes, sites, exporting } of life.updates) {
      const exports = exporting && ctx.birth.exporter;
      if ((sites.length > 0 || exports) && store.makeRoom(bytes.length)) store.add(data, bytes, sites, exports);
      else {
        this.touched(updateRecordKey(data));
        this.touched(queueRecordKey(data));
      }
    }
  }

  /** Begins what goes on by itself: joins, links, periods. */
  start(): void {
    const { ctx } = this;
    ctx.startedMs = ctx.nowMs;
    this.sites.begin();
    this.touched(INCARNATION_KEY);
    for (const g of this.groupsByName.values()) {
      this.membership.begin(g);
      this.topologies.begin(g);
      this.probes.begin(g);
      this.estimates.begin(g);
      this.resync.begin(g);
      if (g.isMaster) this.topologies.soon(g);
    }
    this.links.rewire();
    for (const g of this.groupsByName.values()) this.joins.begin(g);
    const { logPurgePeriodMs } = ctx.settings.local;
    ctx.every('purge', logPurgePeriodMs, () => this.purgeLogs(logPurgePeriodMs), logPurgePeriodMs);
    this.sweepLater();
    this.exports.push();
  }

  /** Says goodbye to everybody; nothing begins any more. */
  leave(): void {
    const { ctx } = this;
    if (ctx.leaving) return;
    ctx.leaving = true;
    const { self: site, incarnation } = ctx;
    for (const g of this.groupsByName.values())
      this.connections.spread(g.name, { kind: 'leave', group: g.name, site, incarnation });
    for (const c of [...this.connections.all()]) this.connections.close(c, LEAVING);
  }

  private newGroup(settings: GroupSettings): Group {
    const { name } = settings;
    return {
      settings,
      name,
      isMaster: settings.masterSite === this.ctx.self,
      epoch: 0,
      version: 0,
      members: new Set(),
      latestMembers: undefined,
      latestTopology: undefined,
      topology: undefined,
      joined: new Set(),
      estimates: new Map(),
      log: new ReceivedLog(
        (r, ranges) => this.resync.abandoned(name, r, ranges),
        (r) => this.touched(logKey(name, r)),
      ),
    };
  }

  private newStore(): UpdateStore {
    const { counters, settings } = this.ctx;
    return new UpdateStore(settings.local.dataStorageMaxBytes, {
      isDown: (site) => this.sites.isDown(site) || !this.sites.isKnown(site),
      dropped: (kind, s, site) => {
        if (kind === 'down') counters.droppedDown++;
        else if (kind === 'send') counters.droppedSend++;
        else {
          counters.droppedExport++;
          this.neverExported(s.data.origin, s.data.incarnation, s.data.sequence);
        }
        this.resync.drop(kind, s, site);
      },
      touched: (s, what) => {
        this.touched(queueRecordKey(s.data));
        if (what === 'update') this.touched(updateRecordKey(s.data));
      },
    });
  }

  private touched(key: string): void {
    if (!this.ctx.birth.durable) return;
    this.ctx.changed = true;
    this.ctx.ports.touched(key);
  }

  private neverExported(origin: string, incarnation: number, sequence: number): void {
    for (const g of this.groupsByName.values())
      if (g.log.seen(origin, incarnation, sequence)) g.log.lost(origin, incarnation, sequence);
  }

  private opened(c: Connection, hello: Hello): void {
    for (const name of c.groups) {
      const g = this.groupsByName.get(name)!;
      this.membership.met(g, c.site);
      this.membership.revive(g, c.site);
    }
    if (carries(c)) {
      if (this.links.opened(c)) {
        for (const name of c.groups) this.membership.answer(c, this.groupsByName.get(name)!);
        this.flooding.opened(c);
      }
    } else if (hello.purpose === 'probe') this.probes.opened(c);
    else if (hello.purpose === 'join') this.joins.opened(c);
    else this.channels.opened(c);
  }

  private ended(c: Connection, end: End, wasOpen: boolean): void {
    this.ctx.timers.cancel(`ack ${c.id}`);
    this.links.ended(c, end, wasOpen);
    this.joins.ended(c);
    this.probes.ended(c);
    this.channels.ended(c);
  }

  private roomOn(c: Connection): void {
    if (c.stale) {
      c.stale = false;
      for (const name of c.groups) this.membership.answer(c, this.groupsByName.get(name)!);
    }
    this.flooding.sendAcks(c);
    this.flooding.pump(c);
  }

  private frame(c: Connection, f: Frame): void {
    if (f.kind === 'data') {
      if (this.mayIn(c, this.groupsByName.get(f.scope))) this.flooding.onData(c, f);
    } else if ('group' in f) {
      const g = this.groupsByName.get(f.group);
      if (g === undefined || !this.mayIn(c, g)) return;
      if (c.groups.has(g.name) || f.kind === 'join') this.ofGroup(c, g, f);
    } else this.ofConnection(c, f);
  }

  private ofConnection(c: Connection, f: Exclude<Frame, { readonly group: string } | { readonly kind: 'data' }>): void {
    switch (f.kind) {
      case 'ack':
        this.flooding.onAck(c, f);
        break;
      case 'ping':
        this.probes.onPing(c, f);
        break;
      case 'pong':
        this.probes.onPong(c, f);
        break;
      case 'bwtest':
        this.probes.onTest(c, f);
        break;
      case 'bwresult':
        this.probes.onResult(c, f);
        break;
      case 'sync':
        this.channels.on(c, f);
        break;
      case 'goodbye':
        if (f.reason === LEAVING) this.sites.leave(c.site, c.incarnation);
        this.connections.finished(c);
        this.sites.tell();
        break;
      case 'error':
        this.probes.onError(c);
        this.channels.onError(c);
        break;
      case 'hello':
        break;
    }
  }

  private ofGroup(c: Connection, g: Group, f: Extract<Frame, { readonly group: string }>): void {
    switch (f.kind) {
      case 'have':
        this.resync.told(g, c.site, f.origins);
        this.flooding.onHave(c, f);
        break;
      case 'estimates':
        this.estimates.on(c, g, f);
        break;
      case 'join':
        this.membership.onJoin(c, g, f);
        if (g.topology === undefined) this.links.rewire();
        break;
      case 'members':
        this.membership.onMembers(c, g, f);
        break;
      case 'topology':
        this.topologies.on(c, g, f);
        break;
      case 'leave':
        this.membership.onLeave(c, g, f);
        this.sites.tell();
        break;
    }
  }

  /** The access list of the group lets that address in; else the connection ends. */
  private mayIn(c: Connection, g: Group | undefined): boolean {
    if (g === undefined || isAllowed(c.address, g.settings)) return true;
    const text = 'this address is not on the access list';
    this.connections.refuse(c, { code: ErrorCode.notAllowed, text, incarnation: 0, clash: false });
    return false;
  }

  private heardAgain(site: string): void {
    this.links.heardAgain(site);
    for (const g of this.groupsByName.values()) {
      this.membership.revive(g, site);
      if (g.members.has(site)) this.topologies.soon(g);
    }
  }

  private membersChanged(g: Group): void {
    this.topologies.soon(g);
    this.links.rewire();
  }

  /** A peer knows a later run of ours than this one: take a number above it and begin anew in its eyes. */
  private outrun(incarnation: number): void {
    const { ctx } = this;
    if (ctx.leaving || ctx.nowMs - this.rebornMs < REBIRTH_AGAIN_MS) return;
    this.rebornMs = ctx.nowMs;
    // By lot: the next run may be told the same number by somebody who never heard of this one.
    ctx.incarnation = Math.max(incarnation, ctx.incarnation) + 1 + (ctx.ports.chance.u32() % REBIRTH_SPREAD_MS);
    this.touched(INCARNATION_KEY);
    ctx.ports.event({ kind: 'reborn', incarnation: ctx.incarnation });
    this.flooding.origin.reset();
    for (const c of [...this.connections.all()]) this.connections.close(c, 'a new incarnation');
    for (const g of this.groupsByName.values()) {
      this.membership.begin(g);
      if (g.isMaster) this.topologies.restart(g);
      this.joins.now(g);
    }
    this.links.rewire();
  }

  private sweepLater(): void {
    const { ctx } = this;
    const { pingPeriodMs, downPeriodMs } = this.sites.patience;
    const ms = Math.min(SWEEP_MOST_MS, Math.max(SWEEP_LEAST_MS, Math.min(pingPeriodMs / 2, downPeriodMs / 10)));
    const dueMs = ctx.nowMs + ms;
    ctx.after('sweep', ms, () => {
      const lateMs = ctx.nowMs - dueMs;
      if (lateMs > ms) this.excuse(lateMs);
      this.sweep();
      this.sweepLater();
    });
  }

  /** This process stood still for so long: the clocks of its peers begin anew. */
  private excuse(lateMs: number): void {
    this.sites.excuse(lateMs);
    for (const c of this.connections.all()) {
      c.heardMs = Math.min(this.ctx.nowMs, c.heardMs + lateMs);
      c.sinceMs = Math.min(this.ctx.nowMs, c.sinceMs + lateMs);
    }
  }

  private sweep(): void {
    const { pingPeriodMs, downPeriodMs } = this.sites.patience;
    this.connections.sweep();
    this.links.watch(pingPeriodMs, downPeriodMs, (c) => this.probes.ping(c));
    for (const site of this.sites.purge()) this.purged(site);
    this.freeForgotten();
    this.sites.tell();
    this.sites.tidy((name) => this.isNamed(name));
    this.membership.tidy();
    this.links.sweep();
  }

  /** An earlier life kept updates for sites that this one never heard of. */
  private freeForgotten(): void {
    const { ctx, store } = this;
    const { sitePurgePeriodMs } = ctx.settings.local;
    if (sitePurgePeriodMs === 0 || ctx.nowMs - ctx.startedMs < sitePurgePeriodMs) return;
    for (const site of [...store.sites()]) if (!this.sites.mayQueue(site)) this.purged(site);
  }

  private isNamed(name: string): boolean {
    for (const g of this.groupsByName.values()) {
      if (g.members.has(name) || g.settings.sites.includes(name) || g.settings.masterSite === name) return true;
      if (g.latestMembers?.members.some((m) => m.site.name === name) === true) return true;
    }
    return this.store.queued(name) > 0 || this.connections.openTo(name).length > 0;
  }

  /** Not heard for the purge period: what waits for it goes, and it is no member any more. */
  private purged(site: string): void {
    this.ctx.ports.event({ kind: 'purged', site });
    for (const s of this.store.free(site)) {
      this.ctx.counters.droppedDown++;
      this.resync.drop('down', s, site);
    }
    this.probes.forget(site);
    for (const g of this.groupsByName.values()) this.membership.remove(g, site);
  }

  private purgeLogs(periodMs: number): void {
    const current = (origin: string): number | undefined => {
      if (origin === this.ctx.self) return this.ctx.incarnation;
      return this.sites.isKnown(origin) ? this.sites.get(origin)!.incarnation : undefined;
    };
    for (const g of this.groupsByName.values()) g.log.purge(this.ctx.nowMs, periodMs, current);
  }
}
