// From a configuration tree to the plan of a daemon: plugins found, their options read, links chained, requirements
// chosen, everything in the order of its start. All errors of all sections are found in one go; nothing is created yet.
import { CONFIG_ERRORS, PealError, PLUGIN_ERRORS, type Position } from '../errors.js';
import type { Plugin, PluginKind, Requirement } from '../plugin/define.js';
import { OVER_OPTION, WRAPS_OPTION } from '../plugin/link.js';
import { type EffectiveOption, nearestName, type OptionTable, readOptions } from '../plugin/options.js';
import type { ConfigTree, InnerSection, PluginSection } from '../plugin/tree.js';
import { resolve } from 'node:path';
import { MODULE_OPTION, type Resolver } from './resolve.js';

export interface PlannedPlugin {
  readonly section: PluginSection;
  readonly plugin: Plugin;
  /** `built-in`, a path or a package name. */
  readonly source: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly effective: readonly EffectiveOption[];
  /** Its inner sections, read by the tables of their kinds. */
  readonly inner: readonly PlannedInner[];
  /** Which plugin meets each requirement. */
  readonly needs: ReadonlyMap<PluginKind, PlannedPlugin>;
  /** The medium inside, when this is a wrapper, or under it, when this is a link of its own. */
  readonly wraps: PlannedPlugin | undefined;
}

export interface PlannedInner {
  readonly section: InnerSection;
  readonly options: Readonly<Record<string, unknown>>;
  readonly effective: readonly EffectiveOption[];
}

export interface Plan {
  readonly tree: ConfigTree;
  /** The one link that carries the configuration; with wrappers the outermost. */
  readonly link: PlannedPlugin;
  /** All others, in the order of their start. */
  readonly parts: readonly PlannedPlugin[];
}

/** What was planned as far as it went, and every error; to be run only without errors. */
export interface Planned {
  readonly plan: Plan | undefined;
  readonly errors: readonly PealError[];
}

/** Finds and checks every plugin of the tree. Never rejects for what a file or a plugin says. */
export function planDaemon(tree: ConfigTree, resolver: Resolver): Promise<Planned> {
  return new Planner(tree, resolver).plan();
}

interface Draft {
  readonly section: PluginSection;
  readonly plugin: Plugin;
  readonly source: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly effective: readonly EffectiveOption[];
  readonly inner: readonly PlannedInner[];
  readonly needs: Map<PluginKind, Draft>;
  wraps: Draft | undefined;
}

/** Kinds in the order of their start: nobody may meet a part whose foundation is not there. */
const RANK: Readonly<Record<PluginKind, number>> = { link: 0, storage: 1, export: 2, service: 3, client: 4 };
const DEFAULT_STORAGE = 'memory';
const DEFAULT_LINK = 'memory';
const DEFAULT_MEDIUM = 'tcp';

class Planner {
  private readonly drafts: Draft[] = [];
  private readonly errors: PealError[] = [];

  constructor(
    private readonly tree: ConfigTree,
    private readonly resolver: Resolver,
  ) {}

  async plan(): Promise<Planned> {
    for (const section of this.tree.sections) await this.draft(section);
    await this.implyLink();
    for (const draft of [...this.drafts]) {
      if (draft.section.kind === 'link') await this.chain(draft);
      else for (const requirement of draft.plugin.requires ?? []) await this.choose(draft, requirement);
    }
    const link = this.carrier();
    const parts = this.ordered();
    if (this.errors.length > 0 || link === undefined) return { plan: undefined, errors: this.errors };
    return { plan: { tree: this.tree, link, parts }, errors: [] };
  }

