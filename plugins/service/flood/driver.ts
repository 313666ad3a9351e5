// The driver of a site's machine (docs/design/flood.md): sockets, timers, storage, exporter, topologies, channels and hooks
// around it, and the face that the text port sees. Each event is one tick of the daemon's loop; what a tick caused, on
// sockets and in storage, leaves at its end.
import {
  type Bytes,
  type Clock,
  type CommandFace,
  type EventLoop,
  type Exporter,
  type Logger,
  type Process,
  type Random,
  reasonOf,
  PealError,
  type Shutdown,
  type Store,
  type Timers,
} from 'peal/plugin';
import { Channels } from './channels.js';
import { floodFace } from './commands/index.js';
import { addressBytes, contains } from './config/networks.js';
import { FLOOD_ERRORS } from './errors.js';
import { Exporting } from './exporting.js';
import { lastIncarnation, keepIncarnation } from './incarnation.js';
import { createFlood } from './machine/machine.js';
import type { FloodSettings, SiteDefinition } from './machine/settings.js';
import type {
  ConnectionId,
  FloodEvent,
  FloodMachine,
  FloodPorts,
  SubmitRefusal,
  TopologyRequest,
  UpdateId,
} from './machine/types.js';
import { EventLog } from './event-log.js';
import { peerEnvironment, Resync } from './resync.js';
import { recordsOf, Saving } from './saving.js';
import type { Channel, ChannelSink, ConnectRefusal, FloodService, Listening } from './service.js';
import { Sockets } from './sockets.js';
import { Topologies } from './topology/index.js';

/** What a run of the exporter that is under way may take at the end of the daemon, milliseconds. */
const LAST_EXPORT_MS = 10_000;

export interface DriverPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly loop: EventLoop;
  readonly process: Process;
  readonly shutdown: Shutdown | undefined;
  readonly store: Store;
  readonly exporter: Exporter | undefined;
  readonly log: Logger;
  /** Name of the section, for diagnostics. */
  readonly section: string;
  /** Own folder of the daemon. */
  readonly stateDir: string;
}

export interface DriverOptions {
  readonly settings: FloodSettings;
  /** Address to listen on; undefined: all of the host. */
  readonly listenAddress: string | undefined;
  /** Shown in greetings. */
  readonly version: string;
}

export class FloodDriver implements FloodService {
  readonly stopMs = LAST_EXPORT_MS;
  readonly site: SiteDefinition;
  readonly face: CommandFace;
  private readonly machine: FloodMachine;
  private readonly sockets: Sockets;
  private readonly saving: Saving | undefined;
  private readonly exporting: Exporting;
  private readonly topologies: Topologies;
  private readonly channels: Channels;
  private readonly resync: Resync;
  private readonly events: EventLog;
  private readonly incarnationFile: string;
  private wokenAt: number | undefined;
  private offTickEnd: (() => void) | undefined;
  private running = false;
  private stopping: Promise<void> | undefined;

  constructor(
    private readonly o: DriverOptions,
    private readonly ports: DriverPorts,
  ) {
    const { settings } = o;
    const { store, loop, section, log, process, clock } = ports;
    this.site = settings.sites.find((s) => s.name === settings.site)!;
    this.face = floodFace(this, o);
    this.incarnationFile = `${ports.stateDir}/${section}.incarnation`;
    this.events = new EventLog(log, () => loop.now());
    this.topologies = new Topologies({ process, log });
    this.exporting = new Exporting({
      exporter: ports.exporter,
      site: this.site,
      done: (result) => {
        if (!result.ok) log.warn(`an export failed: ${result.detail}`);
        this.enter('exported', () => this.machine.exported(result.ok));
      },
    });
    this.sockets = new Sockets(
      { section, loop, site: this.site, host: o.listenAddress },
      {
        accepted: (id, address) => this.enter('accepted', () => this.machine.accepted(id, address)),
        dialled: (id, address) => this.enter('dialled', () => this.machine.dialled(id, address)),
        received: (id, bytes) => this.enter('received', () => this.machine.received(id, bytes)),
        writable: (id) => this.enter('writable', () => this.machine.writable(id)),
        closed: (id, why) => this.enter('closed', () => this.machine.closed(id, why)),
      },
    );
    const wallMs = Math.max(clock.wallMs(), lastIncarnation(this.incarnationFile) + 1);
    const birth = {
      settings,
      wallMs,
      exporter: ports.exporter !== undefined,
      durable: store.durable === true,
      software: `peal/${o.version}`,
    };
    this.machine = createFlood(birth, this.machinePorts());
    this.channels = new Channels({
      serveCommand: settings.local.resyncServeCommand,
      environment: (peer) => peerEnvironment(peer, this.machine.site(peer)),
      log,
      open: (site) => this.ask(() => this.machine.connect(site, 'connect')),
    });
    this.resync = new Resync({
      command: settings.local.resyncCommand,
      process,
      clock,
      log,
      site: (name) => this.machine.site(name),
      missing: (group) => this.machine.missing(group),
    });
    if (store.durable === true) this.saving = this.makeSaving();
  }

