// What goes wrong in a run of flooding sites: plain data from the seed, so that it can be shown, left out and shortened.
import { Random } from '../random.js';

export type FloodFault =
  | { readonly kind: 'kill'; readonly site: number; readonly downMs: number; readonly lose: boolean }
  | { readonly kind: 'leave'; readonly site: number; readonly downMs: number }
  | { readonly kind: 'freeze'; readonly site: number; readonly ms: number }
  | { readonly kind: 'cut'; readonly from: number; readonly to: number; readonly both: boolean; readonly ms: number }
  | { readonly kind: 'partition'; readonly side: readonly number[]; readonly ms: number }
  | { readonly kind: 'break'; readonly a: number; readonly b: number }
  | { readonly kind: 'flap'; readonly a: number; readonly b: number; readonly times: number }
  | { readonly kind: 'export'; readonly site: number; readonly how: 'slow' | 'fails' | 'busy'; readonly ms: number }
  | { readonly kind: 'clock'; readonly site: number; readonly offsetMs: number }
  | { readonly kind: 'corrupt'; readonly perMillion: number; readonly ms: number }
  | { readonly kind: 'burst'; readonly site: number; readonly updates: number; readonly bytes: number }
  | { readonly kind: 'update' };

export interface FloodEntry {
  /** Milliseconds from the beginning of the phase. */
  readonly at: number;
  readonly fault: FloodFault;
}

export interface FloodPhase {
  readonly ms: number;
  readonly entries: readonly FloodEntry[];
  /** Sites that stay down in the quiet that follows. */
  readonly absent: readonly number[];
  /** Nobody dies and nothing lasts until somebody is taken to be down: then no update may be lost. */
  readonly gentle: boolean;
  /**
   * One trouble after the other, shorter than the purge period, and nobody loses what it has: however long somebody was down, no
   * update may be lost.
   */
  readonly patient: boolean;
}

export interface FloodSchedule {
  readonly sites: number;
  readonly phases: readonly FloodPhase[];
}

const DAY_MS = 86_400_000;

/** `purgeMs`: the site purge period, the scale of long faults; `downMs` that of gentle ones. */
export function makeFloodSchedule(
  seed: number,
  sites: number,
  phases: number,
  purgeMs: number,
  downMs: number,
): FloodSchedule {
  const r = new Random(seed, 'flood schedule');
  return {
    sites,
    phases: Array.from({ length: phases }, () => {
      const ms = Math.round(purgeMs * r.pick([0.5, 1, 1.5]));
      const every = purgeMs / r.pick([8, 20, 60]);
      const gentle = r.chance(350);
      if (!gentle && r.chance(250))
        return { ms: 2 * purgeMs, entries: drawPatient(r, sites, purgeMs), absent: [], gentle, patient: true };
      const entries: FloodEntry[] = [];
      for (let at = r.below(Math.ceil(every)); at < ms; at += 1 + r.heavy(every / 2, 4 * every))
        entries.push({
          at: Math.floor(at),
          fault: gentle ? drawGentle(r, sites, downMs / 4) : draw(r, sites, purgeMs),
        });
      const absent = !gentle && r.chance(300) ? [r.below(sites)] : [];
      return { ms, entries, absent, gentle, patient: false };
    }),
  };
}

function draw(r: Random, sites: number, purgeMs: number): FloodFault {
  const site = r.below(sites);
  const other = (site + 1 + r.below(sites - 1)) % sites;
  const long = (): number => 1 + r.heavy(Math.ceil(purgeMs / 40), Math.ceil(purgeMs * 1.3));
  const n = r.below(100);
  if (n < 22) return { kind: 'kill', site, downMs: long(), lose: r.chance(500) };
  if (n < 27) return { kind: 'leave', site, downMs: long() };
  if (n < 33) return { kind: 'freeze', site, ms: long() };
  if (n < 47) return { kind: 'cut', from: site, to: other, both: r.chance(600), ms: long() };
  if (n < 57) {
    const side = r.shuffled(Array.from({ length: sites }, (_, i) => i)).slice(0, 1 + r.below(sites - 1));
    return { kind: 'partition', side, ms: long() };
  }
  if (n < 67) return { kind: 'break', a: site, b: other };
  if (n < 71) return { kind: 'flap', a: site, b: other, times: r.between(3, 30) };
  if (n < 81) return { kind: 'export', site, how: r.pick(['slow', 'fails', 'busy'] as const), ms: long() };
  if (n < 87) return { kind: 'clock', site, offsetMs: r.pick([-DAY_MS, -5000, 5000, DAY_MS]) };
  if (n < 90) return { kind: 'corrupt', perMillion: r.pick([1000, 20_000]), ms: long() };
  if (n < 98) return { kind: 'burst', site, updates: r.between(5, 300), bytes: r.pick([20, 500, 5000]) };
  return { kind: 'update' };
}

function drawGentle(r: Random, sites: number, longestMs: number): FloodFault {
  const site = r.below(sites);
  const other = (site + 1 + r.below(sites - 1)) % sites;
  const ms = 1 + r.heavy(Math.ceil(longestMs / 8), Math.ceil(longestMs));
  const n = r.below(100);
  if (n < 10) return { kind: 'freeze', site, ms };
  if (n < 25) return { kind: 'cut', from: site, to: other, both: r.chance(600), ms };
  if (n < 40) {
    const side = r.shuffled(Array.from({ length: sites }, (_, i) => i)).slice(0, 1 + r.below(sites - 1));
    return { kind: 'partition', side, ms };
  }
  if (n < 60) return { kind: 'break', a: site, b: other };
  if (n < 65) return { kind: 'flap', a: site, b: other, times: r.between(3, 30) };
  if (n < 72) return { kind: 'export', site, how: r.pick(['slow', 'busy'] as const), ms };
  if (n < 77) return { kind: 'corrupt', perMillion: r.pick([1000, 20_000]), ms };
  if (n < 95) return { kind: 'burst', site, updates: r.between(5, 300), bytes: r.pick([20, 500, 5000]) };
  return { kind: 'update' };
}

/** Leaves, freezes and partitions with time between them to come to terms. */
function drawPatient(r: Random, sites: number, purgeMs: number): FloodEntry[] {
  const entries: FloodEntry[] = [];
  for (let at = r.below(purgeMs / 4); at < 2 * purgeMs;) {
    const site = r.below(sites);
    const ms = 1 + r.heavy(Math.ceil(purgeMs / 10), Math.ceil(purgeMs / 2));
    const n = r.below(10);
    if (n < 4) entries.push({ at, fault: { kind: 'leave', site, downMs: ms } });
    else if (n < 7) entries.push({ at, fault: { kind: 'freeze', site, ms } });
    else {
      const side = r.shuffled(Array.from({ length: sites }, (_, i) => i)).slice(0, 1 + r.below(sites - 1));
      entries.push({ at, fault: { kind: 'partition', side, ms } });
    }
    at += Math.floor(ms + purgeMs / 4);
  }
  return entries;
}

export function tellFault(f: FloodFault): string {
  const { kind, ...rest } = f;
  return `${kind} ${JSON.stringify(rest)}`;
}
