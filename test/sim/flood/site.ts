// One site of the simulator: its lives (the production machine and a driver on virtual time), what it keeps on disk, and its
// exporter. What a driver promises in plugins/service/flood/machine/types.ts is kept here to the letter.
import { createFlood } from '../../../plugins/service/flood/machine/machine.js';
import type { FloodSettings, SiteDefinition } from '../../../plugins/service/flood/machine/settings.js';
import type {
  ExportBundle,
  FloodEvent,
  FloodMachine,
  FloodPorts,
  TopologyRequest,
} from '../../../plugins/service/flood/machine/types.js';
import { reachable } from '../../../plugins/service/flood/topology/connectivity.js';
import { generate } from '../../../plugins/service/flood/topology/generator.js';
import { inputOf } from '../../../plugins/service/flood/topology/index.js';
import { harary, shortTour } from '../../../plugins/service/flood/topology/tour.js';
import { type Clock, type Entry, Phase } from '../clock.js';
import type { Random } from '../random.js';
import type { EndPoint, Listener, Network } from './network.js';

/** How the outside of a site behaves at the moment. */
export interface Outside {
  /** Longest run of the exporter. */
  exportMs: number;
  /** Runs that fail, of 1000. */
  exportFails: number;
  /** The exporter takes nothing. */
  exportBusy: boolean;
  /** Added to the clock of the simulation. */
  wallOffsetMs: number;
}

export interface SiteUp {
  /** Handed to the exporter; `ok`: it will succeed. */
  exported(site: Site, bundle: ExportBundle, ok: boolean): void;
  event(site: Site, e: FloodEvent): void;
}

const FLUSH_MS = 200;
/** Topologies that are annealed, of 1000. */
const ANNEALED_PERMILLE = 20;
const WALL_START_MS = 1_700_000_000_000;

export class Site implements Listener {
  life: Life | undefined;
  readonly outside: Outside = { exportMs: 20, exportFails: 0, exportBusy: false, wallOffsetMs: 0 };
  /** Records of durable storage; another one when it was lost, so that nothing of the old one comes late. */
  disk = new Map<string, Uint8Array>();
  /** Begun so far. */
  lives = 0;

  constructor(
    readonly place: number,
    readonly settings: FloodSettings,
    readonly durable: boolean,
    readonly clock: Clock,
    readonly network: Network,
    readonly random: Random,
    readonly byName: (name: string) => (Listener & { readonly address: string }) | undefined,
    readonly up: SiteUp,
  ) {}

  get name(): string {
    return this.settings.site;
  }

  get listening(): boolean {
    return this.life !== undefined;
  }

  accept(connection: number, from: number): EndPoint {
    const life = this.life!;
    life.deferred(() => life.machine.accepted(connection, addressOf(from)));
    return life;
  }

  get address(): string {
    return addressOf(this.place);
  }

  wallMs(): number {
    return WALL_START_MS + this.clock.now + this.outside.wallOffsetMs;
  }

  start(): void {
    if (this.life !== undefined) return;
    this.lives++;
    this.life = new Life(this);
    this.life.begin();
  }

  /** kill -9. */
  kill(): void {
    const { life } = this;
    if (life === undefined) return;
    this.life = undefined;
    life.end();
    this.network.kill(life);
  }

  /** An orderly stop: what it says at the end still goes out. */
  leave(): void {
    const { life } = this;
    if (life === undefined) return;
    life.run(() => life.machine.leave());
    life.flushNow();
    this.kill();
  }

  lose(): void {
    this.disk = new Map();
  }
}

function addressOf(place: number): string {
  return `10.0.0.${place + 1}`;
}

/** One run of the process. */
export class Life implements EndPoint {
  readonly machine: FloodMachine;
  awake = true;
  over = false;
  /** Why channels came to nothing. */
  readonly failures: string[] = [];
  /** Told of every dial. */
  onDial: (to: string) => void = () => undefined;
  /** Told of every question to the topology generator. */
  onGenerate: (request: TopologyRequest) => void = () => undefined;
  /** Ends of connections it has. */
  private alarm: Entry | undefined;
  private late: (() => void)[] = [];
  private readonly touched = new Set<string>();
  /** The batch that is being written. */
  private writing: readonly (readonly [key: string, value: Uint8Array | undefined])[] | undefined;

  private readonly disk: Map<string, Uint8Array>;

  constructor(readonly site: Site) {
    const { settings, durable, random } = site;
    this.disk = site.disk;
    this.machine = createFlood(
      { settings, wallMs: site.wallMs(), exporter: true, durable, software: 'sim' },
      this.ports(random),
    );
  }

  begin(): void {
    this.run(() => {
      if (this.site.durable) this.machine.restore([...this.disk].sort(([a], [b]) => (a < b ? -1 : 1)));
      this.machine.start();
    });
  }

  end(): void {
    this.over = true;
    if (this.alarm !== undefined) this.site.clock.cancel(this.alarm);
  }

  /** The process stands still. */
  freeze(): void {
    this.awake = false;
  }

