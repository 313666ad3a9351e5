// service.flood: a site of floodd (docs/floodd.md): floods what clients hand in to all sites of a group over a measured,
// k-connected topology, and exports what arrives. Wiring: options, configuration, ports.
import {
  API_VERSION,
  Clock,
  DaemonInfo,
  definePlugin,
  EventLoop,
  Exporter,
  Logger,
  type OptionsOf,
  Process,
  Random,
  type Scope,
  Shutdown,
  Store,
  Timers,
} from 'peal/plugin';
import { isLoopbackName, loadFlood, processSurroundings } from './config/load.js';
import { GROUP_TABLE, LOCAL_TABLE, SITE_TABLE } from './config/tables.js';
import { FloodDriver } from './driver.js';
import { FLOOD_ERRORS } from './errors.js';
import type { FloodSettings } from './machine/settings.js';
import type { FloodService } from './service.js';

const OPTIONS = {
  config: {
    type: 'path',
    doc: "A file of floodd's own language. Without it and without inner sections: FLOODD_CONFIG, floodd-SITE, floodd-config.",
  },
  site: {
    type: 'string',
    maxLength: 64,
    doc: 'Which site this is. Default: the one with the name or an address of this host.',
  },
  listen_address: {
    type: 'string',
    maxLength: 45,
    doc: 'Address that the data port listens on. Default: the inet_address of the site, 127.0.0.1 for localhost, else all.',
  },
  ...LOCAL_TABLE,
} as const;

export default definePlugin({
  kind: 'service',
  name: 'flood',
  api: '^1',
  doc: 'A site of floodd: floods updates to the sites of its groups and exports what arrives.',
  errors: FLOOD_ERRORS,
  requires: [{ kind: 'storage' }, { kind: 'export', optional: true }],
  options: OPTIONS,
  inner: {
    site: { options: SITE_TABLE, doc: 'A site, this one or another; its name stands in the title.' },
    group: { options: GROUP_TABLE, doc: 'A group of sites; its name stands in the title.' },
  },
  create: (scope): FloodService => createService(scope),
});

function createService(scope: Scope<OptionsOf<typeof OPTIONS>>): FloodService {
  const { config, site, listenAddress, ...local } = scope.options;
  const log = scope.get(Logger);
  const exporter = scope.find(Exporter);
  const { settings, warnings, file } = loadFlood({
    file: config,
    site,
    sites: scope.inner('site', SITE_TABLE).map(({ name, at, options }) => ({ ...options, name, at })),
    groups: scope.inner('group', GROUP_TABLE).map(({ name, at, options }) => ({ ...options, name, at })),
    local,
  });
  for (const warning of warnings) log.warn(warning.toString());
  if (file !== undefined) log.info('configuration of floodd read', { file });
  if (settings.local.exportCommand !== undefined && exporter === undefined)
    log.warn(`${FLOOD_ERRORS.NO_EXPORTER.message}; ${FLOOD_ERRORS.NO_EXPORTER.remedy}`);
  return new FloodDriver(
    {
      settings: bundledAs(settings, exporter),
      listenAddress: listenAddress ?? ownAddress(settings),
      version: API_VERSION,
    },
    {
      clock: scope.get(Clock),
      timers: scope.get(Timers),
      random: scope.get(Random),
      loop: scope.get(EventLoop),
      process: scope.get(Process),
      shutdown: scope.find(Shutdown),
      store: scope.get(Store),
      exporter,
      log,
      section: scope.section,
      stateDir: scope.get(DaemonInfo).stateDir,
    },
  );
}

/** The exporter says how much it takes at once. */
function bundledAs(settings: FloodSettings, exporter: Exporter | undefined): FloodSettings {
  if (exporter === undefined) return settings;
  return { ...settings, local: { ...settings.local, exportBundleMaxBytes: exporter.maxBatchBytes } };
}

/** What the configuration says of our own address is what we listen on, if it is one of this host. */
function ownAddress({ site, sites }: FloodSettings): string | undefined {
  const own = sites.find((s) => s.name === site);
  if (own?.inetAddress !== undefined && processSurroundings.isLocal(own.inetAddress)) return own.inetAddress;
  return own !== undefined && isLoopbackName(own.hostname) ? '127.0.0.1' : undefined;
}
