// Sessions and groups: how fast they come and go, and what many of them cost.
import type { ChurnOrder, Churned } from '../churn-client.js';
import { type Cluster, cpuSeconds, residentMegabytes } from '../cluster.js';
import { LoadProcess } from '../processes.js';
import type { Figures, Row } from '../row.js';

const CONNECTS = 6000;
/** Most of a second; with 6,000, a seventh of one, the same daemons told 40 to 48 thousand a second from hour to hour. */
const JOINS = 40_000;
const PACED_JOINS = 1000;
const WARM_LOADS = 4;
const MANY_SESSIONS = 10_000;
const MANY_GROUPS = 100_000;
const KILOBYTES_PER_MEGABYTE = 1000;

/** Answers with the load still there; `then` looks at the cluster meanwhile. */
async function churn(
  c: Cluster,
  order: Omit<ChurnOrder, 'host' | 'port'>,
  at: readonly number[],
  then?: () => Figures,
) {
  const before = cpuSeconds(c);
  const all = at.map((i) => {
    const one: ChurnOrder = { ...c.hosts[i]!, ...order, name: `${order.name}${i}` };
    return new LoadProcess('churn-client', one);
  });
  try {
    const told = await Promise.all(all.map((p) => p.told((m) => m.event === 'churned')));
    const figures = told.map((m) => m as unknown as Churned);
    const perSecond = figures.reduce((sum, f) => sum + f.perSecond, 0);
    const worst = (of: 'p50' | 'p99'): number => Math.max(...figures.map((f) => f[of]));
    const total = order.count * at.length;
    const cpu = ((cpuSeconds(c) - before) * 1e6) / total;
    return { perSecond, cpu, p50: worst('p50'), p99: worst('p99'), total, ...then?.() };
  } finally {
    for (const p of all) p.kill();
  }
}

const RATE = { name: 'perSecond', better: 'more' } as const;
const CPU = { name: 'cpu', unit: 'us CPU of all daemons for one', better: 'less' } as const;
const P50 = { name: 'p50', unit: 'us', better: 'less' } as const;
const P99 = { name: 'p99', unit: 'us', better: 'less' } as const;
const ALL = ['tcp', 'ring', 'spread'] as const;
/** Own name for each run: base 36, as names have ten bytes at most. */
const tag = (letter: string, serial: number): string => `${letter}${serial.toString(36)}`;

const connects = (c: Cluster, serial: number): Promise<Figures> =>
  churn(c, { what: 'connect', name: tag('c', serial), count: CONNECTS, width: 8 }, [0]);

const joins = (c: Cluster, serial: number): Promise<Figures> =>
  churn(c, { what: 'join', name: tag('j', serial), count: JOINS, width: 100 }, [0]);

const joinsToView = (c: Cluster, serial: number): Promise<Figures> =>
  churn(c, { what: 'join', name: tag('v', serial), count: PACED_JOINS, width: 1 }, [1]);

/** The same load several times before: the first thousands of a fresh daemon are slower. */
const warm =
  (load: (c: Cluster, serial: number) => Promise<Figures>) =>
  async (c: Cluster, serial: number): Promise<void> => {
    for (let i = 0; i < WARM_LOADS; i++) await load(c, serial);
  };

export const sessions: readonly Row[] = [
  {
    name: 'connects',
    measures: 'sessions that connect and end at once, at one daemon of three',
    options: { count: CONNECTS, 'at a time': 8, warmUp: `${WARM_LOADS} loads` },
    figures: [{ ...RATE, unit: 'connects/s' }, CPU, P50, P99],
    variants: ALL,
    prepare: warm(connects),
    run: connects,
  },
  {
    name: 'joins',
    measures: 'one session that joins groups, each left again when its view came',
    options: { count: JOINS, 'at a time': 100, warmUp: `${WARM_LOADS} loads` },
    figures: [{ ...RATE, unit: 'joins/s' }, CPU, P50, P99],
    variants: ALL,
    prepare: warm(joins),
    run: joins,
  },
  {
    name: 'join-to-view',
    measures: 'the same one after the other: from the join to the own view',
    options: { count: PACED_JOINS, 'at a time': 1, warmUp: `${WARM_LOADS} loads` },
    figures: [CPU, P50, P99],
    variants: ALL,
    prepare: warm(joinsToView),
    run: joinsToView,
  },
  {
    name: 'sessions-10000',
    measures: 'so many sessions without membership at three daemons, all in one group',
    options: { sessions: MANY_SESSIONS, max_sessions: MANY_SESSIONS },
    figures: [
      { ...RATE, unit: 'connects/s' },
      { name: 'memory', unit: 'KB a session and daemon of it', better: 'less' },
    ],
    variants: ['tcp', 'ring'],
    fresh: true,
    rounds: 2,
    run: async (c, serial) => {
      const before = residentMegabytes(c);
      const each = Math.ceil(MANY_SESSIONS / c.hosts.length);
      const order = { what: 'hold', name: tag('h', serial), count: each, width: 16 } as const;
      return await churn(c, order, [0, 1, 2], () => ({
        memory: ((residentMegabytes(c) - before) * KILOBYTES_PER_MEGABYTE) / each,
      }));
    },
  },
  {
    name: 'groups-100000',
    measures: 'one session that joins so many groups and stays in them',
    options: { groups: MANY_GROUPS, 'at a time': 500 },
    figures: [
      { ...RATE, unit: 'joins/s' },
      { name: 'memory', unit: 'KB a group at each daemon', better: 'less' },
    ],
    variants: ['tcp', 'ring', 'spread'],
    fresh: true,
    rounds: 2,
    run: async (c, serial) => {
      const before = residentMegabytes(c);
      const order = { what: 'groups', name: tag('g', serial), count: MANY_GROUPS, width: 500 } as const;
      return await churn(c, order, [0], () => ({
        memory: ((residentMegabytes(c) - before) * KILOBYTES_PER_MEGABYTE) / MANY_GROUPS,
      }));
    },
  },
];
