// Updates on their way (docs/design/flood.md, section 7): one copy each, kept while a queue refers to it, and the order in
// which references are dropped when there is no room. Queues are in order of arrival; bytes are accounted once per update.
import type { Bytes } from 'peal/plugin';
import type { Data } from '../wire/frames.js';
import { UPDATE_OVERHEAD_BYTES } from './limits.js';
import type { UpdateId } from './types.js';

export interface Stored {
  readonly key: string;
  /** As it goes on from here: hops are counted already. */
  readonly data: Data;
  readonly bytes: Bytes;
  /** Head of its frame, made for the first neighbour that it goes to. */
  head: Bytes | undefined;
  /** Rises with each update that came. */
  readonly arrival: number;
  /** Sites that wait for it. */
  readonly waiting: Set<string>;
  /** Waits for export, or is in the bundle under way. */
  exporting: boolean;
}

/** Unique among updates; sorts like nothing in particular. */
export const updateKey = (id: UpdateId): string => `${id.incarnation} ${id.sequence} ${id.origin}`;

/** Which reference was given up for room. */
export type DropKind = 'down' | 'send' | 'export';

export interface StoreUp {
  isDown(site: string): boolean;
  /** A reference was dropped; `site` is '' for export. */
  dropped(kind: DropKind, s: Stored, site: string): void;
  /** What is stored of that update changed: the update itself, or only who waits. */
  touched(s: Stored, what: 'update' | 'queue'): void;
}

export class UpdateStore {
  private readonly updates = new Map<string, Stored>();
  private readonly queues = new Map<string, Map<string, Stored>>();
  private readonly exports = new Map<string, Stored>();
  private readonly running = new Set<Stored>();
  private runningCost = 0;
  private arrivals = 0;
  /** Accounted now. */
  bytes = 0;

  constructor(
    private readonly limitBytes: number,
    private readonly up: StoreUp,
  ) {}

  get(key: string): Stored | undefined {
    return this.updates.get(key);
  }

  /** References in all queues of sites. */
  get queuedSend(): number {
    let n = 0;
    for (const q of this.queues.values()) n += q.size;
    return n;
  }

  get queuedExport(): number {
    return this.exports.size;
  }

  /** Sites for which something waits. */
  sites(): Iterable<string> {
    return this.queues.keys();
  }

  /** What waits for a site, in order of arrival. */
  queue(site: string): Iterable<Stored> {
    return this.queues.get(site)?.values() ?? [];
  }

  queued(site: string): number {
    return this.queues.get(site)?.size ?? 0;
  }

  waits(site: string, key: string): boolean {
    return this.queues.get(site)?.has(key) === true;
  }

  /** Makes room for an update of that many bytes, by the order of drops; false: there is none, and nothing was dropped. */
  makeRoom(updateBytes: number): boolean {
    const cost = updateBytes + UPDATE_OVERHEAD_BYTES;
    if (this.runningCost + cost > this.limitBytes) return false;
    while (this.bytes + cost > this.limitBytes)
      if (!this.dropDown() && !this.dropSend() && !this.dropExport()) return false;
    return true;
  }

  /** Stores an update for which there is room. At least one reference. */
  add(data: Data, bytes: Bytes, sites: readonly string[], exporting: boolean): Stored {
    const key = updateKey(data);
    const s: Stored = {
      key,
      data,
      bytes,
      head: undefined,
      arrival: this.arrivals++,
      waiting: new Set(sites),
      exporting,
    };
    this.updates.set(key, s);
    this.bytes += costOf(s);
    for (const site of sites) this.queueOf(site).set(key, s);
    if (exporting) this.exports.set(key, s);
    this.up.touched(s, 'update');
    return s;
  }

  /** Updates that some site waits for. */
  sending(): readonly Stored[] {
    return [...this.updates.values()].filter((s) => s.waiting.size > 0);
  }

  /** One more site waits for it; it goes when the next connection to that site comes up. */
  addWaiting(site: string, s: Stored): void {
    if (s.waiting.has(site)) return;
    s.waiting.add(site);
    this.queueOf(site).set(s.key, s);
    this.up.touched(s, 'queue');
  }

