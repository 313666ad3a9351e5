// Real daemons for end-to-end tests and measurements: one INI file, one process each, on loopback addresses and ports
// given by the system. Whatever happens, no process is left behind.
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Namespaces } from './namespaces.js';

export const MAIN = fileURLToPath(new URL('../../core/main.js', import.meta.url));
const NAMES = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta'];
/** A daemon that is not ready by then has failed; ten times what a loaded machine needs. */
const READY_LIMIT_MS = 20_000;
const LINES_KEPT = 200;
const STDIO: StdioOptions = ['ignore', 'pipe', 'pipe'];

/** What can carry the configuration of a farm: `udp` is the mesh over datagrams. */
export const LINKS = ['tcp', 'ring', 'udp'] as const;
export type LinkName = (typeof LINKS)[number];

export interface FarmOptions {
  readonly daemons: number;
  /** Default: tcp. */
  readonly link?: LinkName;
  /** With the faulty medium about the link, so that it can be cut. */
  readonly cuttable?: boolean;
  /** Each daemon in one of these, as on a machine of its own; clients come over Unix sockets. */
  readonly machines?: Namespaces;
  /** More lines of section [daemon]. */
  readonly daemonSection?: readonly string[];
  /** Sections after the peers; default: that link and the binary API. */
  readonly sections?: string;
}

/** The sections of a link and the binary API; `more`: lines of the link's own section; `socketFolder`: with Unix sockets. */
export function sectionsOf(
  link: LinkName = 'tcp',
  cuttable = false,
  more: readonly string[] = [],
  socketFolder?: string,
): string {
  return [
    ...(cuttable ? ['[link.faulty]', `wraps = ${link}`] : []),
    `[link.${link}]`,
    ...more,
    '[client.binary]',
    'port = ${peer.client_port}',
    `unix_socket = ${socketFolder ?? 'off'}`,
    'max_session_messages = 1000000',
  ].join('\n');
}

/** One daemon of the farm, running or not. */
export class Daemon {
  process: ChildProcess | undefined = undefined;
  /** Counts starts. */
  life = 0;
  /** The last lines of its log. */
  readonly log: string[] = [];
  exit: Promise<number | string> = Promise.resolve(0);

  constructor(
    private readonly farm: Farm,
    readonly name: string,
    readonly port: number,
  ) {}

  /** Where its clients connect. */
  get where(): { readonly host: string; readonly port: number } | { readonly path: string } {
    if (this.farm.options.machines !== undefined) return { path: join(this.farm.dir, String(this.port)) };
    return { host: '127.0.0.1', port: this.port };
  }

  get running(): boolean {
    return this.process !== undefined;
  }

  /** Starts it; resolves when it is ready for clients. */
  async start(): Promise<void> {
    const args = [MAIN, 'start', '-c', this.farm.file, '-n', this.name];
    const { machines } = this.farm.options;
    const place = this.farm.daemons.indexOf(this);
    const p = machines?.node(place, args, STDIO) ?? spawn(process.execPath, args, { stdio: STDIO });
    this.process = p;
    this.life++;
    this.exit = new Promise((resolve) =>
      p.once('exit', (code, signal) => {
        if (this.process === p) this.process = undefined;
        resolve(signal ?? code ?? -1);
      }),
    );
    createInterface(p.stderr!).on('line', (line) => {
      this.log.push(line);
      if (this.log.length > LINES_KEPT) this.log.shift();
    });
    const ready = new Promise<string>((resolve) => createInterface(p.stdout!).once('line', resolve));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.name} is not ready:\n${this.log.join('\n')}`)), READY_LIMIT_MS);
    });
    const died = this.exit.then((how) => {
      throw new Error(`${this.name} ended with ${how}:\n${this.log.join('\n')}`);
    });
    died.catch(() => undefined);
    await Promise.race([ready, late, died]).finally(() => clearTimeout(timer));
  }

  signal(s: NodeJS.Signals): void {
    this.process?.kill(s);
  }

  /** Sends the signal and waits for the end; answers exit code or signal. */
  async end(s: NodeJS.Signals): Promise<number | string> {
    if (!this.running) return 0;
    this.signal(s);
    return await this.exit;
  }
}

export class Farm {
  readonly daemons: Daemon[] = [];
  readonly dir = mkdtempSync(join(tmpdir(), 'peal-e2e-'));
  readonly file = join(this.dir, 'peal.ini');
  /** What the file says. */
  ini = '';

  private constructor(readonly options: FarmOptions) {}

  /** Writes the file; starts nothing. */
  static async create(o: FarmOptions): Promise<Farm> {
    const farm = new Farm(o);
    const ports = await freePorts(2 * o.daemons);
    const lines = ['[daemon]', `state_dir = ${farm.dir}`, ...(o.daemonSection ?? [])];
    for (const [i, name] of NAMES.slice(0, o.daemons).entries()) {
      const port = ports[2 * i]!;
      lines.push(
        `[peer.${name}]`,
        `address = ${o.machines?.address(i) ?? `127.0.0.${i + 1}`}`,
        `link_port = ${ports[2 * i + 1]!}`,
      );
      lines.push(`client_port = ${port}`);
      farm.daemons.push(new Daemon(farm, name, port));
    }
    lines.push(o.sections ?? sectionsOf(o.link, o.cuttable, [], o.machines && `${farm.dir}/`));
    farm.ini = lines.join('\n') + '\n';
    writeFileSync(farm.file, farm.ini);
    return farm;
  }

  async start(): Promise<void> {
    await Promise.all(this.daemons.map((d) => d.start()));
  }

  /** Ends all processes and removes the folder. */
  async destroy(): Promise<void> {
    for (const d of this.daemons) d.signal('SIGCONT');
    await Promise.all(this.daemons.map((d) => d.end('SIGKILL')));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(n: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: n }, async () => {
      const server = createServer();
      await new Promise<void>((r) => server.listen(0, '127.0.0.1', r));
      return server;
    }),
  );
  const ports = servers.map((s) => (s.address() as { port: number }).port);
  await Promise.all(servers.map((s) => new Promise((r) => s.close(r))));
  return ports;
}
