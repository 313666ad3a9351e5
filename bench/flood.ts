// Throughput and memory of floodd: five sites, one process each, k = 2, updates handed in at one of them, an export command at
// every site that reads and throws away. `npm run floodd-bench -- --help`. Never a test: figures are of this machine now.
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { LineClient } from '../client-apis/line/client/index.js';
import { FloodFarm, GROUP } from '../test/e2e/flood-farm.js';

/** Updates that one connection has under way. */
const WINDOW = 200;
const CONNECTIONS = 2;
const POLL_MS = 25;
const SAMPLE_MS = 5000;
const TICKS_PER_SECOND = 100;
/** Of a run's memory samples the first part is the filling of buffers and the tuning of the compiler. */
const WARM_UP = 0.2;

interface Row {
  readonly bytes: number;
  readonly updates: number;
  /** Exported by the slowest site. */
  readonly updatesPerSecond: number;
  readonly megabytesPerSecond: number;
  /** CPU of all sites for one update, microseconds. */
  readonly cpuMicros: number;
  readonly dropped: number;
}

interface Memory {
  readonly minutes: number;
  readonly updatesPerSecond: number;
  readonly updates: number;
  /** Resident memory of the largest site: after the warm-up, at the end, at the most; megabytes. */
  readonly firstMb: number;
  readonly lastMb: number;
  readonly mostMb: number;
  /** Slope of a line through the samples of the largest growth, megabytes an hour. */
  readonly mbPerHour: number;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

class FloodBench {
  private readonly clients: LineClient[] = [];
  private readonly feeders: LineClient[] = [];

  constructor(readonly farm: FloodFarm) {}

  async open(): Promise<void> {
    await this.farm.start();
    for (const site of this.farm.sites) this.clients.push(await site.client());
    for (let i = 0; i < CONNECTIONS; i++) this.feeders.push(await this.farm.sites[1]!.client());
    const ready = async (): Promise<boolean> => {
      for (const client of this.clients) {
        const { generator, edges } = await client.topology(GROUP);
        if (generator === 'bootstrap' || edges.length < this.farm.sites.length) return false;
      }
      return true;
    };
    while (!(await ready())) await sleep(100);
  }

  async close(): Promise<void> {
    await Promise.all([...this.clients, ...this.feeders].map((c) => c.close().catch(() => undefined)));
    await this.farm.destroy();
  }

  /** Hands in so many updates as fast as they are taken; until every site has exported them. */
  async run(bytes: number, updates: number): Promise<Row> {
    const before = await this.counts();
    const cpu = this.cpuSeconds();
    const began = performance.now();
    await this.feed(bytes, updates);
    for (;;) {
      const now = await this.counts();
      const left = now.map(({ done }, i) => updates - (done - before[i]!.done));
      if (Math.max(...left) <= 0) break;
      await sleep(POLL_MS);
    }
    const seconds = (performance.now() - began) / 1000;
    const after = await this.counts();
    return {
      bytes,
      updates,
      updatesPerSecond: updates / seconds,
      megabytesPerSecond: (updates * bytes) / seconds / 1e6,
      cpuMicros: ((this.cpuSeconds() - cpu) * 1e6) / updates,
      dropped: after.reduce((sum, c, i) => sum + c.dropped - before[i]!.dropped, 0),
    };
  }

  /** At a steady rate for so many minutes. */
  async memory(bytes: number, perSecond: number, minutes: number, say: (line: string) => void): Promise<Memory> {
    const began = performance.now();
    const until = began + minutes * 60_000;
    const samples: { readonly atS: number; readonly mb: readonly number[] }[] = [];
    let updates = 0;
    let nextSample = began;
    while (performance.now() < until) {
      // Sites that cannot keep up get no more than a second's worth at once: the samples go on.
      const due = Math.floor(((performance.now() - began) / 1000) * perSecond) - updates;
      const now = Math.min(Math.max(0, due), perSecond);
      await this.feed(bytes, now);
      updates += now;
      if (performance.now() >= nextSample) {
        const mb = this.farm.sites.map(({ process }) => residentMb(process?.pid));
        samples.push({ atS: (performance.now() - began) / 1000, mb });
        say(
          `${Math.round((performance.now() - began) / 1000)} s: ${mb.map(Math.round).join(' ')} MB, ${updates} updates`,
        );
        nextSample += SAMPLE_MS;
      }
      await sleep(20);
    }
    const steady = samples.slice(Math.floor(samples.length * WARM_UP));
    const largest = (s: (typeof samples)[number]): number => Math.max(...s.mb);
    const slopes = this.farm.sites.map((_, i) => slope(steady.map((s) => [s.atS / 3600, s.mb[i]!])));
    return {
      minutes,
      updatesPerSecond: updates / ((performance.now() - began) / 1000),
      updates,
      firstMb: largest(steady[0]!),
      lastMb: largest(steady.at(-1)!),
      mostMb: Math.max(...samples.map(largest)),
      mbPerHour: Math.max(...slopes),
    };
  }

