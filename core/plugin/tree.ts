// The neutral tree of a configuration: what every reader of a configuration file makes (config/) and the kernel plans a
// daemon from. Types only. No reader knows a plugin: plugin sections stay texts until the plugin's own table reads them.
import type { PluginKind } from './define.js';
import type { Address } from './medium.js';
import type { EffectiveOption, OptionEntry } from './options.js';
import type { LogLevel } from './ports.js';
import type { Position } from '../errors.js';

/** Values of [daemon]; times in milliseconds, sizes in bytes. */
export interface DaemonSettings {
  /** Absolute; each daemon has a folder of its name in it. */
  readonly stateDir: string;
  readonly maxSessions: number;
  readonly maxMessageBytes: number;
  readonly backlogBytes: number;
  readonly silenceLimitMs: number;
  /** 0: what the medium carries. */
  readonly packBytes: number;
  readonly startLimitMs: number;
  readonly stopLimitMs: number;
  readonly leaveLimitMs: number;
  readonly logLevel: LogLevel;
  /** Absolute, or undefined: standard error. */
  readonly logFile: string | undefined;
}

/** One section that selects and configures a plugin. */
export interface PluginSection {
  /** `kind.name` or `kind.name.instance`. */
  readonly title: string;
  readonly kind: PluginKind;
  readonly name: string;
  readonly instance: string | undefined;
  /** Undefined when no file says it: a default. */
  readonly at: Position | undefined;
  /** Variables are filled in already. */
  readonly entries: ReadonlyMap<string, OptionEntry>;
  /** Its inner sections, in the order of the file. */
  readonly inner?: readonly InnerSection[];
}

/** One of several things of a kind that belong to a plugin's section: `[service.flood/site.alpha]` is a site of it. */
export interface InnerSection {
  /** The whole title. */
  readonly title: string;
  readonly kind: string;
  /** Any text but `]`. */
  readonly name: string;
  readonly at: Position | undefined;
  readonly entries: ReadonlyMap<string, OptionEntry>;
}

export interface ConfigTree {
  readonly file: string | undefined;
  /** Absolute; relative paths of the file start here. */
  readonly folder: string;
  readonly settings: DaemonSettings;
  /** Where each value of [daemon] came from. */
  readonly effective: readonly EffectiveOption[];
  /** The canonical daemon list, in the order of the file; never empty. */
  readonly list: readonly Address[];
  /** Own place in it. */
  readonly self: number;
  /** 32 bits, unsigned: order, names, addresses and link ports of the list. */
  readonly listHash: number;
  /** In the order of the file. */
  readonly sections: readonly PluginSection[];
}
