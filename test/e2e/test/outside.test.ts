// Plugins from outside: a medium and a storage by `module =`, a client API and an exporter by npm name, in a project that
// has nothing but the packed package, pass the exported suites, by a test file and by `peal compliance`, and run in a daemon. The project gets links to our own dependencies, so that nothing
// is downloaded.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const DIST = join(ROOT, 'dist');
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;
const project = mkdtempSync(join(tmpdir(), 'peal-outside-'));
const modules = join(project, 'node_modules');

beforeAll(async () => {
  mkdirSync(modules);
  await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', project], { cwd: ROOT });
  const tarball = readdirSync(project).find((f) => f.endsWith('.tgz'))!;
  await run('tar', ['-xzf', join(project, tarball), '-C', modules]);
  await run('mv', [join(modules, 'package'), join(modules, 'peal')]);
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object };
  for (const name of [...Object.keys(manifest.dependencies), '@jest'])
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  writeFileSync(join(project, 'package.json'), '{ "name": "outside", "type": "module" }');
  const config = { testEnvironment: 'node', transform: {}, testTimeout: 30_000 };
  writeFileSync(join(project, 'jest.config.json'), JSON.stringify(config));
  // Somebody else's client API and exporter, as npm packages of their own.
  for (const name of ['client-lines', 'export-post']) {
    const folder = join(modules, `peal-${name}`);
    mkdirSync(folder);
    cpSync(join(DIST, 'examples', `${name}.js`), join(folder, 'index.js'));
    writeFileSync(join(folder, 'package.json'), `{ "name": "peal-${name}", "type": "module", "main": "index.js" }`);
  }
  // Somebody else's storage, in a file, and medium, in a folder.
  cpSync(join(DIST, 'examples', 'storage-journal.js'), join(project, 'storage-journal.js'));
  cpSync(join(DIST, 'link-protocols', 'memory'), join(project, 'crowd'), {
    recursive: true,
    filter: (f) => !f.includes('/test'),
  });
  const index = join(project, 'crowd', 'index.js');
  writeFileSync(index, readFileSync(index, 'utf8').replace("name: 'memory'", "name: 'crowd'"));
  for (const file of ['suite.test.js', 'lines.parts.js'])
    cpSync(join(ROOT, 'test', 'fixtures', 'outside', file), join(project, file));
}, 120_000);

afterAll(() => rmSync(project, { recursive: true, force: true }));

test('a medium, a client API, a storage and an exporter from outside pass the exported suites', async () => {
  const jest = join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
  const words = [
    '--experimental-vm-modules',
    '--no-warnings',
    jest,
    '--rootDir',
    project,
    '-c',
    'jest.config.json',
    '--json',
    '--ci',
  ];
  const { stdout } = await run(process.execPath, words, { cwd: project, maxBuffer: OUTPUT_MAX_BYTES }).catch(
    (e: unknown) => e as { stdout: string },
  );
  const result = JSON.parse(stdout) as {
    numPassedTests: number;
    testResults: { message: string; assertionResults: { status: string; fullName: string }[] }[];
  };
  const failed = result.testResults.flatMap((r) => r.assertionResults.filter((a) => a.status !== 'passed'));
  expect([failed.map((f) => f.fullName), result.testResults.map((r) => r.message)]).toEqual([[], ['']]);
  expect(result.numPassedTests).toBeGreaterThan(60);
}, 180_000);

/** `peal compliance` of the packed package, in the project. */
async function compliance(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const main = join(modules, 'peal', 'dist', 'core', 'main.js');
  const options = { cwd: project, maxBuffer: OUTPUT_MAX_BYTES };
  return run(process.execPath, [main, 'compliance', ...words], options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (e: unknown) => e as { code: number; stdout: string; stderr: string },
  );
}

test('the compliance command says what it cannot run, and why', async () => {
  writeFileSync(join(project, 'nothing.js'), 'export default { kind: "storage" };\n');
  writeFileSync(join(project, 'broken.js'), 'import "./not-there.js";\n');
  writeFileSync(join(project, 'source.ts'), 'export default 1;\n');
  writeFileSync(join(project, 'odd-parts.js'), 'export default 1;\n');
  const cases: [string[], string, number][] = [
    [['./storage-journal.js'], 'PEAL_COMPLIANCE_NO_JEST', 1],
    [['./nothing.js'], 'PEAL_PLUGIN_NOT_A_PLUGIN', 1],
    [['./broken.js'], 'PEAL_PLUGIN_LOAD_FAILED', 1],
    [['./source.ts'], 'it is TypeScript', 1],
    [['./missing.js'], 'does not exist', 1],
    [['peal-storage-none'], 'PEAL_COMPLIANCE_NO_PLUGIN', 1],
    [['link.tpc'], 'PEAL_PLUGIN_NOT_FOUND', 1],
    [['client.lines'], 'PEAL_COMPLIANCE_NO_PARTS', 1],
    [['./storage-journal.js', '--parts', 'odd-parts.js'], 'PEAL_COMPLIANCE_BAD_PARTS', 1],
    [['./storage-journal.js', '--set', 'pat=x'], "did you mean 'path'?", 2],
    [['./storage-journal.js', '--set', 'path'], 'PEAL_CLI_USAGE', 2],
  ];
  for (const [words, said, code] of cases) {
    const found = await compliance(...words);
    expect([words, found.stderr, found.code]).toEqual([words, expect.stringContaining(said), code]);
  }
}, 180_000);