  private async feed(bytes: number, updates: number): Promise<void> {
    const update = Buffer.alloc(bytes, 'x');
    let left = updates;
    const one = async (client: LineClient): Promise<void> => {
      while (left-- > 0) await client.flood(update);
    };
    await Promise.all(this.feeders.flatMap((client) => Array.from({ length: WINDOW }, () => one(client))));
  }

  private async counts(): Promise<{ done: number; dropped: number }[]> {
    const all = await Promise.all(this.clients.map((c) => c.statistics()));
    return all.map((s) => {
      const count = (name: string): number => Number(s[name]);
      const dropped = count('dropped-down') + count('dropped-send') + count('dropped-export');
      return { done: count('updates-exported') + count('export-dropped') + count('dropped-export'), dropped };
    });
  }

  private cpuSeconds(): number {
    return this.farm.sites.reduce((sum, { process }) => {
      const stat = readFileSync(`/proc/${process!.pid!}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return sum + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    }, 0);
  }
}

function residentMb(pid: number | undefined): number {
  const status = pid === undefined ? '' : readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** Of the line with the least squares through these points. */
function slope(points: readonly (readonly [number, number])[]): number {
  const n = points.length;
  const mean = (i: 0 | 1): number => points.reduce((sum, p) => sum + p[i], 0) / n;
  const [mx, my] = [mean(0), mean(1)];
  const over = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  const under = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  return under === 0 ? 0 : over / under;
}

interface Flags {
  readonly sites: string;
  readonly sizes: string;
  readonly seconds: string;
  readonly rounds: string;
  readonly minutes: string;
  readonly rate: string;
  readonly storage: string;
  readonly json?: boolean;
}

const flags = new Command('floodd-bench')
  .description('Throughput of floodd through several sites with an export command that throws away; memory over time.')
  .option('--sites <n>', 'how many', '5')
  .option('--sizes <list>', 'sizes of updates in bytes', '100,10000')
  .option('--seconds <s>', 'aimed length of one run', '3')
  .option('--rounds <n>', 'how often', '3')
  .option('--minutes <m>', 'then at a steady rate for that long, with memory looked at', '0')
  .option('--rate <n>', 'updates of 100 bytes a second for that', '500')
  .option('--storage <name>', 'memory or lmdb', 'memory')
  .option('--json', 'one JSON object per run on standard output')
  .parse()
  .opts<Flags>();

/** What is guessed before the first run of a size, updates a second. */
const GUESS = 2000;

const farm = await FloodFarm.create({
  sites: Number(flags.sites),
  connectivity: 2,
  group: { ping_period_ms: '1000', estimates_period_ms: '2000', update_period_ms: '0', down_period_ms: '30000' },
  service: ['data_storage_max_bytes = 512 MiB'],
  sections: () => `[storage.${flags.storage}]\n[export.command]\ncommand = "cat > /dev/null"`,
});
const bench = new FloodBench(farm);
const tell = (what: object, line: string): void => console.log(flags.json === true ? JSON.stringify(what) : line);
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void farm.destroy().finally(() => process.exit(1)));
try {
  await bench.open();
  const guess = new Map<number, number>();
  for (let round = 0; round <= Number(flags.rounds); round++)
    for (const bytes of flags.sizes.split(',').map(Number)) {
      const updates = Math.max(100, Math.round((guess.get(bytes) ?? GUESS) * Number(flags.seconds)));
      const row = await bench.run(bytes, updates);
      guess.set(bytes, row.updatesPerSecond);
      // The first one only finds out how much a run takes.
      if (round === 0) continue;
      const { updatesPerSecond, megabytesPerSecond, cpuMicros, dropped } = row;
      const rate = `${Math.round(updatesPerSecond)} updates/s, ${megabytesPerSecond.toFixed(2)} MB/s`;
      tell(
        row,
        `${bytes} B x ${updates}: ${rate}, ${Math.round(cpuMicros)} us CPU of all sites each, ${dropped} dropped`,
      );
    }
  if (Number(flags.minutes) > 0) {
    const memory = await bench.memory(100, Number(flags.rate), Number(flags.minutes), (line) => console.error(line));
    tell(memory, `memory of the largest site: ${JSON.stringify(memory)}`);
  }
} finally {
  await bench.close();
}
