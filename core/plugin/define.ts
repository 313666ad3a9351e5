// definePlugin: a plugin is a folder with one default export made here (style habit 7). Kind, name, API range, options
// table, what it needs, and a factory or a class. Types carry the options table into the factory; nothing runs here.
import type { ErrorTable, Position } from '../errors.js';
import type { Link } from '../machine/types.js';
import type { ClientApi } from './client.js';
import type { Exporter } from './export.js';
import type { Medium } from './medium.js';
import type { OptionsOf, OptionTable } from './options.js';
import { token, type Token } from './ports.js';
import type { Service } from './service.js';
import type { Storage } from './storage.js';

/** Version of this SDK, major.minor: a change of the first breaks plugins, a change of the second adds something. */
export const API_VERSION = '1.0';

export const PLUGIN_KINDS = ['link', 'client', 'storage', 'export', 'service'] as const;
export type PluginKind = (typeof PLUGIN_KINDS)[number];

/** link has two seams: a medium is a driver under the core's mesh, a link is a pure machine of its own. */
export type Seam = 'medium' | 'link';

/** What the kernel does with every plugin but links: start in order, stop in reverse, each under a time limit. */
export interface Part {
  /** Resolves when it works. Rejects with a PealError, or anything else, to stop the start of the daemon. */
  start?(): Promise<void>;
  /** Idempotent; after it nothing of the plugin goes on. Called also when `start` failed or is not finished. */
  stop?(): Promise<void>;
  /** What `stop` may take beyond `stop_limit_ms`, by an option of the plugin; milliseconds. */
  readonly stopMs?: number;
  /** Where it can be reached, e.g. `127.0.0.1:4803`, `/tmp/4803`: printed when the daemon is ready. */
  addresses?(): readonly string[];
  /** Plain values for status: queues, counters. */
  describe?(): Readonly<Record<string, string | number | boolean>>;
  /** New values of options that are `live`, by their names in code; takes effect at once. */
  tune?(changes: Readonly<Record<string, unknown>>): void;
}

/** One thing per kind. */
export interface PluginInstances {
  link: Medium | Link;
  client: ClientApi;
  storage: Storage;
  export: Exporter;
  service: Service;
}

type SeamInstances = { medium: Medium; link: Link };

/**
 * What else must be there. storage gives the port `Store`, export `Exporter`, service `Companion`. With `optional` the daemon
 * starts without; `scope.find` then answers undefined. A required storage that is not configured is `memory`.
 */
export interface Requirement {
  readonly kind: 'storage' | 'export' | 'service';
  readonly optional?: true;
}

/** All a plugin sees: its options, and the ports. */
export interface Scope<O = Readonly<Record<string, unknown>>> {
  readonly options: O;
  /** Name of its section, e.g. `client.binary` or `client.binary.second`. */
  readonly section: string;
  /** The port behind that token; a coded error when the plugin may not have it. */
  get<T>(port: Token<T>): T;
  /** As `get`, undefined for what is optional and absent. */
  find<T>(port: Token<T>): T | undefined;
  /** The inner sections of that kind, in the order of the file; `table` is the one that the definition has for the kind. */
  inner<T extends OptionTable>(kind: string, table: T): readonly Inner<OptionsOf<T>>[];
}

/** An inner section as the plugin sees it. */
export interface Inner<O = Readonly<Record<string, unknown>>> {
  readonly name: string;
  readonly options: O;
  /** For errors that concern it. */
  readonly at: Position | undefined;
}

/** A kind of inner section: `[KIND.NAME/INNER.NAME]`, any number of them. */
export interface InnerKind {
  readonly options: OptionTable;
  /** One sentence, for the reference page. */
  readonly doc: string;
}

/** The options and the section name, for plugins written as classes: `constructor(@inject(Options) o: ...)`. */
export const Options: Token<Readonly<Record<string, unknown>>> = token('Options');
export const Section: Token<string> = token('Section');

interface Common<K extends PluginKind, T extends OptionTable> {
  readonly kind: K;
  /** As in the section: lower case letters, digits, `-`. */
  readonly name: string;
  /** Range of API versions it works with: `^1` or `^1.2`. */
  readonly api: string;
  readonly options: T;
  /** Kinds of inner sections, for what a plugin may have several of; not for plugins written as classes. */
  readonly inner?: Readonly<Record<string, InnerKind>>;
  readonly requires?: readonly Requirement[];
  /** Its own error table, for the reference page. */
  readonly errors?: ErrorTable;
  /** One sentence, for --help and `peal plugins`. */
  readonly doc: string;
}

type Made<I, T extends OptionTable> =
  | { create(scope: Scope<OptionsOf<T>>): I; readonly class?: never }
  /** Decorated with `injectable()`; every constructor parameter has an explicit `@inject(Token)`. */
  | { readonly class: new (...args: never[]) => I; readonly create?: never };

export type PluginDefinition<K extends PluginKind, T extends OptionTable> = K extends 'link'
  ? { [S in Seam]: Common<'link', T> & { readonly seam: S } & Made<SeamInstances[S], T> }[Seam]
  : Common<K, T> & { readonly seam?: never } & Made<PluginInstances[K], T>;

const MADE = Symbol.for('peal.plugin');

/** Any plugin, its types forgotten: what the kernel works with. */
export interface Plugin {
  readonly kind: PluginKind;
  readonly seam?: Seam;
  readonly name: string;
  readonly api: string;
  readonly options: OptionTable;
  readonly inner?: Readonly<Record<string, InnerKind>>;
  readonly requires?: readonly Requirement[];
  readonly errors?: ErrorTable;
  readonly doc: string;
  create?(scope: Scope): unknown;
  readonly class?: new (...args: never[]) => unknown;
}

/** Marks a definition as one; the only way to make the default export of a plugin. */
export function definePlugin<const K extends PluginKind, const T extends OptionTable>(
  definition: PluginDefinition<K, T> & { readonly kind: K; readonly options: T },
): Plugin {
  return Object.freeze({ ...(definition as unknown as Plugin), [MADE]: true });
}

/** Was this made by definePlugin (of any copy of the SDK)? */
export function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'object' && value !== null && MADE in value;
}
