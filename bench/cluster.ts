// Clusters of three daemons to measure: ours over some link, or a real Spread found through PEAL_SPREAD_DIR.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type LinkName, sectionsOf } from '../test/e2e/processes.js';

const MAIN = fileURLToPath(new URL('../core/main.js', import.meta.url));
const DAEMONS = ['alpha', 'beta', 'gamma'];
/** CPU time in /proc is in hundredths of a second. */
const TICKS_PER_SECOND = 100;
/** Time for the daemons to become one configuration. */
const PEAL_SETTLE_MS = 2000;
const SPREAD_SETTLE_MS = 4000;

export interface Cluster {
  readonly kind: 'peal' | 'spread';
  /** For tables: `peal tcp`, `spread`. */
  readonly name: string;
  readonly hosts: readonly { host: string; port: number }[];
  readonly processes: readonly ChildProcess[];
  readonly dir: string;
}

const sleep = (ms: number): Promise<void> => new Promise((r) => setTimeout(r, ms));

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((r) => server.listen(0, '127.0.0.1', r));
  const { port } = server.address() as { port: number };
  await new Promise((r) => server.close(r));
  return port;
}

/** `more`: lines of the link's section. */
export async function startPeal(link: LinkName = 'tcp', more: readonly string[] = []): Promise<Cluster> {
  const dir = mkdtempSync(join(tmpdir(), 'peal-bench-'));
  const lines = ['[daemon]', `state_dir = ${dir}`];
  const hosts: { host: string; port: number }[] = [];
  for (const [i, name] of DAEMONS.entries()) {
    const port = await freePort();
    hosts.push({ host: '127.0.0.1', port });
    lines.push(`[peer.${name}]`, `address = 127.0.0.${i + 1}`, `link_port = ${await freePort()}`);
    lines.push(`client_port = ${port}`);
  }
  lines.push(sectionsOf(link, false, more));
  const file = join(dir, 'peal.ini');
  writeFileSync(file, lines.join('\n') + '\n');
  const processes = DAEMONS.map((name) =>
    spawn(process.execPath, [MAIN, 'start', '-c', file, '-n', name], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  for (const p of processes) await new Promise<void>((r) => createInterface(p.stdout).once('line', () => r()));
  await sleep(PEAL_SETTLE_MS);
  return { kind: 'peal', name: `peal ${link}`, hosts, processes, dir };
}

/** `where` has sbin/spread. */
export async function startSpread(where: string): Promise<Cluster> {
  const dir = mkdtempSync(join(tmpdir(), 'spread-bench-'));
  const base = await freePort();
  const hosts = DAEMONS.map((_, i) => ({ host: `127.0.0.${i + 1}`, port: base + 2 * i }));
  const segments = hosts.map(
    ({ host, port }, i) => `Spread_Segment 127.0.0.255:${port} {\n  ${DAEMONS[i]!} ${host}\n}`,
  );
  const options = ['DaemonUser = root', 'DaemonGroup = root', 'RuntimeDir = "/"', 'MaxSessionMessages = 100000'];
  const file = join(dir, 'spread.conf');
  writeFileSync(file, [...segments, ...options].join('\n') + '\n');
  const spread = join(where, 'sbin', 'spread');
  const processes = DAEMONS.map((n) => spawn(spread, ['-c', file, '-n', n], { stdio: 'ignore' }));
  await sleep(SPREAD_SETTLE_MS);
  return { kind: 'spread', name: 'spread', hosts, processes, dir };
}

export async function stop(c: Cluster): Promise<void> {
  const ends = c.processes.filter((p) => p.exitCode === null).map((p) => new Promise((r) => p.once('exit', r)));
  for (const p of c.processes) p.kill('SIGTERM');
  await Promise.all(ends);
  rmSync(c.dir, { recursive: true, force: true });
}

/** CPU seconds used by the daemons so far. */
export function cpuSeconds(c: Cluster): number {
  let ticks = 0;
  for (const p of c.processes) {
    const fields = readFileSync(`/proc/${p.pid ?? 0}/stat`, 'latin1')
      .split(') ')[1]!
      .split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
}
