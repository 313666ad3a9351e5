// The text port of real sites: two processes of `peal floodd` from one file of floodd's own language. What enters by one port leaves by
// the export command of the other, byte for byte; channels carry bytes; `terminate` ends a process in good order.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect, type LineClient } from '../../../../client-apis/line/client/index.js';
import { TextClient } from '../../../../client-apis/line/test/text-client.js';
import { freePorts, MAIN } from '../../../../test/e2e/processes.js';

const folder = mkdtempSync(join(tmpdir(), 'peal-text-port-'));
const CONFIG = join(folder, 'floodd-config');
/** Sites that are started, and one that is only in the file. */
const SITES = ['alpha', 'beta', 'gone'] as const;
let ports: readonly number[] = [];
const started: Site[] = [];

class Site {
  readonly exit: Promise<number | string>;
  private readonly log: string[] = [];
  private readonly ready: Promise<unknown>;
  private readonly process: ChildProcess;

  constructor(readonly name: string) {
    const args = [MAIN, 'floodd', '--state-dir', join(folder, 'state'), name];
    this.process = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, FLOODD_CONFIG: CONFIG },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    createInterface(this.process.stderr!).on('line', (line) => this.log.push(line));
    this.exit = new Promise((resolve) => this.process.once('exit', (code, signal) => resolve(signal ?? code ?? -1)));
    this.ready = new Promise((resolve) => createInterface(this.process.stdout!).once('line', resolve));
    started.push(this);
  }

  async started(): Promise<this> {
    const died = this.exit.then((how) => Promise.reject(new Error(`${this.name}: ${how}\n${this.log.join('\n')}`)));
    died.catch(() => undefined);
    await Promise.race([this.ready, died]);
    return this;
  }

  kill(): Promise<number | string> {
    this.process.kill('SIGKILL');
    return this.exit;
  }
}

const port = (site: (typeof SITES)[number]): number => ports[2 * SITES.indexOf(site)]!;
const exported = (site: string): string => join(folder, `exported-${site}`);

async function until(is: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await is())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Resolves when that file has these bytes at its end. */
async function arrives(site: string, bytes: Buffer): Promise<void> {
  await until(() => existsSync(exported(site)) && readFileSync(exported(site)).subarray(-bytes.length).equals(bytes));
}

let alpha: LineClient;

beforeAll(async () => {
  ports = await freePorts(2 * SITES.length);
  const sites = SITES.map(
    (name, i) =>
      `(:site-define (:site-name ${name}) (:hostname localhost) (:inet-address 127.0.0.1)` +
      ` (:client-port ${ports[2 * i]!}) (:data-port ${ports[2 * i + 1]!}))`,
  );
  const periods =
    '(:ping-period 0.2) (:estimates-period 0.4) (:bandwidth-period 0.5) (:update-period 1) (:join-period 0.5)';
  const group = `(:group-define (:group-name mirror) ${SITES.map((s) => `(:site ${s})`).join(' ')} (:master-site alpha) ${periods})`;
  const local = `(:local (:export-command "cat >> ${folder}/exported-$FLOODD_SITE") (:update-max 100000))`;
  writeFileSync(CONFIG, `${sites.join('\n')}\n${group}\n${local}\n`);
  await Promise.all([new Site('alpha').started(), new Site('beta').started()]);
  alpha = await connect('127.0.0.1', port('alpha'));
  await until(async () => (await alpha.topology('mirror')).edges.length > 0);
});

afterAll(async () => {
  await alpha.close();
  await Promise.all(started.map((site) => site.kill()));
  rmSync(folder, { recursive: true, force: true });
});

async function person(site: (typeof SITES)[number]): Promise<TextClient> {
  return TextClient.connect(port(site));
}