test('with jest beside it, the command runs the suite of a file, a folder and packages, and fails with a broken plugin', async () => {
  symlinkSync(join(ROOT, 'node_modules', 'jest'), join(modules, 'jest'));
  const journal = readFileSync(join(project, 'storage-journal.js'), 'utf8');
  writeFileSync(join(project, 'forgets.js'), journal.replace('JSON.parse(line)', '{ space: "", put: [] }'));
  for (const [words, said, code] of [
    [['./storage-journal.js'], /^storage journal .*: passed, \d\d tests$/m, 0],
    [['crowd', '--set', 'hub=another'], /^link crowd .*: passed, \d\d tests$/m, 0],
    [['client.lines', '--parts', 'lines.parts.js'], /^client lines .*: passed, \d\d tests$/m, 0],
    [
      ['peal-export-post', '--set', 'url=http://127.0.0.1:9/', '--set', 'timeout_ms=50 ms'],
      /^export post .*: FAILED/m,
      1,
    ],
    [['./forgets.js'], /^storage journal .*: FAILED, \d+ of \d+ tests$/m, 1],
  ] as const) {
    const found = await compliance(...words);
    expect([words, found.stdout, found.code]).toEqual([words, expect.stringMatching(said), code]);
  }
}, 180_000);

/** A daemon of the packed package with that configuration. */
class Daemon {
  readonly exit: Promise<unknown>;
  private readonly child: ChildProcess;
  private readonly log: string[] = [];

  constructor(config: string) {
    const file = join(project, 'peal.ini');
    writeFileSync(file, `[daemon]\nstate_dir = state\n[link.crowd]\nmodule = ./crowd/index.js\n${config}`);
    const main = join(modules, 'peal', 'dist', 'core', 'main.js');
    this.child = spawn(process.execPath, [main, 'start', '-c', file, '-n', 'solo'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    createInterface(this.child.stderr!).on('line', (line) => this.log.push(line));
    this.exit = new Promise((resolve) => this.child.once('exit', resolve));
  }

  /** A client of the API by lines: says these lines, answers what comes back, so many lines. */
  async talk(lines: string, answers: number): Promise<string[]> {
    const ready = await new Promise<string>((resolve, reject) => {
      createInterface(this.child.stdout!).once('line', resolve);
      this.child.once('exit', () => reject(new Error(this.log.join('\n'))));
    });
    const port = Number(/clients 127\.0\.0\.1:(\d+)/.exec(ready)?.[1]);
    const socket = connect(port, '127.0.0.1');
    socket.write(lines);
    const found: string[] = [];
    for await (const line of createInterface(socket)) if (found.push(line) === answers) break;
    socket.destroy();
    return found;
  }

  async stop(): Promise<unknown> {
    this.child.kill('SIGTERM');
    return this.exit;
  }
}

test('a daemon of the packed package runs with medium and client API', async () => {
  const daemon = new Daemon('[client.lines]\n');
  try {
    const answers = await daemon.talk('ann\n{"do":"join","groups":["room"]}\n', 2);
    expect(answers[0]).toBe('{"welcome":"#ann#solo"}');
    expect(answers[1]).toContain('"members":["#ann#solo"]');
  } finally {
    expect(await daemon.stop()).toBe(0);
  }
}, 60_000);

test('and with storage and exporter, chosen among others; the storage has its records in the next life', async () => {
  let body = '';
  let posted = (): void => undefined;
  const arrived = new Promise<void>((resolve) => (posted = resolve));
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
    request.on('end', () => response.end(posted));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const config = [
    '[storage.memory]\n[export.memory]\n[client.lines]\n',
    `[storage.journal]\nmodule = ./storage-journal.js\npath = ./journal\n[export.post]\nurl = http://127.0.0.1:${port}/\n`,
    '[service.memory]\ngroups = news\nstorage = journal\nexport = post\n',
  ].join('');
  const said = Buffer.from('extra! extra!').toString('base64');
  const ask = `{"do":"send","groups":["#keeper#solo"],"data":"${Buffer.from('news').toString('base64')}"}\n`;
  try {
    const first = new Daemon(config);
    const send = `{"do":"send","groups":["news"],"data":"${said}"}\n`;
    await first.talk(`ann\n{"do":"join","groups":["news"]}\n${send}`, 3);
    await arrived;
    expect(body).toContain('extra! extra!');
    expect(await first.stop()).toBe(0);
    const second = new Daemon(config);
    const answers = await second.talk(`bob\n${ask}`, 3);
    expect(await second.stop()).toBe(0);
    expect(answers[1]).toContain(said);
  } finally {
    server.close();
  }
}, 60_000);
