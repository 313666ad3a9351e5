// Clusters to measure: ours over some link, a real Spread found through PEAL_SPREAD_DIR, a NATS cluster whose server
// PEAL_NATS names. All on loopback, on ports given by the system; `stop` leaves nothing behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePorts, type LinkName, sectionsOf } from '../test/e2e/processes.js';
import { child, folder, OWN_GROUP } from './children.js';

const MAIN = fileURLToPath(new URL('../core/main.js', import.meta.url));
const NAMES = ['alpha', 'beta', 'gamma'];
/** Time for three daemons to become one configuration, ms; more for more of them. */
const PEAL_SETTLE_MS = 2000;
const SPREAD_SETTLE_MS = 4000;
const NATS_SETTLE_MS = 1500;
const MORE_DAEMONS_MS = 150;
const THREE = 3;
/** Where the peer's library looks for a Unix socket named after the port. */
const UNIX_FOLDER = '/tmp/';
/** Linux gives ports from 32,768 up to whoever asks for any. */
const FIRST_GIVEN_PORT = 32_768;
const FIRST_PORT = 12_000;

export interface Cluster {
  readonly kind: 'peal' | 'spread' | 'nats';
  /** For tables: `peal tcp`, `spread`. */
  readonly name: string;
  readonly hosts: readonly { host: string; port: number }[];
  readonly processes: readonly ChildProcess[];
  readonly dir: string;
}

export interface PealOptions {
  /** Default 3. */
  readonly daemons?: number;
  /** Lines of the section of the medium (ring: of the medium under it). */
  readonly medium?: readonly string[];
  /** Largest message of the daemon and the binary API, as an option; default: theirs. */
  readonly largest?: string | undefined;
  /** Arguments of Node before ours, e.g. for a profile. */
  readonly nodeArgs?: readonly string[];
  /** For tables. */
  readonly name?: string;
}

const sleep = (ms: number): Promise<void> => new Promise((r) => setTimeout(r, ms));

/** `alpha`, `beta`, `gamma`, `d4` and so on. */
function daemonNames(n: number): string[] {
  return Array.from({ length: n }, (_, i) => NAMES[i] ?? `d${i + 1}`);
}

export async function startPeal(link: LinkName = 'tcp', o: PealOptions = {}): Promise<Cluster> {
  const dir = folder(mkdtempSync(join(tmpdir(), 'peal-bench-')));
  const names = daemonNames(o.daemons ?? THREE);
  const linkPorts = await freePorts(names.length);
  const clientPort = await freeRange(names.length);
  const largest = o.largest === undefined ? [] : [`max_message_bytes = ${o.largest}`];
  const lines = ['[daemon]', `state_dir = ${dir}`, ...largest];
  const hosts = names.map((name, i) => {
    const port = clientPort + i;
    lines.push(`[peer.${name}]`, `address = 127.0.0.${i + 1}`, `link_port = ${linkPorts[i]!}`);
    lines.push(`client_port = ${port}`);
    return { host: '127.0.0.1', port };
  });
  // The medium under a ring has a section of its own, which changes only what it says.
  const medium = o.medium ?? [];
  if (link === 'ring' && medium.length > 0) lines.push('[link.udp]', ...medium);
  lines.push(sectionsOf(link, false, link === 'ring' ? [] : medium, UNIX_FOLDER), ...largest);
  const file = join(dir, 'peal.ini');
  writeFileSync(file, lines.join('\n') + '\n');
  const processes = names.map((name) => {
    const args = [...(o.nodeArgs ?? []), MAIN, 'start', '-c', file, '-n', name];
    const stdio = ['ignore', 'pipe', openSync(join(dir, `${name}.log`), 'w')] as const;
    return child(spawn(process.execPath, args, { stdio: [...stdio], cwd: dir, ...OWN_GROUP }));
  });
  const logs = (): string => names.map((n) => readFileSync(join(dir, `${n}.log`), 'utf8')).join('');
  await Promise.all(
    processes.map(async (p) => {
      const ready = new Promise<void>((r) => createInterface(p.stdout!).once('line', () => r()));
      const died = new Promise<never>((_, no) => p.once('exit', () => no(new Error(`a daemon ended:\n${logs()}`))));
      await Promise.race([ready, died]);
      died.catch(() => undefined);
    }),
  );
  await sleep(PEAL_SETTLE_MS + MORE_DAEMONS_MS * Math.max(0, names.length - THREE));
  return { kind: 'peal', name: o.name ?? `peal ${link}`, hosts, processes, dir };
}

