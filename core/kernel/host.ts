// One daemon put together from a plan: link chain, machine and driver, then the plugins in the order of their start. All
// is created before anything is opened, so that what cannot work is known before a peer or a client has seen us.
import { DAEMON_ERRORS, PealError, PLUGIN_ERRORS, reasonOf } from '../errors.js';
import type { Log } from '../log.js';
import { createMesh } from '../machine/mesh/index.js';
import type { Birth, DaemonMachine, DaemonPorts } from '../machine/ports.js';
import type { Link } from '../machine/types.js';
import type { Part } from '../plugin/define.js';
import { Exporter } from '../plugin/export.js';
import { Wrapped } from '../plugin/link.js';
import type { Medium } from '../plugin/medium.js';
import { formatValue } from '../plugin/option-values.js';
import { type OptionEntry, type OptionTable, readOptions } from '../plugin/options.js';
import { Clock, DaemonInfo, EventLoop, Logger, Process, Random, Sessions, Shutdown, Timers } from '../plugin/ports.js';
import { Companion, type Service } from '../plugin/service.js';
import { type Storage, Store } from '../plugin/storage.js';
import { ControlServer } from '../runtime/control-server.js';
import { Driver, type DriverStatus } from '../runtime/driver.js';
import { registerStatus } from '../runtime/status.js';
import { registerHost } from './control.js';
import { Lifecycle } from './lifecycle.js';
import type { Plan, PlannedPlugin } from './plan.js';
import { systemProcess } from './process.js';
import { bind, type Binding, DaemonContainer } from './scope.js';
import { makeStateDir, stateDirOf } from './state-dir.js';
import { systemClock, systemRandom, SystemTimers } from './system.js';
import { linkChain, runningNode, type TreeNode } from './tree.js';

/** Makes the daemon's machine; the simulator and tests have others. */
export type MachineFactory = (birth: Birth, ports: DaemonPorts) => DaemonMachine;

export interface HostRequest {
  readonly plan: Plan;
  readonly log: Log;
  readonly machine: MachineFactory;
  /** The daemon cannot go on; called once. Whoever owns the host stops it. */
  readonly fatal: (error: PealError) => void;
  /** A plugin asked for the end of the daemon; called once. Whoever owns the host stops it. */
  readonly asked: () => void;
}

export interface HostStatus {
  readonly driver: DriverStatus;
  /** Plain values of every plugin that has some, by section. */
  readonly plugins: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
  readonly addresses: readonly string[];
}

/** A daemon of this process. */
export class Host {
  readonly info: DaemonInfo;
  private readonly container = new DaemonContainer();
  private readonly lifecycle: Lifecycle;
  private readonly driver: Driver;
  private readonly instances = new Map<PlannedPlugin, unknown>();
  private readonly control: ControlServer;
  private stopping: Promise<readonly PealError[]> | undefined;
  private asked = false;
  /** Section of the medium that the driver has; its state is the driver's to tell. */
  private carrier = '';

  /** Creates everything, opens nothing. Throws a coded error. */
  constructor(private readonly request: HostRequest) {
    const { tree } = request.plan;
    const address = tree.list[tree.self]!;
    const stateDir = stateDirOf(tree.settings.stateDir, address.name);
    this.info = { name: address.name, address, list: tree.list, listHash: tree.listHash, stateDir };
    const ports = { clock: systemClock, timers: new SystemTimers(), log: request.log.logger('kernel') };
    this.lifecycle = new Lifecycle(ports, tree.settings);
    for (const binding of this.basics()) this.container.add(binding);
    this.driver = this.drive();
    this.container.add(bind(Sessions, this.driver.sessions));
    this.container.add(bind(EventLoop, this.driver.loop));
    for (const planned of request.plan.parts) this.createPart(planned);
    this.control = new ControlServer(request.log.logger('control'));
    registerStatus(this.control, this.driver, process.pid, () => {
      const { [this.carrier]: _medium, ...others } = this.lifecycle.describe();
      return others;
    });
    registerHost(this.control, this, request.log);
  }

  /** Resolves when the daemon works and clients can come. Rejects with a coded error; `stop` is still to be called. */
  async start(): Promise<void> {
    makeStateDir(this.info.stateDir);
    // First, since it tells whether this daemon runs already.
    await this.control.listen(this.info.stateDir);
    await this.lifecycle.start();
  }

  /** Clients first, then what they stand on, then the clean leave. Never rejects; answers what did not go well. Idempotent. */
  stop(): Promise<readonly PealError[]> {
    this.stopping ??= this.lifecycle.stop().finally(() => this.control.close());
    return this.stopping;
  }

  /** Where clients reach this daemon, once it has started. */
  addresses(): readonly string[] {
    return this.lifecycle.addresses();
  }

  /** What the plugin of that section created, e.g. for programs that embed a daemon with [client.memory]. */
  instance(section: string): unknown {
    return [...this.instances].find(([planned]) => planned.section.title === section)?.[1];
  }

  /** The boot tree, in the order of start. */
  tree(): readonly TreeNode[] {
    return this.lifecycle.records().map(runningNode);
  }

  status(): HostStatus {
    return { driver: this.driver.status(), plugins: this.lifecycle.describe(), addresses: this.addresses() };
  }

