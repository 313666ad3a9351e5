// A few flooding sites on virtual time for tests that tell one story each: short periods, hands on every site, path and
// exporter, and a raw peer that says whatever frames the story needs.
import type { FloodSettings, GroupSettings } from '../../../plugins/service/flood/machine/settings.js';
import type { FloodEvent, FloodMachine, FloodStatistics } from '../../../plugins/service/flood/machine/types.js';
import type { ControlFrame, Data, Frame, Purpose } from '../../../plugins/service/flood/wire/frames.js';
import { FrameStream } from '../../../plugins/service/flood/wire/reader.js';
import { dataHead, writeFrame } from '../../../plugins/service/flood/wire/write.js';
import { Clock } from '../clock.js';
import { Random } from '../random.js';
import { type EndPoint, type Listener, Network } from './network.js';
import { Site } from './site.js';

export interface StageOptions {
  /** Names in alphabetical order; the first is the master of group `g` unless a group says otherwise. */
  readonly sites: readonly string[];
  /** Members by group; default: all in `g`. */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  readonly group?: Partial<GroupSettings>;
  readonly local?: Partial<FloodSettings['local']>;
  /** Of single sites. */
  readonly localOf?: Readonly<Record<string, Partial<FloodSettings['local']>>>;
  /** Sites that a site has in its own file; default: all of its groups. */
  readonly knows?: Readonly<Record<string, readonly string[]>>;
  readonly durable?: readonly string[];
  readonly seed?: number;
}

const MIB = 1_048_576;
/** Places for raw peers. */
const GUESTS = 4;
/** Long enough for everybody to join and for the first topology. */
const SETTLE_MS = 8_000;

const decoder = new TextDecoder();

export class Stage {
  readonly clock = new Clock();
  readonly network: Network;
  readonly sites = new Map<string, Site>();
  /** Texts in the order in which they were handed to the exporter, by site; all lives. */
  readonly exported = new Map<string, string[]>();
  readonly bundles = new Map<string, number[]>();
  readonly events = new Map<string, FloodEvent[]>();
  private guests = 0;

  constructor(private readonly o: StageOptions) {
    const random = new Random(o.seed ?? 1, 'flood stage');
    this.network = new Network(this.clock, random.fork('network'), o.sites.length + GUESTS);
    for (const [place, name] of o.sites.entries()) {
      this.exported.set(name, []);
      this.bundles.set(name, []);
      this.events.set(name, []);
      const site = new Site(
        place,
        this.settings(name),
        o.durable?.includes(name) === true,
        this.clock,
        this.network,
        random.fork(name),
        (to) => this.sites.get(to) ?? this.nowhere(),
        {
          exported: (s, bundle) => {
            this.bundles.get(s.name)!.push(bundle.updates.length);
            for (const u of bundle.updates) this.exported.get(s.name)!.push(decoder.decode(u.bytes));
          },
          event: (s, e) => this.events.get(s.name)!.push(e),
        },
      );
      this.sites.set(name, site);
    }
  }

  /** Starts those sites, or all, and waits until they have settled. */
  start(...names: readonly string[]): this {
    for (const name of names.length > 0 ? names : this.o.sites) this.site(name).start();
    return this.wait(SETTLE_MS);
  }

  site(name: string): Site {
    return this.sites.get(name)!;
  }

  machine(name: string): FloodMachine {
    return this.site(name).life!.machine;
  }

  statistics(name: string): FloodStatistics {
    return this.machine(name).statistics();
  }

  wait(ms: number): this {
    this.clock.runUntil(this.clock.now + ms);
    return this;
  }

  /** Text enters at a site. */
  submit(name: string, text: string, group?: string): ReturnType<FloodMachine['submit']> {
    let result: ReturnType<FloodMachine['submit']> = 'stopping';
    const { life } = this.site(name);
    life!.run(() => (result = life!.machine.submit(new TextEncoder().encode(text), group)));
    return result;
  }

  /** Cuts all paths between two sets of sites, or mends them. */
  part(a: readonly string[], b: readonly string[], cut = true): this {
    for (const x of a)
      for (const y of b) {
        const [i, j] = [this.site(x).place, this.site(y).place];
        for (const [from, to] of [
          [i, j],
          [j, i],
        ] as const)
          if (cut) this.network.cut(from, to);
          else this.network.heal(from, to);
      }
    return this;
  }

  membersAt(name: string, group = 'g'): string[] {
    return this.machine(name)
      .members(group)!
      .map((m) => m.site.name);
  }

  stateAt(name: string, of: string, group = 'g'): string | undefined {
    return this.machine(name)
      .members(group)!
      .find((m) => m.site.name === of)?.state;
  }

