// The generator built in: a k-connected graph of small cost, small diameter and bounded degree, by simulated annealing from
// a Harary graph laid on a short tour. Pure, and deterministic: the seed is made of the group and its sites, so equal input
// gives an equal answer. A graph that loses one edge stays k-connected exactly if the two ends still have k ways without a
// common place between them, so each step asks for one such set of ways and never checks the whole graph.
import { reachable, Ways } from './connectivity.js';
import { distancesOf, type Edge, Graph } from './graph.js';
import { harary, shortTour } from './tour.js';

export interface GeneratorInput {
  /** Only for the seed. */
  readonly group: string;
  readonly sites: readonly string[];
  /** At least 1. */
  readonly connectivity: number;
  /** n * n, symmetric, above 0; the diagonal is not looked at. */
  readonly cost: Float64Array;
}

/** A site has at most so many neighbours more than the connectivity asks for. */
export const SPARE_DEGREE = 2;

const FIRST_TEMPERATURE = 0.05;
const LAST_TEMPERATURE = 0.001;
/** Weight of diameter and average distance beside that of the cost. */
const DISTANCE_WEIGHT = 0.25;
/** Steps for each site, and their bounds; above `STEP_BUDGET` places times edges walked over, fewer. */
const STEPS_PER_SITE = 150;
const LEAST_STEPS = 4000;
const STEP_BUDGET = 150_000_000;

/** Edges between places of `sites`, smaller place first, in order. Fewer than two sites: none. */
export function generate(input: GeneratorInput): Edge[] {
  const n = input.sites.length;
  const k = reachable(input.connectivity, n);
  if (k === 0) return [];
  const graph = new Graph(n, harary(shortTour(n, input.cost), k));
  // With one or two neighbours for each there is a choice only if there are more places than that.
  if (n > k + 1 && n > 2) new Annealing(graph, k, input).run();
  return graph.edges();
}

/** Places from 0 up to n, drawn from a seed. */
class Draw {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** From 0 up to but not including 1. */
  real(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(n: number): number {
    return Math.floor(this.real() * n);
  }
}

/** FNV-1a over the UTF-16 units of the texts, with a mark behind each. */
function seedOf(texts: readonly string[]): number {
  let hash = 0x811c9dc5;
  for (const text of texts) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ 0x10000, 0x01000193);
  }
  return hash >>> 0;
}

/** What a step takes out and puts in. */
interface Move {
  readonly out: readonly Edge[];
  readonly into: readonly Edge[];
}

class Annealing {
  private readonly n: number;
  private readonly cost: Float64Array;
  private readonly draw: Draw;
  private readonly ways: Ways;
  /** In the order of their coming; a step draws from it. */
  private readonly edges: Edge[];
  private readonly costUnit: number;
  private readonly distanceUnit: number;
  private totalCost = 0;

  constructor(
    private readonly graph: Graph,
    private readonly k: number,
    { group, sites, cost }: GeneratorInput,
  ) {
    this.n = sites.length;
    this.cost = cost;
    this.draw = new Draw(seedOf([group, ...sites]));
    this.ways = new Ways(graph);
    this.edges = graph.edges();
    for (const edge of this.edges) this.totalCost += this.costOf(edge);
    this.costUnit = ((this.n * k) / 2) * medianCost(this.n, cost);
    this.distanceUnit = Math.max(1, Math.ceil(Math.log(this.n) / Math.log(Math.max(2, k - 1))));
  }

  run(): void {
    const walk = this.n * this.edges.length;
    const wanted = Math.max(LEAST_STEPS, STEPS_PER_SITE * this.n);
    const steps = Math.max(1, Math.min(wanted, Math.floor(STEP_BUDGET / walk)));
    const cooling = (LAST_TEMPERATURE / FIRST_TEMPERATURE) ** (1 / steps);
    let objective = this.objective();
    let temperature = FIRST_TEMPERATURE;
    for (let step = 0; step < steps; step++, temperature *= cooling) {
      const move = this.move();
      if (move === undefined) continue;
      this.put(move);
      const then = this.objective();
      const better = then <= objective || this.draw.real() < Math.exp((objective - then) / temperature);
      if (better && this.holds(move)) objective = then;
      else this.put({ out: move.into, into: move.out });
    }
  }

