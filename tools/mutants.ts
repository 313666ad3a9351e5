// `npm run mutants`: plants one bug after the other in a copy of the compiled tree and lets the ordinary random runs of
// the simulator find it (docs/how-we-test.md, "Planted bugs"). Exit code 0: all were caught; 1: not; 2: wrong arguments.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { COUNTED, MUTANTS, RARE, TESTED, type Mutant } from '../test/mutants/index.js';
import { plant } from '../test/mutants/plant.js';

interface Options {
  seed: number;
  minutes: number;
  only?: string[];
  tests: boolean;
  attacks: boolean;
  list: boolean;
  jobs: number;
  keep?: string;
  json: boolean;
}

interface Verdict {
  readonly mutant: string;
  readonly machine: string;
  readonly caught: boolean;
  readonly seconds: number;
  /** The guarantee that was broken, and the first seed that showed it. */
  readonly by: string;
}

/** A test file that failed, and its first test that did. */
interface Failure {
  readonly name: string;
  readonly first: string;
}

/** What of jest's own report is read. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const FOLDERS = ['core', 'test', 'tools', 'link-protocols', 'client-apis', 'plugins', 'config', 'bench', 'examples'];
/** A mutant that makes a run spin for ever is ended that long after its time. */
const GRACE_MS = 60_000;
const SHRINK_S = 20;

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

/** A compiled tree with the bug in it; answers its folder. */
async function planted(m: Mutant): Promise<string> {
  const { default: ts } = await import('typescript');
  const folder = mkdtempSync(join(tmpdir(), 'peal-mutant-'));
  folders.add(folder);
  for (const f of FOLDERS)
    if (existsSync(join(ROOT, 'dist', f))) cpSync(join(ROOT, 'dist', f), join(folder, 'dist', f), { recursive: true });
  for (const f of ['package.json', 'jest.config.js', 'node_modules', 'docs', 'config', 'test', 'README.md'])
    if (existsSync(join(ROOT, f))) symlinkSync(join(ROOT, f), join(folder, f));
  for (const [file, text] of plant(ROOT, m)) {
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      fileName: file,
    });
    const to = join(folder, 'dist', file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, outputText);
  }
  return folder;
}

/** Process groups of the commands that run, and the trees they run in. */
const groups = new Set<number>();
const folders = new Set<string>();

function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

/** Ends a command with all that it started: a planted bug may leave a process that spins. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}

/** Runs a command in the folder; its output and exit code, undefined when it had to be ended. */
function run(folder: string, args: readonly string[], limitMs: number): Promise<{ code?: number; text: string }> {
  return new Promise((done) => {
    const p = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const pid = p.pid!;
    groups.add(pid);
    let text = '';
    const take = (chunk: Buffer): void => {
      text += chunk.toString('utf8');
    };
    p.stdout.on('data', take);
    p.stderr.on('data', take);
    const late = setTimeout(() => endGroup(pid), limitMs);
    p.on('exit', () => {
      endGroup(pid);
      groups.delete(pid);
    });
    p.on('close', (code) => {
      clearTimeout(late);
      done(code === null ? { text } : { code, text });
    });
  });
}

async function simulated(m: Mutant, o: Options): Promise<Verdict> {
  const folder = await planted(m);
  const began = Date.now();
  try {
    const args = [
      'dist/tools/sim.js',
      '--seed',
      String(o.seed),
      '--minutes',
      String(o.minutes),
      '--first',
      '--lines',
      '0',
      ...(m.machine === 'flood' ? ['--service', 'flood'] : ['--link', m.machine === 'ring' ? 'ring' : 'mesh']),
    ];
    const keep = o.keep === undefined ? undefined : resolve(o.keep, `${m.name}.json`);
    if (keep !== undefined) args.push('--jobs', '1', '--shrink', String(SHRINK_S), '--keep', keep);
    const { code, text } = await run(folder, args, o.minutes * 60_000 + GRACE_MS);
    const seconds = Math.round((Date.now() - began) / 100) / 10;
    const [, seed] = /^seed (\d+) \(.*violations/m.exec(text) ?? [];
    const [, guarantee] = /\[([^\]]+)\]/.exec(text) ?? [];
    const caught = code === 1 && seed !== undefined;
    const why = code === undefined ? 'it spins' : code === 0 ? '-' : `exit code ${String(code)}: ${text.slice(-300)}`;
    return {
      mutant: m.name,
      machine: m.machine,
      caught,
      seconds,
      by: caught ? `${guarantee ?? '?'}, seed ${seed}` : why,
    };
  } finally {
    remove(folder);
  }
}

/** Tests that say nothing of a planted bug: they look at the source, or are what the bug is meant for. */
const NEVER = ['/sim/', '/mutants/', 'tidy', 'outside', 'docs'];
/** The tests in groups, those that are quick and likely to find it first. */
const TESTS = [
  { only: ['/unit/'], but: NEVER },
  { only: [], but: [...NEVER, '/attacks/', '/unit/'] },
];
const SCENES = [{ only: ['/attacks/'], but: NEVER }];

