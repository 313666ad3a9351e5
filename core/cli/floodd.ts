// `peal floodd [-p] [-d] [sitename]`: the original's command line over the same kernel (docs/floodd.md). The S-expression file
// says what runs: service flood, the text port, the export command if there is one, and a storage.
import type { Command } from 'commander';
import { resolve } from 'node:path';
import { buildTree } from '../../config/load.js';
import { nameOfHost } from '../../config/peers.js';
import { PealErrors } from '../errors.js';
import { type Plan, planDaemon } from '../kernel/plan.js';
import { resolvePlugin } from '../kernel/resolve.js';
import type { PluginKind } from '../plugin/define.js';
import type { ConfigTree, PluginSection } from '../plugin/tree.js';
import { runPlan } from './start.js';
import type { Terminal } from './terminal.js';

export interface FlooddFlags {
  readonly p?: true;
  readonly d?: true;
  /** Name of a storage plugin. */
  readonly storage: string;
  readonly stateDir: string;
}

/** Room in the storage beside the updates themselves: what was seen, names, lists of the groups. */
const STORAGE_FACTOR = 4;
const STORAGE_SPARE_BYTES = 64 * 1_048_576;

/** Adds the subcommand. */
export function addFloodd(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command('floodd')
    .description("run a site from a file of floodd's own language: FLOODD_CONFIG, floodd-SITENAME or floodd-config")
    .argument('[sitename]', 'be this site; without it the one with the name or an address of this host')
    .option('-p', 'print the process id on standard output')
    .option('-d', 'debug mode: log more')
    .option('--storage <name>', 'memory, or lmdb for queues that survive a restart', 'memory')
    .option('--state-dir <folder>', 'folder for control sockets and storage', './state')
    .action(async (site: string | undefined, flags: FlooddFlags) => {
      const plan = await flooddPlan(site, flags);
      if (flags.p === true) terminal.print(String(process.pid));
      exit(await runPlan(plan, terminal));
    });
}

/** The daemon that the file asks for. Rejects with coded errors, of the file or of the plan. */
export async function flooddPlan(site: string | undefined, flags: FlooddFlags): Promise<Plan> {
  const { loadFlood } = await import('../../plugins/service/flood/config/load.js');
  const { settings, file } = loadFlood({ site });
  const { local } = settings;
  const storage =
    flags.storage === 'memory' || flags.storage === 'lmdb'
      ? { limit_bytes: String(local.dataStorageMaxBytes * STORAGE_FACTOR + STORAGE_SPARE_BYTES) }
      : {};
  const sections = [
    section('storage', flags.storage, storage),
    ...(local.exportCommand === undefined
      ? []
      : [
          section('export', 'command', {
            command: local.exportCommand,
            batch_bytes: String(local.exportBundleMaxBytes),
            timeout_ms: String(local.exportTimeoutMs),
            retries: String(local.exportRetries),
          }),
        ]),
    section('service', 'flood', { ...(file === undefined ? {} : { config: resolve(file) }), site: settings.site }),
    section('client', 'line', { groups: 'false' }),
  ];
  const tree = treeOf(sections, settings.site, flags);
  const { plan, errors } = await planDaemon(tree, resolvePlugin);
  if (plan === undefined) throw new PealErrors(errors);
  return plan;
}

function section(kind: PluginKind, name: string, options: Readonly<Record<string, string>>): PluginSection {
  const entries = new Map(Object.entries(options).map(([key, value]) => [key, { value }]));
  return { title: `${kind}.${name}`, kind, name, instance: undefined, at: undefined, entries };
}

/** A daemon by itself, named after the site as far as its name allows. */
function treeOf(sections: readonly PluginSection[], site: string, { d, stateDir }: FlooddFlags): ConfigTree {
  const name = nameOfHost(site.replaceAll('.', '-'));
  const { tree, errors } = buildTree('', { name });
  if (errors.length > 0) throw new PealErrors(errors);
  const settings = {
    ...tree.settings,
    stateDir: resolve(stateDir),
    ...(d === true ? { logLevel: 'debug' as const } : {}),
  };
  return { ...tree, settings, sections };
}
