// `peal compliance PLUGIN` and `npm run compliance -- PLUGIN`: the suite of a plugin's kind, ours or a stranger's, run by jest in
// a process of its own. The plugin is loaded here first, so that what is wrong with it is a coded error and no failed test.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { COMPLIANCE_ERRORS, OPTION_ERRORS, PealError, PealErrors, PLUGIN_ERRORS, reasonOf } from '../core/errors.js';
import { builtInFolder, builtInNames, loadPlugin, mainOf, packageEntry } from '../core/kernel/resolve.js';
import { type Plugin, PLUGIN_KINDS, type PluginKind } from '../core/plugin/define.js';
import { readOptions } from '../core/plugin/options.js';

const DIST = fileURLToPath(new URL('../', import.meta.url));
/** Beside a plugin's main file, or in `test` beside it: what only its author can know of its suite. */
const PARTS_FILE = 'compliance.setup.js';
const TEST_TIMEOUT_MS = 30_000;
const PAGES: Readonly<Record<PluginKind, string>> = {
  link: 'docs/write-a-link.md',
  client: 'docs/write-a-client-api.md',
  storage: 'docs/write-a-storage.md',
  export: 'docs/write-an-export.md',
  service: 'docs/write-a-service.md',
};

export interface ComplianceCall {
  /** Path, `KIND.NAME`, or the name of a package. */
  readonly plugin: string;
  /** Options, as a file would say them. */
  readonly options: Readonly<Record<string, string>>;
  /** The file with the author's parts; without it the one beside the plugin, if there is one. */
  readonly parts?: string | undefined;
}

export interface ComplianceOutcome {
  /** `KIND NAME (FILE)` */
  readonly plugin: string;
  readonly passed: number;
  readonly failed: number;
}

interface Planned {
  readonly plugin: Plugin;
  readonly file: string;
  readonly parts: string | undefined;
  readonly jest: string;
}

