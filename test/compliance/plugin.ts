// One call for a plugin of any kind: finds the suite by the plugin's kind, builds instances as the kernel would, and fills in
// what only the author can know (how a client connects, where exported records arrive) from parts beside the plugin. Behind
// `peal compliance` (tools/compliance.ts) and for test files of plugins outside (docs/write-a-link.md, "Prove it").
import type { Plugin } from '../../core/plugin/define.js';
import { Exporter } from '../../core/plugin/export.js';
import type { Link } from '../../core/machine/types.js';
import type { Medium } from '../../core/plugin/medium.js';
import { DaemonInfo, Sessions } from '../../core/plugin/ports.js';
import type { Service } from '../../core/plugin/service.js';
import { type Storage, Store } from '../../core/plugin/storage.js';
import exportMemory from '../../plugins/export/memory/index.js';
import storageMemory from '../../plugins/storage/memory/index.js';
import type { TestApi } from './api.js';
import { Bench, type ComplianceBench, freeAddresses, infoOf } from './bench.js';
import { bind, buildPlugin } from './build.js';
import { clientCompliance, type ClientSetup } from './client.js';
import { exportCompliance, type ExportSetup } from './export.js';
import { FakeSessions } from './fake-sessions.js';
import { linkCompliance, type LinkSetup } from './link.js';
import { mediumCompliance, type MediumSetup } from './medium.js';
import { serviceCompliance, type ServiceSetup } from './service.js';
import { storageCompliance, type StorageSetup } from './storage.js';

/** Room that every storage suite needs, as a limit of the plugin's own. */
const STORAGE_LIMIT = '4 MiB';
/** The setups of the suites by the kind of a plugin; those of links by seam. */
export interface SetupOf {
  medium: MediumSetup;
  link: LinkSetup;
  client: ClientSetup;
  storage: StorageSetup;
  export: ExportSetup;
  service: ServiceSetup;
}

/**
 * Parts of a suite's setup, in place of what is taken by default: the default export of `compliance.setup.js` beside a
 * plugin's main file, e.g. `const parts: ComplianceParts<'client'> = ({ folder }) => ({ connect, ... })`.
 */
export type ComplianceParts<K extends keyof SetupOf> = (bench: ComplianceBench) => Partial<SetupOf[K]>;

export interface ComplianceRequest {
  /** Options as a file would say them. */
  readonly options?: Readonly<Record<string, string>>;
  /** See `ComplianceParts`; of the plugin's kind. */
  readonly parts?: (bench: ComplianceBench) => object;
}

/** Declares the tests of the suite for this plugin. Throws when a part is missing that only the author knows. */
export function pluginCompliance(api: TestApi, plugin: Plugin, request: ComplianceRequest = {}): void {
  const bench = new Bench(plugin, request.options ?? {}, api);
  const parts = request.parts?.(bench) ?? {};
  const { name } = plugin;
  switch (plugin.kind) {
    case 'link':
      if (plugin.seam === 'medium') mediumCompliance(api, { name, ...mediumDefaults(bench), ...parts });
      else linkCompliance(api, { name, ...linkDefaults(bench), ...parts });
      return;
    case 'client':
      clientCompliance(api, { name, ...clientDefaults(bench), ...withConnect(parts) });
      return;
    case 'storage':
      storageCompliance(api, { name, ...storageDefaults(bench), ...parts });
      return;
    case 'export':
      exportCompliance(api, { name, ...exportDefaults(bench), ...parts });
      return;
    case 'service':
      serviceCompliance(api, { name, ...serviceDefaults(bench), ...parts });
      return;
  }
}

function mediumDefaults(bench: Bench): Omit<MediumSetup, 'name'> {
  return {
    addresses: freeAddresses,
    create: (list, { smallQueues }) => {
      const folder = bench.folder();
      const small = smallQueues ? bench.least('queue_bytes') : {};
      return bench.buildIn<Medium>(folder, small, [bind(DaemonInfo, infoOf(list, folder))]).instance;
    },
  };
}

function linkDefaults(bench: Bench): Omit<LinkSetup, 'name'> {
  return { media: ['datagram', 'stream'], create: () => bench.build<Link>().instance };
}

function clientDefaults(bench: Bench): Omit<ClientSetup, 'name' | 'connect'> {
  return {
    plugin: bench.plugin,
    options: { ...(bench.has('port') ? { port: '0' } : {}), ...bench.options },
    slowReader: { messages: 1000, dataBytes: 100_000 },
  };
}

/** Only the author can write a client of a wire of his own. */
function withConnect(parts: object): Pick<ClientSetup, 'connect'> {
  if ('connect' in parts && typeof parts.connect === 'function') return parts as Pick<ClientSetup, 'connect'>;
  throw new Error('the suite of client APIs needs `connect`, a client of this API: see docs/write-a-client-api.md');
}

/** A storage with a path keeps its records for the next life: it must have them then. */
function storageDefaults(bench: Bench): Omit<StorageSetup, 'name'> {
  let folder = '';
  const limit: Record<string, string> = bench.has('limit_bytes') ? { limit_bytes: STORAGE_LIMIT } : {};
  const build = (): Promise<Storage> => Promise.resolve(bench.buildIn<Storage>(folder, limit, []).instance);
  const durable = Object.values(bench.plugin.options).some((row) => row.type === 'path');
  return {
    create: () => {
      folder = bench.folder();
      return build();
    },
    ...(durable ? { reopen: build } : {}),
  };
}

function exportDefaults(bench: Bench): Omit<ExportSetup, 'name'> {
  return { create: () => Promise.resolve(bench.build<Exporter>({}, [bind(Sessions, new FakeSessions())]).instance) };
}

function serviceDefaults(bench: Bench): Omit<ServiceSetup, 'name'> {
  const groups = bench.options['groups']?.split(',').map((g) => g.trim()) ?? ['suite'];
  const named: Record<string, string> = bench.has('groups') ? { groups: groups.join(', ') } : {};
  return {
    groups,
    create: async (ports) => {
      const storage = buildPlugin<Storage>({ plugin: storageMemory }).instance;
      await storage.start?.();
      const exporter = buildPlugin<Exporter>({ plugin: exportMemory }).instance;
      const own = [bind(Store, storage.space(bench.plugin.name)), bind<Exporter>(Exporter, exporter)];
      return bench.build<Service>(named, [...own, ...ports]).instance;
    },
  };
}
