// The list of planted bugs fits the source, and is as long as promised. That each is caught is shown by `npm run mutants`.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { MACHINES, MUTANTS, RARE } from '../index.js';
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

  test('enough that random runs catch, in every machine, each with a name of its own', () => {
    const random = MUTANTS.filter((m) => !RARE.has(m.name));
    expect(random.length).toBe(MUTANTS.length - RARE.size);
    expect(random.length).toBeGreaterThanOrEqual(AT_LEAST);
    expect(new Set(MUTANTS.map((m) => m.name)).size).toBe(MUTANTS.length);
    for (const machine of MACHINES)
      expect([machine, random.filter((m) => m.machine === machine).length >= AT_LEAST_PER_MACHINE]).toEqual([
        machine,
        true,
      ]);
  });
});