  get updateMaxBytes(): number {
    return this.o.settings.local.updateMaxBytes;
  }

  // ---- life ----------------------------------------------------------------------------------------------------

  async start(): Promise<void> {
    await this.restore();
    await this.sockets.listen();
    this.offTickEnd = this.ports.loop.onTickEnd(() => {
      this.saving?.flush();
      this.sockets.flush();
    });
    this.running = true;
    this.enter('start', () => this.machine.start());
    keepIncarnation(this.incarnationFile, this.machine.incarnation);
    const { name, dataPort } = this.site;
    this.ports.log.info('this site takes part', {
      site: name,
      data_port: dataPort,
      incarnation: this.machine.incarnation,
    });
  }

  /** LEAVE and GOODBYE go out; the export under way has its time; what is to be kept is written. Idempotent. */
  stop(): Promise<void> {
    return (this.stopping ??= this.end());
  }

  private async end(): Promise<void> {
    this.channels.stop();
    this.resync.stop();
    if (this.running) {
      this.sockets.stopListening();
      this.enter('leave', () => this.machine.leave());
      this.sockets.flush();
    }
    await this.sockets.closeAll();
    await this.exporting.settled(LAST_EXPORT_MS);
    this.running = false;
    await this.saving?.stop();
    await this.topologies.close();
    this.ports.loop.cancelTimer(this);
    this.offTickEnd?.();
  }

  private async restore(): Promise<void> {
    if (this.saving === undefined) return;
    const records: (readonly [string, Bytes])[] = [];
    try {
      for await (const record of recordsOf(this.ports.store)) records.push(record);
    } catch (cause) {
      throw PealError.of(FLOOD_ERRORS.RESTORE, { detail: reasonOf(cause) }, { cause });
    }
    this.at();
    this.machine.restore(records);
  }

  private makeSaving(): Saving {
    const { store, timers, log } = this.ports;
    return new Saving({
      store,
      timers,
      log,
      cut: () => this.machine.cut(),
      record: (key) => this.machine.record(key),
      stored: (cut) => this.enter('stored', () => this.machine.stored(cut)),
    });
  }

  // ---- the machine's side --------------------------------------------------------------------------------------

  private at(): void {
    this.machine.at(this.ports.loop.now(), this.ports.clock.wallMs());
  }

  /** An event of the machine, as a tick of its own or a part of the one that runs. */
  private enter(what: string, event: () => void): void {
    if (!this.running) return;
    this.ports.loop.run(`${this.ports.section} ${what}`, () => {
      this.at();
      event();
    });
  }

  /** As `enter`, with an answer. */
  private ask<T>(question: () => T): T {
    let answer: T | undefined;
    this.ports.loop.run(this.ports.section, () => {
      this.at();
      answer = question();
    });
    return answer as T;
  }

