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
  }, 1000);
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

test('a system that does not tell is never short', () => {
  const shortage = new Shortage(() => NaN, 0);
  expect(shortage.at(LOOK_MS)).toBe(false);
  expect(shortage.at(100 * LOOK_MS)).toBe(false);
});

test("the system's own figure is that of this process", () => {
  let text: string;
  try {
    text = readFileSync('/proc/self/schedstat', 'latin1');
  } catch {
    // Not Linux: never short.
    expect(new Shortage().at(1e9)).toBe(false);
    return;
  }
  expect(text).toMatch(/^\d+ \d+ \d+\n$/);
  // However long the time: nobody waits a tenth of a thousand years.
  expect(new Shortage(undefined, 0).at(1e15)).toBe(false);
});
