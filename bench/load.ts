// Full load on a cluster: one load process at each daemon, the first of them senders, all receivers. The figures are
// those of the slowest receiver.
import { Service } from '../core/wire/frame.js';
import { type Cluster, cpuSeconds } from './cluster.js';
import type { LoadOrder } from './load-client.js';
import { LoadProcess, type Told } from './processes.js';
import type { Figure, Figures } from './row.js';

export type ServiceName = 'agreed' | 'safe' | 'fifo';

export interface Load {
  readonly bytes: number;
  readonly senders: number;
  readonly service: ServiceName;
  readonly seconds: number;
  /** Load processes, the first `senders` send; default: one at each daemon. */
  readonly processes?: number;
  /** Sessions of each process; default 1. */
  readonly sessions?: number;
  /** Messages per second that a run is planned for; default: what the same load did before, at first by the kind of cluster. */
  readonly guess?: number;
}

/** What a system is guessed to do, so that a run has about the wished length; only until it was seen. */
const GUESS = {
  peal: { messages: 700_000, bytes: 300e6 },
  spread: { messages: 70_000, bytes: 45e6 },
  nats: { messages: 400_000, bytes: 200e6 },
} as const;
/** Own bytes a sender has under way at the most, and bytes of one write. */
const WINDOW_BYTES = 1_500_000;
const BLOCK_BYTES = 120_000;
const WINDOW_MESSAGES = 4000;
const FRAME_HEAD_BYTES = 80;

export const LOAD_FIGURES: readonly Figure[] = [
  { name: 'messages', unit: 'msg/s to each receiver', better: 'more' },
  { name: 'megabytes', unit: 'MB/s', better: 'more' },
  { name: 'cpu', unit: 'us CPU of all daemons per message', better: 'less' },
];

/** What was seen, by cluster and load. Runs too short are half the beginning of their connections, runs of all systems alike. */
const seen = new WeakMap<Cluster, Map<string, number>>();

function keyOf({ bytes, senders, service, processes, sessions }: Load): string {
  return [bytes, senders, service, processes, sessions].join(' ');
}

function guessed(c: Cluster, l: Load): number {
  const { messages, bytes } = GUESS[c.kind];
  return seen.get(c)?.get(keyOf(l)) ?? Math.min(messages, bytes / (l.bytes + FRAME_HEAD_BYTES));
}

function ordersOf(c: Cluster, l: Load, serial: number): LoadOrder[] {
  const frame = l.bytes + FRAME_HEAD_BYTES;
  const perSecond = l.guess ?? guessed(c, l);
  const count = Math.max(50, Math.round((perSecond * l.seconds) / l.senders));
  const window = Math.max(4, Math.min(WINDOW_MESSAGES, Math.floor(WINDOW_BYTES / frame)));
  const block = Math.max(1, Math.min(200, window >> 2, Math.floor(BLOCK_BYTES / frame)));
  const processes = l.processes ?? c.hosts.length;
  const sessions = l.sessions ?? 1;
  return Array.from({ length: processes }, (_, i) => ({
    ...c.hosts[i % c.hosts.length]!,
    wire: c.kind === 'nats' ? 'nats' : 'spread',
    name: `b${serial}-${i}`,
    group: `bench${serial}`,
    count: i < l.senders ? count : 0,
    bytes: l.bytes,
    service: Service[l.service.toUpperCase() as 'AGREED'],
    members: processes * sessions,
    expect: count * l.senders,
    window,
    block,
    sessions,
  }));
}

export async function runLoad(c: Cluster, l: Load, serial: number): Promise<Figures> {
  const orders = ordersOf(c, l, serial);
  const before = cpuSeconds(c);
  const all = orders.map((order) => new LoadProcess('load-client', order));
  try {
    const done = await Promise.all(all.map((p) => p.told((m) => m.event === 'done')));
    const seconds = Math.max(...done.map((m) => (m as Told & { seconds: number }).seconds));
    const { expect } = orders[0]!;
    const messages = expect / seconds;
    const rates = seen.get(c) ?? new Map<string, number>();
    // The best, so that one bad run does not make the next ones short, and bad.
    seen.set(c, rates.set(keyOf(l), Math.max(messages, rates.get(keyOf(l)) ?? 0)));
    const cpu = ((cpuSeconds(c) - before) * 1e6) / expect;
    return { messages, megabytes: (messages * l.bytes) / 1e6, cpu, total: expect };
  } finally {
    for (const p of all) p.end();
  }
}
