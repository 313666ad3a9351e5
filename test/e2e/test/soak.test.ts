// Three real daemons through a short storm of kills, freezes, stops and restarts, judged by the simulator's checkers.
import { expect, test } from '@jest/globals';
import { soak } from '../soak.js';

test('three daemons, killed, frozen, stopped and restarted under load, keep their guarantees', async () => {
  const said: string[] = [];
  const figures = await soak({ seed: 7, daemons: 3, phases: 2, stormMs: 5000, say: (line) => said.push(line) });
  expect(figures.violations).toEqual([]);
  expect(figures.messages).toBeGreaterThan(100);
  expect(figures.deliveries).toBeGreaterThan(figures.messages);
}, 200_000);
