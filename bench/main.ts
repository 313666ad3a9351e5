// The bench: rows in interleaved rounds over variants of a cluster, medians with quartiles, ratios paired round by round,
// since on a shared machine nothing else counts. `npm run bench -- --list`; docs/performance.md.
import { Command, InvalidArgumentError } from 'commander';
import { Clusters } from './clusters.js';
import { tell, underWay } from './progress.js';
import { table } from './report.js';
import { compare, describe, keep, makeHead } from './results.js';
import type { Row, Sample } from './row.js';
import { ROWS } from './rows/index.js';
import { VARIANTS, type VariantName, wrongPlaces } from './variants.js';

interface Flags {
  readonly only?: string;
  readonly variants?: string;
  readonly rounds: number;
  readonly list?: boolean;
  readonly json?: boolean;
  readonly keep: boolean;
  readonly compare?: string[];
}

const command: Command = new Command('bench')
  .description('Measures clusters on this machine. PEAL_SPREAD_DIR and PEAL_NATS name what to compare with.')
  .option('--list', 'rows and variants, then ends')
  .option('--only <rows>', 'rows, or beginnings of their names up to a slash')
  .option('--variants <names>', 'only these, also where a row would not take them by itself')
  .option('--rounds <n>', 'interleaved rounds; default: 5 for latency, else 3', roundsOf, 3)
  .option('--json', 'one JSON object a line on standard output instead of tables')
  .option('--no-keep', 'do not keep the result in bench/results')
  .option('--compare <files...>', 'two kept results: what changed; ends with 1 if something is worse');

function roundsOf(text: string): number {
  if (!/^[1-9][0-9]{0,3}$/.test(text)) throw new InvalidArgumentError('1 to 9999');
  return Number(text);
}

/** Asked for in a way that cannot be: one line, status 1. */
function misused(why: string): never {
  command.error(`error: ${why}`);
}

const split = (list: string | undefined): string[] | undefined => list?.split(',').filter((s) => s !== '');

/** A name of `--only` is that of a row or the beginning of some, up to a slash. */
function chosen(only: readonly string[] | undefined, variants: readonly string[] | undefined): Row[] {
  const matches = (row: Row, name: string): boolean => row.name === name || row.name.startsWith(`${name}/`);
  if (only?.length === 0) misused('--only names no row; --list shows them');
  if (variants?.length === 0) misused('--variants names no variant; --list shows them');
  for (const name of only ?? [])
    if (!ROWS.some((r) => matches(r, name)))
      misused(`no row "${name}"; --list shows them (c-clients: where PEAL_SPREAD_DIR names a Spread)`);
  for (const name of variants ?? []) if (!(name in VARIANTS)) misused(`no variant "${name}"; --list shows them`);
  for (const name of variants ?? [])
    if (!VARIANTS[name as VariantName].available())
      misused(`variant "${name}" is not named by the environment: PEAL_SPREAD_DIR, PEAL_NATS`);
  return ROWS.filter((r) => only === undefined || only.some((name) => matches(r, name))).flatMap((r) => {
    // Asked for by name, a variant runs also where it is not by itself.
    const wanted = variants === undefined ? r.variants : (variants as VariantName[]);
    const there = wanted.filter((v) => VARIANTS[v].available());
    return there.length === 0 ? [] : [{ ...r, variants: there }];
  });
}

function list(rows: readonly Row[]): void {
  for (const [name, v] of Object.entries(VARIANTS))
    console.log(`variant ${name}: ${v.what}${v.available() ? '' : ' (not named by the environment)'}`);
  for (const r of rows) console.log(`row ${r.name}: ${r.measures} [${r.figures.map((f) => f.unit).join('; ')}]`);
}

/** Set by a signal: what is under way is finished, what was seen is kept, nothing more is begun. */
let ending = false;

function end(): void {
  if (ending) process.exit(1);
  ending = true;
  tell('ends when the run under way is over, and keeps what was seen; a second signal ends it at once');
}

async function runRow(row: Row, rounds: number, clusters: Clusters, told: (s: Sample) => void): Promise<void> {
  const last = row.rounds ?? rounds;
  for (let round = 1; round <= last; round++)
    for (const variant of row.variants) {
      if (ending) return;
      underWay(`${row.name}: round ${round} of ${last}, ${variant}`);
      const figures = await clusters.with(variant, row, (c, serial) => row.run(c, serial));
      told({ row: row.name, variant, round, figures });
    }
}

async function run(rows: readonly Row[], o: Flags): Promise<void> {
  const { rounds } = o;
  const head = makeHead(rounds, [...new Set(rows.flatMap((r) => r.variants))]);
  console.log(o.json ? JSON.stringify(head) : `${describe(head)}\n`);
  const samples: Sample[] = [];
  const clusters = new Clusters();
  let failed = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  // Whoever reads is gone.
  process.once('SIGHUP', () => process.exit(1));
  try {
    for (const [i, row] of rows.entries()) {
      if (ending) break;
      if (o.json) console.log(JSON.stringify({ kind: 'row', name: row.name, options: row.options }));
      try {
        // A number given by hand holds for all rows.
        const wanted = command.getOptionValueSource('rounds') === 'cli' ? { ...row, rounds } : row;
        await runRow(wanted, rounds, clusters, (s) => {
          samples.push(s);
          if (o.json) console.log(JSON.stringify(s));
        });
      } catch (error) {
        failed++;
        tell(`${row.name} failed: ${error instanceof Error ? error.message : String(error)}`);
        await clusters.keepOnly([]);
      }
      underWay('');
      if (!o.json) console.log(`${table(row, samples)}\n`);
      await clusters.keepOnly(rows.slice(i + 1));
    }
  } finally {
    await clusters.keepOnly([]);
  }
  if (o.keep) tell(`kept in ${keep(head, rows, samples)}`);
  if (failed > 0 || ending) process.exitCode = 1;
}

async function main(): Promise<void> {
  const o = command.parse().opts<Flags>();
  if (o.compare !== undefined) {
    if (o.compare.length !== 2) misused('--compare wants two files of bench/results');
    try {
      process.exitCode = compare(o.compare[0]!, o.compare[1]!) > 0 ? 1 : 0;
    } catch (error) {
      misused(error instanceof Error ? error.message : String(error));
    }
    return;
  }
  const wrong = wrongPlaces();
  if (wrong.length > 0) misused(wrong.join('\n'));
  const rows = chosen(split(o.only), split(o.variants));
  if (o.list) list(rows);
  else await run(rows, o);
}

await main();
