// Whether cores are short (core/plugin/shortage.ts): on made-up figures, and that the system's can be read.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { LOOK_MS, Shortage } from '../../core/plugin/shortage.js';

/** Of one who has work: asks often until that time. */
function at(shortage: Shortage, ms: number, share?: number): boolean {
  for (let i = 8; i > 0; i--) shortage.at(ms - i / 100, share);
  return shortage.at(ms, share);
}

test('cores are short for who waits more than a tenth of the time, and it looks now and then only', () => {
  let waitedMs = 500;
  let looks = 0;
  const shortage = new Shortage(() => {
    looks++;
    return waitedMs;
  });
  expect(at(shortage, 1000)).toBe(false);
  expect(at(shortage, 1000 + LOOK_MS)).toBe(false);
  expect(looks).toBe(1);
  waitedMs += 40;
  expect(at(shortage, 1000 + 2 * LOOK_MS - 1)).toBe(false);
  expect(looks).toBe(1);
  expect(at(shortage, 1000 + 2 * LOOK_MS)).toBe(true);
  expect(at(shortage, 1000 + 3 * LOOK_MS - 1)).toBe(true);
  expect(looks).toBe(2);
  waitedMs += 4;
  expect(at(shortage, 1000 + 3 * LOOK_MS)).toBe(false);
  waitedMs += 11;
  expect(at(shortage, 1000 + 3 * LOOK_MS + 100)).toBe(true);
});

test('who wants cores to be shorter says how short', () => {
  let waitedMs = 0;
  const shortage = new Shortage(() => waitedMs);
  at(shortage, 0);
  at(shortage, 100);
  waitedMs = 20;
  expect(at(shortage, 200)).toBe(true);
  expect(shortage.at(200, 0.19)).toBe(true);
  expect(shortage.at(200, 0.21)).toBe(false);
});

test('who has little to do is not short of anything, and does not even look', () => {
  let looks = 0;
  const shortage = new Shortage(() => ++looks * 1000);
  for (let ms = 0; ms < 100 * LOOK_MS; ms += LOOK_MS) {
    expect(shortage.at(ms)).toBe(false);
    expect(shortage.at(ms + 1)).toBe(false);
  }
  expect(looks).toBe(0);
});

test('a system that does not tell is never short', () => {
  const shortage = new Shortage(() => NaN);
  expect([0, LOOK_MS, 100 * LOOK_MS].map((ms) => at(shortage, ms))).toEqual([false, false, false]);
});

test("the system's own figure is that of a thread, and can be read again", () => {
  const shortage = new Shortage();
  expect(at(shortage, 0)).toBe(false);
  expect(at(shortage, LOOK_MS)).toBe(false);
  // However much this thread waited in the meantime, it was not a tenth of a thousand years.
  expect(at(shortage, 1e15)).toBe(false);
  // Linux counts what waits for a core; where it does not, nobody is short ever.
  if (process.platform === 'linux') expect(readFileSync('/proc/self/schedstat', 'latin1')).toMatch(/^\d+ \d+ \d+\n$/);
});
