// Latency at an even rate: warm (25,000 messages went before), and cold, the first messages of fresh daemons.
import { PACE_FIGURES, type Pace, runPaced } from '../paced.js';
import type { Row } from '../row.js';

/** 25,000 messages of the row's own kind: three senders hand the turn around, which one never does. */
const WARM_UP = { perSecond: 10_000, seconds: 2.5 } as const;
const ROUNDS = 5;
const COLD_MESSAGES = 10_000;

function row(p: Pace): Row {
  const { service, senders, bytes, perSecond } = p;
  return {
    name: `latency/${service}/${senders}x${bytes}@${perSecond}`,
    measures: `one-way time of ${bytes} B at ${perSecond}/s from ${senders} of three daemons, worst of three receivers`,
    options: { ...p, 'warm-up messages': WARM_UP.perSecond * WARM_UP.seconds },
    figures: PACE_FIGURES,
    variants: ['tcp', 'ring', 'spread'],
    rounds: ROUNDS,
    prepare: (c, serial) => runPaced(c, { ...p, ...WARM_UP }, serial),
    run: (c, serial) => runPaced(c, p, serial),
  };
}

export const latency: readonly Row[] = [
  ...[1, 3].flatMap((senders) =>
    (['agreed', 'safe'] as const).flatMap((service) =>
      [200, 5000, 50_000].map((perSecond) =>
        row({ service, bytes: 100, senders, perSecond, seconds: perSecond > 5000 ? 2 : 3 }),
      ),
    ),
  ),
  {
    name: 'latency/cold',
    measures: `the same for the first ${COLD_MESSAGES} messages of fresh daemons, before the optimiser has seen them`,
    options: { service: 'agreed', senders: 1, bytes: 100, perSecond: 5000, messages: COLD_MESSAGES },
    figures: PACE_FIGURES,
    variants: ['tcp', 'ring', 'spread'],
    fresh: true,
    run: (c, serial) =>
      runPaced(
        c,
        { service: 'agreed', senders: 1, bytes: 100, perSecond: 5000, seconds: 0, cold: COLD_MESSAGES },
        serial,
      ),
  },
];
