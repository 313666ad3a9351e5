// What goes wrong, and when: generated from the seed before the run, as plain data, so that a failure can be shrunk by
// leaving entries out. Phases of chaos alternate with quiet ones that must converge, whole or in stable components.
import { GOOD_PATH, type Path } from './faults.js';
import { Random } from './random.js';

/**
 * Moments that hurt: notices of a daemon, or words of its `describe()` that were not there a tick before. `refused` is the
 * moment of the one whose proposal is refused: it does not know yet.
 */
export const NOTICED = ['installed', 'transitional', 'suspected', 'round', 'refused'] as const;
export const DESCRIBED = ['recovering', 'gathering', 'reported', 'repairing', 'complete'] as const;
export type Moment = (typeof NOTICED)[number] | (typeof DESCRIBED)[number];

export type Action =
  | { readonly do: 'crash' | 'boot' | 'stop' | 'restart'; readonly place: number }
  /** SIGSTOP for that long; more than `ms` by the end of the phase is cut short. */
  | { readonly do: 'pause'; readonly place: number; readonly ms: number }
  | { readonly do: 'cut'; readonly from: number; readonly to: number; readonly both: boolean; readonly ms: number }
  | { readonly do: 'partition'; readonly components: readonly (readonly number[])[]; readonly ms: number }
  /** Quality of the paths from (and, if `both`, to) that place; -1: of all paths. */
  | { readonly do: 'path'; readonly place: number; readonly path: Path; readonly ms: number }
  /** Data from these daemons to those is slow for that long: others are heard before them. */
  | { readonly do: 'lag'; readonly from: readonly number[]; readonly to: readonly number[]; readonly ms: number }
  /** That daemon reads everything late. */
  | { readonly do: 'slow'; readonly place: number; readonly ms: number }
  /**
   * Of each of these pairs [from, to, after] so many more sends of the plane arrive and then no more. Data: random
   * holdings, as in the middle of a life, since everybody says something at once. Control: a step of a recovery that
   * reaches some.
   */
  | {
      readonly do: 'plug';
      readonly plane: 'control' | 'data';
      readonly pairs: readonly (readonly [number, number, number])[];
      readonly ms: number;
    }
  | { readonly do: 'reset'; readonly a: number; readonly b: number }
  | { readonly do: 'clock'; readonly place: number; readonly seconds: number }
  /** A session there reads too slowly, by policy `block`, for that long. */
  | { readonly do: 'slow-reader'; readonly place: number; readonly ms: number }
  | { readonly do: 'storm'; readonly place: number; readonly what: 'connect' | 'disconnect' | 'join' | 'leave' }
  /** At the `nth` such moment from now anywhere in the cluster: `then`, done to the daemon whose moment it is. */
  | { readonly do: 'ambush'; readonly at: Moment; readonly nth: number; readonly then: Ambush };

/** `overtake`: what is said to it is late, and another restarts: the next round comes before the rest of the present one. */
export type Ambush = (typeof AMBUSHES)[number];

export interface Entry {
  /** Milliseconds from the beginning of its phase. */
  readonly at: number;
  readonly action: Action;
}

export interface ChaosPhase {
  readonly ms: number;
  readonly entries: readonly Entry[];
  /** The quiet after it: these components are apart from each other, whole in themselves. */
  readonly components: readonly (readonly number[])[];
}

export interface Schedule {
  readonly seed: number;
  readonly daemons: number;
  readonly phases: readonly ChaosPhase[];
}

const FAULT_LOW_MS = 100;
const FAULT_HIGH_MS = 5_000;
const CLOCK_JUMP_SECONDS = 100_000;
const SIEGE_PERMILLE = 333;
const LIFE_PERMILLE = 500;

/** Length of a chaos phase and mean time between two of its faults, milliseconds. */
interface Pace {
  readonly lowMs: number;
  readonly highMs: number;
  readonly faultEveryMs: number;
}
/** One change before the last is over. */
const STORM: Pace = { lowMs: 2_000, highMs: 12_000, faultEveryMs: 400 };
/** Long lives: most changes begin at rest, with much behind them. */
const LIFE: Pace = { lowMs: 15_000, highMs: 60_000, faultEveryMs: 4_000 };

