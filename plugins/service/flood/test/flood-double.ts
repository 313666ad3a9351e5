// A flooding site that floods nowhere, for tests of its commands: what is submitted is kept, the rest is as the test says. Channels are
// joined in pairs inside the process.
import type { CommandFace } from 'peal/plugin';
import { floodFace } from '../commands/index.js';
import type { FloodStatistics } from '../machine/types.js';
import type {
  Channel,
  ChannelSink,
  ConnectRefusal,
  FloodService,
  GroupStatus,
  HaveLine,
  Listening,
  MemberStatus,
  MissingRange,
  NearestSite,
  SiteDefinition,
  SubmitRefusal,
  TopologyStatus,
  UpdateId,
} from '../service.js';

const INCARNATION = 1_700_000_000_000;
export const SITE: SiteDefinition = { name: 'master', hostname: 'master.test', clientPort: 0, dataPort: 2001 };
const FAR: SiteDefinition = { name: 'far away', hostname: 'far.test', clientPort: 2100, dataPort: 2101 };

const COUNTERS: Omit<FloodStatistics, 'uptimeSeconds' | 'site' | 'incarnation' | 'groups'> = {
  sitesKnown: 2,
  sitesUp: 1,
  sitesDown: 1,
  linksUp: 0,
  updatesOriginated: 0,
  updatesReceived: 0,
  duplicates: 0,
  updatesExported: 0,
  exportRuns: 0,
  exportFailures: 0,
  exportDropped: 0,
  bytesStored: 0,
  dataStorageMax: 16_777_216,
  queuedSend: 0,
  queuedExport: 0,
  droppedDown: 0,
  droppedSend: 0,
  droppedExport: 0,
  droppedOversize: 0,
  droppedFull: 0,
  gapsAbandoned: 0,
  pings: 0,
  bandwidthProbes: 0,
  estimatesSent: 0,
  joinsSent: 0,
  joinsReceived: 0,
  topologiesComputed: 0,
  topologiesReceived: 0,
  generatorFailures: 0,
  protocolErrors: 0,
};

export class FloodDouble implements FloodService {
  readonly site = SITE;
  readonly updateMaxBytes = 1000;
  readonly face: CommandFace;
  readonly submitted: { readonly text: string; readonly group: string | undefined }[] = [];
  terminated = 0;
  admin = true;
  refusal: SubmitRefusal | undefined;
  connectRefusal: ConnectRefusal = 'not-served';
  private listener: { readonly sink: ChannelSink; readonly take: (channel: Channel | undefined) => void } | undefined;

  constructor(where: { readonly listenAddress: string | undefined } = { listenAddress: '127.0.0.1' }) {
    this.face = floodFace(this, { version: '1.0', ...where });
  }

  start(): Promise<void> {
    return Promise.resolve();
  }
  stop(): Promise<void> {
    this.listener?.take(undefined);
    return Promise.resolve();
  }

  submit(bytes: Uint8Array, group?: string): Promise<UpdateId | SubmitRefusal> {
    if (this.refusal !== undefined) return Promise.resolve(this.refusal);
    if (bytes.length === 0) return Promise.resolve('empty');
    this.submitted.push({ text: Buffer.from(bytes).toString('latin1'), group });
    return Promise.resolve({ origin: SITE.name, incarnation: INCARNATION, sequence: this.submitted.length });
  }

  groups(): readonly GroupStatus[] {
    return ['g one', 'g2'].map((name) => ({
      name,
      members: 2,
      masterSite: SITE.name,
      epoch: INCARNATION,
      topologyNumber: 3,
    }));
  }

  private known<T>(group: string, value: T): T | undefined {
    return this.groups().some(({ name }) => name === group) ? value : undefined;
  }

  members(group: string): readonly MemberStatus[] | undefined {
    return this.known(group, [
      { site: FAR, state: 'down', heardSecondsAgo: 12.7, master: false },
      { site: SITE, state: 'self', heardSecondsAgo: 0, master: true },
    ]);
  }

