// The simulator of flooding sites in `npm test`: fixed seeds, a bounded budget of fresh ones, and determinism.
import { describe, expect, test } from '@jest/globals';
import { type FloodResult, runFlood } from '../run.js';

/** Fresh seeds run for that long; 0: not at all. */
const budgetSeconds = Number(process.env['PEAL_SIM_SECONDS'] ?? '60') / 4;
const SITES = [3, 12] as const;
/** Room for the run that is under way when the budget ends. */
const SLACK_MS = 60_000;

/** Runs that are always made. */
const SEEDS = [1, 3, 24];

function told(r: FloodResult): string[] {
  return r.violations.map(
    (v) => `seed ${r.seed} at ${v.t} ms [${v.guarantee}] ${v.detail} (npm run sim -- --service flood --seed ${r.seed})`,
  );
}

describe('simulated flooding sites', () => {
  test.each(SEEDS)('seed %i keeps every guarantee', (seed) => {
    expect(told(runFlood({ seed, sites: SITES }))).toEqual([]);
  });

  test('the same seed gives the same trace', () => {
    const [a, b] = [1, 2].map(() => runFlood({ seed: 20, sites: SITES, phases: 1 }));
    expect(b!.hash).toBe(a!.hash);
    expect(b!.figures).toEqual(a!.figures);
  });

  (budgetSeconds > 0 ? test : test.skip)(
    'item 50: fresh seeds of kills, restarts and partitions keep every guarantee',
    () => {
      const until = Date.now() + budgetSeconds * 1000;
      let seed = Date.now() % 1_000_000_000;
      do expect(told(runFlood({ seed: seed++, sites: SITES }))).toEqual([]);
      while (Date.now() < until);
    },
    budgetSeconds * 1000 + SLACK_MS,
  );
});
