// `npm run sim -- --service flood`: seeds of the simulator of flooding sites (docs/design/flood.md, section 13), for a time or
// one alone. A failure prints its violations, the command that replays it and, after some time spent on it, a shorter schedule.
import { writeFileSync } from 'node:fs';
import { type FloodResult, type FloodRunOptions, runFlood } from '../test/sim/flood/run.js';
import { shrinkFlood } from '../test/sim/flood/shrink.js';
import { tellFault } from '../test/sim/flood/schedule.js';
import { shareOut } from './sim-jobs.js';

export interface FloodHunt {
  readonly seed: number;
  readonly minutes: number;
  readonly sites: readonly [number, number];
  readonly phases?: number;
  readonly shrink: number;
  readonly lines: number;
  readonly trace?: string;
  readonly first: boolean;
  readonly jobs: number;
  readonly stride: number;
  readonly json: boolean;
}

interface Total {
  runs: number;
  siteDays: number;
  faults: number;
  faultKinds: Record<string, number>;
  updates: number;
  exports: number;
  dropped: number;
  violations: number;
  failingSeeds: number[];
  wallSeconds: number;
}

const PROGRESS_MS = 2000;

const nothing = (): Total => ({
  runs: 0,
  siteDays: 0,
  faults: 0,
  faultKinds: {},
  updates: 0,
  exports: 0,
  dropped: 0,
  violations: 0,
  failingSeeds: [],
  wallSeconds: 0,
});

/** Answers whether nothing was violated. */
export async function huntFlood(o: FloodHunt): Promise<boolean> {
  const total = o.jobs > 1 ? await shared(o) : alone(o);
  if (o.json) console.log(JSON.stringify(total));
  else {
    console.log(`${total.runs} runs, ${total.siteDays.toFixed(2)} site-days in ${total.wallSeconds.toFixed(1)} s`);
    console.log(`${total.faults} faults, ${total.updates} updates, ${total.exports} exports, ${total.dropped} dropped`);
    const seeds = total.failingSeeds.length === 0 ? '' : `; failing seeds: ${total.failingSeeds.join(' ')}`;
    console.log(`${total.violations} violations${seeds}`);
  }
  return total.violations === 0;
}

async function shared(o: FloodHunt): Promise<Total> {
  const total = nothing();
  const common = ['--service', 'flood', '--minutes', o.minutes, '--daemons', o.sites.join('-'), '--jobs', 1, '--json'];
  common.push('--shrink', o.shrink, '--lines', o.lines, '--stride', o.stride * o.jobs);
  if (o.phases !== undefined) common.push('--phases', o.phases);
  if (o.first) common.push('--first');
  await shareOut(
    o.jobs,
    (i) => {
      const own = ['--seed', o.seed + i * o.stride, ...(o.trace === undefined ? [] : ['--trace', `${o.trace}.${i}`])];
      return [...common, ...own].map(String);
    },
    (figures) => {
      merge(total, JSON.parse(figures) as Total);
      return o.first && total.violations > 0;
    },
  );
  return total;
}

function merge(total: Total, part: Total): void {
  total.runs += part.runs;
  total.siteDays += part.siteDays;
  total.faults += part.faults;
  total.updates += part.updates;
  total.exports += part.exports;
  total.dropped += part.dropped;
  total.violations += part.violations;
  total.failingSeeds.push(...part.failingSeeds);
  total.wallSeconds = Math.max(total.wallSeconds, part.wallSeconds);
  for (const [kind, n] of Object.entries(part.faultKinds)) total.faultKinds[kind] = (total.faultKinds[kind] ?? 0) + n;
}

function alone(o: FloodHunt): Total {
  const began = Date.now();
  const total = nothing();
  let told = began;
  for (let { seed } = o; ; seed += o.stride) {
    const result = runFlood(options(o, seed));
    add(total, result);
    if (result.violations.length > 0) failed(o, result, total.failingSeeds.length === 1);
    const now = Date.now();
    total.wallSeconds = (now - began) / 1000;
    if (now - told > PROGRESS_MS) {
      told = now;
      const days = total.siteDays.toFixed(2);
      process.stderr.write(
        `seed ${seed}: ${total.runs} runs, ${days} site-days, ${total.failingSeeds.length} failing\n`,
      );
    }
    if (total.wallSeconds >= o.minutes * 60 || (o.first && total.failingSeeds.length > 0)) return total;
  }
}

function options(o: FloodHunt, seed: number): FloodRunOptions {
  return { seed, sites: o.sites, ...(o.phases === undefined ? {} : { phases: o.phases }) };
}

function add(total: Total, { seed, violations, figures }: FloodResult): void {
  merge(total, {
    runs: 1,
    siteDays: figures.siteDays,
    faults: Object.values(figures.faults).reduce((sum, n) => sum + n, 0),
    faultKinds: { ...figures.faults },
    updates: figures.updates,
    exports: figures.exports,
    dropped: figures.dropped,
    violations: violations.length,
    failingSeeds: violations.length > 0 ? [seed] : [],
    wallSeconds: 0,
  });
}

function failed(o: FloodHunt, { seed, violations, figures, schedule }: FloodResult, first: boolean): void {
  console.log(`seed ${seed} (${figures.sites} sites): ${violations.length} violations`);
  for (const v of violations.slice(0, first ? 12 : 3)) console.log(`  ${v.t} ms [${v.guarantee}] ${v.detail}`);
  const phases = o.phases === undefined ? '' : ` --phases ${o.phases}`;
  console.log(`  replay: npm run sim -- --service flood --seed ${seed} --daemons ${o.sites.join('-')}${phases}`);
  if (!first) return;
  const until = Date.now() + o.shrink * 1000;
  const shortest = shrinkFlood(options(o, seed), schedule, violations[0]!.guarantee, () => Date.now() > until);
  if (shortest !== schedule)
    for (const [i, p] of shortest.phases.entries()) {
      console.log(`  phase ${i + 1}, ${p.ms} ms, then quiet without ${JSON.stringify(p.absent)}`);
      for (const e of p.entries) console.log(`    at ${e.at}: ${tellFault(e.fault)}`);
    }
  const lines: string[] = [];
  runFlood({ ...options(o, seed), schedule: shortest, tell: (line) => lines.push(line) });
  if (o.trace !== undefined) writeFileSync(o.trace, lines.join('\n') + '\n');
  if (o.lines > 0) for (const line of lines.slice(-o.lines)) console.log(line.slice(0, 200));
}
