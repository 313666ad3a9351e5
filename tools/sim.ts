// `npm run sim`: runs seeds of the simulator for a time, or one seed, and tells what it found (docs/how-we-test.md).
// Exit code 0: no violation; 1: a violation; 2: wrong arguments.
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { TraceEvent } from '../test/sim/trace.js';
import { toLine } from '../test/sim/trace.js';
import { Coverage, report, shownCoverage } from '../test/sim/coverage.js';
import { type RunOptions, type RunResult, runSeed, type Subject } from '../test/sim/run.js';
import { tellAction } from '../test/sim/schedule.js';
import { shrink } from '../test/sim/shrink.js';
import { hashText } from '../test/sim/random.js';
import { SUBJECTS } from '../test/sim/subject.js';
import { timeline } from '../test/sim/timeline.js';
import { huntFlood } from './sim-flood.js';
import { shareOut } from './sim-jobs.js';

interface Options {
  seed: number;
  minutes: number;
  daemons: [number, number];
  phases?: number;
  maxBytes?: number;
  service?: 'flood';
  link: keyof typeof SUBJECTS;
  medium?: 'stream' | 'datagram';
  shrink: number;
  lines: number;
  trace?: string;
  first: boolean;
  jobs: number;
  stride: number;
  coverage: boolean;
  twice: boolean;
  runs?: number;
  keep?: string;
  json: boolean;
}

interface Total {
  clusterHours: number;
  faults: number;
  messages: number;
  views: number;
  violations: number;
  wallSeconds: number;
  failingSeeds: number[];
  runs: number;
  slowestConvergenceMs: number;
  faultKinds: Record<string, number>;
  /** Messages by service bit. */
  services: Record<string, number>;
  /** Of the trace hashes of all runs in their order; of one process only. */
  hash: string;
  /** Seeds that were run again and gave the same trace hash. */
  repeated?: number;
  /** Pairs met: `table/state/event` to how often. */
  met?: Record<string, number>;
}

const HOUR_MS = 3_600_000;
const PROGRESS_MS = 2000;
/** Sites of a flooding service, unless it is said how many. */
const FLOOD_SITES: [number, number] = [3, 12];

function natural(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 0) throw new InvalidArgumentError('a whole number is needed');
  return n;
}

function positive(text: string): number {
  const n = Number(text);
  if (!(n >= 0)) throw new InvalidArgumentError('a number is needed');
  return n;
}

function range(text: string): [number, number] {
  const [low, high] = text.split('-').map(natural);
  const pair: [number, number] = [low ?? 0, high ?? low ?? 0];
  if (pair[0] < 2 || pair[1] < pair[0] || pair[1] > 32) throw new InvalidArgumentError('2-32, e.g. 3-8');
  return pair;
}

function medium(text: string): 'stream' | 'datagram' {
  if (text !== 'stream' && text !== 'datagram') throw new InvalidArgumentError('stream or datagram');
  return text;
}

function main(): void {
  const command = new Command('sim')
    .description('Simulates clusters under faults, judged by checkers of every guarantee.')
    .option('--seed <n>', 'first seed; alone: only this one', natural)
    .option('--minutes <m>', 'go on with following seeds for that long', positive, 0)
    .option('--runs <n>', 'instead: exactly so many seeds, one after the other', natural)
    .option('--daemons <range>', 'how many, e.g. 3-8; small clusters are drawn more often', range, [3, 16] as [
      number,
      number,
    ])
    .addOption(new Option('--service <name>', 'sites of that service instead of daemons').choices(['flood']))
    .option('--phases <n>', 'phases of chaos in a run', natural)
    .option('--max-bytes <n>', 'largest send of the network', natural)
    .addOption(new Option('--link <name>', 'what makes packs reliable').choices(Object.keys(SUBJECTS)).default('mesh'))
    .option('--medium <flavour>', 'only stream or only datagram', medium)
    .option('--shrink <seconds>', 'time to shorten the schedule of the first failure', positive, 0)
    .option('--lines <n>', 'length of the timeline of the first failure', natural, 80)
    .option('--trace <file>', 'write the whole trace of the first failure (or of the one seed) there')
    .option('--jobs <n>', 'processes that share the seeds; default: all cores, one for a single seed', natural)
    .option('--stride <n>', 'try every n-th seed only', natural, 1)
    .option('--first', 'stop at the first failing seed', false)
    .option('--twice', 'run each seed again: its trace must have the same hash', false)
    .option('--keep <file>', 'write the setting of the first failure there, as test/sim/regressions keeps them')
    .option('--coverage', 'print which event met which state of each machine, and what was missed (slow)', false)
    .option('--json', 'last line: one JSON object of figures', false);
  command.parse();
  const given = command.opts<Partial<Options>>();
  const seed = given.seed ?? Math.floor(Date.now() / 1000);
  const jobs = given.jobs ?? (given.minutes === undefined || given.minutes === 0 ? 1 : availableParallelism());
  const o = { ...given, seed, jobs } as Options;
  if (o.service === 'flood') {
    const sites = command.getOptionValueSource('daemons') === 'default' ? FLOOD_SITES : o.daemons;
    void huntFlood({ ...o, sites }).then((good) => (process.exitCode = good ? 0 : 1));
    return;
  }
  void (jobs > 1 ? shared(o) : Promise.resolve(hunt(o))).then((total) => {
    if (total.met !== undefined) console.error(toldCoverage(total.met, o.link));
    if (o.json) console.log(JSON.stringify(total));
    else console.log(summary(total));
    process.exitCode = total.violations === 0 ? 0 : 1;
  });
}

