// The command line against running daemons: status, plugins, fault, log levels, and what is said when none runs.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Farm, MAIN } from '../processes.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const SDK = new URL('../../../core/plugin/index.js', import.meta.url).href;

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function peal(...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { timeout: 20_000 }, (error, out, err) => {
      const code = error === null ? 0 : Number(error.code ?? -1);
      resolve({ code, out, err });
    });
  });
}

/** Exit code and standard error. */
async function ending(child: ChildProcess): Promise<readonly [number | null, string]> {
  let err = '';
  child.stderr!.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return [code, err];
}

/** Asks again until the answer is as wished; a limit that only catches a hang. */
async function eventually(ask: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + 20_000;
  while (!(await ask())) if (Date.now() > until) throw new Error('it never came');
}

let farm: Farm;
beforeAll(async () => {
  const sections =
    '[link.faulty]\nwraps = tcp\n[link.tcp]\n[client.binary]\nport = ${peer.client_port}\nunix_socket = off';
  farm = await Farm.create({ daemons: 2, sections });
  await farm.start();
}, 60_000);
afterAll(() => farm.destroy());

const members = async (name: string): Promise<number> => {
  const { out } = await peal('status', '-c', farm.file, '-n', name, '--json');
  return (JSON.parse(out) as { configuration?: { members: unknown[] } }).configuration?.members.length ?? 0;
};

describe('a running daemon', () => {
  test('shows its status, for people and for programs', async () => {
    await eventually(async () => (await members('alpha')) === 2);
    const { code, out } = await peal('status', '-c', farm.file, '-n', 'alpha');
    expect(code).toBe(0);
    expect(out).toContain('daemon alpha, operational');
    expect(out).toContain('merge with beta');
    // What the plugins say of themselves; the outer medium has a place of its own.
    expect(out).toMatch(/\n\[link\.tcp]\n/);
    expect(out).toMatch(/\n\[client\.binary]\n( {2}.*\n)* {2}connections 0\n/);
    expect(out).not.toContain('[link.faulty]');
  }, 60_000);

  test('shows its plugins with options and times of the start', async () => {
    const { code, out } = await peal('plugins', '-c', farm.file, '-n', 'beta');
    expect(code).toBe(0);
    expect(out).toMatch(/\[link\.faulty] running at \d+ ms/);
    expect(out).toContain('wraps = tcp');
  });

  test('is cut off and healed by peal fault', async () => {
    const where = ['-c', farm.file, '-n', 'alpha'];
    const cut = await peal('fault', 'set', 'cut_to=beta', 'cut_from=beta', ...where);
    expect([cut.code, cut.out.split('\n')[0]]).toEqual([0, 'faults: cut to beta, cut from beta']);
    await eventually(async () => (await members('alpha')) === 1 && (await members('beta')) === 1);
    const healed = await peal('fault', 'clear', ...where);
    expect([healed.code, healed.out.split('\n')[0]]).toEqual([0, 'faults: none']);
    await eventually(async () => (await members('alpha')) === 2 && (await members('beta')) === 2);
  }, 90_000);

  test('changes its log level', async () => {
    const { code, out } = await peal('log', 'debug', 'daemon', '-c', farm.file, '-n', 'alpha');
    expect([code, out]).toEqual([0, 'log level of daemon: debug\n']);
    expect(await peal('log', 'loud', '-c', farm.file, '-n', 'alpha')).toMatchObject({ code: 2 });
  });

  test('is left at once by a watch of a group that can be none', async () => {
    const { code, err } = await peal('watch', '-s', `${farm.daemons[0]!.port}@127.0.0.1`, 'bad#name');
    expect([code, err.slice(0, 14)]).toEqual([2, 'ILLEGAL_GROUP:']);
  });

  test('is measured by peal load; ended early, what is on its way is no loss', async () => {
    const args = [
      'load',
      '-s',
      `${farm.daemons[0]!.port}@127.0.0.1`,
      '--senders',
      '3',
      '--rate',
      '5000',
      '-n',
      '1000000',
      '--json',
    ];
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.once('data', () => child.kill('SIGINT'));
    const [code] = await ending(child);
    expect(JSON.parse(out)).toMatchObject({ lost: 0, outOfOrder: 0, sameOrder: true });
    expect(code).toBe(0);
  }, 60_000);

  test('cannot be started twice', async () => {
    const { code, err } = await peal('start', '-c', farm.file, '-n', 'alpha');
    expect(code).toBe(1);
    expect(err).toContain('PEAL_CONTROL_ALREADY_RUNNING');
  });
});