  /** Edges as `a-b`, in order. */
  edgesAt(name: string, group = 'g'): string[] {
    return this.machine(name)
      .topology(group)!
      .edges.map((e) => `${e.a}-${e.b}`)
      .sort();
  }

  /** A raw peer from an address of its own, connected to that site. */
  guest(to: string): Guest {
    return new Guest(this, this.o.sites.length + this.guests++, this.site(to));
  }

  /** Where guests say they live: nobody listens there. */
  private nowhere(): Listener & { readonly address: string } {
    return {
      place: this.o.sites.length,
      listening: false,
      address: '10.9.9.9',
      accept: () => {
        throw new Error('nobody listens here');
      },
    };
  }

  private settings(site: string): FloodSettings {
    const groups = this.o.groups ?? { g: this.o.sites };
    const own = Object.entries(groups).filter(([, members]) => members.includes(site));
    const known = this.o.knows?.[site] ?? own.flatMap(([, members]) => members);
    return {
      site,
      sites: this.o.sites
        .filter((name) => name === site || known.includes(name))
        .map((name) => ({ name, hostname: `h-${name}`, clientPort: 2000, dataPort: 2001 })),
      groups: own.map(([name, members]) => this.groupSettings(name, members, site, known)),
      local: {
        dataStorageMaxBytes: 16 * MIB,
        updateMaxBytes: 4 * MIB,
        logPurgePeriodMs: 3_600_000,
        sitePurgePeriodMs: 600_000,
        exportLocal: true,
        exportTimeoutMs: 0,
        exportRetries: 0,
        exportBundleMaxBytes: MIB,
        adminSites: [],
        ...this.o.local,
        ...this.o.localOf?.[site],
      },
    };
  }

  private groupSettings(
    name: string,
    members: readonly string[],
    site: string,
    known: readonly string[],
  ): GroupSettings {
    return {
      name,
      sites: members.filter((m) => m === site || known.includes(m)),
      masterSite: members[0]!,
      connectivity: 2,
      updatePeriodMs: 1000,
      joinPeriodMs: 500,
      pingPeriodMs: 200,
      bandwidthPeriodMs: 1000,
      estimatesPeriodMs: 400,
      downPeriodMs: 1000,
      bandwidthSizeBytes: 4096,
      allow: [],
      deny: [],
      ...this.o.group,
    };
  }
}

/** Says frames, or bytes, and keeps what it is told. */
export class Guest implements EndPoint {
  readonly awake = true;
  readonly frames: Frame[] = [];
  open = true;
  private readonly stream = new FrameStream(MIB, (f) => this.frames.push(f));
  private readonly id: number;

  constructor(
    private readonly stage: Stage,
    place: number,
    to: Site,
  ) {
    this.id = stage.network.dial(place, this, to, { dialled: () => undefined, failed: () => (this.open = false) });
  }

  received(_: number, bytes: Uint8Array): void {
    this.stream.push(bytes, this.stage.clock.now);
  }

  writable(): void {
    // It never has much to say.
  }

  closed(): void {
    this.open = false;
  }

  bytes(b: Uint8Array): this {
    this.stage.network.send(this.id, b);
    this.stage.wait(300);
    return this;
  }

  say(...frames: readonly ControlFrame[]): this {
    for (const f of frames) this.stage.network.send(this.id, writeFrame(f));
    this.stage.wait(300);
    return this;
  }

  /** Greets as that site, of that run. */
  greet(
    name: string,
    purpose: Purpose = 'link',
    incarnation = 1,
    groups: readonly string[] = ['g'],
    dataPort = 2001,
  ): this {
    const site = { name, hostname: `h-${name}`, clientPort: 2000, dataPort };
    return this.say({ kind: 'hello', site, incarnation, purpose, protocol: 1, software: 'test', groups });
  }

  /** Updates as frames; `text` is the body. */
  data(...updates: readonly (Partial<Data> & { readonly sequence: number; readonly text: string })[]): this {
    for (const { text, ...d } of updates) {
      const body = new TextEncoder().encode(text);
      const head: Data = {
        kind: 'data',
        origin: 'z',
        incarnation: 1,
        scope: '*',
        hops: 0,
        created: 0,
        since: d.sequence - 1,
        sinceOf: [],
        ...d,
      };
      this.stage.network.send(this.id, dataHead(head, body.length));
      this.stage.network.send(this.id, body);
    }
    this.stage.wait(300);
    return this;
  }

  of<K extends Frame['kind']>(kind: K): Extract<Frame, { readonly kind: K }>[] {
    return this.frames.filter((f): f is Extract<Frame, { readonly kind: K }> => f.kind === kind);
  }

  /** Sequences acknowledged so far. */
  get acknowledged(): number[] {
    return this.of('ack').flatMap((a) => a.ids.map((i) => i.sequence));
  }
}
