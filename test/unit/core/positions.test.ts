// Things by position: what is held, in which order, and that a stretch which moves upward leaves nothing behind.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Positions } from '../../../core/machine/positions.js';

test('it holds what a Map holds, whatever comes in which order', () => {
  const step = fc.record({ position: fc.integer({ min: 0, max: 300 }), put: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const ours = new Positions<{ n: number }>();
      const theirs = new Map<number, { n: number }>();
      steps.forEach(({ position, put }, n) => {
        if (put) {
          ours.set(position, { n });
          theirs.set(position, { n });
        } else {
          ours.delete(position);
          theirs.delete(position);
        }
        expect(ours.size).toBe(theirs.size);
        expect(ours.get(position)).toEqual(theirs.get(position));
      });
      const above = [...theirs.keys()].filter((p) => p > 100).sort((a, b) => a - b);
      expect(ours.above(100)).toEqual(above);
      for (let p = 0; p <= 300; p++) expect(ours.has(p)).toBe(theirs.has(p));
    }),
  );
});

test('positions of 48 bits, far from each other', () => {
  const ours = new Positions<{ n: number }>();
  const far = [2 ** 48 - 1, 1, 2 ** 40, 64, 2 ** 31];
  far.forEach((position, n) => ours.set(position, { n }));
  expect(ours.above(0)).toEqual([...far].sort((a, b) => a - b));
  expect(ours.get(2 ** 48 - 1)).toEqual({ n: 0 });
  ours.clear();
  expect([ours.size, ours.above(0)]).toEqual([0, []]);
});
