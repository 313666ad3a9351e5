// What is reported of old configurations and what the proposer plans from it: pure functions and their codecs.
// Design: docs/design/recovery.md, sections 2 to 4.
import { ByteReader, ByteWriter } from '../../wire/bytes.js';
import { idText } from '../envelope.js';
import { MAX_RANGES } from '../options.js';
import type { Bytes, ConfigurationId } from '../types.js';

/** Positions [from, to], both included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What a member still holds of the regular configuration it comes from. */
export interface Holdings {
  readonly id: ConfigurationId;
  /** Own rank in it. */
  readonly rank: number;
  /** Highest position known to be held by all its members. */
  readonly stable: number;
  /** Ranks whose packs this member may have promised to deliver behind a gap, by a plan it completed. */
  readonly promised: readonly number[];
  /** Ascending, disjoint, not touching; positions up to the first `to` begin at 1. */
  readonly ranges: readonly Range[];
}

export interface Report {
  /** Largest pack this member can send and receive, in bytes. */
  readonly maxPackBytes: number;
  readonly highestTime: number;
  /** Nothing: it comes from no configuration. */
  readonly old: Holdings | undefined;
}

export interface Segment extends Range {
  /** Place of a member that holds all of it. */
  readonly holder: number;
}

/** What everybody of one old configuration does; the plan decides, and all compute the same delivery from it. */
export interface OldPlan {
  readonly id: ConfigurationId;
  /** The transitional set T: places of its reporters, ascending. */
  readonly together: readonly number[];
  readonly stable: number;
  /** P: ranks in the old configuration whose packs are delivered behind a gap too. */
  readonly promised: readonly number[];
  /** Everything held by anybody in T that somebody in T may lack, ascending. */
  readonly segments: readonly Segment[];
}

export interface Plan {
  readonly maxPackBytes: number;
  readonly olds: readonly OldPlan[];
}

/** The plan from the reports, by place. */
export function makePlan(reports: ReadonlyMap<number, Report>): Plan {
  const olds = new Map<string, { id: ConfigurationId; from: { place: number; holdings: Holdings }[] }>();
  let maxPackBytes = Number.MAX_SAFE_INTEGER;
  for (const place of [...reports.keys()].sort((a, b) => a - b)) {
    const { old, maxPackBytes: limit } = reports.get(place)!;
    maxPackBytes = Math.min(maxPackBytes, limit);
    if (!old) continue;
    const key = idText(old.id);
    const entry = olds.get(key) ?? { id: old.id, from: [] };
    entry.from.push({ place, holdings: old });
    olds.set(key, entry);
  }
  return { maxPackBytes, olds: [...olds.values()].map((o) => planOne(o.id, o.from)) };
}

function planOne(id: ConfigurationId, from: readonly { place: number; holdings: Holdings }[]): OldPlan {
  const promised = new Set<number>();
  let stable = 0;
  for (const { holdings } of from) {
    promised.add(holdings.rank);
    for (const r of holdings.promised) promised.add(r);
    stable = Math.max(stable, holdings.stable);
  }
  return {
    id,
    together: from.map((f) => f.place),
    stable,
    promised: [...promised].sort((a, b) => a - b),
    segments: from.length === 1 ? [] : cover(from),
  };
}

/** The union of what is held above what everybody holds, cut into pieces that one member holds each. */
function cover(from: readonly { place: number; holdings: Holdings }[]): Segment[] {
  const base = Math.min(...from.map(({ holdings }) => heldTo(holdings.ranges)));
  const held = from
    .flatMap(({ place, holdings }) => holdings.ranges.map((r) => ({ from: r.from, to: r.to, holder: place })))
    .filter((s) => s.to > base)
    .sort((a, b) => a.from - b.from || b.to - a.to);
  const segments: Segment[] = [];
  let next = base + 1;
  for (let i = 0; i < held.length;) {
    // The one that reaches furthest of those that hold `next`.
    let furthest = -1;
    for (; i < held.length && held[i]!.from <= next; i++)
      if (held[i]!.to >= next && (furthest < 0 || held[i]!.to > held[furthest]!.to)) furthest = i;
    const best = held[furthest];
    if (best) {
      segments.push({ from: next, to: best.to, holder: best.holder });
      next = best.to + 1;
    } else if (i < held.length) next = held[i]!.from;
  }
  return segments;
}

/** Last position of the run that begins at 1. */
export function heldTo(ranges: readonly Range[]): number {
  const first = ranges[0];
  return first?.from === 1 ? first.to : 0;
}

export function encodeReport(r: Report): Bytes {
  const w = new ByteWriter(64);
  w.u32(r.maxPackBytes)
    .u32(r.highestTime)
    .u8(r.old ? 1 : 0);
  if (r.old) {
    w.u32(r.old.id.number).u32(r.old.id.time).u16(r.old.rank).u48(r.old.stable);
    w.u16(r.old.promised.length);
    for (const p of r.old.promised) w.u16(p);
    w.u32(r.old.ranges.length);
    for (const x of r.old.ranges) w.u48(x.from).u48(x.to);
  }
  return w.finish();
}

/** Undefined: malformed. */
export function decodeReport(bytes: Bytes): Report | undefined {
  const r = new ByteReader(bytes);
  const maxPackBytes = r.u32();
  const highestTime = r.u32();
  if (r.u8() === 0) return r.ok ? { maxPackBytes, highestTime, old: undefined } : undefined;
  const id = { number: r.u32(), time: r.u32() };
  const rank = r.u16();
  const stable = r.u48();
  const promised = readRanks(r);
  const count = r.u32();
  if (!r.ok || count > MAX_RANGES || r.left !== count * 12) return undefined;
  const ranges: Range[] = [];
  let last = 0;
  for (let i = 0; i < count; i++) {
    const range = { from: r.u48(), to: r.u48() };
    if (range.from <= last || range.to < range.from) return undefined;
    last = range.to;
    ranges.push(range);
  }
  return { maxPackBytes, highestTime, old: { id, rank, stable, promised, ranges } };
}

function readRanks(r: ByteReader): number[] {
  const count = r.u16();
  const ranks: number[] = [];
  for (let i = 0; i < count && r.ok; i++) ranks.push(r.u16());
  return ranks;
}

export function encodePlan(p: Plan): Bytes {
  const w = new ByteWriter(128);
  w.u32(p.maxPackBytes).u16(p.olds.length);
  for (const o of p.olds) {
    w.u32(o.id.number).u32(o.id.time).u48(o.stable);
    w.u16(o.together.length);
    for (const t of o.together) w.u16(t);
    w.u16(o.promised.length);
    for (const t of o.promised) w.u16(t);
    w.u32(o.segments.length);
    for (const s of o.segments) w.u48(s.from).u48(s.to).u16(s.holder);
  }
  return w.finish();
}

/** Undefined: malformed. */
export function decodePlan(bytes: Bytes): Plan | undefined {
  const r = new ByteReader(bytes);
  const maxPackBytes = r.u32();
  const count = r.u16();
  const olds: OldPlan[] = [];
  for (let i = 0; i < count && r.ok; i++) {
    const id = { number: r.u32(), time: r.u32() };
    const stable = r.u48();
    const together = readRanks(r);
    const promised = readRanks(r);
    const n = r.u32();
    if (n * 14 > r.left) return undefined;
    const segments: Segment[] = [];
    for (let k = 0; k < n; k++) segments.push({ from: r.u48(), to: r.u48(), holder: r.u16() });
    olds.push({ id, stable, together, promised, segments });
  }
  return r.ok && r.left === 0 ? { maxPackBytes, olds } : undefined;
}
