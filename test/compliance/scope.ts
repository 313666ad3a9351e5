// What the kernel gives a plugin, for suites and tests that make one without a daemon: its options read by its own
// table, and the ports that are put in.
import { PealErrors } from '../../core/errors.js';
import type { Plugin, Scope } from '../../core/plugin/define.js';
import { readOptions } from '../../core/plugin/options.js';
import type { Logger, Token } from '../../core/plugin/ports.js';

/** A port and what stands behind it. */
export type Port = readonly [symbol, unknown];

/** The pair, typed. */
export function port<T>(token: Token<T>, value: T): Port {
  return [token, value];
}

/** A logger that keeps its lines. */
export interface KeptLog extends Logger {
  readonly lines: string[];
}

export function keptLog(lines: string[] = []): KeptLog {
  const write = (level: string) => (message: string, fields?: object) => {
    lines.push(`${level} ${message}${fields === undefined ? '' : ` ${JSON.stringify(fields)}`}`);
  };
  const [error, warn, info, debug] = [write('error'), write('warn'), write('info'), write('debug')];
  return { lines, error, warn, info, debug, verbose: false, child: () => keptLog(lines) };
}

/** Creates what the plugin is, with options as they stand in a file. Throws the errors of the options. */
export function createPlugin(
  plugin: Plugin,
  options: Readonly<Record<string, string>>,
  ports: readonly Port[],
): unknown {
  const section = `${plugin.kind}.${plugin.name}`;
  const entries = new Map(Object.entries(options).map(([key, value]) => [key, { value }]));
  const read = readOptions(plugin.options, entries, { section });
  if (read.errors.length > 0) throw new PealErrors(read.errors);
  const all = new Map<symbol, unknown>(ports);
  const scope: Scope = {
    options: read.options,
    section,
    find: <T>(token: Token<T>) => all.get(token) as T | undefined,
    get: <T>(token: Token<T>) => {
      if (!all.has(token)) throw new Error(`no port ${String(token)}`);
      return all.get(token) as T;
    },
  };
  return plugin.create?.(scope);
}