/**
 * The first of `n` ports in a row that are free at present; none of those that the system gives to others meanwhile, since
 * a Spread daemon ends at once when its port is taken. The peer's library takes no Unix socket named above 32,767.
 */
async function freeRange(n: number): Promise<number> {
  for (;;) {
    const base = FIRST_PORT + Math.floor(Math.random() * (FIRST_GIVEN_PORT - FIRST_PORT - n));
    const taken = await Promise.all(Array.from({ length: n }, (_, i) => isTaken(base + i)));
    if (!taken.includes(true)) return base;
  }
}

function isTaken(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(true));
    server.listen(port, '0.0.0.0', () => server.close(() => resolve(false)));
  });
}

/** `where` has sbin/spread; `more`: lines of spread.conf. */
export async function startSpread(
  where: string,
  more: readonly string[] = [],
  daemons = THREE,
  name = 'spread',
): Promise<Cluster> {
  const dir = folder(mkdtempSync(join(tmpdir(), 'spread-bench-')));
  const names = daemonNames(daemons);
  // Each daemon uses its port and the one above for UDP.
  const base = await freeRange(2 * names.length);
  const hosts = names.map((_, i) => ({ host: `127.0.0.${i + 1}`, port: base + 2 * i }));
  const segments = hosts.map(({ host, port }, i) => `Spread_Segment 127.0.0.255:${port} {\n  ${names[i]!} ${host}\n}`);
  const options = ['DaemonUser = root', 'DaemonGroup = root', 'RuntimeDir = "/"', 'MaxSessionMessages = 100000'];
  const file = join(dir, 'spread.conf');
  writeFileSync(file, [...segments, ...options, ...more].join('\n') + '\n');
  const spread = join(where, 'sbin', 'spread');
  const processes = names.map((n) => child(spawn(spread, ['-c', file, '-n', n], { stdio: 'ignore', ...OWN_GROUP })));
  await sleep(SPREAD_SETTLE_MS + MORE_DAEMONS_MS * (daemons - THREE));
  return { kind: 'spread', name, hosts, processes, dir };
}

/** `server` is a nats-server program: every server routes to every other. */
export async function startNats(server: string, daemons = THREE): Promise<Cluster> {
  const dir = folder(mkdtempSync(join(tmpdir(), 'nats-bench-')));
  const ports = await freePorts(2 * daemons);
  const hosts = Array.from({ length: daemons }, (_, i) => ({ host: '127.0.0.1', port: ports[i]! }));
  const routes = ports.slice(daemons).map((p) => `nats://127.0.0.1:${p}`);
  const processes = hosts.map(({ host, port }, i) => {
    const cluster = ['--cluster', routes[i]!, '--cluster_name', 'bench', '--routes', routes.join(',')];
    return child(
      spawn(server, ['-a', host, '-p', String(port), ...cluster], { stdio: 'ignore', cwd: dir, ...OWN_GROUP }),
    );
  });
  await sleep(NATS_SETTLE_MS);
  return { kind: 'nats', name: 'nats', hosts, processes, dir };
}

export async function stop(c: Cluster): Promise<void> {
  const running = c.processes.filter((p) => p.exitCode === null && p.signalCode === null);
  const ends = running.map((p) => new Promise((r) => p.once('exit', r)));
  for (const p of running) p.kill('SIGTERM');
  await Promise.all(ends);
  rmSync(c.dir, { recursive: true, force: true });
}

/** CPU seconds used by all threads of the daemons so far; to the nanosecond, which an idle daemon needs. */
export function cpuSeconds(c: Cluster): number {
  let nanoseconds = 0;
  for (const p of c.processes) {
    const tasks = `/proc/${p.pid ?? 0}/task`;
    for (const task of readdirSync(tasks))
      nanoseconds += Number(readFileSync(join(tasks, task, 'schedstat'), 'latin1').split(' ')[0]);
  }
  return nanoseconds / 1e9;
}

/** Memory in use by one daemon, the mean of all, MB. */
export function residentMegabytes(c: Cluster): number {
  const kilobytes = c.processes.map((p) => {
    const status = readFileSync(`/proc/${p.pid ?? 0}/status`, 'latin1');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? NaN);
  });
  return kilobytes.reduce((a, b) => a + b, 0) / kilobytes.length / 1000;
}
