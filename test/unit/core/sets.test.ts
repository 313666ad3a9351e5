// Who goes on together: docs/design/membership.md, section 4.
import { describe, expect, test } from '@jest/globals';
import { complete, setOf } from '../../../core/machine/membership/sets.js';

const without =
  (...missing: [number, number][]) =>
  (a: number, b: number): boolean =>
    !missing.some(([x, y]) => (x === a && y === b) || (x === b && y === a));
const nobody = (): boolean => false;

describe('setOf', () => {
  test('everybody, when every pair has its edge', () => {
    expect(setOf(1, [2, 0, 1], without(), nobody)).toEqual([0, 1, 2]);
  });

  test('the one that lacks most leaves', () => {
    const edge = without([0, 2], [1, 2]);
    expect(setOf(0, [0, 1, 2], edge, nobody)).toEqual([0, 1]);
    expect(setOf(2, [0, 1, 2], edge, nobody)).toEqual([2]);
  });

  test('a tie removes the later in the list', () => {
    expect(setOf(0, [0, 1, 2], without([0, 1]), nobody)).toEqual([0, 2]);
    expect(setOf(1, [0, 1, 2], without([0, 1]), nobody)).toEqual([1]);
  });

  test('a tie removes a newcomer before an earlier member', () => {
    expect(setOf(1, [0, 1, 2], without([0, 1]), (p) => p === 0)).toEqual([1, 2]);
  });

  test('the removed form sets of their own by the same rule', () => {
    // {0,1} | {2,3}: a clean cut of four.
    const edge = without([0, 2], [0, 3], [1, 2], [1, 3]);
    const sets = [0, 1, 2, 3].map((p) => setOf(p, [0, 1, 2, 3], edge, nobody).join());
    expect(sets).toEqual(['0,1', '0,1', '2,3', '2,3']);
  });

  test('all members of a set compute the same set', () => {
    for (let mask = 0; mask < 1 << 10; mask++) {
      const pairs: [number, number][] = [];
      let bit = 0;
      for (let a = 0; a < 5; a++) for (let b = a + 1; b < 5; b++) if (mask & (1 << bit++)) pairs.push([a, b]);
      const edge = without(...pairs);
      for (let p = 0; p < 5; p++) {
        const set = setOf(p, [0, 1, 2, 3, 4], edge, nobody);
        expect(set).toContain(p);
        expect(complete(set, edge)).toBe(true);
        for (const q of set) expect(setOf(q, [0, 1, 2, 3, 4], edge, nobody)).toEqual(set);
      }
    }
  });
});
