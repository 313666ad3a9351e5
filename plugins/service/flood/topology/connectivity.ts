// How many ways without a common place there are between two places, and with that whether a graph is k-connected: any
// k - 1 places may fail and the others still reach each other (Menger). Pure, by unit flow over places that are split in
// two, an entrance and an exit. Whole graphs are checked as Even does: the first k places pairwise, then each later one
// against all earlier ones at once.
import { type Edge, Graph } from './graph.js';

/**
 * The connectivity that n sites can have at all when k is asked for: min(k, n - 1). One site or none: 0.
 */
export function reachable(k: number, n: number): number {
  return Math.max(0, Math.min(k, n - 1));
}

/** Is the graph of n places connected, and still so when any k - 1 of them are taken out? k above n - 1: never. */
export function isKConnected(n: number, edges: Iterable<Edge>, k: number): boolean {
  const graph = new Graph(n, edges);
  if (k <= 0) return true;
  if (k > n - 1) return false;
  if (graph.near.some((list) => list.length < k)) return false;
  const ways = new Ways(graph);
  for (let a = 0; a < k; a++) for (let b = a + 1; b < k; b++) if (!ways.between([a], b, k)) return false;
  for (let b = k; b < n; b++) {
    const earlier = Array.from({ length: b }, (_, i) => i);
    if (!ways.between(earlier, b, k)) return false;
  }
  return true;
}

/** Searches ways in one graph, which may change between two searches. */
export class Ways {
  constructor(private readonly graph: Graph) {}

  /**
   * Are there k ways to `to` that share no place but that one and, if there is one source, that one? Of several sources
   * each is the beginning of one way at most.
   */
  between(sources: readonly number[], to: number, k: number): boolean {
    const { n, near, edgeCount } = this.graph;
    const flow = new Flow(2 * n + 1, n + 2 * edgeCount + sources.length);
    for (let a = 0; a < n; a++) {
      flow.arc(entrance(a), exit(a));
      for (const b of near[a]!) flow.arc(exit(a), entrance(b));
    }
    const [only] = sources;
    if (sources.length === 1 && only !== undefined) return flow.reaches(exit(only), entrance(to), k);
    const start = 2 * n;
    for (const s of sources) flow.arc(start, entrance(s));
    return flow.reaches(start, entrance(to), k);
  }
}

function entrance(place: number): number {
  return 2 * place;
}

function exit(place: number): number {
  return 2 * place + 1;
}

/** Arcs that carry one unit each; every arc has its reverse beside it, in which a unit can be turned around. */
class Flow {
  private readonly heads: Int32Array;
  private readonly free: Uint8Array;
  private readonly out: number[][];
  private readonly came: Int32Array;
  private arcs = 0;

  constructor(
    private readonly nodes: number,
    arcs: number,
  ) {
    this.heads = new Int32Array(2 * arcs);
    this.free = new Uint8Array(2 * arcs);
    this.out = Array.from({ length: nodes }, () => []);
    this.came = new Int32Array(nodes);
  }

  arc(from: number, to: number): void {
    this.out[from]!.push(this.arcs);
    this.heads[this.arcs] = to;
    this.free[this.arcs++] = 1;
    this.out[to]!.push(this.arcs);
    this.heads[this.arcs++] = from;
  }

  /** Do so many units get from one node to the other? */
  reaches(from: number, to: number, units: number): boolean {
    for (let found = 0; found < units; found++) if (!this.augment(from, to)) return false;
    return true;
  }

  /** One more unit, breadth first. */
  private augment(from: number, to: number): boolean {
    const { heads, free, came } = this;
    came.fill(-1);
    const queue = [from];
    for (let head = 0; head < queue.length && came[to] === -1; head++) {
      for (const arc of this.out[queue[head]!]!) {
        const next = heads[arc]!;
        if (free[arc] === 0 || next === from || came[next] !== -1) continue;
        came[next] = arc;
        queue.push(next);
      }
    }
    if (came[to] === -1) return false;
    for (let at = to; at !== from; at = heads[came[at]! ^ 1]!) {
      free[came[at]!] = 0;
      free[came[at]! ^ 1] = 1;
    }
    return true;
  }
}