/**
 * Test files that fail in that folder, of all that `choice` takes. Those that fail get a second try on their own: on a busy
 * machine a test may run out of time, which says nothing of the bug.
 */
async function failing(folder: string, choice: readonly string[]): Promise<Failure[]> {
  const report = join(folder, 'report.json');
  const jest = async (args: readonly string[]): Promise<Failure[]> => {
    rmSync(report, { force: true });
    const fixed = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--rootDir', folder];
    // Forced: a test that fails may leave what it opened, and its processes end with the group.
    const quiet = ['--forceExit', '--silent', '--ci', '--watchman=false', '--json', '--outputFile', report];
    const { code, text } = await run(folder, [...fixed, ...quiet, ...args], 20 * GRACE_MS);
    if (code === 0) return [];
    if (!existsSync(report)) return [{ name: folder, first: `exit code ${String(code)}: ${text.slice(-300)}` }];
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
    const failed = testResults.filter((t) => t.status === 'failed');
    return failed.map(({ name, assertionResults }) => {
      const first = assertionResults.find((a) => a.status === 'failed')?.fullName ?? 'it could not run';
      return { name, first };
    });
  };
  const once = await jest(choice);
  if (once.length === 0 || once.some((f) => f.name === folder)) return once;
  return jest(['--runTestsByPath', ...once.map((f) => f.name)]);
}

/** Which test finds it: any but the simulator, or the attacks only. */
async function tested(m: Mutant, attacks: boolean): Promise<Verdict> {
  const folder = await planted(m);
  const began = Date.now();
  try {
    let by: string | undefined;
    for (const { only, but } of attacks ? SCENES : TESTS) {
      const patterns = only.flatMap((o) => ['--testPathPatterns', o]);
      const failures = await failing(folder, ['--testPathIgnorePatterns', but.join('|'), ...patterns]);
      if (failures.length === 0) continue;
      by = failures.map((f) => f.first).join('; ');
      break;
    }
    const seconds = Math.round((Date.now() - began) / 100) / 10;
    return { mutant: m.name, machine: m.machine, caught: by !== undefined, seconds, by: by ?? '-' };
  } finally {
    remove(folder);
  }
}

async function main(): Promise<void> {
  const command = new Command('mutants')
    .description('Plants bugs in the machines, one at a time, and lets the simulator find them.')
    .option('--seed <n>', 'first seed of each hunt; default: from the clock', natural, Math.floor(Date.now() / 1000))
    .option('--minutes <m>', 'time for each mutant', positive, 10)
    .option('--only <names...>', 'names of mutants or machines')
    .option('--jobs <n>', 'hunts at the same time', natural, availableParallelism())
    .option(
      '--tests',
      'instead: which are caught by a test other than the simulator and the attacks (of those that count none should)',
      false,
    )
    .option('--attacks', 'instead: those that random runs meet too rarely, by the scenes of test/attacks', false)
    .option('--keep <folder>', 'write the setting of the run that shows a mutant there, made short')
    .option('--list', 'only print the list', false)
    .option('--json', 'last line: one JSON object of figures', false);
  command.parse();
  const o = command.opts<Options>();
  const named = MUTANTS.filter((m) => o.only === undefined || o.only.includes(m.name) || o.only.includes(m.machine));
  // Who names one mutant means it; else each is hunted by what catches it, and those that count are tested.
  const meant = (m: Mutant): boolean => (o.tests ? COUNTED.includes(m) : RARE.has(m.name) === o.attacks);
  const wanted = named.filter((m) => o.list || o.only?.includes(m.name) === true || meant(m));
  if (wanted.length === 0)
    command.error(`no such mutant is called ${o.only?.join(' or ') ?? ''}; --list shows them`, { exitCode: 2 });
  if (o.list) {
    for (const m of wanted) {
      const by = `${RARE.has(m.name) ? 'scene ' : 'random'} ${TESTED.has(m.name) ? 'tests' : '     '}`;
      console.log(`${m.machine.padEnd(11)} ${m.name.padEnd(34)} ${by} ${m.breaks}`);
    }
    return;
  }
  const verdicts: Verdict[] = [];
  const queue = [...wanted];
  const work = async (): Promise<void> => {
    for (let m = queue.shift(); m; m = queue.shift()) {
      const v = o.tests || o.attacks ? await tested(m, o.attacks) : await simulated(m, o);
      verdicts.push(v);
      const word = v.caught ? 'caught' : 'NOT caught';
      console.log(
        `${word.padEnd(10)} ${String(v.seconds).padStart(6)} s  ${v.machine.padEnd(11)} ${v.mutant.padEnd(34)} ${v.by}`,
      );
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      for (const pid of groups) endGroup(pid);
      for (const folder of folders) remove(folder);
      process.exit(1);
    });
  await Promise.all(Array.from({ length: Math.max(1, o.jobs) }, work));
  const caught = verdicts.filter((v) => v.caught).length;
  if (o.json) console.log(JSON.stringify({ mutants: verdicts.length, caught, seed: o.seed, verdicts }));
  else console.log(`${caught} of ${verdicts.length} caught`);
  process.exitCode = o.tests ? Number(caught > 0) : Number(caught < verdicts.length);
}

await main();
