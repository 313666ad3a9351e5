// Where the generator begins: a short tour over all sites (nearest neighbour, then 2-opt), and on it the Harary graph, the
// k-connected graph with the fewest edges there are, ceil(k n / 2). Pure.
import type { Edge } from './graph.js';

/** Rounds of 2-opt at most; a round without a gain ends it earlier. */
const ROUNDS = 50;

/** All n places, each once, near ones behind one another. `cost` is n * n. */
export function shortTour(n: number, cost: Float64Array): number[] {
  const tour = nearestNeighbours(n, cost);
  for (let round = 0; round < ROUNDS; round++) if (!shorten(tour, cost)) break;
  return tour;
}

function nearestNeighbours(n: number, cost: Float64Array): number[] {
  const tour = n === 0 ? [] : [0];
  const left = Array.from({ length: Math.max(0, n - 1) }, (_, i) => i + 1);
  while (left.length > 0) {
    const at = tour.at(-1)!;
    let best = 0;
    for (let i = 1; i < left.length; i++) if (cost[at * n + left[i]!]! < cost[at * n + left[best]!]!) best = i;
    tour.push(...left.splice(best, 1));
  }
  return tour;
}

/** One round: turns every stretch around that makes the tour shorter so. Was there one? */
function shorten(tour: number[], cost: Float64Array): boolean {
  const n = tour.length;
  const between = (i: number, j: number): number => cost[tour[i % n]! * n + tour[j % n]!]!;
  let gained = false;
  for (let i = 0; i < n - 2; i++)
    for (let j = i + 2; j < n; j++) {
      // The stretch from 0 to the end is the tour itself.
      if (i === 0 && j === n - 1) continue;
      if (between(i, j) + between(i + 1, j + 1) >= between(i, i + 1) + between(j, j + 1) - Number.EPSILON) continue;
      for (let a = i + 1, b = j; a < b; a++, b--) [tour[a], tour[b]] = [tour[b]!, tour[a]!];
      gained = true;
    }
  return gained;
}

/** The Harary graph H(k, n) with its places in the order of the tour; 1 <= k <= n - 1. k = 1: the path. */
export function harary(tour: readonly number[], k: number): Edge[] {
  const n = tour.length;
  const edges = new Map<number, Edge>();
  const join = (i: number, j: number): void => {
    const a = Math.min(tour[i % n]!, tour[j % n]!);
    const b = Math.max(tour[i % n]!, tour[j % n]!);
    edges.set(a * n + b, [a, b]);
  };
  if (k === 1) for (let i = 0; i + 1 < n; i++) join(i, i + 1);
  else for (let far = 1; far <= k >> 1; far++) for (let i = 0; i < n; i++) join(i, i + far);
  if (k > 1 && k % 2 === 1) {
    // Across the tour; of an odd number of sites the one in the middle gets two such edges.
    for (let i = 0; i < (n + 1) >> 1; i++) join(i, i + (n >> 1));
  }
  return [...edges.values()];
}