describe('two sites', () => {
  test('item 6: the greeting of a site, and each command by its original name', async () => {
    const client = await TextClient.connect(port('alpha'), false);
    expect(await client.line()).toMatch(/^220 localhost floodd\/\S+ site alpha ready$/);
    for (const [line, code] of [
      ['help', 214],
      ['group mirror', 212],
      ['groups', 213],
      ['statistics', 211],
      ['topology mirror', 215],
      ['nearest', 216],
      ['quit', 221],
    ] as const)
      expect([line, await client.ask(line)]).toEqual([line, expect.stringMatching(`^${code} `)]);
    client.destroy();
  });

  test('item 7: data: dots and line ends as they arrive at the other site; no end, no flooding', async () => {
    const client = await person('alpha');
    client.send('data\r\n..x\r\nplain\r\nlf only\n\r\n.\r\ndata\r\nnever ended\r\n');
    client.socket.end();
    await client.rest();
    client.destroy();
    await arrives('beta', Buffer.from('.x\nplain\nlf only\n\n'));
    expect((await alpha.statistics())['updates-originated']).toBe(1);
  });

  test('item 8: binary: exact bytes arrive, the next command on the same segment is obeyed', async () => {
    const client = await person('beta');
    const bytes = Buffer.from([0x0a, 0x00, 0x2e, 0x0a, 0xff]);
    client.send(Buffer.concat([Buffer.from('binary 5\r\n'), bytes, Buffer.from('noop\r\n')]));
    expect(await client.line()).toMatch(/^250 beta \d+ 1 5$/);
    expect(await client.line()).toBe('250 ok');
    client.destroy();
    await arrives('alpha', bytes);
  });

  test('item 9: too much is 552, and the connection can be used', async () => {
    await expect(alpha.flood(Buffer.alloc(100_001))).rejects.toMatchObject({ code: 552 });
    const most = Buffer.alloc(100_000, 'most');
    const { bytes, origin } = await alpha.flood(most, 'mirror');
    expect([bytes, origin]).toEqual([100_000, 'alpha']);
    await arrives('beta', most);
    await expect(alpha.flood(Buffer.from('x'), 'other')).rejects.toMatchObject({ code: 550 });
  });

  test('item 10: what is shown is what there is', async () => {
    const members = await alpha.group('mirror');
    expect(members.map((m) => [m.site, m.master, m.dataPort])).toEqual(
      expect.arrayContaining([
        ['alpha', true, ports[1]],
        ['beta', false, ports[3]],
      ]),
    );
    expect(members.find((m) => m.site === 'alpha')?.state).toBe('self');
    const [group] = await alpha.groups();
    expect(group).toMatchObject({ name: 'mirror', masterSite: 'alpha' });
    await until(async () => (await alpha.topology('mirror')).edges[0]?.rttMs !== undefined);
    const { edges, epoch, generator } = await alpha.topology('mirror');
    expect(edges).toMatchObject([{ a: 'alpha', b: 'beta' }]);
    expect([epoch, generator]).toEqual([group!.epoch, 'builtin']);
    expect((await alpha.hints()).map((near) => near.site)).toEqual(expect.arrayContaining(['alpha', 'beta']));
    const have = await alpha.command('have mirror');
    expect(have.lines.some((line) => /^beta \d+ 1 -$/.test(line))).toBe(true);
    expect(await alpha.command('missing mirror')).toMatchObject({ lines: [], text: '0' });
  });

  test('item 47: 10 MB both ways; nobody serves: 502; a site that is down: 451 or 550', async () => {
    const [a, b] = [await person('alpha'), await person('beta')];
    expect(await a.ask('connect nowhere')).toMatch(/^550 /);
    expect(await a.ask('connect beta')).toMatch(/^502 /);
    expect(await a.ask('connect gone')).toMatch(/^(451|550) /);
    b.send('listen\r\n');
    const other = await person('beta');
    await until(async () => (await other.ask('listen')).startsWith('450'));
    other.destroy();
    const data = Buffer.from(Uint8Array.from({ length: 10 * 1024 * 1024 }, (_, i) => (i * 7) & 0xff));
    a.send(Buffer.concat([Buffer.from('connect beta\r\n'), data]));
    expect(await a.line()).toBe('250 connected beta');
    expect(await b.line()).toBe('250 peer alpha');
    b.send(data);
    expect((await b.bytes(data.length)).equals(data)).toBe(true);
    expect((await a.bytes(data.length)).equals(data)).toBe(true);
    b.socket.end();
    expect(await a.rest()).toBe('');
    a.destroy();
    b.destroy();
  });

  test('item 12: terminate: 221, exit code 0, and the other site sees it at once', async () => {
    const client = await person('beta');
    client.send('terminate\r\n');
    expect(await client.rest()).toBe('221 terminating\r\n');
    client.destroy();
    expect(await started.find((site) => site.name === 'beta')!.exit).toBe(0);
    // It said goodbye: nobody waits for down-period.
    const member = (await alpha.group('mirror')).find((m) => m.site === 'beta');
    expect(member === undefined || member.state === 'down').toBe(true);
  });
});