  thaw(): void {
    this.awake = true;
    const { late } = this;
    this.late = [];
    for (const event of late) this.run(event);
    this.site.network.kickAll();
  }

  /** One event of the machine. */
  run(event: () => void): void {
    if (this.over) return;
    this.machine.at(this.site.clock.now, this.site.wallMs());
    event();
    this.flush();
  }

  /** An event that waits while the process stands still. */
  deferred(event: () => void): void {
    if (this.awake) this.run(event);
    else this.late.push(event);
  }

  received(connection: number, bytes: Uint8Array): void {
    this.run(() => {
      this.machine.received(connection, bytes);
      // The machine may not keep what belongs to the socket.
      bytes.fill(0xee);
    });
  }

  writable(connection: number): void {
    this.deferred(() => this.machine.writable(connection));
  }

  closed(connection: number, why: 'ended' | 'reset'): void {
    this.deferred(() => this.machine.closed(connection, why));
  }

  /** Writes everything at once, as an orderly stop does. */
  flushNow(): void {
    for (const [key, value] of this.writing ?? []) this.write(key, value);
    for (const key of this.touched) this.write(key, this.machine.record(key));
    this.touched.clear();
    this.writing = undefined;
  }

  private ports(random: Random): FloodPorts {
    const { site } = this;
    const { network } = site;
    return {
      chance: { u32: () => random.next(), real: () => random.next() / 2 ** 32 },
      wakeAt: (ms) => this.setAlarm(ms),
      dial: (to) => this.dial(to),
      send: (connection, head, body) => {
        if (body === undefined) return network.send(connection, head);
        network.send(connection, head);
        return network.send(connection, body);
      },
      close: (connection) => network.close(connection),
      offer: (bundle) => this.offer(bundle),
      generate: (request) => this.generate(request),
      touched: (key) => this.touched.add(key),
      canServe: () => false,
      channel: () => undefined,
      channelFailed: (_, why) => this.failures.push(why),
      event: (e) => site.up.event(site, e),
    };
  }

  private setAlarm(ms: number | undefined): void {
    const { clock } = this.site;
    if (this.alarm !== undefined) clock.cancel(this.alarm);
    this.alarm =
      ms === undefined || this.over
        ? undefined
        : clock.schedule(Math.ceil(ms), Phase.timer, () => {
            this.alarm = undefined;
            this.deferred(() => this.machine.wake());
          });
  }

  private dial(to: SiteDefinition): number {
    this.onDial(to.name);
    const target = this.site.byName(to.name);
    if (target === undefined) throw new Error(`a dial to ${to.name}, which is nowhere`);
    const id = this.site.network.dial(this.site.place, this, target, {
      dialled: () => this.deferred(() => this.machine.dialled(id, target.address)),
      failed: (why) => this.deferred(() => this.machine.closed(id, why)),
    });
    return id;
  }

  private offer(bundle: ExportBundle): boolean {
    const { site } = this;
    const { exportMs, exportFails, exportBusy } = site.outside;
    if (exportBusy) return false;
    const ok = !site.random.chance(exportFails);
    site.up.exported(site, bundle, ok);
    this.after(1 + site.random.below(exportMs), () => this.machine.exported(ok));
    return true;
  }

  private generate(request: TopologyRequest): void {
    this.onGenerate(request);
    const input = inputOf(request);
    const n = request.sites.length;
    // Annealing costs more than all the rest of a run, and any k-connected graph does for the machine.
    const places = this.site.random.chance(ANNEALED_PERMILLE)
      ? generate(input)
      : harary(shortTour(n, input.cost), reachable(request.connectivity, n));
    const edges = places.map(([a, b]) => [request.sites[a]!, request.sites[b]!] as const);
    const answer = this.site.random.chance(20)
      ? { failed: 'the generator ended without an answer' }
      : { edges, generator: 'builtin' as const, commandFailed: false };
    this.after(1 + this.site.random.below(300), () => this.machine.generated(request.number, answer));
  }

  private copyOf(key: string): Uint8Array | undefined {
    const record = this.machine.record(key);
    return record && new Uint8Array(record);
  }

  private flush(): void {
    if (this.writing !== undefined || this.touched.size === 0 || !this.site.durable) return;
    const cut = this.machine.cut();
    const changes = [...this.touched].map((key) => [key, this.copyOf(key)] as const);
    this.touched.clear();
    this.writing = changes;
    const { clock, random } = this.site;
    clock.schedule(clock.now + 1 + random.below(FLUSH_MS), Phase.timer, () => {
      // A kill in the middle of a write: it holds, or it does not.
      if (this.writing !== changes || (this.over && (this.site.life !== undefined || random.chance(500)))) return;
      for (const [key, value] of changes) this.write(key, value);
      this.writing = undefined;
      this.deferred(() => this.machine.stored(cut));
    });
  }

  private write(key: string, value: Uint8Array | undefined): void {
    if (value === undefined) this.disk.delete(key);
    else this.disk.set(key, value);
  }

  private after(ms: number, event: () => void): void {
    const { clock } = this.site;
    clock.schedule(clock.now + ms, Phase.timer, () => this.deferred(event));
  }
}
