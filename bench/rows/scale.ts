// More receivers at three daemons, and more daemons: what a message costs then, and how long it takes.
import { LOAD_FIGURES, runLoad } from '../load.js';
import { PACE_FIGURES, type Pace, runPaced } from '../paced.js';
import type { Row } from '../row.js';

const FAN_OUTS = [1, 3, 6, 12];
const CROWD = 99;
const BYTES = 100;
const SECONDS = 1.5;
const DAEMONS = [3, 8, 16, 32];
/** Slow enough for 32 daemons on a few cores. */
const PER_SECOND = 500;

function fanOut(receivers: number, processes: number, perSecond: number): Row {
  const load = { service: 'agreed', senders: 1, bytes: BYTES, seconds: SECONDS } as const;
  const sessions = receivers / processes;
  return {
    name: `fan-out/${receivers}`,
    measures: `${BYTES} B from one of ${receivers} members at three daemons, to all of them`,
    options: { ...load, receivers, 'load processes': processes },
    figures: LOAD_FIGURES,
    variants: ['tcp', 'ring', 'spread'],
    run: (c, serial) => {
      const guess = c.kind === 'peal' ? perSecond : perSecond / 10;
      return runLoad(c, { ...load, processes, sessions, guess }, serial);
    },
  };
}

function scale(daemons: number, senders: number): Row {
  const pace: Pace = { service: 'agreed', bytes: BYTES, senders, perSecond: PER_SECOND, seconds: 3 };
  return {
    name: `scale/${daemons}x${senders}`,
    measures: `one-way time with ${daemons} daemons on one machine, ${senders === 1 ? 'one sender' : 'three senders, each cold'}, three receivers`,
    options: { ...pace, daemons },
    figures: PACE_FIGURES,
    variants: ['tcp', 'ring', 'spread'],
    daemons,
    prepare: (c, serial) => runPaced(c, { ...pace, perSecond: 2000, seconds: 2 }, serial),
    run: (c, serial) => runPaced(c, pace, serial),
  };
}

export const scales: readonly Row[] = [
  ...FAN_OUTS.map((n) => fanOut(n, n, 600_000 / Math.max(1, n / 3))),
  fanOut(CROWD, 3, 40_000),
  ...DAEMONS.flatMap((daemons) => [1, 3].map((senders) => scale(daemons, senders))),
];