describe('mistakes', () => {
  test.each([
    [['fault', 'set', 'speed=1', '-n', 'alpha'], 2, 'PEAL_OPTION_UNKNOWN'],
    [['fault', 'set', '-n', 'alpha'], 2, 'PEAL_CLI_USAGE'],
    [['fault', 'break', '-n', 'alpha'], 2, 'PEAL_CLI_USAGE'],
    [['status', '-n', 'omega'], 2, 'PEAL_CONFIG_NO_SUCH_PEER'],
    [['stats', '-n', 'alpha'], 2, "PEAL_CLI_USAGE 'stats' is no command of peal"],
  ])('%j', async (args, code, text) => {
    const ran = await peal(...args, '-c', farm.file);
    expect(ran.code).toBe(code);
    expect(ran.err).toContain(text);
  });

  test('too few files for the sessions allowed are told at the start', async () => {
    if (!existsSync('/proc/self/limits')) return;
    const other = await Farm.create({ daemons: 1 });
    const command = `ulimit -n 512; exec "$0" "$1" start -c "$2" -n alpha`;
    const child = spawn('/bin/sh', ['-c', command, process.execPath, MAIN, other.file], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let err = '';
    await new Promise<void>((resolve) =>
      child.stderr.on('data', (chunk: Buffer) => {
        err += chunk.toString();
        if (err.includes('PEAL_DAEMON_FEW_FILES')) resolve();
      }),
    );
    expect(err).toMatch(/PEAL_DAEMON_FEW_FILES .* open 512 files, max_sessions is 10000/);
    child.kill('SIGTERM');
    expect((await ending(child))[0]).toBe(0);
    await other.destroy();
  }, 60_000);

  test('a reader that goes away ends a command in silence', async () => {
    const child = spawn(process.execPath, [MAIN, 'options'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    expect(await ending(child)).toEqual([0, '']);
  });

  test('output that cannot be written is an error of one line', async () => {
    if (!existsSync('/dev/full')) return;
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [MAIN, 'options'], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    expect(await ending(child)).toEqual([1, expect.stringMatching(/^PEAL_CLI_OUTPUT [^\n]*ENOSPC[^\n]*\n$/)]);
  });

  test('a plugin that throws where nobody expects it ends the daemon with the place', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'peal-cli-'));
    const plugin = join(folder, 'clumsy.mjs');
    const made =
      'async start() { setImmediate(() => { throw new Error("oh dear") }) }, async stop() {}, describe: () => ({})';
    const definition = `kind: 'service', name: 'clumsy', api: '^1', doc: 'Falls.', options: {}, create: () => ({ ${made} })`;
    writeFileSync(
      plugin,
      `import { definePlugin } from ${JSON.stringify(SDK)};\nexport default definePlugin({ ${definition} });\n`,
    );
    const file = join(folder, 'peal.ini');
    writeFileSync(file, `[link.memory]\n[service.clumsy]\nmodule = clumsy.mjs\n`);
    const { code, err } = await peal('start', '-c', file);
    expect(code).toBe(1);
    expect(err).toMatch(/PEAL_CLI_UNEXPECTED unexpected failure: oh dear; [^\n]*\n\s+at [^\n]*clumsy\.mjs:2:/);
    rmSync(folder, { recursive: true });
  });

  test('who ends npm ends the daemon that npm start made; it cannot make trouble without [link.faulty]', async () => {
    const other = await Farm.create({ daemons: 1 });
    const npm = spawn('npm', ['start', '--', '-c', other.file, '-n', 'alpha'], { cwd: ROOT, stdio: 'ignore' });
    const runs = async (): Promise<boolean> => (await peal('status', '-c', other.file, '-n', 'alpha')).code === 0;
    await eventually(runs);
    const trouble = await peal('fault', 'set', 'delay_ms=5', '-c', other.file, '-n', 'alpha');
    expect([trouble.code, trouble.err]).toEqual([1, expect.stringContaining('PEAL_PLUGIN_NO_FAULTY')]);
    npm.kill('SIGTERM');
    await eventually(async () => !(await runs()));
    await other.destroy();
  }, 60_000);

  test('one wish to end that arrives as two signals ends it in good order', async () => {
    const other = await Farm.create({ daemons: 1 });
    const args = [MAIN, 'start', '-c', other.file, '-n', 'alpha'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGINT');
    child.kill('SIGTERM');
    expect((await ending(child))[0]).toBe(0);
    await other.destroy();
  }, 60_000);

  test('no daemon runs there', async () => {
    const other = await Farm.create({ daemons: 1 });
    const ran = await peal('status', '-c', other.file, '-n', 'alpha');
    expect([ran.code, ran.err.includes('PEAL_CONTROL_NOT_RUNNING')]).toEqual([1, true]);
    const planned = await peal('plugins', '-c', other.file, '-n', 'alpha');
    expect([planned.code, planned.out.includes('[link.tcp] planned')]).toEqual([0, true]);
    await other.destroy();
  });

  test('SIGTERM ends with status 0', async () => {
    expect(await farm.daemons[1]!.end('SIGTERM')).toBe(0);
  });
});
