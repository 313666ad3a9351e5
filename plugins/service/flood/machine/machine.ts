// The machine of a flooding site as its driver sees it: every event goes to the part that it concerns, and after each the
// driver's alarm is set to the next timer. What a driver must do is in types.ts, the parts are wired in parts.ts.
import type { Bytes } from 'peal/plugin';
import { Parts } from './parts.js';
import { recordOf } from './records.js';
import type { SiteDefinition } from './settings.js';
import * as status from './status.js';
import type {
  ConnectionId,
  FloodBirth,
  FloodMachine,
  FloodPorts,
  FloodStatistics,
  GroupStatus,
  HaveLine,
  MemberStatus,
  MissingRange,
  NearestSite,
  SubmitRefusal,
  TopologyAnswer,
  TopologyStatus,
  UpdateId,
} from './types.js';

/** A site's machine. The settings were checked: own name defined, periods sound, at least one group. */
export function createFlood(birth: FloodBirth, ports: FloodPorts): FloodMachine {
  return new Machine(birth, ports);
}

class Machine implements FloodMachine {
  private readonly parts: Parts;
  private wakeMs: number | undefined;

  constructor(
    birth: FloodBirth,
    private readonly ports: FloodPorts,
  ) {
    this.parts = new Parts(birth, ports);
  }

  get incarnation(): number {
    return this.parts.ctx.incarnation;
  }

  at(nowMs: number, wallMs: number): void {
    this.parts.ctx.nowMs = nowMs;
    this.parts.ctx.wallMs = wallMs;
  }

  wake(): void {
    this.wakeMs = undefined;
    this.parts.ctx.timers.run(this.parts.ctx.nowMs);
    this.settle();
  }

  restore(records: Iterable<readonly [key: string, value: Bytes]>): void {
    this.parts.restore(records);
  }

  start(): void {
    this.parts.start();
    this.settle();
  }

  leave(): void {
    this.parts.leave();
    this.settle();
  }

  accepted(connection: ConnectionId, address: string): void {
    this.parts.connections.accepted(connection, address);
    this.settle();
  }

  dialled(connection: ConnectionId, address: string): void {
    this.parts.connections.dialled(connection, address);
    this.settle();
  }

  received(connection: ConnectionId, bytes: Bytes): void {
    this.parts.connections.received(connection, bytes);
    this.settle();
  }

  writable(connection: ConnectionId): void {
    this.parts.connections.writable(connection);
    this.settle();
  }

  closed(connection: ConnectionId, why: 'refused' | 'unreachable' | 'ended' | 'reset'): void {
    this.parts.connections.lost(connection, why);
    this.settle();
  }

  submit(bytes: Bytes, group?: string): UpdateId | SubmitRefusal {
    const result = this.parts.flooding.submit(bytes, group);
    this.settle();
    return result;
  }

  exported(ok: boolean): void {
    this.parts.exports.done(ok);
    this.settle();
  }

  generated(number: number, answer: TopologyAnswer): void {
    this.parts.topologies.generated(number, answer);
    this.settle();
  }

  record(key: string): Bytes | undefined {
    return recordOf(key, this.parts.ctx.incarnation, this.parts.groupsByName, this.parts.store);
  }

  cut(): number {
    this.parts.ctx.changed = false;
    return this.parts.ctx.cut++;
  }

  stored(cut: number): void {
    this.parts.ctx.storedCut = Math.max(this.parts.ctx.storedCut, cut);
    this.parts.flooding.stored();
    this.settle();
  }

  connect(site: string, reason: string): number {
    const ticket = this.parts.channels.connect(site, reason);
    this.settle();
    return ticket;
  }

  update(group: string): boolean {
    const g = this.parts.groupsByName.get(group);
    if (g?.isMaster !== true) return false;
    this.parts.topologies.compute(g);
    this.settle();
    return true;
  }

  groups(): readonly GroupStatus[] {
    return [...this.parts.groupsByName.values()].map(status.groupStatus);
  }

  members(group: string): readonly MemberStatus[] | undefined {
    const g = this.parts.groupsByName.get(group);
    return g === undefined ? undefined : status.memberStatus(g, this.parts.ctx, this.parts.sites);
  }

  topology(group: string): TopologyStatus | undefined {
    const g = this.parts.groupsByName.get(group);
    return g === undefined ? undefined : this.parts.topologies.status(g);
  }

  nearest(): readonly NearestSite[] {
    return status.nearest(this.parts.ctx, this.parts.sites, this.parts.probes);
  }

  have(group: string): readonly HaveLine[] | undefined {
    return this.parts.groupsByName.get(group)?.log.have();
  }

  missing(group: string): readonly MissingRange[] | undefined {
    return this.parts.groupsByName.get(group)?.log.missing();
  }

  statistics(): FloodStatistics {
    return status.statistics(
      this.parts.ctx,
      this.parts.groupsByName.size,
      this.parts.sites,
      this.parts.links,
      this.parts.store,
    );
  }

  site(name: string): SiteDefinition | undefined {
    return this.parts.sites.get(name)?.definition;
  }

  /** The end of every event: the driver's alarm stands for the next timer. */
  private settle(): void {
    const next = this.parts.ctx.timers.next();
    if (next === this.wakeMs) return;
    this.wakeMs = next;
    this.ports.wakeAt(next);
  }
}
