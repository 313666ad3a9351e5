// Three real daemons through a short storm of kills, freezes, stops and restarts, judged by the simulator's checkers.
import { expect, test } from '@jest/globals';
import { soak } from '../soak.js';

const RUNS = [
  { link: 'tcp', stormMs: 5000 },
  { link: 'ring', stormMs: 4000 },
] as const;

test.each(RUNS)(
  'three daemons over $link, in trouble under load, keep their guarantees',
  async ({ link, stormMs }) => {
    const said: string[] = [];
    const figures = await soak({ seed: 7, daemons: 3, link, phases: 2, stormMs, say: (line) => said.push(line) });
    expect(figures.violations).toEqual([]);
    expect(figures.messages).toBeGreaterThan(100);
    expect(figures.deliveries).toBeGreaterThan(figures.messages);
  },
  200_000,
);
