// What the control channel of a running daemon offers besides status and sessions: its plugin tree, faults on purpose,
// log levels. Handlers check what callers wrote and answer plain values.
import { PealError, PLUGIN_ERRORS } from '../errors.js';
import type { Log } from '../log.js';
import { LOG_LEVELS, type LogLevel } from '../plugin/ports.js';
import { badArgument } from '../runtime/control-wire.js';
import type { ControlServer } from '../runtime/control-server.js';
import type { TreeNode } from './tree.js';

/** Section of the medium that makes trouble on purpose. */
export const FAULTY_SECTION = 'link.faulty';

/** The host as its commands need it. */
export interface Commanded {
  tree(): readonly TreeNode[];
  status(): { readonly plugins: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
  tune(section: string, changes: Readonly<Record<string, string>>): void;
  /** The live options of a section with their default as a file would say it. */
  liveDefaults(section: string): Readonly<Record<string, string>>;
}

/** Adds the commands. */
export function registerHost(server: ControlServer, host: Commanded, log: Log): void {
  server.register('plugins', () => host.tree(), 'the plugin tree: effective options, state, times of the start');
  server.register(
    'fault',
    (args) => fault(host, args),
    'trouble of [link.faulty]; set: what to change, clear: true ends it',
  );
  server.register('log', (args) => level(log, args), 'log level; level: which one, component: of what, all if absent');
}

function fault(host: Commanded, { set, clear }: Readonly<Record<string, unknown>>): unknown {
  const faults = (): unknown => host.status().plugins[FAULTY_SECTION];
  if (faults() === undefined) throw PealError.of(PLUGIN_ERRORS.NO_FAULTY, {});
  if (clear === true) host.tune(FAULTY_SECTION, host.liveDefaults(FAULTY_SECTION));
  if (set !== undefined) {
    if (!isTexts(set)) throw badArgument('fault', 'set', 'it must be an object of texts');
    host.tune(FAULTY_SECTION, set);
  }
  return faults();
}

function isTexts(v: unknown): v is Record<string, string> {
  return typeof v === 'object' && v !== null && Object.values(v).every((x) => typeof x === 'string');
}

function level(log: Log, { level: wanted, component = '' }: Readonly<Record<string, unknown>>): unknown {
  const known = LOG_LEVELS.join(', ');
  if (!LOG_LEVELS.some((l) => l === wanted)) throw badArgument('log', 'level', `it must be one of ${known}`);
  if (typeof component !== 'string') throw badArgument('log', 'component', 'it must be a text');
  log.setLevel(component, wanted as LogLevel);
  return { level: wanted, component };
}
