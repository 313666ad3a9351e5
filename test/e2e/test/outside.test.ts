// Plugins from outside: a medium by `module =` and a client API by npm name, in a project that has nothing but the packed
// package, pass the exported suites and run in a daemon. The project gets links to our own dependencies, so that nothing
// is downloaded.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
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
  writeFileSync(join(project, 'jest.config.json'), '{ "testEnvironment": "node", "transform": {} }');
  // Somebody else's client API, as an npm package of its own.
  const lines = join(modules, 'peal-client-lines');
  mkdirSync(lines);
  cpSync(join(DIST, 'examples', 'client-lines.js'), join(lines, 'index.js'));
  writeFileSync(join(lines, 'package.json'), '{ "name": "peal-client-lines", "type": "module", "main": "index.js" }');
  // Somebody else's medium, in a folder.
  cpSync(join(DIST, 'link-protocols', 'memory'), join(project, 'crowd'), {
    recursive: true,
    filter: (f) => !f.includes('/test'),
  });
  const index = join(project, 'crowd', 'index.js');
  writeFileSync(index, readFileSync(index, 'utf8').replace("name: 'memory'", "name: 'crowd'"));
  cpSync(join(ROOT, 'test', 'fixtures', 'outside', 'suite.test.js'), join(project, 'suite.test.js'));
}, 120_000);

afterAll(() => rmSync(project, { recursive: true, force: true }));

test('a medium and a client API from outside pass the exported suites', async () => {
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
  expect(result.numPassedTests).toBeGreaterThan(20);
}, 180_000);

test('a daemon of the packed package runs with both', async () => {
  const file = join(project, 'peal.ini');
  writeFileSync(file, '[daemon]\nstate_dir = state\n[link.crowd]\nmodule = ./crowd/index.js\n[client.lines]\n');
  const main = join(modules, 'peal', 'dist', 'core', 'main.js');
  const daemon = spawn(process.execPath, [main, 'start', '-c', file, '-n', 'solo'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: string[] = [];
  createInterface(daemon.stderr).on('line', (line) => log.push(line));
  const exit = new Promise((resolve) => daemon.once('exit', resolve));
  try {
    const ready = await new Promise<string>((resolve, reject) => {
      createInterface(daemon.stdout).once('line', resolve);
      daemon.once('exit', () => reject(new Error(log.join('\n'))));
    });
    const port = Number(/clients 127\.0\.0\.1:(\d+)/.exec(ready)?.[1]);
    const socket = connect(port, '127.0.0.1');
    socket.write('ann\n{"do":"join","groups":["room"]}\n');
    const answers: string[] = [];
    for await (const line of createInterface(socket)) if (answers.push(line) === 2) break;
    expect(answers[0]).toBe('{"welcome":"#ann#solo"}');
    expect(answers[1]).toContain('"members":["#ann#solo"]');
    socket.destroy();
  } finally {
    daemon.kill('SIGTERM');
  }
  expect(await exit).toBe(0);
}, 60_000);
