// Flooding (docs/design/flood.md, section 7): an update is accepted once, acknowledged, queued for export and for every
// neighbour in scope but the one it came from; a queue keeps it until that neighbour's ACK. HAVE, exchanged when a link comes
// up, takes from the queues what the other side has.
import type { Bytes } from 'peal/plugin';
import type { Ack, Data, Have } from '../wire/frames.js';
import { dataHead } from '../wire/write.js';
import { carries, type Connection } from './connection.js';
import type { Connections } from './connections.js';
import type { Context } from './context.js';
import type { Exports } from './exports.js';
import type { Group } from './group.js';
import { ACK_BATCH, ACK_DELAY_MS, ACKS_WAITING_MAX, HOPS_MAX, WINDOW_BYTES, WINDOW_UPDATES } from './limits.js';
import type { Links } from './links.js';
import { Origin, sinceIn } from './origin.js';
import { hasNumber } from './ranges.js';
import { type Stored, updateKey, type UpdateStore } from './store.js';
import type { Sites } from './sites.js';
import { ALL_GROUPS, type SubmitRefusal, type UpdateId } from './types.js';

export class Flooding {
  readonly origin: Origin;

  constructor(
    private readonly ctx: Context,
    private readonly sites: Sites,
    private readonly groups: ReadonlyMap<string, Group>,
    private readonly connections: Connections,
    private readonly links: Links,
    private readonly store: UpdateStore,
    private readonly exports: Exports,
  ) {
    this.origin = new Origin([...groups.keys()]);
  }

  submit(bytes: Bytes, group: string | undefined): UpdateId | SubmitRefusal {
    const { local } = this.ctx.settings;
    if (this.ctx.leaving) return 'stopping';
    if (group !== undefined && !this.groups.has(group)) return 'no-group';
    if (bytes.length === 0) return 'empty';
    if (bytes.length > local.updateMaxBytes) return 'too-large';
    const scope = group ?? ALL_GROUPS;
    const groups = this.inScope(scope);
    const sites = this.targetsOf(groups, this.ctx.self, 0, '');
    const exporting = local.exportLocal && this.ctx.birth.exporter;
    if ((sites.length > 0 || exporting) && !this.store.makeRoom(bytes.length)) return 'full';
    const { self, incarnation, wallMs } = this.ctx;
    const d = this.origin.next(self, incarnation, scope, Math.max(0, Math.floor(wallMs)));
    this.ctx.counters.updatesOriginated++;
    if (local.exportLocal && !exporting) this.ctx.counters.exportDropped++;
    this.take(d, bytes, groups, sites, exporting);
    return { origin: self, incarnation, sequence: d.sequence };
  }

  onData(c: Connection, f: Data & { readonly payload: Bytes | undefined }): void {
    if (!carries(c)) return;
    c.flow.dataMs = this.ctx.nowMs;
    this.accept(c, f);
    this.acknowledge(c, f);
  }

  onAck(c: Connection, f: Ack): void {
    for (const id of f.ids) {
      const key = updateKey(id);
      this.landed(c, key);
      this.store.release(c.site, key);
    }
    this.pump(c);
  }

  /** What the peer has need not be sent; when all groups are told, the rest goes, in order of origin and sequence. */
  onHave(c: Connection, f: Have): void {
    if (!carries(c)) return;
    const theirs = new Map(f.origins.map((h) => [`${h.incarnation} ${h.origin}`, h]));
    for (const s of [...this.store.queue(c.site)]) {
      if (s.data.scope !== ALL_GROUPS && s.data.scope !== f.group) continue;
      const h = theirs.get(`${s.data.incarnation} ${s.data.origin}`);
      if (h === undefined) continue;
      if (s.data.sequence <= h.lowWater || hasNumber(h.ranges, s.data.sequence)) {
        this.landed(c, s.key);
        this.store.release(c.site, s.key);
      }
    }
    const { flow } = c;
    if (!flow.haveWanted.delete(f.group) || flow.haveWanted.size > 0) return;
    this.resume(c.site);
  }

  /** Everything that waits for that site goes, in order, if a connection carries to it and is ready. */
  resume(site: string): void {
    const c = this.links.carrier(site);
    if (c === undefined || c.flow.haveWanted.size > 0) return;
    c.flow.toSend = [...this.store.queue(site)].sort(byOrigin).map((s) => s.key);
    c.flow.next = 0;
    this.pump(c);
  }

  /** A link or drain connection is there: tell what we have of each group. */
  opened(c: Connection): void {
    for (const name of c.groups) {
      c.flow.haveWanted.add(name);
      this.connections.send(c, { kind: 'have', group: name, origins: this.groups.get(name)!.log.have() });
    }
  }

  /** Sends what the window allows. */
  pump(c: Connection): void {
    if (!carries(c) || c.flow.haveWanted.size > 0) return;
    const { flow } = c;
    while (!c.full && flow.next < flow.toSend.length) {
      const key = flow.toSend[flow.next]!;
      const s = this.store.waits(c.site, key) ? this.store.get(key) : undefined;
      if (s !== undefined && !flow.inFlight.has(key)) {
        const bytes = s.bytes.length;
        if (flow.inFlight.size >= WINDOW_UPDATES) break;
        if (flow.inFlight.size > 0 && flow.inFlightBytes + bytes > WINDOW_BYTES) break;
        flow.inFlight.set(key, bytes);
        flow.inFlightBytes += bytes;
        s.head ??= dataHead(s.data, bytes);
        this.connections.write(c, s.head, s.bytes);
      }
      flow.next++;
    }
    if (flow.next === flow.toSend.length) {
      flow.toSend = [];
      flow.next = 0;
    }
  }

