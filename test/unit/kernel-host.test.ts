// A whole daemon in this process: start and stop in order, time limits, failing plugins, live options, the boot tree
// (core/kernel/host.ts, lifecycle.ts, scope.ts, core/index.ts).
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MemoryApi } from '../../client-apis/memory/index.js';
import { hostPlan, planFrom, type PlannedDaemon, startDaemon } from '../../core/index.js';
import { stateDirOf } from '../../core/kernel/state-dir.js';

const folder = mkdtempSync(join(tmpdir(), 'peal-'));
afterAll(() => rmSync(folder, { recursive: true }));
const noted: string[] = [];
(globalThis as { moody?: string[] }).moody = noted;
beforeEach(() => {
  noted.length = 0;
});

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/plugins/${name}.js`, import.meta.url));
const DAEMON = '[daemon]\nlog_file = ./log\nstart_limit_ms = 100\nstop_limit_ms = 100\nleave_limit_ms = 500\n';
const LINK = `[link.lone]\nmodule = ${fixture('lone-medium')}\n`;
const moody = (instance: string, options = ''): string =>
  `[service.moody.${instance}]\nmodule = ${fixture('moody-service')}\n${options}`;

let count = 0;
function write(text: string): string {
  const file = join(folder, `${++count}.ini`);
  writeFileSync(file, DAEMON + text);
  return file;
}
const host = async (text: string): Promise<PlannedDaemon> =>
  hostPlan(await planFrom({ file: write(text), name: `d${count}` }));

test('starts in order, stops in reverse, and tells when and where', async () => {
  const daemon = await host(`${LINK}${moody('x')}${moody('y')}[client.memory]\n`);
  await daemon.start();
  expect(noted).toEqual(['start service.moody.x', 'start service.moody.y']);
  expect(daemon.addresses()).toEqual(['at service.moody.x', 'at service.moody.y']);
  const tree = daemon.tree();
  expect(tree.map((n) => [n.section, n.state])).toEqual([
    ['link.lone', 'running'],
    ['storage.memory', 'running'],
    ['service.moody.x', 'running'],
    ['service.moody.y', 'running'],
    ['client.memory', 'running'],
  ]);
  expect(tree.every((n) => typeof n.startedAtMs === 'number' && typeof n.tookMs === 'number')).toBe(true);
  expect(await daemon.stop()).toEqual([]);
  expect(await daemon.stop()).toEqual([]);
  expect(noted.slice(2)).toEqual(['stop service.moody.y', 'stop service.moody.x']);
  expect(daemon.tree().every((n) => n.state === 'stopped')).toBe(true);
  expect(daemon.addresses()).toEqual([]);
});

test('sessions of a client API reach one another through the machine', async () => {
  const daemon = await host(`${LINK}[client.memory]\n`);
  await daemon.start();
  const api = daemon.instance('client.memory') as MemoryApi;
  const a = api.connect({ name: 'a', membership: false });
  const b = api.connect({ name: 'b', membership: false });
  b.join('g');
  a.multicast({ groups: ['g'], data: new TextEncoder().encode('hello') });
  const event = await b.next();
  expect(JSON.stringify(event)).toContain('g');
  expect(daemon.status().driver.machine.sessions).toBe(2);
  await daemon.stop();
});

test('a plugin may ask for the end of the daemon, once', async () => {
  let asked = 0;
  const plan = await planFrom({ file: write(`${LINK}${moody('x', 'tired = true\n')}`), name: `d${count}` });
  const daemon = await new Promise<PlannedDaemon>((resolve, reject) => {
    const host = hostPlan(plan, undefined, () => {
      asked++;
      setImmediate(() => resolve(host));
    });
    host.start().catch(reject);
  });
  expect(asked).toBe(1);
  expect(noted).toEqual(['start service.moody.x']);
  expect(await daemon.stop()).toEqual([]);
  expect(readFileSync(join(folder, 'log'), 'utf8')).toContain('the daemon was asked to stop: tired');
});

describe('what fails', () => {
  const failure = async (text: string): Promise<string> => {
    const daemon = await host(text);
    const error = await daemon.start().then(() => 'started', String);
    await daemon.stop();
    return error;
  };
  test('a plugin that throws stops the start, and what was started is stopped', async () => {
    const error = await failure(`${LINK}${moody('x')}${moody('y', 'start = throw\n')}${moody('z')}`);
    expect(error).toContain('PEAL_PLUGIN_START_FAILED plugin service.moody.y did not start: in a bad mood');
    expect(error).toContain(`${count}.ini:10: `);
    expect(noted).toEqual([
      'start service.moody.x',
      'start service.moody.y',
      'stop service.moody.y',
      'stop service.moody.x',
    ]);
  });
  test('a plugin that does not come back', async () => {
    expect(await failure(`${LINK}${moody('x', 'start = hang\n')}`)).toContain(
      'PEAL_PLUGIN_START_TIMEOUT plugin service.moody.x did not start within 100 ms',
    );
  });
  test('a link that cannot be opened', async () => {
    expect(await failure(`${LINK}refuse = true\n`)).toContain('PEAL_LONE_REFUSED told to refuse');
  });
  test('plugins that hang or throw at the stop do not keep the others', async () => {
    const daemon = await host(`${LINK}${moody('x')}${moody('y', 'stop = hang\n')}${moody('z', 'stop = throw\n')}`);
    await daemon.start();
    const errors = await daemon.stop();
    expect(errors.map((e) => e.code)).toEqual(['PEAL_PLUGIN_STOP_FAILED', 'PEAL_PLUGIN_STOP_TIMEOUT']);
    expect(noted.slice(3)).toEqual(['stop service.moody.z', 'stop service.moody.y', 'stop service.moody.x']);
    expect(readFileSync(join(folder, 'log'), 'utf8')).toContain('PEAL_PLUGIN_STOP_TIMEOUT');
  });
  test('a plugin that says so has longer to stop', async () => {
    const daemon = await host(`${LINK}${moody('x', 'stop = hang\nstop_ms = 50\n')}`);
    await daemon.start();
    expect((await daemon.stop()).map((e) => e.message)).toEqual(['plugin service.moody.x did not stop within 150 ms']);
  });
  test('a stop while it starts ends the start', async () => {
    const daemon = await host(`${LINK}${moody('x')}${moody('y')}`);
    const started = daemon.start().then(() => 'started', String);
    await daemon.stop();
    expect(await started).toContain('PEAL_PLUGIN_START_STOPPED');
  });
  test('errors of the file come together and nothing runs', async () => {
    const file = write('[client.memory]\nmax = 1\n[client.nothing]\n[storage]\n');
    await expect(startDaemon({ file, name: 'x' })).rejects.toMatchObject({ name: 'PealErrors', errors: { length: 3 } });
  });
});

describe('live options', () => {
  test('change at once; wrong ones change nothing', async () => {
    const daemon = await host(`${LINK}delay_ms = 5\n`);
    await daemon.start();
    const shown = (): unknown => daemon.status().plugins['link.lone']?.['delay_ms'];
    daemon.tune('link.lone', { delay_ms: '1 s' });
    expect(shown()).toBe(1000);
    expect(() => daemon.tune('link.lone', { delay_ms: '2 s' })).toThrow('out of range');
    expect(() => daemon.tune('link.lone', { refuse: 'true' })).toThrow("unknown option 'refuse'");
    expect(() => daemon.tune('client.memory', { a: '1' })).toThrow('no options that change');
    expect(shown()).toBe(1000);
    await daemon.stop();
  });
});

describe("the daemon's own folder", () => {
  test('is private and has a name that cannot lead elsewhere', async () => {
    const daemon = await host(LINK);
    await daemon.start();
    expect(statSync(daemon.info.stateDir).mode & 0o777).toBe(0o700);
    await daemon.stop();
    expect(stateDirOf('/s', '../x')).toBe('/s/..%2fx');
    expect(stateDirOf('/s', '..')).toBe('/s/%2e');
  });
  test('is never taken through a symbolic link', async () => {
    const daemon = await host(LINK);
    rmSync(daemon.info.stateDir, { recursive: true, force: true });
    symlinkSync(folder, daemon.info.stateDir);
    const error = await daemon.start().then(() => 'started', String);
    expect(error).toContain('PEAL_DAEMON_STATE_DIR');
    await daemon.stop();
  });
});
