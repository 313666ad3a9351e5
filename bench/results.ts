// Results kept: one file of JSON lines for each run of the bench, the machine and the commit first; and two of them
// compared, so that a regression is seen.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { quartile, ratiosOf, short, spreadOf, valuesOf } from './report.js';
import type { Row, Sample } from './row.js';
import { VARIANTS } from './variants.js';

const FOLDER = join('bench', 'results');
/** So much worse, beyond the quartiles of both, is a regression. */
const WORSE = 1.1;
/** Whose ratio to ours says more than our own figure, since the machine may be another or busy. */
const REFERENCE = 'spread';

/** Of the figures behind the name in /proc/PID/stat. */
const POLICY_AT = 38;

export interface Head {
  readonly kind: 'head';
  readonly date: string;
  readonly commit: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGigabytes: number;
  readonly node: string;
  readonly kernel: string;
  /** How the system's TCP finds its pace, e.g. cubic (Linux's default) or bbr: it changes the figures of all by half. */
  readonly congestion: string;
  /** Everything before ordinary work (`chrt -r`)? */
  readonly realTime: boolean;
  readonly load: number;
  readonly rounds: number;
  readonly variants: Readonly<Record<string, string>>;
}

/** What a file says of a row: of an older one the figures or the options may be others than those of today. */
type KeptRow = Pick<Row, 'name' | 'options' | 'figures'>;

interface Kept {
  readonly head: Head;
  readonly rows: readonly KeptRow[];
  readonly samples: readonly Sample[];
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

function systemFile(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return 'unknown';
  }
}

/** The policy of this process, '0': ordinary; the 41st figure of its line, of which a name in brackets is the second. */
function scheduled(): string {
  const line = systemFile('/proc/self/stat');
  return line.slice(line.lastIndexOf(')') + 2).split(' ')[POLICY_AT] ?? '0';
}

/** The machine and how it stands, for whoever reads the tables. */
export function describe({ processor, cores, node, kernel, congestion, realTime, load, commit }: Head): string {
  const first = realTime ? 'real-time priority' : 'ordinary priority';
  return `${processor}, ${cores} cores, ${kernel}, tcp ${congestion}, ${first}, load ${load.toFixed(1)}, node ${node}, commit ${commit}`;
}

export function makeHead(rounds: number, variants: readonly string[]): Head {
  const commit = git('rev-parse', '--short', 'HEAD') || 'unknown';
  const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+';
  return {
    kind: 'head',
    date: new Date().toISOString().slice(0, 16),
    commit: commit + changed,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    kernel: `${process.platform} ${release()}`,
    congestion: systemFile('/proc/sys/net/ipv4/tcp_congestion_control'),
    realTime: scheduled() !== '0',
    load: loadavg()[0] ?? NaN,
    rounds,
    variants: Object.fromEntries(variants.map((v) => [v, VARIANTS[v as keyof typeof VARIANTS].what])),
  };
}

/** Answers where it stands. */
export function keep(head: Head, rows: readonly Row[], samples: readonly Sample[]): string {
  mkdirSync(FOLDER, { recursive: true });
  const name = `${head.date.replace(':', '')}-${head.commit}`;
  let file = join(FOLDER, `${name}.jsonl`);
  // A short run may end within the minute of the one before.
  for (let again = 2; existsSync(file); again++) file = join(FOLDER, `${name}-${again}.jsonl`);
  const described = rows.map(({ name, measures, options, figures }) => ({
    kind: 'row',
    name,
    measures,
    options,
    figures,
  }));
  writeFileSync(file, [head, ...described, ...samples].map((line) => JSON.stringify(line)).join('\n') + '\n');
  return file;
}