  /** Sends the acknowledgements that may be sent; the others wait for storage. */
  sendAcks(c: Connection): void {
    if (c.state !== 'open') return;
    const { birth, storedCut } = this.ctx;
    const ready = birth.durable ? c.flow.acks.filter((a) => a.cut <= storedCut) : c.flow.acks;
    if (ready.length === 0) return;
    c.flow.acks = birth.durable ? c.flow.acks.filter((a) => a.cut > storedCut) : [];
    for (let at = 0; at < ready.length; at += ACK_BATCH)
      this.connections.send(c, { kind: 'ack', ids: ready.slice(at, at + ACK_BATCH).map((a) => a.id) });
  }

  /** Another cut holds: acknowledgements may go. */
  stored(): void {
    for (const c of this.connections.all()) this.sendAcks(c);
  }

  private accept(c: Connection, f: Data & { readonly payload: Bytes | undefined }): void {
    const groups = this.inScope(f.scope).filter((g) => c.groups.has(g.name) || f.scope === ALL_GROUPS);
    // What was long on its way does not bring the dead back.
    if (!this.sites.isDown(f.origin)) this.sites.heard(f.origin, f.incarnation);
    if (groups.length === 0) return;
    if (this.seen(f, groups)) {
      this.ctx.counters.duplicates++;
      return;
    }
    if (f.payload === undefined) {
      this.ctx.counters.droppedOversize++;
      return;
    }
    const { payload, ...head } = f;
    const d: Data = { ...pick(head), hops: Math.min(HOPS_MAX + 1, f.hops + 1) };
    const sites = this.targetsOf(groups, c.site, d.hops, d.origin, d.incarnation);
    const exporting = this.ctx.birth.exporter;
    if ((sites.length > 0 || exporting) && !this.store.makeRoom(payload.length)) {
      this.ctx.counters.droppedFull++;
      return;
    }
    this.ctx.counters.updatesReceived++;
    if (!exporting) this.ctx.counters.exportDropped++;
    this.take(d, payload, groups, sites, exporting);
  }

  /**
   * Over durable storage when the cut holds that has what came of it. What came of it is nothing for a duplicate, so there may be
   * no next cut to wait for.
   */
  private acknowledge(c: Connection, f: UpdateId): void {
    const { acks } = c.flow;
    const { origin, incarnation, sequence } = f;
    const { cut, changed } = this.ctx;
    acks.push({ id: { origin, incarnation, sequence }, cut: changed ? cut : cut - 1 });
    if (acks.length >= ACKS_WAITING_MAX) {
      this.connections.broken(c, 'acknowledgements are not read');
      return;
    }
    const timer = `ack ${c.id}`;
    if (acks.length >= ACK_BATCH && !c.full) this.sendAcks(c);
    if (acks.length > 0 && !this.ctx.timers.has(timer)) this.ctx.after(timer, ACK_DELAY_MS, () => this.sendAcks(c));
  }

  private landed(c: Connection, key: string): void {
    const bytes = c.flow.inFlight.get(key);
    if (bytes === undefined) return;
    c.flow.inFlight.delete(key);
    c.flow.inFlightBytes -= bytes;
  }

  private inScope(scope: string): Group[] {
    if (scope === ALL_GROUPS) return [...this.groups.values()];
    const g = this.groups.get(scope);
    return g === undefined ? [] : [g];
  }

  private seen(d: Data, groups: readonly Group[]): boolean {
    return groups.some((g) => g.log.seen(d.origin, d.incarnation, d.sequence));
  }

  /** Who gets it from here: not who sent it, nor the run of the origin that made it. */
  private targetsOf(groups: readonly Group[], from: string, hops: number, origin: string, incarnation = 0): string[] {
    if (hops > HOPS_MAX) return [];
    const found = this.links.targets(groups);
    found.delete(from);
    found.delete(this.ctx.self);
    if (this.sites.get(origin)?.incarnation === incarnation) found.delete(origin);
    return [...found];
  }

  /** Records an update for which there is room, and sends it on. */
  private take(d: Data, bytes: Bytes, groups: readonly Group[], sites: readonly string[], exporting: boolean): void {
    for (const g of groups) g.log.add(d.origin, d.incarnation, d.sequence, sinceIn(d, g.name), this.ctx.nowMs);
    if (sites.length === 0 && !exporting) return;
    const s = this.store.add(d, bytes, sites, exporting);
    for (const site of sites) this.offer(site, s);
    if (exporting) this.exports.push();
  }

  private offer(site: string, s: Stored): void {
    const c = this.links.carrier(site);
    if (c === undefined || c.flow.haveWanted.size > 0) return;
    c.flow.toSend.push(s.key);
    this.pump(c);
  }
}

/** Only the fields of the head: a frame that was read has more. */
function pick(d: Data): Data {
  const { origin, incarnation, sequence, scope, hops, created, since, sinceOf } = d;
  return { kind: 'data', origin, incarnation, sequence, scope, hops, created, since, sinceOf };
}

function byOrigin(a: Stored, b: Stored): number {
  if (a.data.origin !== b.data.origin) return a.data.origin < b.data.origin ? -1 : 1;
  return a.data.incarnation - b.data.incarnation || a.data.sequence - b.data.sequence;
}
