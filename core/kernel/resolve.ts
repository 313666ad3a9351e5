// From a section to a plugin: `module = PATH` relative to the configuration file, else the built-in folder of its kind,
// else the npm package peal-<kind>-<name>. Checks that what was found is a plugin of the right kind, made for this API.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { PealError, PLUGIN_ERRORS, reasonOf } from '../errors.js';
import { isPlugin, type Plugin, type PluginKind } from '../plugin/define.js';
import type { PluginSection } from '../plugin/tree.js';
import { checkDefinition } from './definition.js';

/** Option of every section: where the plugin's module is. */
export const MODULE_OPTION = 'module';

/** Time that a module may take to load, milliseconds. */
const LOAD_LIMIT_MS = 10_000;

export interface ResolvedPlugin {
  readonly plugin: Plugin;
  /** `built-in`, the path of the module, or the name of the package. */
  readonly source: string;
}

/** Finds plugins; tests put another one in its place. Rejects with a PealError. */
export type Resolver = (section: PluginSection, folder: string) => Promise<ResolvedPlugin>;

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Where the built-in plugins of that kind are, one folder each. */
export function builtInFolder(kind: PluginKind): string {
  if (kind === 'link') return join(ROOT, 'link-protocols');
  return kind === 'client' ? join(ROOT, 'client-apis') : join(ROOT, 'plugins', kind);
}

/** Names of the built-in plugins of that kind, sorted. */
export function builtInNames(kind: PluginKind): string[] {
  const folder = builtInFolder(kind);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'index.js')))
    .sort();
}

/** The built-in plugin of that kind and name. */
export async function loadBuiltIn(kind: PluginKind, name: string): Promise<Plugin> {
  return load(join(builtInFolder(kind), name, 'index.js'), kind, `${kind}.${name}`, name);
}

export const resolvePlugin: Resolver = async (section, folder) => {
  const { kind, name } = section;
  const module = section.entries.get(MODULE_OPTION);
  try {
    if (module !== undefined) {
      const file = resolve(folder, module.value);
      return { plugin: await load(file, kind, section.title), source: file };
    }
    if (builtInNames(kind).includes(name)) return { plugin: await loadBuiltIn(kind, name), source: 'built-in' };
    const packageName = `peal-${kind}-${name}`;
    const entry = packageEntry(packageName, [folder, process.cwd(), ROOT]);
    if (entry !== undefined) return { plugin: await load(entry, kind, section.title, name), source: packageName };
    const known = builtInNames(kind).join(', ') || 'there is none';
    throw PealError.of(PLUGIN_ERRORS.NOT_FOUND, { kind, name, known, package: packageName });
  } catch (error) {
    throw error instanceof PealError ? error.located(module?.at ?? section.at) : error;
  }
};

/** A module that awaits for ever at its top would end the process without a word when nothing else is left to do. */
async function within<T>(loading: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`it was not loaded within ${limitMs} ms`)), limitMs);
  });
  return Promise.race([loading, limit]).finally(() => clearTimeout(timer));
}

/** Imports a module and checks that its default export is a plugin, of whatever kind. Rejects with a PealError. */
export async function loadPlugin(file: string, title: string, limitMs = LOAD_LIMIT_MS): Promise<Plugin> {
  let module: { readonly default?: unknown };
  try {
    module = await within(import(pathToFileURL(file).href) as Promise<typeof module>, limitMs);
  } catch (cause) {
    throw PealError.of(PLUGIN_ERRORS.LOAD_FAILED, { plugin: title, file, detail: reasonOf(cause) }, { cause });
  }
  const plugin = module.default;
  if (!isPlugin(plugin)) throw PealError.of(PLUGIN_ERRORS.NOT_A_PLUGIN, { file });
  checkDefinition(plugin, title);
  return plugin;
}

/** A plugin of that kind; `name` undefined: any name will do. */
async function load(file: string, kind: PluginKind, title: string, name?: string): Promise<Plugin> {
  const plugin = await loadPlugin(file, title);
  if (plugin.kind !== kind) {
    const values = { file, found: plugin.kind, section: title, kind, name: plugin.name };
    throw PealError.of(PLUGIN_ERRORS.KIND, values);
  }
  if (name !== undefined && plugin.name !== name) {
    const detail = `it calls itself '${plugin.name}'`;
    throw PealError.of(PLUGIN_ERRORS.DEFINITION, { plugin: title, detail });
  }
  return plugin;
}

/** Main file of an installed package, looked for in the node_modules of these folders and of those above them. */
export function packageEntry(name: string, folders: readonly string[]): string | undefined {
  for (const start of folders) {
    for (let folder = start; ; folder = dirname(folder)) {
      const home = join(folder, 'node_modules', name);
      if (existsSync(join(home, 'package.json'))) return join(home, mainOf(home));
      if (folder === dirname(folder)) break;
    }
  }
  return undefined;
}

/** `exports` of a package for an import, as far as one entry point needs it; else `main`, else `index.js`. */
export function mainOf(home: string): string {
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as Record<string, unknown>;
  let target: unknown = manifest['exports'];
  for (let depth = 0; depth < 4 && typeof target === 'object' && target !== null; depth++) {
    const conditions = target as Record<string, unknown>;
    target = conditions['.'] ?? conditions['import'] ?? conditions['node'] ?? conditions['default'];
  }
  if (typeof target === 'string') return target;
  return typeof manifest['main'] === 'string' ? manifest['main'] : 'index.js';
}
