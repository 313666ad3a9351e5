// Real sites of floodd for end-to-end tests: one process each, on loopback, durable storage, exports into files whose
// records tell what they are. Every pair of sites talks through proxies, so that any of them can be cut.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect, type LineClient } from '../../client-apis/line/client/index.js';
import { wholeRecords } from '../../plugins/export/file/record.js';
import { type Cut, Proxy } from './flood-proxy.js';
import { freePorts, MAIN } from './processes.js';

const NAMES = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta'];
export const GROUP = 'mirror';
const READY_LIMIT_MS = 30_000;
const LINES_KEPT = 400;

export interface FloodFarmOptions {
  readonly sites: number;
  readonly connectivity: number;
  /** More options of the group, as in a file; periods are short already. */
  readonly group?: Readonly<Record<string, string>>;
  /** More lines of [service.flood]. */
  readonly service?: readonly string[];
  /** Sections of storage and export; default: lmdb and a file. */
  readonly sections?: (site: FloodSite) => string;
}

const PERIODS = {
  ping_period_ms: '200',
  bandwidth_period_ms: '1000',
  bandwidth_size_bytes: '4096',
  estimates_period_ms: '400',
  down_period_ms: '2000',
  update_period_ms: '2000',
  join_period_ms: '500',
};

/** One site, running or not. */
export class FloodSite {
  process: ChildProcess | undefined;
  frozen = false;
  lives = 0;
  readonly log: string[] = [];
  /** Size of the export file at the end of each life but the last. */
  readonly ends: number[] = [];
  private exit: Promise<number | string> = Promise.resolve(0);

  constructor(
    private readonly farm: FloodFarm,
    readonly name: string,
    readonly place: number,
    readonly clientPort: number,
    readonly dataPort: number,
  ) {}

  get running(): boolean {
    return this.process !== undefined;
  }

  get file(): string {
    return join(this.farm.dir, `${this.name}.out`);
  }

  async start(): Promise<void> {
    const ini = join(this.farm.dir, `${this.name}.ini`);
    const p = spawn(process.execPath, [MAIN, 'start', '-c', ini, '-n', this.name], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process = p;
    this.lives++;
    this.exit = new Promise((resolve) =>
      p.once('exit', (code, signal) => {
        if (this.process === p) this.process = undefined;
        resolve(signal ?? code ?? -1);
      }),
    );
    createInterface(p.stderr).on('line', (line) => {
      this.log.push(line);
      if (this.log.length > LINES_KEPT) this.log.shift();
    });
    const ready = new Promise<string>((resolve) => createInterface(p.stdout).once('line', resolve));
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

  /** Sends the signal and waits for the end; answers exit code or signal. */
  async end(s: NodeJS.Signals): Promise<number | string> {
    if (this.process === undefined) return 0;
    if (this.frozen) this.freeze(false);
    this.process.kill(s);
    const how = await this.exit;
    this.ends.push(existsSync(this.file) ? statSync(this.file).size : 0);
    return how;
  }

  freeze(on: boolean): void {
    this.frozen = on;
    this.process?.kill(on ? 'SIGSTOP' : 'SIGCONT');
  }

  client(): Promise<LineClient> {
    return connect('127.0.0.1', this.clientPort);
  }

  /** What it has exported, and in which of its lives, from 0. */
  async exported(): Promise<readonly { readonly id: string; readonly life: number }[]> {
    if (!existsSync(this.file)) return [];
    const found: { id: string; life: number }[] = [];
    for await (const { about, end } of wholeRecords(this.file))
      found.push({ id: about['id']!, life: this.ends.filter((e) => e < end).length });
    return found;
  }
}

export class FloodFarm {
  readonly dir = mkdtempSync(join(tmpdir(), 'peal-floodd-'));
  readonly sites: FloodSite[] = [];
  private readonly proxies = new Map<string, Proxy>();

  /** Writes the files and opens the proxies; starts no site. */
  static async create(o: FloodFarmOptions): Promise<FloodFarm> {
    const farm = new FloodFarm();
    const n = o.sites;
    const ports = await freePorts(2 * n + n * n);
    NAMES.slice(0, n).forEach((name, i) => {
      farm.sites.push(new FloodSite(farm, name, i, ports[2 * i]!, ports[2 * i + 1]!));
    });
    for (const from of farm.sites)
      for (const to of farm.sites) {
        if (from === to) continue;
        const port = ports[2 * n + from.place * n + to.place]!;
        farm.proxies.set(`${from.name} ${to.name}`, await Proxy.open(port, '127.0.0.1', to.dataPort));
      }
    for (const site of farm.sites) writeFileSync(join(farm.dir, `${site.name}.ini`), farm.ini(site, o));
    return farm;
  }

  get master(): FloodSite {
    return this.sites[0]!;
  }

  get running(): readonly FloodSite[] {
    return this.sites.filter((s) => s.running && !s.frozen);
  }

  async start(): Promise<void> {
    await Promise.all(this.sites.map((s) => s.start()));
  }

  /** Everything between these sites and all the others. */
  async part(sites: readonly FloodSite[], cut: Cut): Promise<void> {
    const inside = new Set(sites.map((s) => s.name));
    for (const [pair, proxy] of this.proxies) {
      const [from = '', to = ''] = pair.split(' ');
      if (inside.has(from) !== inside.has(to)) await proxy.set(cut);
    }
  }

  async heal(): Promise<void> {
    for (const proxy of this.proxies.values()) await proxy.set('none');
  }

  /** Ends all processes and removes the folder. */
  async destroy(): Promise<void> {
    await Promise.all(this.sites.map((s) => s.end('SIGKILL')));
    await Promise.all([...this.proxies.values()].map((p) => p.close()));
    rmSync(this.dir, { recursive: true, force: true });
  }

  private ini(own: FloodSite, o: FloodFarmOptions): string {
    const sites = this.sites.flatMap((s) => [
      `[service.flood/site.${s.name}]`,
      'hostname = localhost',
      'inet_address = 127.0.0.1',
      `client_port = ${s.clientPort}`,
      `data_port = ${s === own ? s.dataPort : this.proxies.get(`${own.name} ${s.name}`)!.port}`,
    ]);
    const group = Object.entries({ ...PERIODS, ...o.group }).map(([key, value]) => `${key} = ${value}`);
    return [
      '[daemon]',
      `state_dir = ${this.dir}`,
      o.sections?.(own) ?? `[storage.lmdb]\n[export.file]\npath = ${own.file}\nfsync = none\nrotate_bytes = 0`,
      '[service.flood]',
      `site = ${own.name}`,
      ...(o.service ?? []),
      ...sites,
      `[service.flood/group.${GROUP}]`,
      `sites = ${this.sites.map((s) => s.name).join(', ')}`,
      `connectivity = ${o.connectivity}`,
      ...group,
      '[client.line]',
      'groups = false',
      '',
    ].join('\n');
  }
}
