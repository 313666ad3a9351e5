// Everything that is drawn for a run before it begins, as plain data: what is simulated, on which network, under which
// load and faults. A failing run is kept as such data (test/sim/regressions), so that it stays the same run when the way settings
// are drawn changes.
import type { DaemonOptions } from '../../core/machine/ports.js';
import { Random } from './random.js';
import { type Schedule, makeSchedule } from './schedule.js';
import type { WorkloadRates } from './workload.js';

export type Flavour = 'stream' | 'datagram';

export interface Setting {
  readonly seed: number;
  readonly medium: Flavour;
  /** Largest send of the network, bytes. */
  readonly maxBytes: number;
  /** As in `NetworkOptions`. */
  readonly fits: readonly number[];
  readonly bufferBytes: number;
  readonly rates: WorkloadRates;
  readonly schedule: Schedule;
}

export interface Wish {
  readonly seed: number;
  /** Between these numbers of daemons. */
  readonly daemons: readonly [number, number];
  /** Drawn from these. */
  readonly media: readonly Flavour[];
  readonly phases?: number;
  /** Largest send of the network; instead of the one the seed gives. */
  readonly maxBytes?: number;
  readonly maxMessageBytes: number;
}

const PHASES = 6;
/** The smallest clusters have up to so many daemons more than the least. */
const SMALL_SPREAD = 2;
const STREAM_BYTES = [16_384, 65_536, 262_144];
const DATAGRAM_BYTES = [1400, 3500, 8900, 60_000];
const STREAM_BUFFERS = [65_536, 262_144, 1_048_576];
const DATAGRAM_BUFFERS = [65_536, 212_992];

export function drawSetting({ seed, daemons, media, phases, maxBytes, maxMessageBytes }: Wish): Setting {
  const r = new Random(seed, 'setting');
  const size = sizeOf(r, daemons);
  const medium = r.pick(media);
  const stream = medium === 'stream';
  const drawnBytes = r.pick(stream ? STREAM_BYTES : DATAGRAM_BYTES);
  const most = maxBytes ?? drawnBytes;
  return {
    seed,
    medium,
    maxBytes: most,
    fits: stream ? [] : fitsOf(r.fork('fits'), most),
    bufferBytes: r.pick(stream ? STREAM_BUFFERS : DATAGRAM_BUFFERS),
    rates: {
      everyMs: r.pick([60, 150, 300]),
      burst: r.pick([5, 17, 30]),
      sessionsPerDaemon: r.between(1, 4),
      largestBytes: Math.min(maxMessageBytes - 1024, r.pick([2_000, 20_000, 140_000])),
      repeated: r.fork('repeated').pick([0, 0, 30]),
    },
    schedule: makeSchedule(seed, size, phases ?? PHASES),
  };
}

/**
 * Large clusters cost far more than small ones (rows alone go with the square): each range of twice the size is drawn
 * a fifth as often, so that every size gets a like share of the time.
 */
function sizeOf(r: Random, [low, high]: readonly [number, number]): number {
  let to = low;
  while (to < high && r.chance(200)) to = Math.min(high, 2 * to);
  if (to === low) return r.between(low, Math.min(high, low + SMALL_SPREAD));
  return r.between(Math.max(low, Math.floor(to / 2) + 1), to);
}

/** Sizes that paths carry in turn: mostly the largest all the time. */
function fitsOf(r: Random, maxBytes: number): readonly number[] {
  if (!r.chance(300)) return [];
  return Array.from({ length: r.between(2, 9) }, () => Math.min(maxBytes, r.pick([400, 1400, 3000, 8900, 60_000])));
}

/** Options of one life of a daemon: neighbours, and lives of one name, differ in them. */
export function drawLife(r: Random, options: DaemonOptions): { options: DaemonOptions; windowBytes?: number } {
  const windowBytes = r.pick([undefined, undefined, 5_000, 50_000]);
  const packBytes = r.pick([0, 0, 0, 700, 3000, 20_000]);
  const backlogBytes = r.pick([options.backlogBytes, options.backlogBytes, 20_000]);
  return { options: { ...options, packBytes, backlogBytes }, ...(windowBytes === undefined ? {} : { windowBytes }) };
}