  /**
   * Changes options that are `live` while the daemon runs. `section` as in the tree; values as a file would say them.
   * Throws a coded error, and then changes nothing.
   */
  tune(section: string, changes: Readonly<Record<string, string>>): void {
    const planned = [...this.instances.keys()].find((p) => p.section.title === section);
    const live = (p: PlannedPlugin): OptionTable =>
      Object.fromEntries(Object.entries(p.plugin.options).filter(([, row]) => row.live === true));
    const known = [...this.instances.keys()].filter((p) => Object.keys(live(p)).length > 0);
    if (planned === undefined || !known.includes(planned)) {
      const titles = known.map((p) => p.section.title).join(', ') || 'there is none';
      throw PealError.of(PLUGIN_ERRORS.NOT_LIVE, { section, known: titles });
    }
    const table = Object.fromEntries(Object.entries(live(planned)).filter(([name]) => Object.hasOwn(changes, name)));
    const entries = new Map<string, OptionEntry>(Object.entries(changes).map(([name, value]) => [name, { value }]));
    const read = readOptions(live(planned), entries, { section });
    if (read.errors.length > 0) throw read.errors[0]!;
    const chosen = readOptions(table, entries, { section }).options;
    (this.instances.get(planned) as Part).tune?.(chosen);
  }

  /** The live options of that section with their defaults, as a file would say them; empty if there is none. */
  liveDefaults(section: string): Readonly<Record<string, string>> {
    const planned = [...this.instances.keys()].find((p) => p.section.title === section);
    const rows = Object.entries(planned?.plugin.options ?? {}).filter(([, row]) => row.live === true);
    return Object.fromEntries(
      rows.map(([name, row]) => [name, row.default === undefined ? '' : formatValue(row.default)]),
    );
  }

  private basics(): readonly Binding[] {
    return [
      bind(Clock, systemClock),
      bind(Random, systemRandom),
      bind(Process, systemProcess),
      bind(DaemonInfo, this.info),
      bind(Shutdown, { ask: (why) => this.ask(why) }),
    ];
  }

  private ask(why: string): void {
    if (this.asked) return;
    this.asked = true;
    this.request.log.logger('kernel').info(`the daemon was asked to stop: ${why}`);
    this.request.asked();
  }

  /** The link chain from the inside out, the machine on it, and the driver that is their part in the order of start. */
  private drive(): Driver {
    const { plan, log, machine } = this.request;
    const { settings, list, self, listHash } = plan.tree;
    const chain = linkChain(plan.link);
    let medium: Medium | undefined;
    let own: Link | undefined;
    for (const planned of chain.toReversed()) {
      const instance = this.create(planned, medium === undefined ? [] : [bind(Wrapped, medium)]);
      if (planned.plugin.seam === 'link') own = instance as Link;
      else {
        medium = instance as Medium;
        this.carrier = planned.section.title;
      }
      const inner = instance as Medium;
      if (planned !== plan.link) this.lifecycle.add(planned, { describe: () => inner.describe() }, () => undefined);
    }
    if (medium === undefined) throw new Error('a plan always has a medium at the bottom of its links');
    const carrier = medium;
    const link = own ?? createMesh({ stream: carrier.stream });
    const driver = new Driver({
      list,
      self,
      listHash,
      medium: carrier,
      machine: (drawn, ports) =>
        machine({ ...drawn, list, self, listHash, medium: carrier, link, options: settings }, ports),
      log: log.logger('daemon'),
      maxSessions: settings.maxSessions,
      maxMessageBytes: settings.maxMessageBytes,
      fatal: this.request.fatal,
      leaveLimitMs: settings.leaveLimitMs,
    });
    const limits = { ...settings, stopLimitMs: settings.stopLimitMs + settings.leaveLimitMs };
    this.lifecycle.add(
      plan.link,
      this.linkPart(driver, own === undefined ? carrier : { describe: () => ({ state: link.describe() }) }),
      () => undefined,
      limits,
    );
    return driver;
  }

  private linkPart(driver: Driver, described: Pick<Medium, 'describe'>): Part {
    const { host, port } = this.info.address;
    return {
      start: () =>
        driver.start().catch((cause: unknown) => {
          if (cause instanceof PealError) throw cause;
          const values = { plugin: this.request.plan.link.section.title, address: `${host}:${port}` };
          throw PealError.of(DAEMON_ERRORS.LINK_OPEN, { ...values, detail: reasonOf(cause) }, { cause });
        }),
      stop: () => driver.stop(),
      describe: () => described.describe(),
    };
  }

  private createPart(planned: PlannedPlugin): void {
    const timers = new SystemTimers();
    const part = this.create(planned, this.needsOf(planned), timers) as Part;
    const { settings } = this.request.plan.tree;
    const limits = { ...settings, stopLimitMs: settings.stopLimitMs + (part.stopMs ?? 0) };
    this.lifecycle.add(planned, part, () => timers.cancelAll(), limits);
  }

  private create(planned: PlannedPlugin, own: readonly Binding[], timers = new SystemTimers()): unknown {
    const log = this.request.log.logger(planned.section.title);
    const instance = this.container.create(planned, [bind(Logger, log), bind(Timers, timers), ...own]);
    this.instances.set(planned, instance);
    return instance;
  }

  /** What the plugin requires, from the plugins chosen for it; optional and absent: undefined. */
  private needsOf(planned: PlannedPlugin): readonly Binding[] {
    return (planned.plugin.requires ?? []).map(({ kind }) => {
      const chosen = planned.needs.get(kind);
      const instance = chosen === undefined ? undefined : this.instances.get(chosen);
      switch (kind) {
        case 'storage':
          return { port: Store, value: (instance as Storage | undefined)?.space(planned.section.title) };
        case 'export':
          return { port: Exporter, value: instance as Exporter | undefined };
        case 'service':
          return { port: Companion, value: instance as Service | undefined };
      }
    });
  }
}