/** `phases`: of chaos, each followed by a quiet one; twice as many in a siege. */
export function makeSchedule(seed: number, daemons: number, phases: number): Schedule {
  const r = new Random(seed, 'schedule');
  const besieged = daemons > 2 && r.chance(SIEGE_PERMILLE);
  const pace = r.chance(LIFE_PERMILLE) ? LIFE : STORM;
  const count = besieged ? phases * 2 : phases;
  const all = Array.from({ length: count }, (_, i) =>
    besieged ? siege(r, daemons, i === count - 1) : chaos(r, daemons, pace, i === count - 1),
  );
  return { seed, daemons, phases: all };
}

function chaos(r: Random, daemons: number, { lowMs, highMs, faultEveryMs }: Pace, last: boolean): ChaosPhase {
  const ms = r.between(lowMs, highMs);
  const entries: Entry[] = [];
  const every = Math.max(20, r.heavy(faultEveryMs, faultEveryMs * 8));
  for (let at = r.below(2 * every); at < ms; at += 1 + r.below(2 * every))
    if (r.chance(60)) entries.push(...laggingSplit(r, daemons, at));
    else if (r.chance(100)) entries.push(...scatteredSplit(r, daemons, at));
    else entries.push({ at, action: anyAction(r, daemons) });
  const whole = [Array.from({ length: daemons }, (_, i) => i)];
  return { ms, entries, components: !last && r.chance(250) ? components(r, daemons) : whole };
}

/**
 * Leaves gaps behind: for a while some of one side are heard late on the other, their followers in the order at once;
 * then the sides part. Sometimes they part once more before they can have recovered.
 */
function laggingSplit(r: Random, daemons: number, at: number): Entry[] {
  const parts = components(r, daemons);
  const [here, there] = [parts[0]!, parts.slice(1).flat()];
  const from = here.filter(() => r.chance(600));
  const ms = r.between(100, 900);
  const cutAt = at + r.between(30, ms);
  const all: Entry[] = [
    { at, action: { do: 'lag', from, to: there, ms } },
    { at: cutAt, action: { do: 'partition', components: parts, ms: r.between(300, 3000) } },
  ];
  if (r.chance(500))
    all.push({
      at: cutAt,
      action: {
        do: 'ambush',
        at: r.pick(['complete', 'repairing', 'reported', 'installed'] as const),
        nth: 1 + r.below(4),
        then: r.pick(AMBUSHES),
      },
    });
  return all;
}

/**
 * A recovery from random legal holdings: data is plugged between random pairs while everybody speaks, then the sides
 * part or those beyond die, and what recovers is hit again at a chosen step. Two lost and three left are the least that
 * shows every rule about packs behind a gap.
 */
function scatteredSplit(r: Random, daemons: number, at: number): Entry[] {
  const places = r.shuffled(Array.from({ length: daemons }, (_, i) => i));
  const lostCount = Math.max(1, Math.min(daemons - 2, r.between(1, 3)));
  const lost = places.slice(0, lostCount);
  const left = places.slice(lostCount);
  const ms = r.between(5, 120);
  const cutAt = at + ms;
  const all: Entry[] = [
    { at, action: { do: 'plug', plane: 'data', pairs: holdings(r, lost, left), ms: ms + r.between(0, 500) } },
  ];
  if (r.chance(500))
    all.push({ at: cutAt, action: { do: 'partition', components: [lost, left], ms: r.between(300, 3000) } });
  else for (const place of lost) all.push({ at: cutAt, action: { do: 'crash', place } });
  if (r.chance(400))
    all.push({ at: cutAt, action: { do: 'plug', plane: 'control', pairs: jams(r, left), ms: r.between(100, 900) } });
  for (let n = r.below(9); n > 0; n--) all.push({ at: cutAt, action: recoveryAmbush(r, daemons) });
  return all;
}

/** What those who are lost said reaches some of those who are left; among these almost everything arrives. */
function holdings(r: Random, lost: readonly number[], left: readonly number[]): [number, number, number][] {
  const pairs: [number, number, number][] = [];
  // One of the lost is heard by the other lost only: what follows it in the order lies behind a gap.
  const mute = r.chance(500) ? r.pick(lost) : -1;
  for (const from of [...lost, ...left])
    for (const to of left) {
      if (from === to) continue;
      if (from === mute) pairs.push([from, to, 0]);
      else if (r.chance(lost.includes(from) ? 500 : 150)) pairs.push([from, to, r.heavy(2, 12)]);
    }
  return pairs;
}

function jams(r: Random, places: readonly number[]): [number, number, number][] {
  const pairs: [number, number, number][] = [];
  for (const from of places)
    for (const to of places) if (from !== to && r.chance(300)) pairs.push([from, to, r.heavy(4, 60)]);
  return pairs;
}

