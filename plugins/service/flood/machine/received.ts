// What a site has seen of one group (docs/design/flood.md, section 6): per origin and incarnation a low-water mark, ranges
// above it, and what was given up or dropped. It suppresses duplicates and knows what is missing. Sequence numbers that
// were not for this group are told apart by `since` and count as seen.
import type { HaveOrigin } from '../wire/frames.js';
import { LOST_RANGES_MAX, RANGES_MAX, RECORDS_MAX } from './limits.js';
import { addRange, coarsen, gapsIn, hasNumber, type Ranges } from './ranges.js';
import type { MissingRange } from './types.js';

/** One life of one origin. */
export interface OriginRecord {
  readonly origin: string;
  readonly incarnation: number;
  lowWater: number;
  readonly ranges: Ranges;
  /** Given up: what comes late is a duplicate. */
  readonly abandoned: Ranges;
  /** Came, and was not exported. */
  readonly dropped: Ranges;
  usedMs: number;
  /** Highest seen at the last purge: gaps below it are as old as a period at the next one. */
  marked: number;
  /** Highest that a peer was found to have while we had not, who said so, and when that began; 0: none. */
  ahead: number;
  aheadPeer: string;
  aheadMs: number;
  /** Up to here what we have not is missing, not just on its way. */
  confirmed: number;
}

/** Told of gaps that were given up. */
export type Abandoned = (r: OriginRecord, ranges: Ranges) => void;

export const keyOf = (origin: string, incarnation: number): string => `${incarnation} ${origin}`;

export class ReceivedLog {
  private readonly records = new Map<string, OriginRecord>();
  /** Highest incarnation of an origin whose record was dropped: it and what is below is never taken anew. */
  private readonly forgotten = new Map<string, number>();
  /** Origins that were no known site at the last purge. */
  private strangers = new Set<string>();

  constructor(
    private readonly abandoned: Abandoned,
    private readonly touched: (r: OriginRecord) => void,
  ) {}

  all(): Iterable<OriginRecord> {
    return this.records.values();
  }

  get size(): number {
    return this.records.size;
  }

  get(origin: string, incarnation: number): OriginRecord | undefined {
    return this.records.get(keyOf(origin, incarnation));
  }

  /** Seen, given up, or of a life that was forgotten. */
  seen(origin: string, incarnation: number, sequence: number): boolean {
    const r = this.get(origin, incarnation);
    if (r === undefined) return incarnation <= (this.forgotten.get(origin) ?? 0);
    return sequence <= r.lowWater || hasNumber(r.ranges, sequence);
  }

  /** Records an update; what is between `since` and it was not for this group. */
  add(origin: string, incarnation: number, sequence: number, since: number, nowMs: number): void {
    const r = this.record(origin, incarnation, nowMs);
    r.usedMs = nowMs;
    this.fill(r, Math.max(since, r.lowWater) + 1, sequence);
    if (r.ranges.length > RANGES_MAX) {
      const gap: Ranges = [[r.lowWater + 1, r.ranges[0]![0] - 1]];
      this.giveUp(r, gap);
    }
    this.touched(r);
  }

  /** Not exported although it came. */
  lost(origin: string, incarnation: number, sequence: number): void {
    const r = this.get(origin, incarnation);
    if (r === undefined) return;
    addRange(r.dropped, sequence, sequence);
    coarsen(r.dropped, LOST_RANGES_MAX);
    this.touched(r);
  }

  /** Puts back a record of an earlier life. */
  restore(h: HaveOrigin, abandoned: Ranges, dropped: Ranges, nowMs: number): void {
    const r = this.record(h.origin, h.incarnation, nowMs);
    r.lowWater = h.lowWater;
    r.ranges.push(...h.ranges);
    r.abandoned.push(...abandoned);
    r.dropped.push(...dropped);
    r.marked = highest(r);
  }

  /** A peer says what it has of one origin. */
  heard(peer: string, h: HaveOrigin, nowMs: number): void {
    if (h.incarnation <= (this.forgotten.get(h.origin) ?? 0)) return;
    const theirs = highestOnlyTheirs(h, this.get(h.origin, h.incarnation));
    if (theirs === 0) return;
    // What is only said to exist never takes the room of what was seen.
    if (this.get(h.origin, h.incarnation) === undefined && this.records.size >= RECORDS_MAX / 2) return;
    const r = this.record(h.origin, h.incarnation, nowMs);
    if (r.ahead > r.lowWater && (r.ahead >= theirs || r.confirmed < r.ahead)) return;
    r.ahead = theirs;
    r.aheadPeer = peer;
    r.aheadMs = nowMs;
  }

  /** What peers have had for longer than `limitMs` and we have not: from here on it is missing. Answers what is newly so. */
  confirm(nowMs: number, limitMs: number): readonly OriginRecord[] {
    const found: OriginRecord[] = [];
    for (const r of this.records.values()) {
      if (r.ahead <= r.confirmed || r.ahead <= r.lowWater || nowMs - r.aheadMs < limitMs) continue;
      const news = gapsIn(r.ranges, Math.max(r.lowWater, r.confirmed) + 1, r.ahead, 1);
      r.confirmed = r.ahead;
      if (news.length > 0) found.push(r);
    }
    return found;
  }

