// Who yields while clients rest (core/plugin/yielding.ts): on a made-up scheduler, and that the system's can be asked.
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { YIELD_MS, Yielding } from '../../core/plugin/yielding.js';

const OTHER = 0;
const BATCH = 3;
const ROUND_ROBIN = 2;
const RESET_ON_FORK = 0x40000000;

/** A system that says yes `granted` times. */
class FakeScheduler {
  readonly set: number[] = [];
  constructor(
    public current = OTHER,
    private granted = Infinity,
  ) {}
  policy(): number {
    return this.current;
  }
  setPolicy(policy: number): number {
    this.set.push(policy);
    if (this.granted-- <= 0) return -1;
    this.current = policy;
    return 0;
  }
}

/** Its scheduler is there: the first rest only asks for it. */
async function yieldingOn(scheduler: FakeScheduler | null): Promise<Yielding> {
  const yielding = new Yielding(() => Promise.resolve(scheduler));
  yielding.rested();
  await Promise.resolve();
  return yielding;
}

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] }));
afterEach(() => void jest.useRealTimers());

test('who rests yields, and no longer than clients rest', async () => {
  const scheduler = new FakeScheduler();
  const yielding = await yieldingOn(scheduler);
  expect(scheduler.set).toEqual([]);
  yielding.rested();
  expect(scheduler.set).toEqual([BATCH | RESET_ON_FORK]);
  for (let i = 0; i < 3; i++) {
    yielding.rested();
    jest.advanceTimersByTime(YIELD_MS);
  }
  expect(scheduler.set).toHaveLength(1);
  jest.advanceTimersByTime(YIELD_MS);
  expect(scheduler.set).toEqual([BATCH | RESET_ON_FORK, OTHER | RESET_ON_FORK]);
  expect(jest.getTimerCount()).toBe(0);
  yielding.rested();
  expect(scheduler.current).toBe(BATCH | RESET_ON_FORK);
});

test('the system is asked once, however many rest before it answers', async () => {
  const scheduler = new FakeScheduler();
  let asked = 0;
  const yielding = new Yielding(() => {
    asked++;
    return Promise.resolve(scheduler);
  });
  yielding.rested();
  yielding.rested();
  await Promise.resolve();
  yielding.rested();
  expect({ asked, set: scheduler.set.length }).toEqual({ asked: 1, set: 1 });
});

test.each([ROUND_ROBIN, BATCH, ROUND_ROBIN | RESET_ON_FORK])('the policy %i of an operator stays', async (policy) => {
  const scheduler = new FakeScheduler(policy);
  const yielding = await yieldingOn(scheduler);
  yielding.rested();
  jest.advanceTimersByTime(2 * YIELD_MS);
  expect(scheduler.set).toEqual([]);
});

test.each([ROUND_ROBIN, BATCH])('the policy %i, set by an operator meanwhile, stays, too', async (policy) => {
  const scheduler = new FakeScheduler();
  const yielding = await yieldingOn(scheduler);
  yielding.rested();
  scheduler.current = policy;
  jest.advanceTimersByTime(2 * YIELD_MS);
  expect(scheduler.set).toHaveLength(1);
  scheduler.current = OTHER;
  yielding.rested();
  expect(scheduler.current).toBe(BATCH | RESET_ON_FORK);
});

test('a system that says no is not asked again, and none at all is none', async () => {
  const scheduler = new FakeScheduler(OTHER, 0);
  const yielding = await yieldingOn(scheduler);
  for (let i = 0; i < 3; i++) yielding.rested();
  expect(scheduler.set).toHaveLength(1);
  const without = await yieldingOn(null);
  without.rested();
  expect(jest.getTimerCount()).toBe(0);
});

// musl has no such call.
const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
const withCall = process.platform === 'linux' && header.glibcVersionRuntime !== undefined ? test : test.skip;

// In a process of its own: the policy of this one stays.
withCall(
  "the system's own scheduler is asked through libc, and has its way back",
  async () => {
    const place = new URL('../../core/plugin/yielding.js', import.meta.url).href;
    const script = `
    const { readFileSync } = require('node:fs');
    // The 41st field of stat(5) is the policy; the second, a name in parentheses, may hold blanks.
    const policy = () => Number(readFileSync('/proc/self/stat', 'latin1').split(') ')[1].split(' ')[38]);
    const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
    import(${JSON.stringify(place)}).then(async ({ yielding }) => {
      const seen = [policy()];
      for (let i = 0; i < 1000 && seen.at(-1) === seen[0]; i++) {
        yielding.rested();
        await sleep(10);
        if (policy() !== seen[0]) seen.push(policy());
      }
      while (seen.length === 2) {
        await sleep(10);
        if (policy() !== seen[1]) seen.push(policy());
      }
      process.stdout.write(JSON.stringify(seen));
    });`;
    jest.useRealTimers();
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { timeout: 30_000 });
    expect(JSON.parse(stdout)).toEqual([OTHER, BATCH, OTHER]);
  },
  40_000,
);

/** May this process give another a higher priority? Root may, as a rule. */
const raises = String(spawnSync('nice', ['-n', '-5', 'nice']).stdout).trim() === '-5';

(raises ? withCall : test.skip)(
  'who has a negative nice value does not yield, and what it starts keeps the value',
  async () => {
    const place = new URL('../../core/plugin/yielding.js', import.meta.url).href;
    const script = `
    const { execFileSync } = require('node:child_process');
    const { readFileSync } = require('node:fs');
    import(${JSON.stringify(place)}).then(async ({ yielding }) => {
      for (let i = 0; i < 20; i++) {
        yielding.rested();
        await new Promise((r) => setTimeout(r, 10));
      }
      const policy = Number(readFileSync('/proc/self/stat', 'latin1').split(') ')[1].split(' ')[38]);
      process.stdout.write(JSON.stringify([policy, Number(execFileSync('nice'))]));
    });`;
    jest.useRealTimers();
    const { stdout } = await promisify(execFile)('nice', ['-n', '-5', process.execPath, '-e', script], {
      timeout: 30_000,
    });
    expect(JSON.parse(stdout)).toEqual([OTHER, -5]);
  },
  40_000,
);
