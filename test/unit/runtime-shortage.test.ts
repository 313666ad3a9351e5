// Whether cores are short (core/plugin/shortage.ts): on made-up figures, and that the system's can be read.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { LOOK_MS, Shortage } from '../../core/plugin/shortage.js';

test('cores are short for who waits more than a tenth of the time, and it looks now and then only', () => {
  let waitedMs = 500;
  let looks = 0;
  const shortage = new Shortage(() => {
    looks++;
    return waitedMs;
  });
  expect(shortage.at(1000)).toBe(false);
  waitedMs += 40;
  expect(shortage.at(1000 + LOOK_MS - 1)).toBe(false);
  expect(looks).toBe(1);
  expect(shortage.at(1000 + LOOK_MS)).toBe(true);
  expect(shortage.at(1000 + 2 * LOOK_MS - 1)).toBe(true);
  expect(looks).toBe(2);
  waitedMs += 4;
  expect(shortage.at(1000 + 2 * LOOK_MS)).toBe(false);
  waitedMs += 11;
  expect(shortage.at(1000 + 2 * LOOK_MS + 100)).toBe(true);
});

test('who wants cores to be shorter says how short', () => {
  let waitedMs = 0;
  const shortage = new Shortage(() => waitedMs);
  shortage.at(0);
  waitedMs = 20;
  expect(shortage.at(100)).toBe(true);
  expect(shortage.at(100, 0.19)).toBe(true);
  expect(shortage.at(100, 0.2)).toBe(false);
});

test('a system that does not tell is never short', () => {
  const shortage = new Shortage(() => NaN);
  expect([0, LOOK_MS, 100 * LOOK_MS].map((at) => shortage.at(at))).toEqual([false, false, false]);
});

test("the system's own figure is that of a thread, and can be read again", () => {
  const shortage = new Shortage();
  expect(shortage.at(0)).toBe(false);
  // However much this thread waited in the meantime, it was not a tenth of a thousand years.
  expect(shortage.at(1e15)).toBe(false);
  // Linux counts what waits for a core; where it does not, nobody is short ever.
  if (process.platform === 'linux') expect(readFileSync('/proc/self/schedstat', 'latin1')).toMatch(/^\d+ \d+ \d+\n$/);
});
