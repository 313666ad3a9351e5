// Undirected graphs over the places 0 to n - 1: edges, ways that have no place in common, distances in hops. Pure. Used by
// the generator, by the check of what an external one answers, and by tests and simulator.

/** Two places, the smaller first. */
export type Edge = readonly [number, number];

/** A graph that changes; adding an edge twice or taking away one that is not there is a programmer error. */
export class Graph {
  /** Neighbours of each place, in no order that matters, but the same one for the same history. */
  readonly near: readonly number[][];
  private readonly has: Uint8Array;
  edgeCount = 0;

  constructor(
    readonly n: number,
    edges: Iterable<Edge> = [],
  ) {
    this.near = Array.from({ length: n }, () => []);
    this.has = new Uint8Array(n * n);
    for (const [a, b] of edges) this.add(a, b);
  }

  joined(a: number, b: number): boolean {
    return this.has[a * this.n + b] === 1;
  }

  degree(a: number): number {
    return this.near[a]!.length;
  }

  add(a: number, b: number): void {
    if (a === b || this.joined(a, b)) throw new Error(`an edge ${a} ${b} that cannot be added`);
    this.near[a]!.push(b);
    this.near[b]!.push(a);
    this.mark(a, b, 1);
    this.edgeCount++;
  }

  remove(a: number, b: number): void {
    if (!this.joined(a, b)) throw new Error(`an edge ${a} ${b} that is not there`);
    takeOut(this.near[a]!, b);
    takeOut(this.near[b]!, a);
    this.mark(a, b, 0);
    this.edgeCount--;
  }

  /** All edges in the order of their places. */
  edges(): Edge[] {
    const edges: Edge[] = [];
    for (let a = 0; a < this.n; a++) for (let b = a + 1; b < this.n; b++) if (this.joined(a, b)) edges.push([a, b]);
    return edges;
  }

  private mark(a: number, b: number, value: 0 | 1): void {
    this.has[a * this.n + b] = value;
    this.has[b * this.n + a] = value;
  }
}

function takeOut(list: number[], item: number): void {
  list[list.indexOf(item)] = list[list.length - 1]!;
  list.pop();
}

/** In hops, over all pairs; `diameter` is Infinity when some place does not reach some other. */
export interface Distances {
  readonly diameter: number;
  readonly average: number;
}

/** Distances by a breadth-first walk from every place. */
export function distancesOf(graph: Graph): Distances {
  const { n, near } = graph;
  if (n < 2) return { diameter: 0, average: 0 };
  const distance = new Int32Array(n);
  const queue = new Int32Array(n);
  let diameter = 0;
  let sum = 0;
  for (let from = 0; from < n; from++) {
    distance.fill(-1);
    distance[from] = 0;
    queue[0] = from;
    let reached = 1;
    for (let head = 0; head < reached; head++) {
      const at = queue[head]!;
      for (const next of near[at]!) {
        if (distance[next] !== -1) continue;
        distance[next] = distance[at]! + 1;
        sum += distance[next];
        queue[reached++] = next;
      }
    }
    if (reached < n) return { diameter: Infinity, average: Infinity };
    diameter = Math.max(diameter, distance[queue[n - 1]!]!);
  }
  return { diameter, average: sum / (n * (n - 1)) };
}