  /** `asked`: where it is asked for, if it has no section. */
  private async draft(section: PluginSection, asked = section.at): Promise<Draft | undefined> {
    try {
      const { plugin, source } = await this.resolver(section, this.tree.folder);
      const at = section.at;
      const resolvePath = (path: string): string => resolve(this.tree.folder, path);
      const read = readOptions(this.tableOf(plugin), section.entries, { section: section.title, at, resolvePath });
      this.errors.push(...read.errors);
      const options: Readonly<Record<string, unknown>> = read.options;
      const inner = (section.inner ?? []).flatMap((i) => this.readInner(plugin, i, resolvePath));
      const { effective } = read;
      const draft = { section, plugin, source, options, effective, inner, needs: new Map(), wraps: undefined };
      this.drafts.push(draft);
      return draft;
    } catch (error) {
      if (!(error instanceof PealError)) throw error;
      this.errors.push(error.located(asked));
      return undefined;
    }
  }

  private readInner(plugin: Plugin, section: InnerSection, resolvePath: (path: string) => string): PlannedInner[] {
    const { title, kind, at, entries } = section;
    const kinds = Object.keys(plugin.inner ?? {});
    if (!kinds.includes(kind)) {
      const near = nearestName(kind, kinds);
      const known = kinds.length === 0 ? 'it has none' : `its inner sections are: ${kinds.join(', ')}`;
      const hint = near === undefined ? known : `did you mean '${near}'?`;
      const values = { section: title, plugin: `${plugin.kind}.${plugin.name}`, kind, hint };
      this.errors.push(PealError.of(PLUGIN_ERRORS.INNER, values, { at }));
      return [];
    }
    const read = readOptions(plugin.inner![kind]!.options, entries, { section: title, at, resolvePath });
    this.errors.push(...read.errors);
    return [{ section, options: read.options, effective: read.effective }];
  }

  /** The plugin's own options and those that every section of its kind has. */
  private tableOf(plugin: Plugin): OptionTable {
    const table: Record<string, OptionTable[string]> = { ...plugin.options };
    table[MODULE_OPTION] ??= { type: 'path', doc: 'Module of the plugin, relative to this file.' };
    for (const { kind } of plugin.requires ?? [])
      table[kind] ??= { type: 'string', doc: `Which [${kind}.NAME] to use; needed when there are several.` };
    if (plugin.seam === 'link')
      table[OVER_OPTION] ??= { type: 'string', default: DEFAULT_MEDIUM, doc: 'The medium it runs over.' };
    return table;
  }

  private imply(kind: PluginKind, name: string, asked?: Position): Promise<Draft | undefined> {
    const title = `${kind}.${name}`;
    return this.draft({ title, kind, name, instance: undefined, at: undefined, entries: new Map() }, asked);
  }

  private find(kind: PluginKind, name: string): Draft | undefined {
    return this.drafts.find((d) => d.section.title === `${kind}.${name}`);
  }

  private known(kind: PluginKind): string {
    const names = this.drafts.filter((d) => d.section.kind === kind).map((d) => shortName(d));
    return names.length === 0 ? 'none is configured' : names.join(', ');
  }

  private async implyLink(): Promise<void> {
    const first = this.tree.sections.find((s) => s.kind === 'link');
    if (first !== undefined) return;
    if (this.tree.list.length === 1) await this.imply('link', DEFAULT_LINK);
    else {
      const at = this.tree.file === undefined ? undefined : { file: this.tree.file, line: 1 };
      this.errors.push(PealError.of(CONFIG_ERRORS.NO_LINK, { count: this.tree.list.length }, { at }));
    }
  }

  /** Finds the medium inside a wrapper or under a link. One without a section of its own has its defaults. */
  private async chain(draft: Draft): Promise<void> {
    const option = draft.plugin.seam === 'link' ? OVER_OPTION : WRAPS_OPTION;
    const wrapped = draft.options[option];
    if (typeof wrapped !== 'string' || draft.wraps !== undefined) return;
    const at = draft.section.entries.get(option)?.at ?? draft.section.at;
    const refuse = (detail: string): void => {
      const values = { section: draft.section.title, option, wrapped, detail };
      this.errors.push(PealError.of(PLUGIN_ERRORS.WRAP, values, { at }));
    };
    let inner = this.find('link', wrapped);
    if (inner === undefined) {
      inner = await this.imply('link', wrapped, at);
      if (inner === undefined) return;
      await this.chain(inner);
    }
    if (inner.plugin.seam === 'link') {
      await this.slipUnder(draft, inner, refuse);
      return;
    }
    for (let d: Draft | undefined = inner; d !== undefined; d = d.wraps) {
      if (d !== draft) continue;
      refuse('that goes in a circle');
      return;
    }
    draft.wraps = inner;
  }