  topology(group: string): TopologyStatus | undefined {
    const edge = { a: FAR.name, b: SITE.name, cost: 14.444, rttMs: 12.5, bytesPerSecond: 1_250_000.5 };
    return this.known(group, { epoch: INCARNATION, number: 3, edges: [edge], diameter: 1, generator: 'builtin' });
  }

  nearest(): readonly NearestSite[] {
    return [
      { site: SITE, rttMs: 0 },
      { site: FAR, rttMs: undefined },
    ];
  }

  have(group: string): readonly HaveLine[] | undefined {
    const line = { origin: FAR.name, incarnation: 5, lowWater: 7 };
    return this.known(group, [
      {
        ...line,
        ranges: [
          [9, 9],
          [11, 20],
        ],
      },
      { ...line, origin: SITE.name, ranges: [] },
    ]);
  }

  missing(group: string): readonly MissingRange[] | undefined {
    return this.known(group, [{ origin: FAR.name, incarnation: 5, first: 8, last: 8, reason: 'gap' }]);
  }

  statistics(): FloodStatistics {
    return { ...COUNTERS, uptimeSeconds: 5.5, site: SITE.name, incarnation: INCARNATION, groups: 2 };
  }

  connect(site: string, sink: ChannelSink): Promise<Channel | ConnectRefusal> {
    const { listener } = this;
    if (site !== FAR.name) return Promise.resolve('unknown-site');
    if (listener === undefined) return Promise.resolve(this.connectRefusal);
    this.listener = undefined;
    const [near, far] = pair(sink, listener.sink);
    listener.take(far);
    return Promise.resolve(near);
  }

  listen(sink: ChannelSink): Listening | undefined {
    if (this.listener !== undefined) return undefined;
    let take: (channel: Channel | undefined) => void = () => undefined;
    const accepted = new Promise<Channel | undefined>((resolve) => (take = resolve));
    this.listener = { sink, take };
    const cancel = (): void => {
      if (this.listener?.take === take) this.listener = undefined;
      take(undefined);
    };
    return { accepted, cancel };
  }

  get listening(): boolean {
    return this.listener !== undefined;
  }

  isAdmin(): boolean {
    return this.admin;
  }
  update(group: string): boolean {
    return group === 'g2';
  }
  terminate(): void {
    this.terminated++;
  }
}

/** Bytes that may be under way in one direction before the writer has to wait. */
const WINDOW_BYTES = 64 * 1024;

class Half implements Channel {
  readonly peer = FAR.name;
  other: Half | undefined;
  private readonly queue: Uint8Array[] = [];
  private queued = 0;
  private stopped = false;
  private full = false;
  private over = false;

  constructor(private readonly sink: ChannelSink) {}

  write(bytes: Uint8Array): boolean {
    return this.other!.arrive(bytes);
  }
  pause(on: boolean): void {
    this.stopped = on;
    setImmediate(() => this.pump());
  }
  end(): void {
    this.other!.closing();
    this.over = true;
  }

  private arrive(bytes: Uint8Array): boolean {
    this.queue.push(bytes);
    this.queued += bytes.length;
    setImmediate(() => this.pump());
    this.full = this.queued > WINDOW_BYTES;
    return !this.full;
  }

  private closing(): void {
    this.over = true;
    setImmediate(() => this.pump());
  }

  private pump(): void {
    while (!this.stopped && this.queue.length > 0) {
      const bytes = this.queue.shift()!;
      this.queued -= bytes.length;
      this.sink.received(bytes);
    }
    if (this.full && this.queued === 0) {
      this.full = false;
      this.other!.sink.drained();
    }
    if (this.over && this.queue.length === 0 && !this.stopped) this.sink.closed();
  }
}

function pair(a: ChannelSink, b: ChannelSink): readonly [Channel, Channel] {
  const [near, far] = [new Half(a), new Half(b)];
  near.other = far;
  far.other = near;
  return [near, far];
}