  /**
   * Once a period: gives up gaps that are older than one, drops records of lives that are over and unused, and after one
   * more period those of origins that are no known site.
   */
  purge(nowMs: number, periodMs: number, current: (origin: string) => number | undefined): readonly OriginRecord[] {
    const gone: OriginRecord[] = [];
    const strangers = new Set<string>();
    for (const r of [...this.records.values()]) {
      const known = current(r.origin);
      const unused = nowMs - r.usedMs >= periodMs;
      if (known === undefined) strangers.add(r.origin);
      const over = known === undefined ? this.strangers.has(r.origin) : r.incarnation < known;
      if (over && unused) {
        this.forget(r);
        gone.push(r);
        continue;
      }
      this.giveUp(r, gapsIn(r.ranges, r.lowWater + 1, r.marked));
      r.marked = highest(r);
    }
    for (const origin of this.forgotten.keys())
      if (current(origin) === undefined && this.strangers.has(origin)) this.forgotten.delete(origin);
      else if (current(origin) === undefined) strangers.add(origin);
    this.strangers = strangers;
    return gone;
  }

  have(): HaveOrigin[] {
    return [...this.records.values()]
      .filter((r) => highest(r) > 0)
      .map((r) => ({ origin: r.origin, incarnation: r.incarnation, lowWater: r.lowWater, ranges: [...r.ranges] }));
  }

  missing(): MissingRange[] {
    return [...this.records.values()].flatMap((r) => missingOf(r));
  }

  private record(origin: string, incarnation: number, nowMs: number): OriginRecord {
    const old = this.get(origin, incarnation);
    if (old !== undefined) return old;
    if (this.records.size >= RECORDS_MAX) this.forgetOldest();
    const r: OriginRecord = {
      origin,
      incarnation,
      lowWater: 0,
      ranges: [],
      abandoned: [],
      dropped: [],
      usedMs: nowMs,
      marked: 0,
      ahead: 0,
      aheadPeer: '',
      aheadMs: 0,
      confirmed: 0,
    };
    this.records.set(keyOf(origin, incarnation), r);
    return r;
  }

  private forgetOldest(): void {
    let oldest: OriginRecord | undefined;
    for (const r of this.records.values()) if (oldest === undefined || r.usedMs < oldest.usedMs) oldest = r;
    if (oldest !== undefined) this.drop(oldest);
  }

  private drop(r: OriginRecord): void {
    this.records.delete(keyOf(r.origin, r.incarnation));
    this.touched(r);
  }

  private forget(r: OriginRecord): void {
    const before = this.forgotten.get(r.origin) ?? 0;
    if (r.incarnation > before) this.forgotten.set(r.origin, r.incarnation);
    if (this.forgotten.size > RECORDS_MAX) this.forgotten.delete(this.forgotten.keys().next().value!);
    this.drop(r);
  }

  /** Counts all of a range as seen and lets the low-water mark rise. */
  private fill(r: OriginRecord, first: number, last: number): void {
    if (last <= r.lowWater) return;
    addRange(r.ranges, first, last);
    while (r.ranges.length > 0 && r.ranges[0]![0] <= r.lowWater + 1) r.lowWater = r.ranges.shift()![1];
  }

  private giveUp(r: OriginRecord, gaps: Ranges): void {
    if (gaps.length === 0) return;
    for (const [first, last] of gaps) {
      addRange(r.abandoned, first, last);
      this.fill(r, first, last);
    }
    coarsen(r.abandoned, LOST_RANGES_MAX);
    this.abandoned(r, gaps);
    this.touched(r);
  }
}

/** Highest sequence seen. */
export function highest(r: OriginRecord): number {
  return r.ranges.at(-1)?.[1] ?? r.lowWater;
}

/** The highest number that they have and we have not; 0: none. */
function highestOnlyTheirs(h: HaveOrigin, ours: OriginRecord | undefined): number {
  const low = ours?.lowWater ?? 0;
  for (let i = h.ranges.length; i >= 0; i--) {
    const [first, last] = i === 0 ? [1, h.lowWater] : h.ranges[i - 1]!;
    if (last <= low) return 0;
    const gap = gapsIn(ours?.ranges ?? [], Math.max(first, low + 1), last).at(-1);
    if (gap !== undefined) return gap[1];
  }
  return 0;
}

/** What is missing of one life, with reasons. */
export function missingOf(r: OriginRecord): MissingRange[] {
  const { origin, incarnation } = r;
  const end = highest(r);
  const as =
    (reason: MissingRange['reason']) =>
    ([first, last]: readonly [number, number]): MissingRange => ({ origin, incarnation, first, last, reason });
  const ahead: Ranges = r.confirmed > end ? [[end + 1, r.confirmed]] : [];
  return [
    ...r.abandoned.map(as('abandoned')),
    ...gapsIn(r.ranges, r.lowWater + 1, end).map(as('gap')),
    ...ahead.map(as('ahead')),
    ...r.dropped.map(as('dropped-export')),
  ];
}