  private machinePorts(): FloodPorts {
    return {
      chance: this.ports.random,
      wakeAt: (ms) => this.wakeAt(ms),
      dial: (site) => this.sockets.dial(site),
      send: (id, head, body) => this.sockets.send(id, head, body),
      close: (id) => this.sockets.close(id),
      offer: (bundle) => this.exporting.offer(bundle),
      generate: (request) => this.generate(request),
      touched: (key) => this.saving?.touch(key),
      canServe: () => this.channels.canServe(),
      channel: (id, peer, ticket, first) => this.channel(id, peer, ticket, first),
      channelFailed: (ticket, why) => this.channels.failed(ticket, why),
      event: (e) => this.event(e),
    };
  }

  private wakeAt(ms: number | undefined): void {
    if (ms === this.wokenAt) return;
    this.wokenAt = ms;
    const { loop } = this.ports;
    if (ms === undefined) loop.cancelTimer(this);
    else
      loop.queueTimer(this, Math.max(0, ms - loop.now()), () => {
        this.wokenAt = undefined;
        this.enter('wake', () => this.machine.wake());
      });
  }

  private generate(request: TopologyRequest): void {
    void this.topologies
      .generate(request)
      .then((answer) => this.enter('generated', () => this.machine.generated(request.number, answer)));
  }

  private channel(id: ConnectionId, peer: string, ticket: number | undefined, first: Bytes): void {
    const socket = this.sockets.take(id);
    if (socket !== undefined) this.channels.established(socket, peer, ticket, first);
    else if (ticket !== undefined) this.channels.failed(ticket, 'unreachable');
  }

  private event(e: FloodEvent): void {
    this.events.note(e);
    if (e.kind === 'inconsistent') this.resync.differs(e);
    else if (e.kind === 'reborn') keepIncarnation(this.incarnationFile, e.incarnation);
  }

  // ---- the face ------------------------------------------------------------------------------------------------

  async submit(bytes: Bytes, group?: string): Promise<UpdateId | SubmitRefusal> {
    if (!this.running || this.stopping !== undefined) return 'stopping';
    let saved: Promise<void> | undefined;
    const answer = this.ask(() => {
      const id = this.machine.submit(bytes, group);
      // Asked for before the tick ends, so that the batch which begins there is the one with this update.
      if (typeof id !== 'string') saved = this.saving?.saved();
      return id;
    });
    await saved;
    return answer;
  }

  groups(): ReturnType<FloodService['groups']> {
    return this.ask(() => this.machine.groups());
  }

  members(group: string): ReturnType<FloodService['members']> {
    return this.ask(() => this.machine.members(group));
  }

  topology(group: string): ReturnType<FloodService['topology']> {
    return this.ask(() => this.machine.topology(group));
  }

  nearest(): ReturnType<FloodService['nearest']> {
    return this.ask(() => this.machine.nearest());
  }

  have(group: string): ReturnType<FloodService['have']> {
    return this.ask(() => this.machine.have(group));
  }

  missing(group: string): ReturnType<FloodService['missing']> {
    return this.ask(() => this.machine.missing(group));
  }

  statistics(): ReturnType<FloodService['statistics']> {
    return this.ask(() => this.machine.statistics());
  }

  connect(site: string, sink: ChannelSink): Promise<Channel | ConnectRefusal> {
    if (!this.running) return Promise.resolve('stopping');
    return this.channels.connect(site, sink);
  }

  listen(sink: ChannelSink): Listening | undefined {
    return this.channels.listen(sink);
  }

  isAdmin(address: string): boolean {
    const bytes = addressBytes(address);
    return bytes !== undefined && this.o.settings.local.adminSites.some((network) => contains(network, bytes));
  }

  update(group: string): boolean {
    return this.ask(() => this.machine.update(group));
  }

  terminate(): void {
    this.ports.shutdown?.ask('an administrator asked for it on the text port');
  }

  describe(): Readonly<Record<string, string | number | boolean>> {
    const values: Record<string, string | number | boolean> = {};
    for (const [name, value] of Object.entries(this.machine.statistics()))
      values[name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)] = value as string | number;
    return {
      ...values,
      data_port: this.site.dataPort,
      connections: this.sockets.size,
      channels: this.channels.size,
      resync_runs: this.resync.runs,
      ...(this.saving === undefined
        ? {}
        : { store_batches: this.saving.batches, store_failures: this.saving.failures }),
    };
  }
}
