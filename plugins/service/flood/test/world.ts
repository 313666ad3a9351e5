// Real sites in one process, for tests of the driver: each a plugin built as the kernel would, with storage and exporter of
// its own, on loopback addresses and ports given by the system. Periods are short; nothing waits for a fixed time.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DaemonInfo,
  EventLoop,
  Exporter,
  type ExportBatch,
  type ExportResult,
  Shutdown,
  type Storage,
  Store,
} from 'peal/plugin';
import { NodeLoop } from '../../../../core/runtime/loop.js';
import { bind, buildPlugin } from '../../../../test/compliance/build.js';
import { infoOf } from '../../../../test/compliance/bench.js';
import { type Cut, Proxy } from '../../../../test/e2e/flood-proxy.js';
import { freePorts } from '../../../../test/e2e/processes.js';
import exportCommand from '../../../export/command/index.js';
import storageLmdb from '../../../storage/lmdb/index.js';
import storageMemory from '../../../storage/memory/index.js';
import plugin from '../index.js';
import type { FloodService, UpdateId } from '../service.js';
import type { Sockets } from '../sockets.js';

/** An exporter that keeps what it gets, and can be held. */
export class KeepingExporter implements Exporter {
  maxBatchBytes = 1_048_576;
  readonly ids: string[] = [];
  readonly texts: string[] = [];
  readonly batches: ExportBatch[] = [];
  /** While it is set a batch is not done. */
  held: Promise<void> | undefined;
  /** How the next batches end. */
  failures = 0;
  private busy = false;

  stop(): Promise<void> {
    return Promise.resolve();
  }

  offer(batch: ExportBatch): 'busy' | Promise<ExportResult> {
    if (this.busy) return 'busy';
    this.busy = true;
    return this.take(batch);
  }

  private async take(batch: ExportBatch): Promise<ExportResult> {
    this.batches.push(batch);
    await this.held;
    this.busy = false;
    if (this.failures-- > 0) return { ok: false, detail: 'told to fail' };
    this.failures = 0;
    for (const { id, bytes } of batch.records) {
      this.ids.push(id);
      this.texts.push(Buffer.from(bytes).toString('latin1'));
    }
    return { ok: true };
  }
}

export interface SiteOptions {
  readonly storage?: 'memory' | 'lmdb';
  readonly options?: Readonly<Record<string, string>>;
  /** Options of a real [export.command]; none: no exporter at all. Absent: one that keeps. */
  readonly command?: Readonly<Record<string, string>> | 'none';
}

/** One site; it may live several times. */
export class Site {
  readonly exporter = new KeepingExporter();
  /** Set by `terminate`. */
  asked = '';
  logged: readonly string[] = [];
  /** Places of the sites that its own file defines; default: all. */
  knows: readonly number[] | undefined;
  /** More options, of this site alone. */
  more: Readonly<Record<string, string>> = {};
  /** In place of what the world says. */
  inner: Record<string, Record<string, string>> | undefined;
  private service: FloodService | undefined;
  private storage: Storage | undefined;
  private running: Exporter | undefined;

  constructor(
    private readonly world: World,
    readonly name: string,
    readonly place: number,
    private readonly o: SiteOptions,
  ) {}

  get flood(): FloodService {
    if (this.service === undefined) throw new Error(`site ${this.name} does not run`);
    return this.service;
  }

  async start(): Promise<void> {
    const folder = join(this.world.folder, this.name);
    mkdirSync(folder, { recursive: true });
    const info = bind(DaemonInfo, infoOf([{ name: this.name, host: '127.0.0.1', port: 1, place: 0 }], folder));
    const lmdb = this.o.storage === 'lmdb';
    this.storage = buildPlugin<Storage>({
      plugin: lmdb ? storageLmdb : storageMemory,
      ...(lmdb ? { options: { path: folder } } : {}),
      ports: [info],
    }).instance;
    await this.storage.start?.();
    this.running = this.makeExporter();
    await this.running?.start?.();
    const built = buildPlugin<FloodService>({
      plugin,
      options: { site: this.name, ...this.o.options, ...this.more },
      inner: this.inner ?? this.world.inner(this),
      ports: [
        info,
        bind(EventLoop, this.world.loop),
        bind<Store>(Store, this.storage.space('service.flood')),
        bind<Exporter | undefined>(Exporter, this.running),
        bind(Shutdown, { ask: (why) => (this.asked = why) }),
      ],
    });
    this.service = built.instance;
    this.logged = built.logged;
    await this.service.start();
  }

  /** As when the process is killed: nothing is said any more, and the system closes its sockets. */
  async crash(): Promise<void> {
    const inside = this.flood as unknown as { running: boolean; readonly sockets: Sockets };
    inside.running = false;
    await inside.sockets.closeAll();
    await this.stop();
  }

  async stop(): Promise<void> {
    await this.service?.stop();
    await this.running?.stop();
    await this.storage?.stop?.();
    this.service = undefined;
    this.storage = undefined;
    this.running = undefined;
  }

  /** Counters of the exporter. */
  exports(): Readonly<Record<string, string | number | boolean>> {
    return this.running?.describe?.() ?? {};
  }

