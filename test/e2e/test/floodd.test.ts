// floodd as processes (docs/floodd.md): the original's command line, and a short version of `npm run floodd-e2e`.
import { afterEach, describe, expect, test } from '@jest/globals';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connect } from '../../../client-apis/line/client/index.js';
import { FloodFarm, type FloodSite, GROUP } from '../flood-farm.js';
import { trial } from '../flood-trial.js';
import { freePorts, MAIN } from '../processes.js';

const FIXTURES = fileURLToPath(new URL('../../../../test/fixtures/floodd/', import.meta.url));
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('item 50, short: four sites, one killed and parted under load; all is exported once, or listed as missing', async () => {
  const figures = await trial({
    sites: 4,
    connectivity: 2,
    updates: 400,
    troubles: ['kill', 'silence'],
    seed: 5,
    troubleMs: 2500,
    updatePeriodMs: 60_000,
    say: () => undefined,
  });
  expect(figures.violations).toEqual([]);
  expect(figures.acknowledged).toBeGreaterThan(350);
}, 300_000);

test('item 22: a frozen process is down after the down period, its data is kept, and it gets it when it goes on', async () => {
  const farm = await FloodFarm.create({ sites: 3, connectivity: 2, group: { update_period_ms: '0' } });
  try {
    await farm.start();
    const [a, b] = farm.sites as [FloodSite, FloodSite, FloodSite];
    const client = await a.client();
    const stateOfB = async (): Promise<string | undefined> =>
      (await client.group(GROUP)).find((m) => m.site === b.name)?.state;
    while ((await client.topology(GROUP)).edges.length < 3 || (await stateOfB()) !== 'up') await sleep(50);
    const frozenAt = performance.now();
    b.freeze(true);
    while ((await stateOfB()) !== 'down') await sleep(20);
    // Of the down period of 2 s; that it is not much later cannot be said on a loaded machine.
    expect(performance.now() - frozenAt).toBeGreaterThan(1000);
    for (let i = 0; i < 10; i++) await client.flood(Buffer.from(`update ${i}`));
    expect(Number((await client.statistics())['queued-send'])).toBeGreaterThanOrEqual(10);
    b.freeze(false);
    while ((await b.exported()).length < 10) await sleep(50);
    while ((await stateOfB()) !== 'up') await sleep(50);
    expect(new Set((await b.exported()).map((e) => e.id)).size).toBe(10);
    await client.close();
  } finally {
    await farm.destroy();
  }
}, 120_000);

