// Latency through the binary API: three daemons, one receiver on each, paced senders. `npm run latency -- --help`. With
// PEAL_SPREAD_DIR the same load runs against a real Spread in the same interleaved rounds; only paired ratios count on a
// shared machine. Cold figures are those of the first messages of a fresh cluster.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { Service } from '../core/wire/frame.js';
import { type LinkName, LINKS } from '../test/e2e/processes.js';
import { type Cluster, startPeal, startSpread, stop } from './cluster.js';
import type { Latencies, PacedOrder } from './paced-client.js';

const CLIENT = fileURLToPath(new URL('./paced-client.js', import.meta.url));

interface Load {
  readonly service: string;
  readonly bytes: number;
  readonly senders: number;
  /** Of all senders together. */
  readonly perSecond: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly serial: number;
}

interface Row extends Omit<Load, 'serial' | 'seconds'> {
  /** Name of the cluster. */
  readonly target: string;
  /** Microseconds over all receivers, the worst receiver's: p50, p90, p99, p99.9, most. */
  readonly warm: readonly number[];
  readonly cold: readonly number[];
}

/** A paced run ends that much after its aimed end, or has failed. */
const SLACK_MS = 30_000;

interface Message {
  readonly event: string;
  readonly why?: string;
  readonly members?: number;
}

/** One process, and its messages. */
class Paced {
  readonly process: ChildProcess;
  private readonly waiting: { wanted: (m: Message) => boolean; resolve(m: Message): void; reject(e: Error): void }[] =
    [];
  private readonly seen: Message[] = [];

