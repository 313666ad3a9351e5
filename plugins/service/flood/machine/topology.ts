// The topology of a group (docs/design/flood.md, section 11). The master asks the generator every update period, two seconds
// after a change of the membership and on demand, keeps what is in force unless the new one is clearly better, and floods
// it. The others take over what is newer and names them.
import type { Topology as TopologyFrame, TopologyEdge } from '../wire/frames.js';
import type { Connection } from './connection.js';
import type { Connections } from './connections.js';
import type { Context } from './context.js';
import { costMatrix } from './costs.js';
import { distancesBetween, objective, type Pair } from './graph.js';
import { type Group, isNewer } from './group.js';
import { TOPOLOGY_DELAY_MS } from './limits.js';
import type { Sites } from './sites.js';
import type { EdgeStatus, TopologyAnswer, TopologyLink, TopologyRequest, TopologyStatus } from './types.js';

/** Edges that left must have been that much dearer than those that came. */
const CLEARLY_DEARER = 1.1;
/** The whole must be that much better. */
const CLEARLY_BETTER = 0.95;
/** Dearer edges are reason enough only when the whole gets no worse than that. */
const NOT_WORSE = 0.98;

const edgeKey = (a: string, b: string): string => (a < b ? `${a}\n${b}` : `${b}\n${a}`);

interface Question {
  readonly group: Group;
  readonly request: TopologyRequest;
}

export class Topologies {
  private numbers = 0;
  private readonly asked = new Map<number, Question>();
  /** Asked for while one was under way. */
  private readonly again = new Set<string>();

  constructor(
    private readonly ctx: Context,
    private readonly sites: Sites,
    private readonly connections: Connections,
    /** Another topology is in force here. */
    private readonly changed: (g: Group) => void,
  ) {}

  begin(g: Group): void {
    if (g.isMaster) this.ctx.every(`update ${g.name}`, g.settings.updatePeriodMs, () => this.compute(g));
  }

  /** The members changed, or one that was down is heard again. */
  soon(g: Group): void {
    const timer = `topology ${g.name}`;
    if (g.isMaster && !this.ctx.timers.has(timer)) this.ctx.after(timer, TOPOLOGY_DELAY_MS, () => this.compute(g));
  }

  /** A new epoch: numbers start anew, with what was in force. */
  restart(g: Group): void {
    g.topology = undefined;
    g.latestTopology = undefined;
    this.soon(g);
  }

  compute(g: Group): void {
    for (const q of this.asked.values())
      if (q.group === g) {
        this.again.add(g.name);
        return;
      }
    const sites = [...g.members].filter((m) => !this.sites.isDown(m)).sort();
    const links = costMatrix(sites, g.estimates, (s) => this.sites.get(s)?.definition);
    const { topologyGenerator: command, connectivity } = g.settings;
    const request: TopologyRequest = {
      number: ++this.numbers,
      group: g.name,
      master: this.ctx.self,
      connectivity,
      sites,
      links,
      ...(command === undefined ? {} : { command }),
    };
    if (sites.length === 1) {
      this.judge(g, request, [], 'builtin');
      return;
    }
    this.asked.set(request.number, { group: g, request });
    this.ctx.ports.generate(request);
  }

  generated(number: number, answer: TopologyAnswer): void {
    const q = this.asked.get(number);
    if (q === undefined) return;
    this.asked.delete(number);
    const { group: g, request } = q;
    if ('failed' in answer) this.failed(g, answer.failed);
    else {
      if (answer.commandFailed) this.failed(g, 'the command failed, the built-in generator stood in');
      this.take(g, request, answer.edges, answer.generator);
    }
    if (this.again.delete(g.name)) this.compute(g);
  }

  on(c: Connection, g: Group, f: TopologyFrame): void {
    const known = g.latestTopology;
    if (known !== undefined && !isNewer(f.epoch, f.number, known.epoch, known.number)) return;
    if (g.isMaster) return;
    this.ctx.counters.topologiesReceived++;
    g.latestTopology = f;
    this.connections.spread(g.name, f, c);
    this.adopt(g);
  }

  /** The newest known is in force when the list of its epoch names us and it does. */
  adopt(g: Group): void {
    const f = g.latestTopology;
    if (f === undefined || f === g.topology || f.epoch !== g.epoch) return;
    const named = f.edges.some((e) => e.a === this.ctx.self || e.b === this.ctx.self);
    if (!named && g.members.size > 1) return;
    this.force(g, f);
  }

