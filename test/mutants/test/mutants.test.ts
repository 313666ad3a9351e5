// The list of planted bugs fits the source, and is as long as promised. That each is caught is shown by `npm run mutants`.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { COUNTED, MACHINES, MUTANTS, RARE, TESTED } from '../index.js';
import { plant } from '../plant.js';

const AT_LEAST = 40;
const AT_LEAST_PER_MACHINE = 5;

function root(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, 'package.json'))) at = dirname(at);
  return at;
}

describe('planted bugs', () => {
  test.each(MUTANTS.map((m) => [m.name, m] as const))('%s changes the source', (_, m) => {
    const changed = plant(root(), m);
    expect(changed.size).toBeGreaterThan(0);
  });

  test('enough that random runs catch and no other test, in every machine of a daemon', () => {
    expect(COUNTED.length).toBeGreaterThanOrEqual(AT_LEAST);
    for (const machine of MACHINES) {
      const list = machine === 'flood' ? MUTANTS : COUNTED;
      const many = list.filter((m) => m.machine === machine).length;
      expect([machine, many >= AT_LEAST_PER_MACHINE]).toEqual([machine, true]);
    }
  });

  test('each has a name of its own, and the marks name some that are there', () => {
    const names = new Set(MUTANTS.map((m) => m.name));
    expect(names.size).toBe(MUTANTS.length);
    expect([...RARE, ...TESTED].filter((name) => !names.has(name))).toEqual([]);
  });
});