  constructor(order: PacedOrder) {
    const p = spawn(process.execPath, [CLIENT, JSON.stringify(order)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.process = p;
    createInterface({ input: p.stdout }).on('line', (line) => {
      const m = JSON.parse(line) as Message;
      this.seen.push(m);
      for (const w of this.waiting.splice(0))
        if (m.event === 'failed') w.reject(new Error(`${order.name}: ${m.why ?? ''}`));
        else if (w.wanted(m)) w.resolve(m);
        else this.waiting.push(w);
    });
  }

  told(wanted: (m: Message) => boolean): Promise<Message> {
    const already = this.seen.find(wanted);
    if (already) return Promise.resolve(already);
    return new Promise((resolve, reject) => this.waiting.push({ wanted, resolve, reject }));
  }
}

async function run(c: Cluster, l: Load): Promise<Row> {
  const each = Math.round((l.perSecond * l.seconds + l.warmUp) / l.senders);
  const common = {
    group: `lat${l.serial}`,
    bytes: l.bytes,
    service: Service[l.service.toUpperCase() as 'AGREED'],
    perSecond: l.perSecond / l.senders,
    expect: each * l.senders,
    warmUp: l.warmUp,
    limitMs: (1000 * each * l.senders) / l.perSecond + SLACK_MS,
  };
  const all: Paced[] = [];
  const start = (order: PacedOrder): Paced => {
    const p = new Paced(order);
    all.push(p);
    return p;
  };
  try {
    const receivers = c.hosts.map((h, i) => start({ ...h, ...common, name: `r${l.serial}-${i}`, count: 0 }));
    await Promise.all(receivers.map((r) => r.told((m) => m.event === 'joined' && m.members === c.hosts.length)));
    const senders = c.hosts
      .slice(0, l.senders)
      .map((h, i) => start({ ...h, ...common, name: `s${l.serial}-${i}`, count: each }));
    await Promise.all(senders.map((s) => s.told((m) => m.event === 'ready')));
    for (const s of senders) s.process.stdin!.write('go\n');
    const told = await Promise.all(receivers.map((r) => r.told((m) => m.event === 'latencies')));
    const figures = told as unknown as Latencies[];
    const worst = (of: 'warm' | 'cold'): number[] =>
      figures[0]![of].map((_, i) => Math.max(...figures.map((f) => f[of][i] ?? NaN)));
    const { service, bytes, senders: n, perSecond, warmUp } = l;
    return { target: c.name, service, bytes, senders: n, perSecond, warmUp, warm: worst('warm'), cold: worst('cold') };
  } finally {
    for (const p of all) p.process.stdin!.end();
  }
}

const quartile = (v: readonly number[], q: number): number =>
  [...v].sort((a, b) => a - b)[Math.min(v.length - 1, Math.floor((v.length * q) / 4))] ?? NaN;

function summary(rows: readonly Row[]): string {
  const keyOf = (r: Row): string => `${r.service} ${r.senders} x ${r.bytes} B at ${r.perSecond}/s`;
  const targets = [...new Set(rows.map((r) => r.target))];
  const names = targets.join(' | ');
  const lines = [
    `load: p50 / p90 / p99 / p99.9 us, medians of the rounds, of ${names} | first to each other: p50 / p99 (quartiles)`,
  ];
  for (const key of new Set(rows.map(keyOf))) {
    const of = targets.map((t) => rows.filter((r) => r.target === t && keyOf(r) === key));
    const cell = (of: readonly Row[]): string =>
      of.length === 0
        ? '-'
        : [0, 1, 2, 3]
            .map((i) =>
              Math.round(
                quartile(
                  of.map((r) => r.warm[i]!),
                  2,
                ),
              ),
            )
            .join(' / ');
    const ratio = (theirs: readonly Row[], i: number): string => {
      const all = of[0]!.flatMap((r, n) => (theirs[n] ? [r.warm[i]! / theirs[n].warm[i]!] : []));
      return all.length === 0
        ? '-'
        : `${quartile(all, 2).toFixed(2)} (${quartile(all, 1).toFixed(2)}-${quartile(all, 3).toFixed(2)})`;
    };
    const ratios = of.slice(1).map((theirs) => `${ratio(theirs, 0)} / ${ratio(theirs, 2)}`);
    lines.push(`${key}: ${of.map(cell).join(' | ')} | ${ratios.join(', ') || '-'}`);
  }
  return lines.join('\n');
}

interface Flags {
  readonly links: string;
  readonly sizes: string;
  readonly senders: string;
  readonly services: string;
  readonly rates: string;
  readonly rounds: string;
  readonly seconds: string;
  readonly warmUp: string;
  readonly mostMegabytes: string;
  readonly json?: boolean;
}

async function main(): Promise<void> {
  const program = new Command('latency')
    .description('Latency of three daemons through the binary API; set PEAL_SPREAD_DIR to compare with a real Spread.')
    .option('--links <list>', `what carries the configuration, in turn: ${LINKS.join(', ')}`, 'tcp')
    .option('--sizes <list>', 'message sizes in bytes', '100')
    .option('--senders <list>', 'numbers of senders', '1,3')
    .option('--services <list>', 'service levels', 'agreed,safe')
    .option('--rates <list>', 'messages per second of all senders together', '200,5000')
    .option('--most-megabytes <n>', 'lowers the rate of large messages to so many MB/s', '10')
    .option('--rounds <n>', 'interleaved rounds', '5')
    .option('--seconds <s>', 'length of one run after the warm-up', '3')
    .option('--warm-up <n>', 'messages before it counts, in the first run of a cluster', '25000')
    .option('--json', 'one JSON object per run on standard output');
  const o = program.parse().opts<Flags>();
  const clusters: Cluster[] = [];
  for (const link of o.links.split(',')) clusters.push(await startPeal(link as LinkName));
  const spread = process.env['PEAL_SPREAD_DIR'];
  if (spread) clusters.push(await startSpread(spread));
  else console.error('PEAL_SPREAD_DIR is not set: no comparison with a real Spread');
  const loads = o.services.split(',').flatMap((service) =>
    o.senders.split(',').flatMap((s) =>
      o.sizes.split(',').flatMap((b) =>
        o.rates.split(',').map((rate) => {
          const perSecond = Math.max(10, Math.min(+rate, Math.floor((+o.mostMegabytes * 1e6) / +b)));
          return { service, senders: +s, bytes: +b, perSecond };
        }),
      ),
    ),
  );
  const rows: Row[] = [];
  let serial = 0;
  try {
    for (const c of clusters) {
      const first = { service: 'agreed', senders: 1, bytes: 100, perSecond: 5000, seconds: 1, warmUp: +o.warmUp };
      const row = await run(c, { ...first, serial: serial++ });
      console.log(
        `${c.name} cold, first ${o.warmUp} messages of 100 B at 5000/s: ${row.cold.map(Math.round).join(' / ')} us`,
      );
    }
    for (let round = 1; round <= Number(o.rounds); round++)
      for (const load of loads)
        for (const c of clusters) {
          const row = await run(c, { ...load, seconds: +o.seconds, warmUp: 0, serial: serial++ });
          rows.push(row);
          if (o.json) console.log(JSON.stringify(row));
          console.error(
            `round ${round}: ${c.name} ${load.service} ${load.senders} x ${load.bytes} B at ${load.perSecond}/s: ${row.warm.map(Math.round).join(' / ')} us`,
          );
        }
    console.log(summary(rows));
  } finally {
    for (const c of clusters) await stop(c);
  }
}

await main();