  private makeExporter(): Exporter | undefined {
    const { command } = this.o;
    if (command === 'none') return undefined;
    if (command === undefined) return this.exporter;
    return buildPlugin<Exporter>({ plugin: exportCommand, options: command }).instance;
  }
}

export interface WorldOptions {
  /** How many are defined. */
  readonly sites: number;
  /** Pairs of sites talk through proxies, so that they can be cut. */
  readonly cuttable?: boolean;
  /** Only these sites are in the group; default: all. */
  readonly members?: number;
  /** A second group `other` of these places. */
  readonly other?: readonly number[];
  readonly connectivity?: number;
  readonly group?: Readonly<Record<string, string>>;
  readonly site?: SiteOptions;
}

const NAMES = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta'];

/** Periods of tests, as a file says them. */
export const SHORT = {
  ping_period_ms: '200',
  bandwidth_period_ms: '500',
  bandwidth_size_bytes: '4096',
  estimates_period_ms: '400',
  down_period_ms: '1500',
  update_period_ms: '1000',
  join_period_ms: '500',
};

export class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'peal-flood-'));
  readonly failures: unknown[] = [];
  readonly loop = new NodeLoop((_, error) => this.failures.push(error));
  sites: readonly Site[] = [];
  private ports: readonly number[] = [];
  private readonly proxies = new Map<string, Proxy>();

  private constructor(private readonly o: WorldOptions) {}

  /** Sites that are not started yet. */
  static async create(o: WorldOptions): Promise<World> {
    const world = new World(o);
    world.ports = await freePorts(o.sites);
    world.sites = NAMES.slice(0, o.sites).map((name, place) => new Site(world, name, place, o.site ?? {}));
    world.loop.start();
    if (o.cuttable === true) await world.openProxies();
    return world;
  }

  private async openProxies(): Promise<void> {
    const ports = await freePorts(this.sites.length ** 2);
    for (const from of this.sites)
      for (const to of this.sites)
        if (from !== to) {
          const proxy = await Proxy.open(ports.pop()!, addressOf(to), this.ports[to.place]!);
          this.proxies.set(`${from.name} ${to.name}`, proxy);
        }
  }

  /** Everything between these sites and the others. */
  async part(sites: readonly Site[], cut: Cut): Promise<void> {
    const inside = (name: string): boolean => sites.some((s) => s.name === name);
    for (const [pair, proxy] of this.proxies) {
      const [from = '', to = ''] = pair.split(' ');
      if (inside(from) !== inside(to)) await proxy.set(cut);
    }
  }

  portOf(site: Site): number {
    return this.ports[site.place]!;
  }

  /** All sites and the group, as every one of them has it in its file. */
  inner(own: Site): Record<string, Record<string, string>> {
    const { connectivity = 2, group = {}, other, members = this.sites.length } = this.o;
    const names = (places: readonly number[]): string => places.map((p) => this.sites[p]!.name).join(', ');
    const all = this.sites.map((s) => s.place);
    const known = own.knows ?? all;
    const sites = known.map((place) => {
      const site = this.sites[place]!;
      const proxy = this.proxies.get(`${own.name} ${site.name}`);
      const values = {
        hostname: 'localhost',
        inet_address: proxy === undefined ? addressOf(site) : '127.0.0.1',
        client_port: '2000',
        data_port: String(proxy?.port ?? this.ports[place]),
      };
      return [`site.${site.name}`, values] as const;
    });
    const listed = own.knows ?? all.slice(0, members);
    const options = { connectivity: String(connectivity), ...SHORT, ...group };
    return {
      ...Object.fromEntries(sites),
      'group.mirror': { sites: names(listed), master_site: this.sites[0]!.name, ...options },
      ...(other === undefined ? {} : { 'group.other': { sites: names(other), ...options } }),
    };
  }

  async start(): Promise<this> {
    for (const site of this.sites) await site.start();
    return this;
  }

  async destroy(): Promise<void> {
    await Promise.all(this.sites.map((s) => s.stop()));
    await Promise.all([...this.proxies.values()].map((p) => p.close()));
    this.loop.stop();
    rmSync(this.folder, { recursive: true, force: true });
    if (this.failures.length > 0) throw this.failures[0];
  }
}

function addressOf(site: Site): string {
  return `127.0.0.${site.place + 2}`;
}

/** Resolves when it is so. The limit of the test as a whole catches what never comes. */
export async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 5));
}

export const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** All of them list each other, have a computed topology, and are up. */
export function settled(sites: readonly Site[], group = 'mirror'): Promise<void> {
  return until(() =>
    sites.every((s) => {
      const members = s.flood.members(group) ?? [];
      const up = members.filter((m) => m.state === 'up' || m.state === 'self');
      return up.length === sites.length && s.flood.topology(group)?.generator !== 'bootstrap';
    }),
  );
}

/** Hands in an update; fails when it is refused. */
export async function submit(site: Site, text: string, group?: string): Promise<UpdateId> {
  const id = await site.flood.submit(bytes(text), group);
  if (typeof id === 'string') throw new Error(id);
  return id;
}
