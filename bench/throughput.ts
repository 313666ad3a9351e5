// Throughput and daemon CPU through the binary API: three daemons, one receiver on each, one or three senders among them.
// `npm run throughput -- --help`. With PEAL_SPREAD_DIR naming the place of a real Spread the same load runs against it in
// the same interleaved rounds, and the table shows ratios. Never a test: the figures are of this machine at this hour.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { Service } from '../core/wire/frame.js';
import { type LinkName, LINKS } from '../test/e2e/processes.js';
import { type Cluster, cpuSeconds, startPeal, startSpread, stop } from './cluster.js';
import type { LoadOrder } from './load-client.js';

const LOAD = fileURLToPath(new URL('./load-client.js', import.meta.url));

interface Row {
  /** Name of the cluster. */
  readonly target: string;
  readonly bytes: number;
  readonly senders: number;
  readonly service: string;
  /** Delivered to each receiver, per second. */
  readonly messagesPerSecond: number;
  readonly megabytesPerSecond: number;
  /** CPU of all daemons per message, microseconds. */
  readonly cpuMicros: number;
}

/** What a target is guessed to do, so that a run has about the wished length. */
const GUESS = { peal: { messages: 700_000, bytes: 300e6 }, spread: { messages: 70_000, bytes: 45e6 } } as const;
/** Own bytes a sender has under way at the most, and bytes of one write. */
const WINDOW_BYTES = 1_500_000;
const BLOCK_BYTES = 120_000;
const WINDOW_MESSAGES = 4000;

interface Load {
  readonly bytes: number;
  readonly senders: number;
  readonly service: string;
  readonly seconds: number;
  /** Makes names unique. */
  readonly serial: number;
}

/** One run; the figures are those of the slowest receiver. */
async function run(c: Cluster, l: Load): Promise<Row> {
  const frame = l.bytes + 80;
  const perSecond = Math.min(GUESS[c.kind].messages, GUESS[c.kind].bytes / frame);
  const count = Math.max(50, Math.round((perSecond * l.seconds) / l.senders));
  const window = Math.max(4, Math.min(WINDOW_MESSAGES, Math.floor(WINDOW_BYTES / frame)));
  const block = Math.max(1, Math.min(200, window >> 2, Math.floor(BLOCK_BYTES / frame)));
  const orders: LoadOrder[] = c.hosts.map((h, i) => ({
    ...h,
    name: `b${l.serial}-${i}`,
    group: `bench${l.serial}`,
    count: i < l.senders ? count : 0,
    bytes: l.bytes,
    service: Service[l.service.toUpperCase() as 'AGREED'],
    members: c.hosts.length,
    expect: count * l.senders,
    window,
    block,
  }));
  const before = cpuSeconds(c);
  const slowest = Math.max(...(await Promise.all(orders.map(load))));
  const used = cpuSeconds(c) - before;
  const messagesPerSecond = (count * l.senders) / slowest;
  const { bytes, senders, service } = l;
  const megabytesPerSecond = (messagesPerSecond * bytes) / 1e6;
  const cpuMicros = (used * 1e6) / (count * senders);
  return { target: c.name, bytes, senders, service, messagesPerSecond, megabytesPerSecond, cpuMicros };
}

/** Runs one load process; answers its seconds. */
async function load(order: LoadOrder): Promise<number> {
  const p = spawn(process.execPath, [LOAD, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let seconds = NaN;
  let why = 'no result';
  for await (const line of createInterface(p.stdout)) {
    const e = JSON.parse(line) as { event: string; seconds?: number; why?: string };
    if (e.event === 'done') seconds = e.seconds!;
    else why = e.why ?? why;
  }
  if (Number.isNaN(seconds)) throw new Error(`load process ${order.name} failed: ${why}`);
  return seconds;
}

const median = (v: readonly number[]): number => [...v].sort((a, b) => a - b)[v.length >> 1]!;

function summary(rows: readonly Row[]): string {
  const keyOf = (r: Row): string => `${r.service} ${r.senders} x ${r.bytes} B`;
  const targets = [...new Set(rows.map((r) => r.target))];
  const lines = [
    `load: msg/s (min-max), MB/s, CPU us/msg of ${targets.join(' | ')} | ratios of the first to each other`,
  ];
  for (const key of new Set(rows.map(keyOf))) {
    const of = targets.map((t) => rows.filter((r) => r.target === t && keyOf(r) === key));
    const ratios = of.slice(1).map((theirs) => {
      const each = of[0]!.flatMap((r, i) => (theirs[i] ? [r.messagesPerSecond / theirs[i].messagesPerSecond] : []));
      return each.length > 0 ? median(each).toFixed(1) : '-';
    });
    lines.push(`${key}: ${of.map(cell).join(' | ')} | ${ratios.join(', ') || '-'}`);
  }
  return lines.join('\n');
}

function cell(rows: readonly Row[]): string {
  if (rows.length === 0) return '-';
  const rates = rows.map((r) => r.messagesPerSecond);
  const range = `(${Math.round(Math.min(...rates))}-${Math.round(Math.max(...rates))})`;
  const megabytes = median(rows.map((r) => r.megabytesPerSecond)).toFixed(1);
  return `${Math.round(median(rates))} ${range}, ${megabytes}, ${median(rows.map((r) => r.cpuMicros)).toFixed(2)}`;
}

interface Flags {
  readonly links: string;
  readonly with: string[];
  readonly sizes: string;
  readonly senders: string;
  readonly services: string;
  readonly rounds: string;
  readonly seconds: string;
  readonly json?: boolean;
}

async function main(): Promise<void> {
  const program = new Command('throughput')
    .description(
      'Throughput of three daemons through the binary API; set PEAL_SPREAD_DIR to compare with a real Spread.',
    )
    .option('--links <list>', `what carries the configuration, in turn: ${LINKS.join(', ')}`, 'tcp')
    .option('--with <lines...>', 'lines of the section of the last link, e.g. "window_bytes = 256 KiB"', [])
    .option('--sizes <list>', 'message sizes in bytes', '10,100,1000,10000,100000')
    .option('--senders <list>', 'numbers of senders', '1,3')
    .option('--services <list>', 'service levels', 'agreed')
    .option('--rounds <n>', 'interleaved rounds', '3')
    .option('--seconds <s>', 'aimed length of one run', '1.5')
    .option('--json', 'one JSON object per run on standard output');
  const o = program.parse().opts<Flags>();
  const clusters: Cluster[] = [];
  const links = o.links.split(',') as LinkName[];
  for (const [i, link] of links.entries()) clusters.push(await startPeal(link, i === links.length - 1 ? o.with : []));
  const spread = process.env['PEAL_SPREAD_DIR'];
  if (spread) clusters.push(await startSpread(spread));
  else console.error('PEAL_SPREAD_DIR is not set: no comparison with a real Spread');
  const loads = o.services
    .split(',')
    .flatMap((service) => o.senders.split(',').flatMap((s) => o.sizes.split(',').map((b) => ({ service, s, b }))));
  const rows: Row[] = [];
  try {
    for (let round = 1; round <= Number(o.rounds); round++)
      for (const { service, s, b } of loads)
        for (const c of clusters) {
          const row = await run(c, { service, senders: +s, bytes: +b, seconds: +o.seconds, serial: rows.length });
          rows.push(row);
          if (o.json) console.log(JSON.stringify(row));
          const rate = `${Math.round(row.messagesPerSecond)}/s`;
          console.error(`round ${round}: ${c.name} ${service} ${s} x ${b} B: ${rate}`);
        }
    console.log(summary(rows));
  } finally {
    for (const c of clusters) await stop(c);
  }
}

await main();
