// The simulator in `npm test`: seeds that once failed, a bounded budget of fresh ones, and determinism.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { type RunResult, runSeed } from '../run.js';
import type { Setting } from '../setting.js';
import { PEAL, SUBJECTS } from '../subject.js';

/** Settings of runs that once failed, as `npm run sim -- --keep FILE` writes them. */
const REGRESSIONS = new URL('../../../../test/sim/regressions/', import.meta.url);
/** Fresh seeds run for that long, all links together; 0: not at all. */
const budgetSeconds = Number(process.env['PEAL_SIM_SECONDS'] ?? '60');
const DAEMONS = [3, 8] as const;
/** Room for the run that is under way when the budget ends. */
const SLACK_MS = 60_000;

interface Regression {
  /** What was wrong. */
  readonly what: string;
  readonly link: keyof typeof SUBJECTS;
  readonly setting: Setting;
}

const LINKS = Object.keys(SUBJECTS) as (keyof typeof SUBJECTS)[];

function told(r: RunResult, link: string): string[] {
  return r.violations.map(
    (v) => `seed ${r.seed} at ${v.t} ms [${v.guarantee}] ${v.detail} (npm run sim -- --seed ${r.seed} --link ${link})`,
  );
}

describe('simulated clusters', () => {
  const regressions = readdirSync(REGRESSIONS).map((file) => {
    const regression = JSON.parse(readFileSync(new URL(file, REGRESSIONS), 'utf8')) as Regression;
    return { file, ...regression };
  });

  test.each(regressions)('$file, which once failed: $what', ({ link, setting }) => {
    const { seed } = setting;
    expect(told(runSeed(SUBJECTS[link], { seed, daemons: DAEMONS, setting }), link)).toEqual([]);
  });

  test('the same seed gives the same trace', () => {
    for (const seed of [11, 12]) {
      const [a, b] = [1, 2].map(() => runSeed(PEAL, { seed, daemons: DAEMONS, phases: 2 }));
      expect(b!.hash).toBe(a!.hash);
      expect(b!.figures).toEqual(a!.figures);
    }
  });

  test.each(LINKS)('sixteen daemons whose medium carries 200 bytes, over the %s', (link) => {
    const r = runSeed(SUBJECTS[link], { seed: 8, daemons: [16, 16], phases: 1, maxBytes: 200, medium: 'datagram' });
    expect(told(r, link)).toEqual([]);
    expect(r.figures.medium).toBe('datagram');
  });

  (budgetSeconds > 0 ? test : test.skip).each(LINKS)(
    'fresh seeds over the %s keep every guarantee',
    (link) => {
      const until = Date.now() + (budgetSeconds * 1000) / LINKS.length;
      let seed = Date.now() % 1_000_000_000;
      let runs = 0;
      do {
        expect(told(runSeed(SUBJECTS[link], { seed: seed++, daemons: DAEMONS }), link)).toEqual([]);
        runs++;
      } while (Date.now() < until);
      expect(runs).toBeGreaterThan(0);
    },
    budgetSeconds * 1000 + SLACK_MS,
  );
});