describe('peal floodd', () => {
  let folder: string;
  const running: ChildProcess[] = [];
  afterEach(() => {
    for (const p of running.splice(0)) p.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  const fresh = (): string => (folder = mkdtempSync(join(tmpdir(), 'peal-floodd-')));

  /** Resolves with its first lines on standard output, up to the one that says it is ready. */
  async function floodd(
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<{ p: ChildProcess; said: string[] }> {
    const p = spawn(process.execPath, [MAIN, 'floodd', ...args], {
      cwd: folder,
      env: { ...process.env, FLOODD_CONFIG: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.push(p);
    let log = '';
    p.stderr.on('data', (part: Buffer) => (log += part.toString()));
    const said: string[] = [];
    for await (const line of createInterface(p.stdout)) {
      said.push(line);
      if (line.includes('is ready')) return { p, said };
    }
    throw new Error(`it ended:\n${log}`);
  }

  const refused = (args: readonly string[]): { status: number | null; err: string } => {
    const env = { ...process.env, FLOODD_CONFIG: '' };
    const { status, stderr } = spawnSync(process.execPath, [MAIN, 'floodd', ...args], {
      cwd: folder,
      env,
      timeout: 60_000,
    });
    return { status, err: stderr.toString() };
  };

  const oneSite = (name: string, clientPort: number, dataPort: number, more = ''): string =>
    `(:site-define (:site-name ${name}) (:hostname localhost) (:inet-address 127.0.0.1) (:client-port ${clientPort})` +
    ` (:data-port ${dataPort}))\n(:group-define (:group-name"g") (:site ${name}))\n${more}`;

  test('item 4: the search order, and -p prints the process id', async () => {
    fresh();
    const [a, b, c, d, e, f] = (await freePorts(6)) as [number, number, number, number, number, number];
    writeFileSync(join(folder, 'floodd-config'), oneSite('common', a, b));
    writeFileSync(join(folder, 'floodd-own'), oneSite('own', c, d));
    writeFileSync(join(folder, 'elsewhere'), oneSite('other', e, f));
    const common = await floodd(['-p']);
    expect(common.said[0]).toBe(String(common.p.pid));
    expect(common.said[1]).toBe(`peal common is ready: clients 127.0.0.1:${a}`);
    expect((await floodd(['own'])).said[0]).toBe(`peal own is ready: clients 127.0.0.1:${c}`);
    expect((await floodd(['-d'], { FLOODD_CONFIG: join(folder, 'elsewhere') })).said[0]).toContain(`127.0.0.1:${e}`);
  }, 120_000);

  test('items 3 and 5: what is wrong is said with line and column, and the exit code is not 0', () => {
    fresh();
    expect(refused([])).toMatchObject({ err: expect.stringContaining('PEAL_SERVICE_FLOOD_NO_CONFIG') });
    writeFileSync(join(folder, 'floodd-config'), '(:site-define (:site-name a)\n (:hostname "h');
    const { status, err } = refused([]);
    expect(status).toBeGreaterThan(0);
    expect(err).toContain('floodd-config:2:13: PEAL_SERVICE_FLOOD_SYNTAX');
    writeFileSync(join(folder, 'floodd-config'), '(:site-define (:site-name a) (:hostname h) (:client-port 1))');
    expect(refused(['a']).err).toContain("floodd-config:1:1: PEAL_SERVICE_FLOOD_MISSING ':data-port'");
    writeFileSync(join(folder, 'floodd-config'), oneSite('a', 1, 2) + oneSite('b', 3, 4));
    expect(refused([]).err).toContain(
      'PEAL_SERVICE_FLOOD_WHO_AM_I_MANY several sites have the name or an address of this host: a, b',
    );
  }, 120_000);

  test('the export script of the fixtures runs as it is; item 12: terminate ends the daemon with 0', async () => {
    fresh();
    const [clientPort, dataPort] = (await freePorts(2)) as [number, number];
    const base = join(folder, 'replica');
    mkdirSync(join(base, 'data'), { recursive: true });
    mkdirSync(join(base, 'bin'));
    copyFileSync(join(FIXTURES, 'take-in'), join(folder, 'take-in'));
    // The part of the original that the script hands over to: it is told where to flood, and gets the updates.
    writeFileSync(join(base, 'bin', 'mirror'), `#!/bin/sh\necho "$1 $2"; cat >> ${base}/taken\n`, { mode: 0o755 });
    const local = `(:local (:export-command ${folder}/take-in))`;
    writeFileSync(join(folder, 'floodd-config'), oneSite('a', clientPort, dataPort, local));
    const { p } = await floodd([], { REPLICA_BASE: base });
    const client = await connect('127.0.0.1', clientPort);
    await client.flood(Buffer.from('an update\n'));
    await client.flood(Buffer.from('another\n'));
    while (!existsSync(join(base, 'taken')) || !readFileSync(join(base, 'taken'), 'utf8').includes('another'))
      await sleep(20);
    expect(readFileSync(join(base, 'taken'), 'utf8')).toBe('an update\nanother\n');
    expect(readFileSync(join(base, 'data', 'log.update'), 'utf8')).toContain(`--flood localhost:${clientPort}`);
    const ended = new Promise((resolve) => p.once('exit', resolve));
    expect((await client.command('terminate')).code).toBe(221);
    expect(await ended).toBe(0);
  }, 120_000);
});