  status(g: Group): TopologyStatus {
    const f = g.topology;
    if (f === undefined) return { epoch: g.epoch, number: 0, edges: [], diameter: 0, generator: 'bootstrap' };
    const measured = new Map<string, TopologyLink>();
    const names = [...new Set(f.edges.flatMap((e) => [e.a, e.b]))].sort();
    for (const l of costMatrix(names, g.estimates, (s) => this.sites.get(s)?.definition))
      measured.set(edgeKey(l.a, l.b), l);
    const edges = f.edges.map((e): EdgeStatus => {
      const [a, b] = e.a < e.b ? [e.a, e.b] : [e.b, e.a];
      const l = measured.get(edgeKey(a, b));
      return { a, b, cost: e.cost, rttMs: l?.rttMs, bytesPerSecond: l?.bytesPerSecond };
    });
    const { diameter } = distancesBetween(
      names,
      f.edges.map((e) => [e.a, e.b]),
    );
    return { epoch: f.epoch, number: f.number, edges, diameter, generator: f.generator };
  }

  private take(g: Group, request: TopologyRequest, answered: readonly Pair[], generator: 'builtin' | 'command'): void {
    const known = new Set(request.sites);
    const edges = new Map(answered.map(([a, b]) => [edgeKey(a, b), a < b ? ([a, b] as const) : ([b, a] as const)]));
    const sound = answered.every(([a, b]) => a !== b && known.has(a) && known.has(b));
    if (!sound || distancesBetween(request.sites, [...edges.values()]).diameter === Infinity)
      this.failed(g, 'the answer is no connected graph of the members');
    else this.judge(g, request, [...edges.values()].sort(byNames), generator);
  }

  /** Is it better than what is in force by more than noise? */
  private judge(g: Group, request: TopologyRequest, edges: readonly Pair[], generator: 'builtin' | 'command'): void {
    this.ctx.counters.topologiesComputed++;
    if (request.master !== this.ctx.self || !g.isMaster) return;
    const costs = new Map(request.links.map((l) => [edgeKey(l.a, l.b), l.cost]));
    const cost = (a: string, b: string): number => costs.get(edgeKey(a, b)) ?? 0;
    if (g.topology !== undefined && !isBetter(g.topology.edges, edges, request, cost)) return;
    const f: TopologyFrame = {
      kind: 'topology',
      group: g.name,
      epoch: g.epoch,
      number: (g.topology?.number ?? 0) + 1,
      connectivity: g.settings.connectivity,
      generator,
      edges: edges.map(([a, b]) => ({ a, b, cost: cost(a, b) })),
    };
    g.latestTopology = f;
    this.connections.spread(g.name, f);
    this.force(g, f);
  }

  private force(g: Group, f: TopologyFrame): void {
    g.topology = f;
    const { epoch, number, edges } = f;
    this.ctx.ports.event({ kind: 'topology', group: g.name, epoch, number, edges: edges.length });
    this.changed(g);
  }

  private failed(g: Group, detail: string): void {
    this.ctx.counters.generatorFailures++;
    this.ctx.ports.event({ kind: 'generator', group: g.name, detail });
  }
}

function byNames(x: Pair, y: Pair): number {
  const [a, b] = [edgeKey(...x), edgeKey(...y)];
  return a < b ? -1 : a > b ? 1 : 0;
}

function isBetter(
  old: readonly TopologyEdge[],
  edges: readonly Pair[],
  request: TopologyRequest,
  cost: (a: string, b: string) => number,
): boolean {
  const before = old.map((e): Pair => [e.a, e.b]);
  const members = new Set(before.flat());
  if (
    request.sites.length > 1 &&
    (members.size !== request.sites.length || !request.sites.every((s) => members.has(s)))
  )
    return true;
  if (request.sites.length === 1) return before.length > 0;
  const had = new Set(before.map(([a, b]) => edgeKey(a, b)));
  const has = new Set(edges.map(([a, b]) => edgeKey(a, b)));
  const sum = (all: readonly Pair[]): number => all.reduce((total, [a, b]) => total + cost(a, b), 0);
  const left = sum(before.filter(([a, b]) => !has.has(edgeKey(a, b))));
  const came = sum(edges.filter(([a, b]) => !had.has(edgeKey(a, b))));
  const [was, is] = [before, edges].map((e) => objective(request.sites, e, request.connectivity, cost)) as [
    number,
    number,
  ];
  return is < was * CLEARLY_BETTER || (left > came * CLEARLY_DEARER && is < was * NOT_WORSE);
}
