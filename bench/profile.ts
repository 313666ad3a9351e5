// Where the time and the memory of one daemon go under the load of a row of the bench: `npm run profile -- --row ROW`.
// The first of the daemons runs with profile-hook.ts; the functions that took or allocated most are printed.
import { existsSync, mkdirSync, readFileSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { type LinkName, LINKS } from '../test/e2e/processes.js';
import { type Cluster, startPeal, stop } from './cluster.js';
import { ROWS } from './rows/index.js';

const HOOK = pathToFileURL(fileURLToPath(new URL('./profile-hook.js', import.meta.url))).href;
const POLL_MS = 20;
/** A profile that is not begun or written by then has failed, ms. */
const LIMIT_MS = 20_000;

interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface HeapNode {
  readonly callFrame: Frame;
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

async function signal(c: Cluster, file: string): Promise<void> {
  c.processes[0]!.kill('SIGUSR2');
  for (let waited = 0; !existsSync(join(c.dir, file)); waited += POLL_MS) {
    if (waited > LIMIT_MS) throw new Error(`the daemon did not write ${file}`);
    await sleep(POLL_MS);
  }
}

function nameOf(f: Frame): string {
  const file = f.url.replace(/^.*\/dist\//, '').replace(/^node:/, 'node:');
  return file === '' ? f.functionName : `${f.functionName || '(anonymous)'} ${file}:${f.lineNumber + 1}`;
}

/** Microseconds by function. */
function cpuByFunction(p: CpuProfile): Map<string, number> {
  const names = new Map(p.nodes.map((n) => [n.id, nameOf(n.callFrame)]));
  const sums = new Map<string, number>();
  p.samples.forEach((id, i) => {
    const name = names.get(id)!;
    sums.set(name, (sums.get(name) ?? 0) + p.timeDeltas[i]!);
  });
  return sums;
}

/** Bytes by function. */
function heapByFunction(head: HeapNode): Map<string, number> {
  const sums = new Map<string, number>();
  const walk = (n: HeapNode): void => {
    const name = nameOf(n.callFrame);
    sums.set(name, (sums.get(name) ?? 0) + n.selfSize);
    for (const child of n.children) walk(child);
  };
  walk(head);
  return sums;
}

function top(title: string, sums: Map<string, number>, messages: number, unit: string, count: number): void {
  const busy = [...sums].filter(([name]) => name !== '(idle)');
  const total = busy.reduce((n, [, v]) => n + v, 0);
  console.log(`${title}: ${(total / messages).toFixed(2)} ${unit} per message`);
  busy.sort((a, b) => b[1] - a[1]);
  for (const [name, v] of busy.slice(0, count))
    console.log(`  ${((100 * v) / total).toFixed(1).padStart(5)} %  ${(v / messages).toFixed(3).padStart(9)}  ${name}`);
}

interface Flags {
  readonly row: string;
  readonly link: LinkName;
  readonly top: string;
  readonly medium: string[];
  readonly out?: string;
}

const command: Command = new Command('profile')
  .description('CPU and allocation of one of three daemons under the load of a row of the bench.')
  .option('--row <name>', 'a row; `npm run bench -- --list` shows them', 'throughput/agreed/3x100')
  .option('--link <name>', LINKS.join(', '), 'tcp')
  .option('--medium <lines...>', "lines of the medium's section", [])
  .option('--top <n>', 'functions shown', '25')
  .option('--out <folder>', 'keep daemon.cpuprofile and daemon.heapprofile there');
const o = command.parse().opts<Flags>();
const row = ROWS.find((r) => r.name === o.row);
if (row === undefined) command.error(`error: no row "${o.row}"; npm run bench -- --list shows them`);
if (!row.figures.some((f) => f.unit.endsWith('per message')))
  command.error(`error: the row "${o.row}" sends no messages; take another`);
if (!(LINKS as readonly string[]).includes(o.link))
  command.error(`error: no link "${o.link}"; take one of ${LINKS.join(', ')}`);
if (!/^[1-9][0-9]{0,3}$/.test(o.top)) command.error('error: --top wants 1 to 9999');
if (o.out !== undefined) mkdirSync(o.out, { recursive: true });
// The daemons end with us (children.ts).
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => process.exit(1));
const daemons = row.daemons ?? 3;
const shape = { daemons, largest: row.largest, medium: o.medium, nodeArgs: ['--import', HOOK] };
const c = await startPeal(o.link, shape);
try {
  // Once before, so that the optimiser is done.
  await (row.prepare ?? row.run).call(row, c, 1);
  await signal(c, 'profiling');
  const figures = await row.run(c, 2);
  await signal(c, 'profiled');
  const messages = figures['total'] ?? NaN;
  const read = (name: string): unknown => JSON.parse(readFileSync(join(c.dir, name), 'utf8'));
  top('CPU of the main thread', cpuByFunction(read('cpu.json') as CpuProfile), messages, 'us', Number(o.top));
  top('Heap', heapByFunction((read('heap.json') as { head: HeapNode }).head), messages, 'bytes', Number(o.top));
  if (o.out !== undefined) {
    copyFileSync(join(c.dir, 'cpu.json'), join(o.out, 'daemon.cpuprofile'));
    copyFileSync(join(c.dir, 'heap.json'), join(o.out, 'daemon.heapprofile'));
  }
} finally {
  await stop(c);
}
