// What a topology of named sites costs as a whole, and how far the farthest are apart (docs/design/flood.md, section 11). The
// same objective that the built-in generator makes small, so that what is in force and what is new are weighed alike.
import { distancesOf, type Distances, Graph } from '../topology/graph.js';

/** Two different sites. */
export type Pair = readonly [a: string, b: string];

/** Weight of distances beside that of the cost. */
const DISTANCE_WEIGHT = 0.25;

/** Infinite when some site does not reach some other. What is no site of the list is left out. */
export function distancesBetween(sites: readonly string[], edges: readonly Pair[]): Distances {
  const places = new Map(sites.map((s, i) => [s, i]));
  const graph = new Graph(sites.length);
  for (const [a, b] of edges) {
    const [i, j] = [places.get(a), places.get(b)];
    if (i !== undefined && j !== undefined && i !== j && !graph.joined(i, j)) graph.add(i, j);
  }
  return distancesOf(graph);
}

/**
 * Cost of all edges against that of as many middling ones, and a quarter of diameter and average distance against what is
 * about the least possible. Infinity when it is not connected. Two sites at least.
 */
export function objective(
  sites: readonly string[],
  edges: readonly Pair[],
  connectivity: number,
  cost: (a: string, b: string) => number,
): number {
  const n = sites.length;
  const k = Math.max(1, Math.min(connectivity, n - 1));
  const { diameter, average } = distancesBetween(sites, edges);
  const all = sites.flatMap((a, i) => sites.slice(i + 1).map((b) => cost(a, b))).sort((x, y) => x - y);
  const median = all[all.length >> 1] ?? 1;
  const total = edges.reduce((sum, [a, b]) => sum + cost(a, b), 0);
  const least = Math.max(1, Math.ceil(Math.log(n) / Math.log(Math.max(2, k - 1))));
  return total / (((n * k) / 2) * median) + (DISTANCE_WEIGHT * (diameter + average)) / least;
}
