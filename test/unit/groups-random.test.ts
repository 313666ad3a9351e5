// Random lives of a cluster, judged by groups-model.ts. A failure names its seed; `PEAL_GROUPS_SEED=n` runs that one,
// `PEAL_GROUPS_RUNS=n` more of them.
import { expect, test } from '@jest/globals';
import { Chance, Model } from './groups-model.js';

const RUNS = Number(process.env['PEAL_GROUPS_RUNS'] ?? 400);
const STEPS = 150;

test('views, ids, sets and order are equal everywhere, whatever happens to the configurations', () => {
  const only = process.env['PEAL_GROUPS_SEED'];
  const seeds = only === undefined ? Array.from({ length: RUNS }, (_, i) => i + 1) : [Number(only)];
  const total: Record<string, number> = {};
  for (const seed of seeds) {
    const chance = new Chance(seed);
    const model = new Model(chance, 2 + chance.below(4));
    try {
      model.change(1);
      for (let i = 0; i < STEPS; i++) model.step();
      model.settle();
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
    for (const [what, n] of Object.entries(model.counts)) total[what] = (total[what] ?? 0) + n;
  }
  if (only === undefined) for (const what of Object.keys(total)) expect([what, total[what]! > 0]).toEqual([what, true]);
});