/** Several processes, each with its part of the seeds; their figures together. */
async function shared(o: Options): Promise<Total> {
  const total = nothing();
  const run = ['--minutes', o.minutes, '--daemons', o.daemons.join('-'), '--shrink', o.shrink, '--lines', o.lines];
  run.push('--stride', o.stride * o.jobs, '--jobs', 1, '--json');
  if (o.phases !== undefined) run.push('--phases', o.phases);
  if (o.maxBytes !== undefined) run.push('--max-bytes', o.maxBytes);
  run.push('--link', o.link);
  if (o.medium !== undefined) run.push('--medium', o.medium);
  for (const flag of ['first', 'twice', 'coverage'] as const) if (o[flag]) run.push(`--${flag}`);
  await shareOut(
    o.jobs,
    (i) => {
      const own = ['--seed', o.seed + i * o.stride];
      if (o.trace !== undefined) own.push('--trace', `${o.trace}.${i}`);
      if (o.keep !== undefined) own.push('--keep', `${o.keep}.${i}`);
      return [...run, ...own].map(String);
    },
    (figures) => {
      merge(total, JSON.parse(figures) as Total);
      return o.first && total.violations > 0;
    },
  );
  return total;
}

function merge(total: Total, part: Total): void {
  total.clusterHours += part.clusterHours;
  total.faults += part.faults;
  total.messages += part.messages;
  total.views += part.views;
  total.violations += part.violations;
  total.wallSeconds = Math.max(total.wallSeconds, part.wallSeconds);
  total.failingSeeds.push(...part.failingSeeds);
  total.runs += part.runs;
  total.slowestConvergenceMs = Math.max(total.slowestConvergenceMs, part.slowestConvergenceMs);
  sum(total.faultKinds, part.faultKinds);
  sum(total.services, part.services);
  if (part.repeated !== undefined) total.repeated = (total.repeated ?? 0) + part.repeated;
  if (part.met !== undefined) sum((total.met ??= {}), part.met);
}

function sum(total: Record<string, number>, part: Readonly<Record<string, number>>): void {
  for (const [name, n] of Object.entries(part)) total[name] = (total[name] ?? 0) + n;
}

function nothing(): Total {
  return {
    clusterHours: 0,
    faults: 0,
    messages: 0,
    views: 0,
    violations: 0,
    wallSeconds: 0,
    failingSeeds: [],
    runs: 0,
    slowestConvergenceMs: 0,
    faultKinds: {},
    services: {},
    hash: '',
  };
}

function hunt(o: Options): Total {
  const began = Date.now();
  const total = nothing();
  const coverage = o.coverage ? new Coverage() : undefined;
  const subject = subjectOf(o, coverage);
  let told = began;
  for (let seed = o.seed; ; seed += o.stride) {
    const result = runSeed(subject, options(o, seed));
    add(total, result);
    if (o.twice) again(o, subject, total, result);
    if (result.violations.length > 0) failed(o, result, total.failingSeeds.length === 1);
    const now = Date.now();
    total.wallSeconds = (now - began) / 1000;
    if (now - told > PROGRESS_MS) {
      told = now;
      const hours = total.clusterHours.toFixed(2);
      process.stderr.write(
        `seed ${seed}: ${total.runs} runs, ${hours} cluster-hours, ${total.faults} faults, ${total.messages} messages, ${total.failingSeeds.length} failing\n`,
      );
    }
    const done = o.runs === undefined ? total.wallSeconds >= o.minutes * 60 : total.runs >= o.runs;
    if (done || (o.first && total.failingSeeds.length > 0)) break;
  }
  if (coverage !== undefined) total.met = Object.fromEntries(coverage.met);
  return total;
}

function again(o: Options, subject: Subject, total: Total, { seed, hash }: RunResult): void {
  const second = runSeed(subject, options(o, seed)).hash;
  if (second === hash) {
    total.repeated = (total.repeated ?? 0) + 1;
    return;
  }
  console.log(`seed ${seed}: two runs, trace hashes ${hash} and ${second}`);
  total.violations++;
  total.failingSeeds.push(seed);
}

