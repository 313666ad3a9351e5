// How long changes of the configuration take, as clients see them: kill, silent daemon, heal, clean leave, each in a fresh
// cluster of three with default settings, idle or under full load. `npm run times -- --help`. Targets: docs/performance.md.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { Service } from '../core/wire/frame.js';
import { ControlClient } from '../core/runtime/control-client.js';
import { type Daemon, Farm, type LinkName, LINKS } from '../test/e2e/processes.js';
import { Recorder, TracedClient } from '../test/e2e/traced-client.js';
import type { LoadOrder } from './load-client.js';

const LOAD = fileURLToPath(new URL('./load-client.js', import.meta.url));
const GROUP = 'watch';
/** A change that takes longer has failed. */
const LIMIT_MS = 20_000;
const LOAD_MESSAGES = 1_000_000_000;
const LOAD_BYTES = 100;
const SETTLE_MS = 1500;
const TELL_MS = 5000;

const CASES = ['kill', 'silent', 'cut', 'one-way', 'heal', 'leave'] as const;
type Case = (typeof CASES)[number];
interface Sample {
  readonly what: Case;
  readonly load: boolean;
  /** Until the last survivor has its view. */
  readonly ms: number;
}

const sleep = (ms: number): Promise<void> => new Promise((r) => setTimeout(r, ms));

/** Milliseconds until all these clients see `n` members. */
async function until(clients: readonly TracedClient[], n: number): Promise<number> {
  const from = performance.now();
  while (!clients.every((c) => c.views.get(GROUP)?.length === n)) {
    if (performance.now() - from > LIMIT_MS) throw new Error(`no view of ${n} members after ${LIMIT_MS} ms`);
    await sleep(1);
  }
  return performance.now() - from;
}

async function fault(farm: Farm, d: Daemon, args: Readonly<Record<string, unknown>>): Promise<void> {
  const control = await ControlClient.connect(join(farm.dir, d.name));
  await control.call('fault', args);
  control.close();
}

function startLoad(farm: Farm): ChildProcess[] {
  return farm.daemons.map((d, i) => {
    const order: LoadOrder = {
      host: '127.0.0.1',
      port: d.port,
      name: `load${i}`,
      group: 'load',
      count: LOAD_MESSAGES,
      bytes: LOAD_BYTES,
      service: Service.AGREED,
      members: 1,
      expect: LOAD_MESSAGES * 10,
      window: 1000,
      block: 100,
      limitMs: 0,
      tellMs: TELL_MS,
    };
    return spawn(process.execPath, [LOAD, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'inherit'] });
  });
}

/** One fresh cluster, one victim: kill or leave, or silent and then heal. */
async function round(what: Exclude<Case, 'heal'>, load: boolean, victim: number): Promise<Sample[]> {
  const cuts = what === 'cut' || what === 'one-way';
  const farm = await Farm.create({ daemons: 3, link: o.link, cuttable: cuts });
  let loads: ChildProcess[] = [];
  const clients: TracedClient[] = [];
  try {
    await farm.start();
    const recorder = new Recorder(() => undefined);
    for (const [i, d] of farm.daemons.entries()) clients.push(await TracedClient.connect(recorder, d, `w${i}`));
    for (const c of clients) c.join(GROUP);
    await until(clients, 3);
    if (load) loads = startLoad(farm);
    await sleep(SETTLE_MS);
    // A one-way cut parts the later of two in the list from the others.
    const d = farm.daemons[cuts ? 2 : victim]!;
    const rest = clients.filter((c) => c.daemon !== d);
    if (what === 'cut') await fault(farm, d, { set: { cut_to: 'alpha, beta', cut_from: 'alpha, beta' } });
    else if (what === 'one-way') await fault(farm, farm.daemons[0]!, { set: { cut_to: d.name } });
    else d.signal(what === 'kill' ? 'SIGKILL' : what === 'leave' ? 'SIGTERM' : 'SIGSTOP');
    const samples: Sample[] = [{ what, load, ms: await until(rest, 2) }];
    if (what === 'silent' || cuts) {
      await sleep(SETTLE_MS);
      if (what === 'silent') d.signal('SIGCONT');
      else for (const x of farm.daemons) await fault(farm, x, { clear: true });
      samples.push({ what: 'heal', load, ms: await until(clients, 3) });
    }
    return samples;
  } finally {
    for (const p of loads) p.kill('SIGKILL');
    for (const c of clients) c.destroy();
    await farm.destroy();
  }
}

