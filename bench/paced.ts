// Latency on a cluster: a receiver at each of some daemons, senders at an even rate that are no members, every process of
// its own. The figures are those of the worst receiver.
import { Service } from '../core/wire/frame.js';
import { type Cluster, cpuSeconds } from './cluster.js';
import type { ServiceName } from './load.js';
import type { Latencies, PacedOrder } from './paced-client.js';
import { LoadProcess, type Told } from './processes.js';
import type { Figure, Figures } from './row.js';

export interface Pace {
  readonly service: ServiceName;
  readonly bytes: number;
  readonly senders: number;
  /** Of all senders together. */
  readonly perSecond: number;
  readonly seconds: number;
  /** The first messages of a fresh cluster, not those behind them, are what counts. */
  readonly cold?: number;
}

/** A paced run ends that much after its aimed end, or has failed. */
const SLACK_MS = 30_000;
const RECEIVERS = 3;

export const PACE_FIGURES: readonly Figure[] = [
  { name: 'p50', unit: 'us', better: 'less' },
  { name: 'p90', unit: 'us', better: 'less' },
  { name: 'p99', unit: 'us', better: 'less' },
  { name: 'p99.9', unit: 'us', better: 'less' },
  { name: 'cpu', unit: 'us CPU of all daemons per message', better: 'less' },
];

/** First, middle and last daemon. */
function placesOf(c: Cluster): number[] {
  const n = c.hosts.length;
  return [...new Set([0, n >> 1, n - 1])].slice(0, RECEIVERS);
}

export async function runPaced(c: Cluster, l: Pace, serial: number): Promise<Figures> {
  const each = l.cold === undefined ? Math.round((l.perSecond * l.seconds) / l.senders) : Math.ceil(l.cold / l.senders);
  const expect = each * l.senders;
  const common = {
    wire: c.kind === 'nats' ? 'nats' : 'spread',
    group: `lat${serial}`,
    bytes: l.bytes,
    service: Service[l.service.toUpperCase() as 'AGREED'],
    perSecond: l.perSecond / l.senders,
    expect,
    warmUp: 0,
    limitMs: (1000 * expect) / l.perSecond + SLACK_MS,
  } as const;
  const all: LoadProcess[] = [];
  const start = (order: PacedOrder): LoadProcess => {
    const p = new LoadProcess('paced-client', order);
    all.push(p);
    return p;
  };
  const places = placesOf(c);
  try {
    const receivers = places.map((at, i) => start({ ...c.hosts[at]!, ...common, name: `r${serial}-${i}`, count: 0 }));
    const joined = (m: Told): boolean =>
      m.event === 'joined' && (m as Told & { members: number }).members >= places.length;
    await Promise.all(receivers.map((r) => r.told(joined)));
    const senders = places
      .slice(0, l.senders)
      .map((at, i) => start({ ...c.hosts[at]!, ...common, name: `s${serial}-${i}`, count: each }));
    await Promise.all(senders.map((s) => s.told((m) => m.event === 'ready')));
    const before = cpuSeconds(c);
    for (const s of senders) s.go();
    const told = await Promise.all(receivers.map((r) => r.told((m) => m.event === 'latencies')));
    const cpu = ((cpuSeconds(c) - before) * 1e6) / expect;
    const worst = (i: number): number => Math.max(...told.map((m) => (m as Latencies).warm[i] ?? NaN));
    return { p50: worst(0), p90: worst(1), p99: worst(2), 'p99.9': worst(3), cpu, total: expect };
  } finally {
    for (const p of all) p.end();
  }
}
