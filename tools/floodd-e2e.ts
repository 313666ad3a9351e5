// `npm run floodd-e2e`: eight real sites of floodd on loopback, with connectivity 2 and then 3, under load, while sites are
// killed, frozen, parted and their master is lost and comes back (docs/floodd.md). With `--minutes` a soak of troubles drawn
// by lot. Exit code 1 when a rule was broken.
import { Command, Option } from 'commander';
import { type TrialFigures, trial, type Trouble, TROUBLES } from '../test/e2e/flood-trial.js';

interface Flags {
  readonly sites: string;
  readonly connectivity?: string;
  readonly updates: string;
  readonly minutes?: string;
  readonly seed: string;
  readonly troubleMs: string;
  readonly troubles: string;
  readonly updatePeriodMs: string;
  readonly json?: boolean;
}

const flags = new Command('floodd-e2e')
  .description('eight real sites of floodd on loopback, under load and in trouble')
  .option('--sites <n>', 'how many', '8')
  .addOption(new Option('--connectivity <k>', 'only that one').default(undefined, '2, then 3'))
  .option('--updates <n>', 'handed in during each run', '10000')
  .option('--minutes <m>', 'a soak: troubles drawn by lot for that long')
  .option('--seed <n>', 'of what is drawn', '1')
  .option('--trouble-ms <ms>', 'how long one trouble lasts', '4000')
  .option('--troubles <list>', 'one after the other', TROUBLES.join(','))
  .option('--update-period-ms <ms>', 'how often the topology is made anew', '2000')
  .option('--json', 'figures as one line of JSON on standard output')
  .parse()
  .opts<Flags>();

const runs: TrialFigures[] = [];
const say = (line: string): void => {
  if (flags.json !== true) console.log(line);
};
for (const connectivity of flags.connectivity === undefined ? [2, 3] : [Number(flags.connectivity)]) {
  say(`${flags.sites} sites, connectivity ${connectivity}, seed ${flags.seed}`);
  const figures = await trial({
    sites: Number(flags.sites),
    connectivity,
    updates: flags.minutes === undefined ? Number(flags.updates) : Number.MAX_SAFE_INTEGER,
    ...(flags.minutes === undefined
      ? { troubles: flags.troubles.split(',') as Trouble[] }
      : { minutes: Number(flags.minutes) }),
    seed: Number(flags.seed),
    troubleMs: Number(flags.troubleMs),
    updatePeriodMs: Number(flags.updatePeriodMs),
    say,
  });
  runs.push(figures);
  if (flags.json !== true) console.log(figures);
}
if (flags.json === true) console.log(JSON.stringify({ runs }));
process.exitCode = runs.some((r) => r.violations.length > 0) ? 1 : 0;