  private costOf([a, b]: Edge): number {
    return this.cost[a * this.n + b]!;
  }

  private objective(): number {
    const { diameter, average } = distancesOf(this.graph);
    return this.totalCost / this.costUnit + (DISTANCE_WEIGHT * (diameter + average)) / this.distanceUnit;
  }

  /** Is the graph still k-connected? It was before, and only the ends of what was taken out can have lost by it. */
  private holds({ out }: Move): boolean {
    if (out.some(([a, b]) => this.graph.degree(a) < this.k || this.graph.degree(b) < this.k)) return false;
    // With both put in and both taken out, the second is judged in a graph that lacks the first, and so on.
    return out.every((_, i) => this.holdsWithout(out.slice(0, i + 1), out.slice(i + 1)));
  }

  private holdsWithout(gone: readonly Edge[], later: readonly Edge[]): boolean {
    for (const [a, b] of later) this.graph.add(a, b);
    const [a, b] = gone.at(-1)!;
    const holds = this.ways.between([a], b, this.k);
    for (const [c, d] of later) this.graph.remove(c, d);
    return holds;
  }

  private put({ out, into }: Move): void {
    for (const edge of out) {
      this.graph.remove(edge[0], edge[1]);
      this.totalCost -= this.costOf(edge);
      const at = this.edges.findIndex(([a, b]) => a === edge[0] && b === edge[1]);
      this.edges[at] = this.edges.at(-1)!;
      this.edges.pop();
    }
    for (const edge of into) {
      this.graph.add(edge[0], edge[1]);
      this.totalCost += this.costOf(edge);
      this.edges.push(edge);
    }
  }

  /** A step that the degrees allow, drawn: 40 % exchange two edges, 30 % move an end, 15 % add, 15 % take away. */
  private move(): Move | undefined {
    const kind = this.draw.real();
    // A tree has no edge too many, and none too few.
    if (kind >= 0.7 && this.k === 1) return undefined;
    if (kind < 0.4) return this.exchange();
    if (kind < 0.7) return this.moveEnd();
    return kind < 0.85 ? this.added() : this.takenAway();
  }

  private edge(): Edge {
    return this.edges[this.draw.below(this.edges.length)]!;
  }

  private exchange(): Move | undefined {
    const [a, b] = this.edge();
    const other = this.edge();
    const [c, d] = this.draw.real() < 0.5 ? other : [other[1], other[0]];
    if (a === c || a === d || b === c || b === d || this.graph.joined(a, c) || this.graph.joined(b, d))
      return undefined;
    return { out: [sorted(a, b), sorted(c, d)], into: [sorted(a, c), sorted(b, d)] };
  }

  private moveEnd(): Move | undefined {
    const edge = this.edge();
    const [a, b] = this.draw.real() < 0.5 ? edge : [edge[1], edge[0]];
    const c = this.draw.below(this.n);
    if (c === a || c === b || this.graph.joined(a, c) || !this.hasRoom(c)) return undefined;
    return { out: [edge], into: [sorted(a, c)] };
  }

  private added(): Move | undefined {
    const a = this.draw.below(this.n);
    const b = this.draw.below(this.n);
    if (a === b || this.graph.joined(a, b) || !this.hasRoom(a) || !this.hasRoom(b)) return undefined;
    return { out: [], into: [sorted(a, b)] };
  }

  private takenAway(): Move {
    return { out: [this.edge()], into: [] };
  }

  private hasRoom(place: number): boolean {
    return this.graph.degree(place) < this.k + SPARE_DEGREE;
  }
}

function sorted(a: number, b: number): Edge {
  return a < b ? [a, b] : [b, a];
}

function medianCost(n: number, cost: Float64Array): number {
  const pairs: number[] = [];
  for (let a = 0; a < n; a++) for (let b = a + 1; b < n; b++) pairs.push(cost[a * n + b]!);
  pairs.sort((x, y) => x - y);
  return pairs[pairs.length >> 1] ?? 1;
}