function subjectOf(o: Options, coverage?: Coverage): Subject {
  const subject = SUBJECTS[o.link];
  return {
    ...subject,
    ...(o.medium === undefined ? {} : { media: [o.medium] }),
    ...(coverage === undefined ? {} : { create: coverage.covered(subject.create) }),
  };
}

function options(o: Options, seed: number): RunOptions {
  return {
    seed,
    daemons: o.daemons,
    ...(o.phases === undefined ? {} : { phases: o.phases }),
    ...(o.maxBytes === undefined ? {} : { maxBytes: o.maxBytes }),
  };
}

function add(total: Total, { seed, violations, figures, hash }: RunResult): void {
  total.runs++;
  total.hash = hashText(total.hash + hash)
    .toString(16)
    .padStart(8, '0');
  total.clusterHours += figures.simulatedMs / HOUR_MS;
  total.messages += figures.messages;
  total.views += figures.views;
  total.violations += violations.length;
  total.slowestConvergenceMs = Math.max(total.slowestConvergenceMs, figures.slowestConvergenceMs);
  sum(total.faultKinds, figures.faults);
  sum(total.services, figures.services);
  for (const n of Object.values(figures.faults)) total.faults += n;
  if (violations.length > 0) total.failingSeeds.push(seed);
}

function failed(o: Options, result: RunResult, first: boolean): void {
  const { seed, violations, figures } = result;
  console.log(`seed ${seed} (${figures.daemons} daemons, ${figures.medium}): ${violations.length} violations`);
  for (const v of violations.slice(0, first ? 12 : 3)) console.log(`  ${v.t} ms [${v.guarantee}] ${v.detail}`);
  const link = o.link === 'mesh' ? '' : ` --link ${o.link}`;
  const also = `${link}${o.phases === undefined ? '' : ` --phases ${o.phases}`}${o.maxBytes === undefined ? '' : ` --max-bytes ${o.maxBytes}`}${o.medium === undefined ? '' : ` --medium ${o.medium}`}`;
  console.log(`  replay: npm run sim -- --seed ${seed} --daemons ${o.daemons.join('-')}${also}`);
  if (!first) return;
  const until = Date.now() + o.shrink * 1000;
  const run = options(o, seed);
  const shrunk = shrink(subjectOf(o), run, result, () => Date.now() > until);
  if (shrunk.tries > 0) {
    console.log(`  shortest schedule after ${shrunk.tries} tries:`);
    for (const [i, p] of shrunk.schedule.phases.entries()) {
      console.log(`    phase ${i + 1}, ${p.ms} ms, then quiet in ${JSON.stringify(p.components)}`);
      for (const e of p.entries) console.log(`      at ${e.at}: ${tellAction(e.action)}`);
    }
  }
  const trace: TraceEvent[] = [];
  const setting = { ...result.setting, schedule: shrunk.schedule };
  if (o.keep !== undefined)
    writeFileSync(o.keep, JSON.stringify({ what: '', link: o.link, setting }, undefined, 1) + '\n');
  const again = runSeed(subjectOf(o), { ...run, setting, record: (e) => trace.push(e) });
  if (o.trace !== undefined) writeFileSync(o.trace, trace.map(toLine).join('\n') + '\n');
  for (const v of again.violations.slice(0, 6)) console.log(`  ${v.t} ms [${v.guarantee}] ${v.detail}`);
  for (const line of timeline(trace, again.violations.length > 0 ? again.violations : violations, o.lines))
    console.log(line);
}

/** The tables, and in a sentence each what is missing. */
function toldCoverage(met: Readonly<Record<string, number>>, link: Options['link']): string {
  const all = new Map(Object.entries(met));
  const { pairs, met: reached, holes, wrong } = report(all, link);
  const lines = [shownCoverage(all, link), '', `${reached} of ${pairs} pairs of state and event met`];
  if (holes.length > 0) lines.push(`not met, and not known to be impossible: ${holes.join(', ')}`);
  if (wrong.length > 0) lines.push(`met, though said to be impossible: ${wrong.join(', ')}`);
  return lines.join('\n');
}

function summary(t: Total): string {
  return [
    ...(t.repeated === undefined ? [] : [`${t.repeated} of ${t.runs} seeds gave the same trace hash again`]),
    `${t.runs} runs, ${t.clusterHours.toFixed(3)} cluster-hours in ${t.wallSeconds.toFixed(1)} s${t.hash === '' ? '' : `, trace hash ${t.hash}`}`,
    `${t.faults} faults, ${t.messages} messages, ${t.views} views, slowest convergence ${t.slowestConvergenceMs} ms`,
    `${t.violations} violations${t.failingSeeds.length === 0 ? '' : `; failing seeds: ${t.failingSeeds.join(' ')}`}`,
  ].join('\n');
}

main();
