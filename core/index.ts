// peal as a library: a daemon inside another program, from the same configuration files and with the same plugins. The
// command line (core/main.ts) uses no other way in.
import { loadConfig, type LoadRequest } from '../config/load.js';
import { PealErrors } from './errors.js';
import { Host, type HostStatus } from './kernel/host.js';
import { type Plan, planDaemon } from './kernel/plan.js';
import { resolvePlugin } from './kernel/resolve.js';
import type { TreeNode } from './kernel/tree.js';
import { Log } from './log.js';
import { createDaemon } from './machine/daemon.js';
import type { PealError } from './errors.js';
import type { DaemonInfo } from './plugin/ports.js';

export { PealError, PealErrors } from './errors.js';
export type { HostStatus } from './kernel/host.js';
export type { OptionLine, TreeNode } from './kernel/tree.js';

export interface DaemonRequest extends LoadRequest {
  /** The daemon cannot go on: it should be stopped. Called at most once. Default: it stops itself. */
  readonly fatal?: (error: PealError) => void;
  /** A plugin asked for the end of the daemon, e.g. by a command of its users. Called at most once. Default: it stops itself. */
  readonly asked?: () => void;
}

/** A daemon in this process. */
export interface RunningDaemon {
  readonly info: DaemonInfo;
  /** Where clients reach it. */
  addresses(): readonly string[];
  /** What the plugin of that section created, e.g. `client.memory`. */
  instance(section: string): unknown;
  tree(): readonly TreeNode[];
  status(): HostStatus;
  /** Changes options that are `live`; values as a file would say them. Throws a coded error, and then changes nothing. */
  tune(section: string, changes: Readonly<Record<string, string>>): void;
  /** Leaves the configuration cleanly and stops everything; answers what did not go well. Idempotent. */
  stop(): Promise<readonly PealError[]>;
}

/** Reads a configuration and plans a daemon. Rejects with all errors at once (PealErrors). */
export async function planFrom(request: LoadRequest): Promise<Plan> {
  const { tree, errors } = loadConfig(request);
  const planned = await planDaemon(tree, resolvePlugin);
  if (errors.length > 0 || planned.plan === undefined) throw new PealErrors([...errors, ...planned.errors]);
  return planned.plan;
}

/** A daemon that is created but opens nothing before `start`. */
export interface PlannedDaemon extends RunningDaemon {
  /** Resolves when clients can come. Rejects with a coded error, and everything is stopped then. */
  start(): Promise<void>;
}

/** Puts a daemon together from a plan. Throws a coded error. */
export function hostPlan(plan: Plan, fatal?: (error: PealError) => void, asked?: () => void): PlannedDaemon {
  const { logLevel, logFile } = plan.tree.settings;
  const log = new Log({ level: logLevel, file: logFile });
  const host = new Host({
    plan,
    log,
    machine: createDaemon,
    fatal: fatal ?? (() => void stop()),
    asked: asked ?? (() => void stop()),
  });
  let stopped: Promise<readonly PealError[]> | undefined;
  const stop = (): Promise<readonly PealError[]> => {
    stopped ??= host.stop().finally(() => log.close());
    return stopped;
  };
  return {
    info: host.info,
    addresses: () => host.addresses(),
    instance: (section) => host.instance(section),
    tree: () => host.tree(),
    status: () => host.status(),
    tune: (section, changes) => host.tune(section, changes),
    stop,
    start: async () => {
      try {
        await host.start();
      } catch (error) {
        await stop();
        throw error;
      }
    },
  };
}

/** Starts a daemon: from a file, or a single one on the loopback address. Rejects with coded errors. */
export async function startDaemon(request: DaemonRequest = {}): Promise<RunningDaemon> {
  const daemon = hostPlan(await planFrom(request), request.fatal, request.asked);
  await daemon.start();
  return daemon;
}