function read(file: string): Kept {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  const parsed = lines.map((line, i) => {
    try {
      return JSON.parse(line) as FileHead | Sample | (KeptRow & { kind: 'row' });
    } catch {
      throw new Error(`${file}:${i + 1} is not JSON, so this is no result of the bench`);
    }
  });
  const [head] = parsed;
  if (head === undefined || !('kind' in head) || head.kind !== 'head')
    throw new Error(`${file} is no result of the bench`);
  const rows = parsed.filter((l): l is KeptRow & { kind: 'row' } => 'kind' in l && l.kind === 'row');
  // The oldest do not say it.
  return {
    head: { ...head, congestion: head.congestion ?? 'unknown' },
    rows,
    samples: parsed.filter((l): l is Sample => 'variant' in l),
  };
}

/** Files of before it was looked at have no such line. */
type FileHead = Omit<Head, 'congestion'> & Partial<Pick<Head, 'congestion'>>;

interface Comparison {
  readonly text: string;
  readonly worse: boolean;
}

function compareOne(
  row: KeptRow,
  variant: string,
  figure: KeptRow['figures'][number],
  a: Kept,
  b: Kept,
): Comparison | undefined {
  const related = variant !== REFERENCE;
  const values = (k: Kept): number[] => {
    const ratios = related ? ratiosOf(k.samples, row.name, variant, REFERENCE, figure.name) : [];
    return ratios.length > 0 ? ratios : valuesOf(k.samples, row.name, variant, figure.name);
  };
  const hasRatio = (k: Kept): boolean =>
    related && ratiosOf(k.samples, row.name, variant, REFERENCE, figure.name).length > 0;
  const both = hasRatio(a) && hasRatio(b);
  const of = (k: Kept): number[] => (both ? values(k) : valuesOf(k.samples, row.name, variant, figure.name));
  const [before, after] = [of(a), of(b)];
  if (before.length === 0 || after.length === 0) return undefined;
  const change = quartile(after, 2) / quartile(before, 2);
  const [x, y] = [spreadOf(before), spreadOf(after)];
  const fell = figure.better === 'more' ? change < 1 / WORSE && y.high < x.low : change > WORSE && y.low > x.high;
  const what = both ? `${variant} / ${REFERENCE}` : variant;
  const text = `${row.name}: ${figure.name} of ${what}: ${short(x.median)} -> ${short(y.median)} (${change.toFixed(2)}x)`;
  // What others do is no regression of ours.
  return { text, worse: fell && isOurs(variant) };
}

function isOurs(variant: string): boolean {
  return Object.entries(VARIANTS).some(([name, v]) => name === variant && v.ours);
}

/** What makes figures of the two hard to compare, a line each. */
function differences(a: Kept, b: Kept): string[] {
  const of = ({ head }: Kept): string[] => [
    `${head.cores} x ${head.processor}`,
    `tcp ${head.congestion}`,
    head.realTime ? 'real-time priority' : 'ordinary priority',
  ];
  const after = of(b);
  const machine = of(a).flatMap((x, i) => (x === after[i] ? [] : [`not the same: ${x}, ${after[i]!}`]));
  const rows = a.rows.filter((r) => {
    const now = b.rows.find((x) => x.name === r.name);
    return now !== undefined && JSON.stringify(now.options) !== JSON.stringify(r.options);
  });
  return [...machine, ...rows.map((r) => `${r.name}: measured with other options`)];
}

/** Prints what changed from the first to the second; answers how many figures are worse. Throws if there is none in both. */
export function compare(fileA: string, fileB: string): number {
  const [a, b] = [read(fileA), read(fileB)];
  for (const { head } of [a, b]) console.log(`${head.date}: ${describe(head)}`);
  for (const line of differences(a, b)) console.log(`  ${line}`);
  let worse = 0;
  let compared = 0;
  const variants = [...new Set(b.samples.map((s) => s.variant))];
  for (const row of b.rows)
    for (const variant of variants)
      for (const figure of row.figures) {
        const found = compareOne(row, variant, figure, a, b);
        if (found === undefined) continue;
        compared++;
        console.log(`${found.worse ? 'WORSE ' : '      '}${found.text}`);
        if (found.worse) worse++;
      }
  if (compared === 0) throw new Error(`${fileA} and ${fileB} have no figure in common`);
  console.log(worse === 0 ? 'no regression' : `${worse} figures are worse`);
  return worse;
}
