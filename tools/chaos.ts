// `npm run chaos`: real daemons on machines of their own (network namespaces) for as long as is asked, under load of the
// library and of bare frames, while they are killed, frozen, stopped, cut one way and both ways and slowed; traces to the
// simulator's checkers (docs/how-we-test.md). Without namespaces: on loopback, cut by the faulty medium.
import { Command, InvalidArgumentError, Option } from 'commander';
import { Namespaces } from '../test/e2e/namespaces.js';
import { type LinkName, LINKS } from '../test/e2e/processes.js';
import { soak } from '../test/e2e/soak.js';

const MAX_DAEMONS = 8;
const STORM_MS = 6_000;
/** So that a run of half an hour fits into memory with all that its checkers know. */
const PAUSE_MS = 40;
/** A daemon whose resident memory grew by more than that factor, and by more than that, grows. */
const GROWTH_FACTOR = 1.3;
const GROWTH_MIB = 30;
const FILES_MORE = 4;

function atLeast(low: number, high: number): (text: string) => number {
  return (text) => {
    const n = Number(text);
    if (!(n >= low && n <= high)) throw new InvalidArgumentError(`${low} to ${high}`);
    return n;
  };
}

interface Flags {
  readonly seed: number;
  readonly daemons: number;
  readonly minutes: number;
  readonly link: LinkName;
  readonly json: boolean;
}

const o = new Command('chaos')
  .description(
    'Real daemons in network namespaces under kills, freezes, cuts, narrow lines and load, judged by the checkers.',
  )
  .option('--seed <n>', 'what goes wrong', atLeast(0, Number.MAX_SAFE_INTEGER), 1)
  .option('--daemons <n>', `3 to ${MAX_DAEMONS}`, atLeast(3, MAX_DAEMONS), 5)
  .option('--minutes <m>', 'how long', atLeast(0.1, 10_000), 2)
  .addOption(new Option('--link <name>', 'what carries the configuration').choices(LINKS).default('tcp'))
  .option('--json', 'last line: one JSON object of figures', false)
  .parse()
  .opts<Flags>();

const machines = Namespaces.create(o.daemons);
const network = machines === undefined ? 'faulty' : 'netns';
if (machines === undefined)
  console.error('no network namespaces here (root and iproute2 are needed): cuts by the faulty medium');
const spread = process.env['PEAL_SPREAD_DIR'];
const began = Date.now();
const problems: string[] = [];
let figures: object = {};
try {
  const f = await soak({
    seed: o.seed,
    daemons: o.daemons,
    link: o.link,
    phases: Infinity,
    until: began + o.minutes * 60_000,
    stormMs: STORM_MS,
    pauseMs: PAUSE_MS,
    ...(spread === undefined ? {} : { spread }),
    ...(machines === undefined ? {} : { machines }),
    say: (line) => console.error(`${((Date.now() - began) / 1000).toFixed(0)} s: ${line}`),
  });
  for (const v of f.violations) problems.push(`${v.t} ms [${v.guarantee}] ${v.detail}`);
  const { residentFromMiB, residentToMiB, filesFrom, filesTo } = f.growth;
  if (residentToMiB > residentFromMiB * GROWTH_FACTOR && residentToMiB > residentFromMiB + GROWTH_MIB)
    problems.push(`resident memory of alpha grew from ${residentFromMiB} to ${residentToMiB} MiB`);
  if (filesTo > filesFrom + FILES_MORE) problems.push(`open files of alpha grew from ${filesFrom} to ${filesTo}`);
  figures = { ...f, violations: f.violations.length };
} catch (e) {
  problems.push(e instanceof Error ? (e.stack ?? e.message) : String(e));
} finally {
  machines?.destroy();
}
for (const line of problems) console.log(line);
const wallSeconds = (Date.now() - began) / 1000;
const all = {
  network,
  link: o.link,
  daemons: o.daemons,
  seed: o.seed,
  wallSeconds,
  ...figures,
  problems: problems.length,
};
console.log(o.json ? JSON.stringify(all) : all);
process.exitCode = problems.length > 0 ? 1 : 0;
