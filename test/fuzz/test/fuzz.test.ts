// A small budget of fuzz for every target in `npm test`; `npm run fuzz` is the large one.
import { describe, expect, test } from '@jest/globals';
import { allTargets, hunt } from '../hunt.js';

const budgetSeconds = Number(process.env['PEAL_FUZZ_SECONDS'] ?? '20');
const SLACK_MS = 60_000;
const targets = await allTargets();

describe('parsers of what comes from outside', () => {
  test('there are targets', () => {
    expect(targets.length).toBeGreaterThan(0);
  });

  test.each(targets.map((t) => [t.name, t] as const))(
    '%s takes damaged input',
    (_, target) => {
      const until = Date.now() + (budgetSeconds * 1000) / targets.length;
      const h = hunt(target, { seed: Date.now() % 1_000_000, inputs: 1_000_000, until });
      expect(h.failures).toEqual([]);
      expect(h.inputs).toBeGreaterThan(0);
    },
    SLACK_MS,
  );
});
