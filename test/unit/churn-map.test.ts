// A Map for what comes and goes (core/machine/churn-map.ts) against a plain one.
import { expect, jest, test } from '@jest/globals';
import { ChurnMap } from '../../core/machine/churn-map.js';
import { Chance } from './groups-model.js';

test('answers as a Map does, in its order, however much comes and goes', () => {
  const map = new ChurnMap<number, string>();
  const truth = new Map<number, string>();
  const chance = new Chance(11);
  for (let i = 0; i < 20_000; i++) {
    const key = chance.below(i % 2000 < 1000 ? 400 : 10);
    if (chance.oneIn(2)) {
      map.set(key, `v${i}`);
      truth.set(key, `v${i}`);
    } else expect(map.delete(key)).toBe(truth.delete(key));
    expect(map.get(key)).toBe(truth.get(key));
    expect(map.has(key)).toBe(truth.has(key));
    expect(map.size).toBe(truth.size);
    if (i % 100 === 0) expect([...map.keys()]).toEqual([...truth.keys()]);
  }
  expect([...map.values()]).toEqual([...truth.values()]);
  map.clear();
  expect([map.size, ...map.keys()]).toEqual([0]);
});

test('begins anew after many deletions, and not for each', () => {
  const map = new ChurnMap<number, number>();
  const deleted = jest.spyOn(Map.prototype, 'delete');
  try {
    for (let i = 0; i < 6400; i++) {
      map.set(i, i);
      map.delete(i);
    }
    expect(deleted).toHaveBeenCalledTimes(6400);
    expect(new Set(deleted.mock.contexts).size).toBe(100);
  } finally {
    deleted.mockRestore();
  }
});