  /** A wrapper that names a link of its own goes between that link and the medium under it. */
  private async slipUnder(wrapper: Draft, link: Draft, refuse: (detail: string) => void): Promise<void> {
    if (wrapper.plugin.seam === 'link') {
      refuse('it is no medium, it brings a reliability of its own');
      return;
    }
    await this.chain(link);
    for (let d = link.wraps; d !== undefined; d = d.wraps) {
      if (d !== wrapper) continue;
      refuse('that goes in a circle');
      return;
    }
    wrapper.wraps = link.wraps;
    link.wraps = wrapper;
  }

  /** The one link section that nothing wraps. */
  private carrier(): PlannedPlugin | undefined {
    const links = this.drafts.filter((d) => d.section.kind === 'link');
    const outer = links.filter((d) => !links.some((other) => other.wraps === d));
    // One that only a refused wrapper or link named was reported already.
    for (const extra of outer.slice(1).filter((d) => d.section.at !== undefined)) {
      const values = { first: outer[0]!.section.title, second: extra.section.title };
      this.errors.push(PealError.of(CONFIG_ERRORS.TWO_LINKS, values, { at: extra.section.at }));
    }
    return outer[0];
  }

  private async choose(draft: Draft, { kind, optional }: Requirement): Promise<void> {
    const at = draft.section.entries.get(kind)?.at ?? draft.section.at;
    const title = draft.section.title;
    const wanted = draft.options[kind];
    const candidates = this.drafts.filter((d) => d.section.kind === kind && d !== draft);
    let chosen: Draft | undefined;
    if (typeof wanted === 'string') {
      chosen = this.find(kind, wanted);
      const values = { section: title, kind, name: wanted, known: this.known(kind) };
      if (chosen === undefined) this.errors.push(PealError.of(PLUGIN_ERRORS.NO_SUCH, values, { at }));
    } else if (candidates.length > 1) {
      const values = { plugin: title, kind, found: candidates.map(shortName).join(', ') };
      this.errors.push(PealError.of(PLUGIN_ERRORS.AMBIGUOUS, values, { at }));
    } else if (candidates.length === 1) chosen = candidates[0];
    else if (optional !== true) {
      if (kind === 'storage') chosen = await this.imply('storage', DEFAULT_STORAGE);
      else this.errors.push(PealError.of(PLUGIN_ERRORS.UNMET, { plugin: title, kind }, { at }));
    }
    if (chosen !== undefined) draft.needs.set(kind, chosen);
  }

  /** Needs first; among equals the order of kinds, then that of the file. */
  private ordered(): PlannedPlugin[] {
    const parts = this.drafts.filter((d) => d.section.kind !== 'link');
    parts.sort((a, b) => RANK[a.section.kind] - RANK[b.section.kind]);
    const done: Draft[] = [];
    const visit = (draft: Draft, path: readonly Draft[]): void => {
      if (done.includes(draft)) return;
      if (path.includes(draft)) {
        const circle = [...path.slice(path.indexOf(draft)), draft].map((d) => d.section.title).join(' -> ');
        this.errors.push(PealError.of(PLUGIN_ERRORS.CIRCLE, { circle }, { at: draft.section.at }));
        return;
      }
      for (const need of draft.needs.values()) visit(need, [...path, draft]);
      if (!done.includes(draft)) done.push(draft);
    };
    for (const draft of parts) visit(draft, []);
    return done;
  }
}

/** As options name it: without the kind. */
function shortName(draft: Draft): string {
  return draft.section.title.slice(draft.section.kind.length + 1);
}
