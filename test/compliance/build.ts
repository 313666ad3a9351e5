// Builds one plugin as the kernel would, without a daemon around it: options from texts, ports of the real world or those
// that a test puts in their place. For the suites here and for the tests of plugins.
import { PealErrors } from '../../core/errors.js';
import { Log } from '../../core/log.js';
import { checkDefinition } from '../../core/kernel/definition.js';
import { systemProcess } from '../../core/kernel/process.js';
import type { PlannedInner } from '../../core/kernel/plan.js';
import { bind, type Binding, DaemonContainer } from '../../core/kernel/scope.js';
import { systemClock, systemRandom, SystemTimers } from '../../core/kernel/system.js';
import type { Plugin } from '../../core/plugin/define.js';
import { readOptions } from '../../core/plugin/options.js';
import { Clock, Logger, Process, Random, Timers } from '../../core/plugin/ports.js';
import { Writable } from 'node:stream';

export { bind, type Binding } from '../../core/kernel/scope.js';

export interface BuildRequest {
  readonly plugin: Plugin;
  /** As a file would say them. */
  readonly options?: Readonly<Record<string, string>>;
  /** Ports beside clock, timers, random, process and logger, or in their place. */
  readonly ports?: readonly Binding[];
  /** Default: `kind.name`. */
  readonly section?: string;
  /** Inner sections with their options, by `kind.name`. */
  readonly inner?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface Built<T> {
  readonly instance: T;
  /** Its timers: none should be left when it has stopped. */
  readonly timers: SystemTimers;
  /** Lines it has logged so far. */
  readonly logged: readonly string[];
}

/** Creates an instance; does not start it. Throws as the kernel would. */
export function buildPlugin<T>({ plugin, options = {}, ports = [], section, inner = {} }: BuildRequest): Built<T> {
  const title = section ?? `${plugin.kind}.${plugin.name}`;
  checkDefinition(plugin, title);
  const entries = new Map(Object.entries(options).map(([name, value]) => [name, { value }]));
  const read = readOptions(plugin.options, entries, { section: title });
  if (read.errors.length > 0) throw new PealErrors(read.errors);
  const logged: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(chunk.toString().trimEnd());
      done();
    },
  });
  const timers = new SystemTimers();
  const container = new DaemonContainer();
  for (const binding of [
    bind(Clock, systemClock),
    bind(Random, systemRandom),
    bind(Process, systemProcess),
    bind(Timers, timers),
    bind(Logger, new Log({ level: 'debug', stream }).logger(title)),
  ])
    container.add(binding);
  const sectionOf = { title, kind: plugin.kind, name: plugin.name, instance: undefined, at: undefined, entries };
  const planned = {
    section: sectionOf,
    plugin,
    source: 'built by a test',
    options: read.options,
    effective: read.effective,
    inner: readInner(plugin, inner),
    needs: new Map(),
    wraps: undefined,
  };
  return { instance: container.create(planned, ports) as T, timers, logged };
}

function readInner(plugin: Plugin, given: NonNullable<BuildRequest['inner']>): PlannedInner[] {
  return Object.entries(given).map(([title, options]) => {
    const [kind = '', ...rest] = title.split('.');
    const entries = new Map(Object.entries(options).map(([name, value]) => [name, { value }]));
    const read = readOptions(plugin.inner?.[kind]?.options ?? {}, entries, { section: title });
    if (read.errors.length > 0) throw new PealErrors(read.errors);
    const section = { title, kind, name: rest.join('.'), at: undefined, entries };
    return { section, options: read.options, effective: read.effective };
  });
}