/**
 * Full load without a fault: answers how many views came that nothing caused. Throws when a load process ended or one
 * minute passed without messages at one of them: without load the answer would mean nothing.
 */
async function quiet(minutes: number): Promise<number> {
  const farm = await Farm.create({ daemons: 3, link: o.link });
  let loads: ChildProcess[] = [];
  const clients: TracedClient[] = [];
  try {
    await farm.start();
    const recorder = new Recorder(() => undefined);
    for (const [i, d] of farm.daemons.entries()) clients.push(await TracedClient.connect(recorder, d, `w${i}`));
    for (const c of clients) c.join(GROUP);
    await until(clients, 3);
    loads = startLoad(farm);
    const received = loads.map(counted);
    const before = recorder.views;
    let last = received.map((count) => count());
    for (let minute = 1; minute <= minutes; minute++) {
      await sleep(60_000);
      const now = received.map((count) => count());
      if (loads.some((p) => p.exitCode !== null || p.signalCode !== null)) throw new Error('a load process ended');
      if (now.some((n, i) => n === last[i])) throw new Error(`a load process stood still in minute ${minute}`);
      const rates = now.map((n, i) => Math.round((n - last[i]!) / 60));
      console.log(`minute ${minute}: ${rates.join(', ')} messages/s, ${recorder.views - before} views`);
      last = now;
    }
    return recorder.views - before;
  } finally {
    for (const p of loads) p.kill('SIGKILL');
    for (const c of clients) c.destroy();
    await farm.destroy();
  }
}

/** What a load process has told so far of the messages it received. */
function counted(p: ChildProcess): () => number {
  let received = 0;
  createInterface({ input: p.stdout! }).on('line', (line) => {
    const e = JSON.parse(line) as { event: string; received?: number; why?: string };
    if (e.event === 'failed') console.error(`load: ${e.why ?? ''}`);
    received = e.received ?? received;
  });
  return () => received;
}

function summary(samples: readonly Sample[]): string {
  const lines = ['change: median ms, worst ms (rounds)'];
  for (const load of [false, true])
    for (const what of CASES) {
      const ms = samples.filter((s) => s.what === what && s.load === load).map((s) => s.ms);
      if (ms.length === 0) continue;
      ms.sort((a, b) => a - b);
      const [median, worst] = [ms[ms.length >> 1]!, ms.at(-1)!];
      lines.push(`${what}, ${load ? 'loaded' : 'idle'}: ${median.toFixed(0)}, ${worst.toFixed(0)} (${ms.length})`);
    }
  return lines.join('\n');
}

interface Flags {
  readonly link: LinkName;
  readonly rounds: string;
  readonly load: string;
  readonly cases: string;
  readonly quietMinutes?: string;
  readonly json?: boolean;
}

const o = new Command('times')
  .description('Times of changes of the configuration, real daemons on loopback, default settings.')
  .addOption(new Option('--link <name>', 'what carries the configuration').choices(LINKS).default('tcp'))
  .option('--rounds <n>', 'fresh clusters for each case', '20')
  .option('--load <list>', '0: idle, 1: full load', '0,1')
  .option(
    '--cases <list>',
    'kill, silent, cut, one-way (the last three with heal after), leave',
    'kill,silent,cut,one-way,leave',
  )
  .option('--quiet-minutes <m>', 'only: full load for that long, counting views that nothing caused')
  .option('--json', 'one JSON object per sample')
  .parse()
  .opts<Flags>();

if (o.quietMinutes !== undefined) {
  const views = await quiet(Number(o.quietMinutes));
  console.log(`${o.quietMinutes} minutes at full load: ${views} views without a reason`);
  process.exitCode = views > 0 ? 1 : 0;
} else {
  const samples: Sample[] = [];
  for (let i = 0; i < Number(o.rounds); i++)
    for (const load of o.load.split(','))
      for (const what of o.cases.split(',')) {
        const found = await round(what as Exclude<Case, 'heal'>, load === '1', i % 3);
        samples.push(...found);
        for (const s of found) if (o.json) console.log(JSON.stringify(s));
      }
  console.log(summary(samples));
}
