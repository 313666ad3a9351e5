// Help for applications that repair inconsistencies (docs/design/flood.md, section 10): what peers say they have is compared
// with what is here; what stays behind for two estimates periods, gaps given up and references dropped are told, and listed.
import type { HaveOrigin } from '../wire/frames.js';
import type { Context } from './context.js';
import type { Group } from './group.js';
import { NOTICE_EVERY_MS, NOTICE_RANGES_MAX } from './limits.js';
import { missingOf, type OriginRecord } from './received.js';
import { addRange, coarsen, type Ranges } from './ranges.js';
import type { DropKind, Stored } from './store.js';
import { ALL_GROUPS, type MissingRange } from './types.js';

/** Estimates periods that a peer must stay ahead. */
const PATIENCE_PERIODS = 2;
/** Without estimates: that long. */
const PATIENCE_MS = 60_000;

interface Dropped {
  readonly group: string;
  readonly peer: string;
  readonly byOrigin: Map<string, { readonly origin: string; readonly incarnation: number; readonly ranges: Ranges }>;
}

export class Resync {
  private readonly counts = { down: 0, send: 0, export: 0, full: 0 };
  /** What was dropped that a peer waits for, since the last notice. */
  private readonly dropped = new Map<string, Dropped>();

  constructor(
    private readonly ctx: Context,
    private readonly groups: ReadonlyMap<string, Group>,
  ) {}

  begin(g: Group): void {
    const { estimatesPeriodMs } = g.settings;
    const patienceMs = estimatesPeriodMs > 0 ? PATIENCE_PERIODS * estimatesPeriodMs : PATIENCE_MS;
    this.ctx.every(`ahead ${g.name}`, patienceMs / PATIENCE_PERIODS, () => this.confirm(g, patienceMs));
  }

  /** A peer has these. */
  told(g: Group, peer: string, have: readonly HaveOrigin[]): void {
    for (const h of have) g.log.heard(peer, h, this.ctx.nowMs);
  }

  /** Gaps of that record were given up: the peer that may have them is its origin. */
  abandoned(group: string, r: OriginRecord, ranges: Ranges): void {
    this.ctx.counters.gapsAbandoned += ranges.length;
    const { origin, incarnation } = r;
    this.raise(
      group,
      r.aheadPeer === '' ? origin : r.aheadPeer,
      ranges.map(([first, last]) => ({ origin, incarnation, first, last, reason: 'abandoned' })),
      'abandoned',
    );
  }

  /** A reference was dropped: counted, told once a second. */
  drop(kind: DropKind | 'full', s: Stored | undefined, peer: string): void {
    this.counts[kind]++;
    if (!this.ctx.timers.has('dropped')) this.ctx.after('dropped', NOTICE_EVERY_MS, () => this.tellDropped());
    if (s === undefined || peer === '') return;
    const { scope, origin, incarnation, sequence } = s.data;
    for (const g of this.groups.values()) {
      if (scope !== ALL_GROUPS && scope !== g.name) continue;
      const key = `${g.name} ${peer}`;
      let d = this.dropped.get(key);
      if (d === undefined) this.dropped.set(key, (d = { group: g.name, peer, byOrigin: new Map() }));
      const of = `${incarnation} ${origin}`;
      let o = d.byOrigin.get(of);
      if (o === undefined) d.byOrigin.set(of, (o = { origin, incarnation, ranges: [] }));
      addRange(o.ranges, sequence, sequence);
      coarsen(o.ranges, NOTICE_RANGES_MAX);
    }
  }

  private tellDropped(): void {
    this.ctx.ports.event({ kind: 'dropped', ...this.counts });
    Object.assign(this.counts, { down: 0, send: 0, export: 0, full: 0 });
    for (const { group, peer, byOrigin } of this.dropped.values()) {
      const ranges = [...byOrigin.values()].flatMap(({ origin, incarnation, ranges: all }) =>
        all.map(([first, last]): MissingRange => ({ origin, incarnation, first, last, reason: 'gap' })),
      );
      this.raise(group, peer, ranges, 'dropped');
    }
    this.dropped.clear();
  }

  private confirm(g: Group, patienceMs: number): void {
    const byPeer = new Map<string, MissingRange[]>();
    for (const r of g.log.confirm(this.ctx.nowMs, patienceMs)) {
      const open = missingOf(r).filter((m) => m.reason === 'gap' || m.reason === 'ahead');
      byPeer.set(r.aheadPeer, [...(byPeer.get(r.aheadPeer) ?? []), ...open]);
    }
    for (const [peer, ranges] of byPeer) this.raise(g.name, peer, ranges, 'ahead');
  }

  private raise(
    group: string,
    peer: string,
    all: readonly MissingRange[],
    reason: 'abandoned' | 'dropped' | 'ahead',
  ): void {
    const ranges = all.slice(0, NOTICE_RANGES_MAX);
    if (ranges.length > 0) this.ctx.ports.event({ kind: 'inconsistent', group, peer, ranges, reason });
  }
}