/** Runs the suite, its output on this process's; resolves when jest has ended. Rejects with a coded error when it cannot be run. */
export async function runCompliance(call: ComplianceCall): Promise<ComplianceOutcome> {
  const planned = await plan(call);
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'peal-compliance-'));
  try {
    const result = join(folder, 'result.json');
    writeFileSync(join(folder, 'plugin.test.mjs'), testFile(planned, call.options));
    await jest(planned.jest, folder, result);
    const told = existsSync(result) ? (JSON.parse(readFileSync(result, 'utf8')) as JestResult) : undefined;
    const { plugin, file } = planned;
    const passed = told?.numPassedTests ?? 0;
    // A suite that cannot even be declared, or declares nothing, has failed.
    const failed = told?.success === true && passed > 0 ? 0 : Math.max(1, told?.numFailedTests ?? 0);
    return { plugin: `${plugin.kind} ${plugin.name} (${file})`, passed, failed };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface JestResult {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
}

async function plan({ plugin: name, options, parts }: ComplianceCall): Promise<Planned> {
  const file = realpathSync(mainFile(name));
  const plugin = await loadPlugin(file, name);
  checkOptions(plugin, options);
  const found = parts === undefined ? partsBeside(file) : resolve(parts);
  if (found !== undefined) await checkParts(found, plugin);
  else if (plugin.kind === 'client') {
    const page = PAGES.client;
    const wanted = join(dirname(file), PARTS_FILE);
    const what = 'a client of this API (`connect`)';
    throw PealError.of(COMPLIANCE_ERRORS.NO_PARTS, { kind: plugin.kind, what, plugin: name, file: wanted, page });
  }
  return { plugin, file, parts: found, jest: jestProgram([process.cwd(), dirname(file), DIST]) };
}

/** Options given must exist and have legal values; what is required may come from the parts. */
function checkOptions(plugin: Plugin, options: Readonly<Record<string, string>>): void {
  const entries = new Map(Object.entries(options).map(([name, value]) => [name, { value }]));
  const read = readOptions(plugin.options, entries, { section: `${plugin.kind}.${plugin.name}` });
  const errors = read.errors.filter((e) => e.code !== OPTION_ERRORS.MISSING.code);
  if (errors.length > 0) throw new PealErrors(errors);
}

function mainFile(name: string): string {
  const none = (detail: string): PealError => PealError.of(COMPLIANCE_ERRORS.NO_PLUGIN, { name, detail });
  const path = resolve(name);
  const looksLikePath = /^[.~]|[/\\]|\.[cm]?[jt]s$/.test(name) && !name.startsWith('@');
  if (looksLikePath || existsSync(path)) {
    if (!existsSync(path)) throw none(`${path} does not exist`);
    const file = statSync(path).isDirectory() ? mainOfFolder(path) : path;
    if (/\.[cm]?ts$/.test(file)) throw none('it is TypeScript; compile it, and give the compiled module');
    if (existsSync(file)) return file;
    throw none(`${file} does not exist${existsSync(file.replace(/js$/, 'ts')) ? '; compile it' : ''}`);
  }
  const dot = name.indexOf('.');
  const kind = PLUGIN_KINDS.find((k) => k === name.slice(0, dot));
  const short = name.slice(dot + 1);
  if (kind !== undefined && builtInNames(kind).includes(short)) return join(builtInFolder(kind), short, 'index.js');
  const packageName = kind === undefined ? name : `peal-${kind}-${short}`;
  const entry = packageEntry(packageName, [process.cwd()]);
  if (entry !== undefined) return entry;
  if (kind === undefined) throw none(`no file or folder ${path}, and no package ${name} is installed here or above`);
  const known = builtInNames(kind).join(', ');
  throw PealError.of(PLUGIN_ERRORS.NOT_FOUND, { kind, name: short, known, package: packageName });
}

function mainOfFolder(folder: string): string {
  return join(folder, existsSync(join(folder, 'package.json')) ? mainOf(folder) : 'index.js');
}

function partsBeside(file: string): string | undefined {
  return [PARTS_FILE, join('test', PARTS_FILE)].map((f) => join(dirname(file), f)).find((f) => existsSync(f));
}

async function checkParts(file: string, { kind }: Plugin): Promise<void> {
  const bad = (detail: string): PealError =>
    PealError.of(COMPLIANCE_ERRORS.BAD_PARTS, { file, detail, page: PAGES[kind] });
  if (!existsSync(file)) throw bad('it does not exist');
  const { default: parts } = await import(pathToFileURL(file).href).then(
    (m) => m as { readonly default?: unknown },
    (e: unknown) => {
      throw bad(reasonOf(e));
    },
  );
  if (typeof parts !== 'function') throw bad('its default export is no function');
}

/** jest's program, from the first of these folders that has it in its node_modules or above. */
function jestProgram(folders: readonly string[]): string {
  for (const folder of folders) {
    try {
      const manifest = createRequire(join(folder, 'x.js')).resolve('jest/package.json');
      return join(dirname(manifest), 'bin', 'jest.js');
    } catch {
      continue;
    }
  }
  throw PealError.of(COMPLIANCE_ERRORS.NO_JEST, { folders: folders.slice(0, 2).join(', ') });
}

/** The one test file that jest gets. */
function testFile({ file, parts }: Planned, options: Readonly<Record<string, string>>): string {
  const from = (path: string): string => JSON.stringify(path);
  return [
    `import { pluginCompliance } from ${from(join(DIST, 'test', 'compliance', 'plugin.js'))};`,
    `import plugin from ${from(file)};`,
    parts === undefined ? 'const parts = undefined;' : `import parts from ${from(parts)};`,
    `const request = { options: ${JSON.stringify(options)}, ...(parts && { parts }) };`,
    'pluginCompliance({ describe, test, expect, afterAll }, plugin, request);',
  ].join('\n');
}

function jest(program: string, folder: string, result: string): Promise<void> {
  const config = {
    rootDir: folder,
    testMatch: ['**/plugin.test.mjs'],
    testEnvironment: 'node',
    transform: {},
    moduleFileExtensions: ['js', 'mjs', 'json', 'node'],
    testTimeout: TEST_TIMEOUT_MS,
  };
  const words = ['--experimental-vm-modules', '--no-warnings', program, '--config', JSON.stringify(config)];
  words.push('--runInBand', '--verbose', '--ci', '--json', `--outputFile=${result}`);
  // The report for eyes goes to standard error; that for programs is in the file.
  const child = spawn(process.execPath, words, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('exit', () => done());
  });
}