  /** That site has it: it does not wait any more. */
  release(site: string, key: string): void {
    const s = this.queues.get(site)?.get(key);
    if (s !== undefined) this.unqueue(site, s);
  }

  /** Everything that waits for a site is given up; answers how many references. */
  free(site: string): readonly Stored[] {
    const all = [...this.queue(site)];
    for (const s of all) this.unqueue(site, s);
    return all;
  }

  /** The bundle for the next run: oldest first, of one scope, up to that many bytes but at least one. It is safe from drops. */
  take(maxBytes: number): readonly Stored[] {
    let bytes = 0;
    const bundle: Stored[] = [];
    for (const s of this.exports.values()) {
      if (bundle.length > 0 && (s.data.scope !== bundle[0]!.data.scope || bytes + s.bytes.length > maxBytes)) break;
      bundle.push(s);
      bytes += s.bytes.length;
    }
    for (const s of bundle) {
      this.running.add(s);
      this.runningCost += costOf(s);
    }
    return bundle;
  }

  /** The bundle is not under way any more; `done`: its updates do not wait for export any more. */
  settle(bundle: readonly Stored[], done: boolean): void {
    for (const s of bundle) {
      this.running.delete(s);
      this.runningCost -= costOf(s);
      if (done) this.unexport(s);
    }
  }

  private queueOf(site: string): Map<string, Stored> {
    let q = this.queues.get(site);
    if (q === undefined) this.queues.set(site, (q = new Map<string, Stored>()));
    return q;
  }

  /** Oldest first, what waits for sites that are down. */
  private dropDown(): boolean {
    let oldest: Stored | undefined;
    let of = '';
    for (const [site, q] of this.queues) {
      if (!this.up.isDown(site)) continue;
      const s = this.firstDroppable(q.values());
      if (s !== undefined && (oldest === undefined || s.arrival < oldest.arrival)) [oldest, of] = [s, site];
    }
    return this.dropFrom('down', oldest, of);
  }

  /** From the longest queue, oldest first. */
  private dropSend(): boolean {
    let longest = 0;
    let found: readonly [s: Stored, site: string] | undefined;
    for (const [site, q] of this.queues) {
      if (this.up.isDown(site) || q.size <= longest) continue;
      const s = this.firstDroppable(q.values());
      if (s !== undefined) [longest, found] = [q.size, [s, site]];
    }
    return this.dropFrom('send', found?.[0], found?.[1] ?? '');
  }

  private dropExport(): boolean {
    const s = this.firstDroppable(this.exports.values());
    if (s === undefined) return false;
    this.unexport(s);
    this.up.dropped('export', s, '');
    return true;
  }

  private dropFrom(kind: DropKind, s: Stored | undefined, site: string): boolean {
    if (s === undefined) return false;
    this.unqueue(site, s);
    this.up.dropped(kind, s, site);
    return true;
  }

  /** What is in the bundle under way frees nothing, whoever else waits for it. */
  private firstDroppable(queue: Iterable<Stored>): Stored | undefined {
    for (const s of queue) if (!this.running.has(s)) return s;
    return undefined;
  }

  private unqueue(site: string, s: Stored): void {
    const q = this.queues.get(site);
    q?.delete(s.key);
    if (q?.size === 0) this.queues.delete(site);
    s.waiting.delete(site);
    this.changed(s);
  }

  private unexport(s: Stored): void {
    this.exports.delete(s.key);
    s.exporting = false;
    this.changed(s);
  }

  private changed(s: Stored): void {
    if (s.waiting.size > 0 || s.exporting) {
      this.up.touched(s, 'queue');
      return;
    }
    this.updates.delete(s.key);
    this.bytes -= costOf(s);
    this.up.touched(s, 'update');
  }
}

/** What it takes in the accounts, in bytes. */
function costOf(s: Stored): number {
  return s.bytes.length + UPDATE_OVERHEAD_BYTES;
}
