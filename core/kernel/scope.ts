// What one plugin sees: a child container of the daemon's own, with the shared ports, its options, its logger, its timers
// and what it requires. tsyringe's global container is only the parent that the library insists on; nothing is put there.
import { PealError, PealErrors, PLUGIN_ERRORS, reasonOf } from '../errors.js';
import { Options, type Scope, Section } from '../plugin/define.js';
import { container as globalContainer, type DependencyContainer, type InjectionToken } from '../plugin/inject.js';
import type { OptionsOf, OptionTable } from '../plugin/options.js';
import type { Token } from '../plugin/ports.js';
import { missingMethods } from './definition.js';
import type { PlannedPlugin } from './plan.js';

/** A port and what stands behind it. */
export interface Binding {
  readonly port: symbol;
  readonly value: unknown;
}

/** Types the pair; `bind(Clock, systemClock)`. */
export function bind<T>(port: Token<T>, value: T): Binding {
  return { port, value };
}

/** The container of one daemon, parent of its plugins' containers. */
export class DaemonContainer {
  private readonly container: DependencyContainer = globalContainer.createChildContainer();

  /** Makes a port visible to every plugin created from now on. */
  add(binding: Binding): void {
    register(this.container, binding);
  }

  /** Creates the plugin in a container of its own. Throws a coded error. */
  create(planned: PlannedPlugin, own: readonly Binding[]): unknown {
    const child = this.container.createChildContainer();
    const title = planned.section.title;
    register(child, bind(Options, planned.options));
    register(child, bind(Section, title));
    for (const binding of own) register(child, binding);
    let instance: unknown;
    try {
      instance = instantiate(planned, child);
    } catch (cause) {
      if (cause instanceof PealError) throw cause.located(planned.section.at);
      // All that is wrong with a file of the plugin's own, each with its place.
      if (cause instanceof PealErrors) throw cause;
      const values = { plugin: title, detail: reasonOf(cause) };
      throw PealError.of(PLUGIN_ERRORS.CREATE_FAILED, values, { at: planned.section.at, cause });
    }
    const missing = missingMethods(planned.plugin, instance);
    if (missing.length > 0) {
      const values = { plugin: title, detail: `what it creates lacks ${missing.join(', ')}` };
      throw PealError.of(PLUGIN_ERRORS.DEFINITION, values, { at: planned.section.at });
    }
    return instance;
  }
}

function register(container: DependencyContainer, { port, value }: Binding): void {
  // A factory, because the library takes no undefined value, and an optional port may have none.
  container.register(port, { useFactory: () => value });
}

function instantiate(planned: PlannedPlugin, container: DependencyContainer): unknown {
  const { plugin, section, options } = planned;
  if (plugin.class !== undefined) return container.resolve(plugin.class as InjectionToken);
  const find = <T>(port: Token<T>): T | undefined =>
    container.isRegistered(port, true) ? container.resolve<T | undefined>(port) : undefined;
  const scope: Scope = {
    options,
    section: section.title,
    find,
    inner: <T extends OptionTable>(kind: string) =>
      planned.inner
        .filter((i) => i.section.kind === kind)
        .map((i) => ({ name: i.section.name, at: i.section.at, options: i.options as OptionsOf<T> })),
    get: <T>(port: Token<T>): T => {
      const value = find(port);
      if (value !== undefined) return value;
      const values = { plugin: section.title, port: port.description ?? 'unnamed' };
      throw PealError.of(PLUGIN_ERRORS.NO_PORT, values, { at: section.at });
    },
  };
  return plugin.create?.(scope);
}
