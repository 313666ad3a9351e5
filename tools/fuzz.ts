// `npm run fuzz`: every parser of bytes or text from outside, with damaged real inputs (docs/how-we-test.md, "Fuzz").
// Exit code 0: no failure; 1: a failure; 2: wrong arguments.
import { Command, InvalidArgumentError } from 'commander';
import { allTargets, hunt, type Hunt } from '../test/fuzz/hunt.js';

interface Options {
  seed: number;
  inputs: number;
  minutes?: number;
  only?: string[];
  input?: number;
  list: boolean;
  json: boolean;
}

const DEFAULT_INPUTS = 100_000;

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

function told(h: Hunt): string {
  const deep = h.inputs === 0 ? 0 : Math.round((100 * h.deep) / h.inputs);
  const grown = Math.round(h.grownBytes / 1024);
  return `${h.target.padEnd(16)} ${h.inputs} inputs, ${deep} % deep, ${h.roundTrips} round trips, grown ${grown} KB, ${h.failures.length} failures`;
}

const command = new Command('fuzz')
  .description('Feeds every parser of bytes or text from outside with valid and damaged inputs.')
  .option('--seed <n>', 'default: from the clock', natural, Math.floor(Date.now() / 1000))
  .option('--inputs <n>', 'for each target', natural)
  .option('--minutes <m>', 'time for all targets together, instead of a number of inputs', positive)
  .option('--only <names...>', 'names of targets')
  .option('--input <n>', 'only this one of the seed: to see a failure again', natural)
  .option('--list', 'only print the targets', false)
  .option('--json', 'last line: one JSON object of figures', false);
command.parse();
const o = command.opts<Options & { inputs?: number }>();
const every = await allTargets();
const targets = every.filter((t) => !o.only || o.only.includes(t.name));
if (targets.length === 0)
  command.error(`no such target; there are ${every.map((t) => t.name).join(', ')}`, { exitCode: 2 });
if (o.list) console.log(targets.map((t) => t.name).join('\n'));
else {
  const began = Date.now();
  const all: Hunt[] = [];
  for (const [i, t] of targets.entries()) {
    const share = o.minutes === undefined ? Infinity : began + (o.minutes * 60_000 * (i + 1)) / targets.length;
    const inputs =
      (o.inputs as number | undefined) ?? (o.minutes === undefined ? DEFAULT_INPUTS : Number.MAX_SAFE_INTEGER);
    const h = hunt(t, { seed: o.seed, inputs, until: share, ...(o.input === undefined ? {} : { only: o.input }) });
    all.push(h);
    console.log(told(h));
    for (const f of h.failures)
      console.log(`  ${f}\n      again: npm run fuzz -- --seed ${o.seed} --only ${t.name} --input N`);
  }
  const failures = all.reduce((n, h) => n + h.failures.length, 0);
  const inputs = all.reduce((n, h) => n + h.inputs, 0);
  const wallSeconds = (Date.now() - began) / 1000;
  if (o.json)
    console.log(JSON.stringify({ targets: all.length, inputs, failures, wallSeconds, seed: o.seed, each: all }));
  process.exitCode = failures === 0 ? 0 : 1;
}