function recoveryAmbush(r: Random, daemons: number): Action {
  const then = r.pick(AMBUSHES);
  const at = r.pick(RECOVERY_MOMENTS);
  // What comes late then are the repairs.
  const overtaken = then === 'overtake' && r.chance(500);
  return {
    do: 'ambush',
    at: overtaken ? 'repairing' : at,
    nth: 1 + (overtaken || r.chance(500) ? 0 : r.below(daemons * 2)),
    then,
  };
}

/**
 * A schedule that is nothing but recoveries: short phases, each with one from random holdings, hit again while it runs.
 * A third of all runs: the plain ones hide what these show, and the other way round.
 */
function siege(r: Random, daemons: number, last: boolean): ChaosPhase {
  const ms = r.between(400, 1800);
  const entries = scatteredSplit(r, daemons, r.between(50, 300));
  for (let n = r.below(3); n > 0; n--) {
    const at = r.between(100, ms);
    const again = components(r, daemons);
    entries.push(
      r.chance(500)
        ? { at, action: { do: 'partition', components: again, ms: r.between(100, 900) } }
        : { at, action: recoveryAmbush(r, daemons) },
    );
  }
  const whole = [Array.from({ length: daemons }, (_, i) => i)];
  return { ms, entries, components: !last && r.chance(150) ? components(r, daemons) : whole };
}

/** A partition of any shape. */
function components(r: Random, daemons: number): number[][] {
  const parts = r.between(2, Math.min(daemons, 4));
  const all: number[][] = Array.from({ length: parts }, () => []);
  for (let place = 0; place < daemons; place++) all[r.below(parts)]!.push(place);
  return all.filter((c) => c.length > 0);
}

const MOMENTS: readonly Moment[] = [...NOTICED, ...DESCRIBED, 'complete', 'installed'];
const RECOVERY_MOMENTS: readonly Moment[] = [
  'reported',
  'repairing',
  'complete',
  'complete',
  'transitional',
  'installed',
];
const AMBUSHES = [
  'crash',
  'restart',
  'pause',
  'isolate',
  'deafen',
  'crash-other',
  'cut-other',
  'shatter',
  'overtake',
] as const;

function anyAction(r: Random, daemons: number): Action {
  const place = r.below(daemons);
  const other = (place + 1 + r.below(daemons - 1)) % daemons;
  const ms = r.between(FAULT_LOW_MS, FAULT_LOW_MS + r.heavy(500, FAULT_HIGH_MS));
  const kinds: readonly (readonly [number, () => Action])[] = [
    [14, () => ({ do: 'crash', place })],
    [12, () => ({ do: 'boot', place })],
    [4, () => ({ do: 'stop', place })],
    [8, () => ({ do: 'restart', place })],
    [6, () => ({ do: 'slow', place, ms })],
    [12, () => ({ do: 'pause', place, ms })],
    [8, () => ({ do: 'cut', from: place, to: other, both: false, ms })],
    [8, () => ({ do: 'cut', from: place, to: other, both: true, ms })],
    [10, () => ({ do: 'partition', components: components(r, daemons), ms })],
    [12, () => ({ do: 'path', place: r.chance(400) ? -1 : place, path: anyPath(r), ms: ms * 2 })],
    [6, () => ({ do: 'reset', a: place, b: other })],
    [4, () => ({ do: 'clock', place, seconds: r.between(-CLOCK_JUMP_SECONDS, CLOCK_JUMP_SECONDS) })],
    [4, () => ({ do: 'slow-reader', place, ms: ms * 2 })],
    [5, () => ({ do: 'storm', place, what: r.pick(['connect', 'disconnect', 'join', 'leave'] as const) })],
    [64, () => ({ do: 'ambush', at: r.pick(MOMENTS), nth: 1 + r.heavy(2, 10), then: r.pick(AMBUSHES) })],
  ];
  let draw = r.below(kinds.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, make] of kinds) {
    if (draw < weight) return make();
    draw -= weight;
  }
  throw new Error('weights do not add up');
}

function anyPath(r: Random): Path {
  const some = (most: number): number => (r.chance(500) ? r.below(most + 1) : 0);
  return {
    ...GOOD_PATH,
    loss: some(300),
    duplicate: some(200),
    reorder: some(300),
    tail: some(200),
    tailMs: r.chance(500) ? 2000 : 100,
    delayMs: r.chance(300) ? r.below(60) : 1,
    full: some(200),
  };
}

export function tellAction(a: Action): string {
  const { do: what, ...rest } = a;
  return `${what} ${JSON.stringify(rest)}`;
}
