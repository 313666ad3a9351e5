// `npm run oracle`: random client scripts on a cluster of ours and on one of a real Spread, found through PEAL_SPREAD_DIR;
// what every client sees must be equal but for the listed differences (docs/how-we-test.md, "Oracle"). Exit code 0: no
// difference; 1: a difference; 2: wrong arguments.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { type Cluster, startPeal, startSpread, stop } from '../bench/cluster.js';
import { difference, Disturbed, Player, type Seen } from '../test/oracle/play.js';
import { makeScript, type Script } from '../test/oracle/script.js';

interface Options {
  seed: number;
  scripts: number;
  minutes?: number;
  results?: string;
  json: boolean;
}

const DAEMONS = 3;
const TRIES = 5;

function natural(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 0) throw new InvalidArgumentError('a whole number is needed');
  return n;
}

function positive(text: string): number {
  const n = Number(text);
  if (!(n > 0)) throw new InvalidArgumentError('a number above 0 is needed');
  return n;
}

const command = new Command('oracle')
  .description('Random client scripts on our cluster and on a real Spread: does every client see the same?')
  .option('--seed <n>', 'first script', natural, 1)
  .option('--scripts <n>', 'how many', natural, 100)
  .option('--minutes <m>', 'stop after that long', positive)
  .option('--results <file>', 'JSON file of scripts that were equal: these are not run again')
  .option('--json', 'last line: one JSON object of figures', false);
command.parse();
const o = command.opts<Options>();
const spread = process.env['PEAL_SPREAD_DIR'];
if (!spread) command.error('PEAL_SPREAD_DIR must name the place of a real Spread (with sbin/spread)', { exitCode: 2 });

const done = new Set<number>(
  o.results !== undefined && existsSync(o.results) ? (JSON.parse(readFileSync(o.results, 'utf8')) as number[]) : [],
);
const until = o.minutes === undefined ? Infinity : Date.now() + o.minutes * 60_000;
const began = Date.now();
const total = {
  scripts: 0,
  disturbed: 0,
  equal: 0,
  steps: 0,
  differences: 0,
  differingSeeds: [] as number[],
  wallSeconds: 0,
};
/** Tried again when the machine was too busy. */
async function played(script: Script, c: Cluster, tag: string): Promise<readonly Seen[]> {
  for (let tries = TRIES; ; tries--)
    try {
      return await new Player(script, c.hosts, `${tag}${tries}`).play();
    } catch (e) {
      if (!(e instanceof Disturbed) || tries === 1) throw e;
      total.disturbed++;
      console.error(`again: ${e.message}`);
    }
}

const ours = await startPeal();
const theirs = await startSpread(spread!);
try {
  for (let seed = o.seed; seed < o.seed + o.scripts && Date.now() < until; seed++) {
    if (done.has(seed)) continue;
    const script = makeScript(seed, DAEMONS);
    const tag = (seed % 46_656).toString(36).padStart(3, '0');
    const [a, b] = await Promise.all([ours, theirs].map((c) => played(script, c, tag)));
    const what = difference(a!, b!);
    total.scripts++;
    total.steps += script.steps.length;
    if (what === undefined) {
      total.equal++;
      done.add(seed);
    } else {
      total.differences++;
      total.differingSeeds.push(seed);
      console.log(`script ${seed}: ${what}`);
    }
    if (total.scripts % 10 === 0)
      console.error(`${total.scripts} scripts, ${total.steps} steps, ${total.differences} different`);
  }
} finally {
  await stop(ours);
  await stop(theirs);
  if (o.results !== undefined) writeFileSync(o.results, JSON.stringify([...done].sort((x, y) => x - y)));
}
total.wallSeconds = (Date.now() - began) / 1000;
console.log(o.json ? JSON.stringify(total) : total);
process.exitCode = total.differences === 0 ? 0 : 1;
