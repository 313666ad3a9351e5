// `npm run e2e`: soaks of real daemons under faults, judged by the simulator's checkers (docs/how-we-test.md).
import { Command, Option } from 'commander';
import { type LinkName, LINKS } from '../test/e2e/processes.js';
import { soak } from '../test/e2e/soak.js';

interface Flags {
  readonly seed: string;
  readonly daemons: string;
  readonly minutes: string;
  readonly storm: string;
  readonly link: LinkName;
  readonly loss: string;
  readonly json?: boolean;
}

const o = new Command('e2e')
  .description('Real daemons, real clients, kills, freezes, stops and restarts; traces judged by the checkers.')
  .option('--seed <n>', 'first seed', '1')
  .option('--daemons <n>', 'how many, at most 8', '3')
  .option('--minutes <m>', 'go on with following seeds for that long', '0')
  .option('--storm <ms>', 'length of one storm', '6000')
  .addOption(new Option('--link <name>', 'what carries the configuration').choices(LINKS).default('tcp'))
  .option('--loss <percent>', 'of all messages between daemons, all the time', '0')
  .option('--json', 'last line: one JSON object of figures')
  .parse()
  .opts<Flags>();

const until = Date.now() + Number(o.minutes) * 60_000;
const total = { runs: 0, faults: 0, messages: 0, deliveries: 0, views: 0, slowestMergeMs: 0, violations: 0 };
const failingSeeds: number[] = [];
let seed = Number(o.seed);
do {
  const say = (line: string): void => console.error(`seed ${seed}: ${line}`);
  try {
    const f = await soak({
      seed,
      daemons: Number(o.daemons),
      link: o.link,
      loss: Number(o.loss),
      phases: 3,
      stormMs: Number(o.storm),
      say,
    });
    for (const v of f.violations) console.log(`seed ${seed}: ${v.t} ms [${v.guarantee}] ${v.detail}`);
    if (f.violations.length > 0) failingSeeds.push(seed);
    total.faults += f.faults;
    total.messages += f.messages;
    total.deliveries += f.deliveries;
    total.views += f.views;
    total.violations += f.violations.length;
    total.slowestMergeMs = Math.max(total.slowestMergeMs, f.slowestMergeMs);
  } catch (e) {
    console.log(`seed ${seed}: ${String(e)}`);
    failingSeeds.push(seed);
  }
  total.runs++;
  seed++;
} while (Date.now() < until);
console.log(o.json ? JSON.stringify({ ...total, failingSeeds }) : { ...total, failingSeeds });
process.exitCode = failingSeeds.length > 0 ? 1 : 0;
