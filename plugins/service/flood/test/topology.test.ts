// The generator built in, the external one, and the check of connectivity that both stand on (items 44 and 45 of the
// checklist in docs/floodd.md).
import { afterAll, describe, expect, test } from '@jest/globals';
import { performance } from 'node:perf_hooks';
import type { Logger } from 'peal/plugin';
import { systemProcess as process } from '../../../../core/kernel/process.js';
import type { TopologyRequest } from '../machine/types.js';
import { readAnswer, requestText } from '../topology/command.js';
import { isKConnected, reachable } from '../topology/connectivity.js';
import { generate, SPARE_DEGREE } from '../topology/generator.js';
import { distancesOf, type Edge, Graph } from '../topology/graph.js';
import { inputOf, Topologies } from '../topology/index.js';

const silent = (): void => undefined;
const log: Logger = { error: silent, warn: silent, info: silent, debug: silent, verbose: false, child: () => log };

/** Numbers that look drawn by lot and are the same each time. */
function lots(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

/** A request for n sites strewn over a square: cost 5 + distance. */
function request(n: number, connectivity: number, seed = 1, command?: string): TopologyRequest {
  const lot = lots(seed * 1000 + n);
  const spots = Array.from({ length: n }, () => [lot() * 100, lot() * 100] as const);
  const sites = spots.map((_, i) => `s${String(i).padStart(2, '0')}`);
  const links = sites.flatMap((a, i) =>
    sites.slice(i + 1).map((b, j) => {
      const [x, y] = spots[i]!;
      const [u, v] = spots[i + 1 + j]!;
      const cost = 5 + Math.hypot(x - u, y - v);
      return { a, b, rttMs: cost, bytesPerSecond: 1e6, cost, measured: true };
    }),
  );
  const more = command === undefined ? {} : { command };
  return { number: 1, group: 'g', master: sites[0] ?? 's00', connectivity, sites, links, ...more };
}

/** By taking out every set of k - 1 places. */
function survivesAll(n: number, edges: readonly Edge[], k: number): boolean {
  const connectedWithout = (gone: ReadonlySet<number>): boolean => {
    const left = Array.from({ length: n }, (_, i) => i).filter((i) => !gone.has(i));
    const seen = new Set(left.slice(0, 1));
    for (const at of seen)
      for (const [a, b] of edges) {
        if (a === at && !gone.has(b)) seen.add(b);
        if (b === at && !gone.has(a)) seen.add(a);
      }
    return seen.size === left.length;
  };
  const tryAll = (gone: readonly number[], from: number): boolean => {
    if (gone.length === k - 1) return connectedWithout(new Set(gone));
    for (let i = from; i < n; i++) if (!tryAll([...gone, i], i + 1)) return false;
    return true;
  };
  return n > k && tryAll([], 0);
}

test('connectivity is judged as by taking out every set of sites (3000 random graphs)', () => {
  const lot = lots(7);
  for (let i = 0; i < 3000; i++) {
    const n = 3 + Math.floor(lot() * 5);
    const k = 1 + Math.floor(lot() * 4);
    const edges: Edge[] = [];
    for (let a = 0; a < n; a++) for (let b = a + 1; b < n; b++) if (lot() < 0.7) edges.push([a, b]);
    if (isKConnected(n, edges, k) !== survivesAll(n, edges, k))
      throw new Error(`n ${n} k ${k}: ${JSON.stringify(edges)}`);
  }
});

describe('item 44: the generator built in', () => {
  test('is k-connected, bounded in degree and repeats itself, for 1 to 32 sites and k from 1 to 4', () => {
    for (let n = 1; n <= 32; n++)
      for (let k = 1; k <= 4; k++) {
        const input = inputOf(request(n, k));
        const edges = generate(input);
        const enough = reachable(k, n);
        expect(isKConnected(n, edges, enough)).toBe(true);
        const degrees = new Graph(n, edges).near.map((list) => list.length);
        expect(Math.max(0, ...degrees)).toBeLessThanOrEqual(enough + SPARE_DEGREE);
        if (k === 1) expect(edges.length).toBe(Math.max(0, n - 1));
        if (n % 8 === 0) expect(generate(input)).toEqual(edges);
      }
  }, 180_000);

  test('is as good as its target: cost and diameter of known inputs', () => {
    for (const [n, k, limit, diameter] of [
      [16, 2, 2, 6],
      [16, 3, 1.7, 4],
      [32, 3, 2.6, 5],
    ] as const) {
      const { cost } = inputOf(request(n, k));
      const edges = generate(inputOf(request(n, k)));
      const total = edges.reduce((sum, [a, b]) => sum + cost[a * n + b]!, 0);
      let bound = 0;
      for (let a = 0; a < n; a++) {
        const own = Array.from({ length: n }, (_, b) => cost[a * n + b]!).filter((_, b) => b !== a);
        bound +=
          own
            .sort((x, y) => x - y)
            .slice(0, k)
            .reduce((x, y) => x + y, 0) / 2;
      }
      expect(total / bound).toBeLessThan(limit);
      expect(distancesOf(new Graph(n, edges)).diameter).toBeLessThanOrEqual(diameter);
    }
  });

  test('works off the event loop: the main thread has next to nothing to do', async () => {
    const topologies = new Topologies({ process, log });
    // The first worker is made before, as a daemon's is long before anything is urgent.
    await topologies.generate(request(4, 2));
    const began = performance.now();
    generate(inputOf(request(64, 3)));
    const itself = performance.now() - began;
    const before = performance.eventLoopUtilization();
    const answer = await topologies.generate(request(64, 3));
    const { active } = performance.eventLoopUtilization(before);
    expect(answer).toMatchObject({ generator: 'builtin', commandFailed: false });
    expect(active).toBeLessThan(itself / 3);
    await topologies.close();
  }, 180_000);

  test('what is under way ends with the daemon', async () => {
    const topologies = new Topologies({ process, log });
    const answer = topologies.generate(request(200, 4));
    const asked = topologies.generate(request(4, 2, 1, 'sleep 60'));
    await topologies.close();
    expect(await answer).toHaveProperty('failed');
    expect(await asked).toHaveProperty('failed');
    expect(await topologies.generate(request(4, 2))).toHaveProperty('failed');
  });
});

const RING = '(:edge s00 s01) ; comment\\n(:edge s01 s02)(:edge s02 s03)\\n(:edge s03 s00)(:edge s00 s03)';

describe('item 45: an external generator', () => {
  const topologies = new Topologies({ process, log, commandLimitMs: 300 });
  afterAll(() => topologies.close());
  const ask = (command: string) => topologies.generate(request(4, 2, 1, command));
  const ring = [
    ['s00', 's01'],
    ['s00', 's03'],
    ['s01', 's02'],
    ['s02', 's03'],
  ];

  test('a valid answer is used, edges given twice are one', async () => {
    expect(await ask(`printf '${RING}'`)).toEqual({ edges: ring, generator: 'command', commandFailed: false });
  });
  test('it is told everything, and works in the root directory', async () => {
    const check = `grep -q '^(:link s00 s01 [0-9.]* 1000000 [0-9.]* 1)$' && test "$(pwd)" = / && printf '${RING}'`;
    expect(await ask(check)).toMatchObject({ generator: 'command' });
  });
  test('less connected than asked for is taken, with a warning', async () => {
    expect(await ask(`printf '(:edge s00 s01)(:edge s01 s02)(:edge s02 s03)'`)).toMatchObject({ generator: 'command' });
  });
  test.each([
    ['exit 1', `printf '${RING}'; exit 1`],
    ['a signal', 'kill -9 $$'],
    ['too long', 'sleep 30'],
    ['an unknown site', `printf '${RING}(:edge s00 s09)'`],
    ['a loop', `printf '${RING}(:edge s00 s00)'`],
    ['a graph in pieces', `printf '(:edge s00 s01)(:edge s02 s03)'`],
    ['nothing', 'true'],
    ['garbage', 'echo hello'],
    ['half an answer', `printf '${RING}(:edge s00'`],
    ['a missing command', '/no/such/command'],
    ['more than anybody reads', 'yes "(:edge s00 s01)"'],
  ])('%s: the one built in stands in, and the failure is told', async (_, command) => {
    const answer = await ask(command);
    expect(answer).toMatchObject({ generator: 'builtin', commandFailed: true });
    expect('edges' in answer && answer.edges.length).toBeGreaterThanOrEqual(4);
  });

  test('names with blanks and quotes are quoted on the way in and read on the way back', () => {
    const odd: TopologyRequest = { ...request(2, 1), sites: ['a "b"', ':c'], links: [] };
    expect(requestText(odd)).toContain('(:site "a \\"b\\"")\n(:site ":c")\n');
    expect(readAnswer('(:edge "a \\"b\\"" ":c")', odd)).toEqual({ edges: [[0, 1]], warning: undefined });
  });
});
