// What a configuration defines, whichever language it is written in: sites, groups, and what is local. Forms of floodd's
// language become definitions here: forms of one name merge, the last of two values holds, what is unknown is ignored,
// each with a warning (rules of the language: docs/floodd.md). All errors of a file are found in one go.
import {
  camelCase,
  type ErrorTable,
  errorTable,
  expectedOf,
  nearestName,
  type OptionRow,
  type OptionsOf,
  type OptionTable,
  type OptionValue,
  parseValue,
  PealError,
  type Position,
} from 'peal/plugin';
import { CONFIG_ROWS } from './errors.js';
import { type Form, type Item, readForms } from './forms.js';
import { EXPORT_TABLE, GROUP_TABLE, keywordOf, keywordsOf, LOCAL_TABLE, MAX_NAME_BYTES, SITE_TABLE } from './tables.js';

/** Rows of the plugin's table that concern configuration. */
export const CONFIG_ERRORS: ErrorTable<typeof CONFIG_ROWS> = errorTable('SERVICE_FLOOD', CONFIG_ROWS);

/** Largest file of floodd's language, bytes. */
export const MAX_FILE_BYTES = 1_048_576;

interface Named {
  readonly name: string;
  readonly at?: Position | undefined;
}
export type SiteForm = Named & OptionsOf<typeof SITE_TABLE>;
export type GroupForm = Named & OptionsOf<typeof GROUP_TABLE>;
export type LocalDefinition = OptionsOf<typeof LOCAL_TABLE>;
export type ExportDefinition = OptionsOf<typeof EXPORT_TABLE>;

export interface Definitions {
  readonly sites: readonly SiteForm[];
  readonly groups: readonly GroupForm[];
  readonly local: LocalDefinition;
  readonly export: ExportDefinition;
  /** `(:local (:site-name X))` */
  readonly siteName: string | undefined;
  readonly warnings: readonly PealError[];
  /** When there are any, the rest must not be used. */
  readonly errors: readonly PealError[];
}

const LOCAL_NAME = { site_name: { type: 'string', doc: 'Which site this is.' } } as const satisfies OptionTable;
const KINDS = {
  ':site-define': { table: SITE_TABLE, name: ':site-name' },
  ':group-define': { table: GROUP_TABLE, name: ':group-name' },
  ':local': { table: { ...LOCAL_TABLE, ...EXPORT_TABLE, ...LOCAL_NAME }, name: undefined },
} as const;
type Kind = keyof typeof KINDS;

/** All items of the forms of one name, by option, in the order of the text. */
interface Merged {
  readonly kind: Kind;
  readonly name: string;
  readonly at: Position;
  readonly items: Map<string, Item[]>;
}

/** Reads a file's text. Throws PEAL_SERVICE_FLOOD_SYNTAX when it is none of the language; every other error is returned. */
export function readDefinitions(text: string, file: string): Definitions {
  return new DefinitionReader().read(readForms(text, file));
}

/** Is that fit to be the name of a site or a group? */
export function isName(text: string): boolean {
  return text !== '' && new TextEncoder().encode(text).length <= MAX_NAME_BYTES && !/\p{Cc}/u.test(text);
}

class DefinitionReader {
  private readonly warnings: PealError[] = [];
  private readonly errors: PealError[] = [];
  private readonly merged: Merged[] = [];

  read(forms: readonly Form[]): Definitions {
    for (const form of forms) this.form(form);
    const of = (kind: Kind): readonly (Named & Record<string, unknown>)[] =>
      this.merged
        .filter((m) => m.kind === kind)
        .map((m) => ({ ...this.values(KINDS[kind].table, m), name: m.name, at: m.at }));
    const sites = of(':site-define') as unknown as readonly SiteForm[];
    const groups = of(':group-define') as unknown as readonly GroupForm[];
    const none: Merged = { kind: ':local', name: '', at: { file: '', line: 1 }, items: new Map() };
    const own = this.merged.find((m) => m.kind === ':local') ?? none;
    const take = (table: OptionTable): unknown => this.values(table, own);
    const { siteName } = take(LOCAL_NAME) as OptionsOf<typeof LOCAL_NAME>;
    const local = take(LOCAL_TABLE) as LocalDefinition;
    const exporting = take(EXPORT_TABLE) as ExportDefinition;
    return { sites, groups, local, export: exporting, siteName, warnings: this.warnings, errors: this.errors };
  }

  private form(form: Form): void {
    if (!Object.hasOwn(KINDS, form.keyword)) {
      this.warnings.push(PealError.of(CONFIG_ERRORS.UNKNOWN_FORM, { form: form.keyword }, { at: form.at }));
      return;
    }
    const kind = form.keyword as Kind;
    const { name: naming, table } = KINDS[kind];
    const name = naming === undefined ? '' : this.nameIn(form, naming);
    if (name === undefined) return;
    let same = this.merged.find((m) => m.kind === kind && m.name === name);
    if (same === undefined) {
      same = { kind, name, at: form.at, items: new Map() };
      this.merged.push(same);
    }
    const known = keywordsOf(table);
    for (const item of form.items) {
      const option = known.get(item.keyword)?.option;
      if (option !== undefined) same.items.set(option, [...(same.items.get(option) ?? []), item]);
      else if (item.keyword !== naming) this.unknown(item, kind, [...known.keys()]);
    }
  }

  private nameIn(form: Form, naming: string): string | undefined {
    const items = form.items.filter((i) => i.keyword === naming);
    const values = { keyword: naming, form: form.keyword };
    const item = items.at(-1);
    if (item === undefined) {
      this.errors.push(PealError.of(CONFIG_ERRORS.MISSING, { ...values, doc: 'its name' }, { at: form.at }));
      return undefined;
    }
    const name = item.values.map((v) => v.text).join(' ');
    if (items.length > 1) this.warn(item, form.keyword, name);
    if (isName(name)) return name;
    const expected = `a name of 1 to ${MAX_NAME_BYTES} bytes without control characters`;
    this.errors.push(
      PealError.of(CONFIG_ERRORS.BAD_VALUE, { ...values, value: shown(name), expected }, { at: item.at }),
    );
    return undefined;
  }

  private unknown(item: Item, form: string, known: readonly string[]): void {
    const near = nearestName(item.keyword, known);
    const hint = near === undefined ? `its keywords are: ${known.join(' ')}` : `did you mean ${near}?`;
    const values = { keyword: item.keyword, form, hint };
    this.warnings.push(PealError.of(CONFIG_ERRORS.UNKNOWN_KEYWORD, values, { at: item.at }));
  }

  private warn(item: Item, form: string, value: string): void {
    const values = { keyword: item.keyword, form, value: shown(value) };
    this.warnings.push(PealError.of(CONFIG_ERRORS.REPEATED, values, { at: item.at }));
  }

  /** The values of a table's options, defaults filled in. */
  private values(table: OptionTable, { kind, name, at, items }: Merged): Record<string, OptionValue | undefined> {
    const form = name === '' ? kind : `${kind} ${shown(name)}`;
    const values: Record<string, OptionValue | undefined> = {};
    for (const [option, row] of Object.entries(table)) {
      const given = items.get(option);
      values[camelCase(option)] = given === undefined ? row.default : this.value(row, given, form);
      if (given !== undefined || row.required !== true) continue;
      const missing = { keyword: keywordOf(option), form, doc: row.doc };
      this.errors.push(PealError.of(CONFIG_ERRORS.MISSING, missing, { at }));
    }
    return values;
  }

  private value(row: OptionRow, given: readonly Item[], form: string): OptionValue | undefined {
    const item = given.at(-1)!;
    const expected = row.type === 'duration' ? 'seconds, e.g. 15.0' : expectedOf(row);
    const values = { keyword: item.keyword, form, expected };
    const empty = given.find((i) => i.values.length === 0);
    if (empty !== undefined) {
      this.errors.push(PealError.of(CONFIG_ERRORS.NO_VALUE, values, { at: empty.at }));
      return undefined;
    }
    if (row.type === 'list') return given.flatMap((i) => i.values.map((v) => v.text));
    const texts = given.map((i) => i.values.map((v) => v.text).join(' '));
    const text = texts.at(-1)!;
    if (texts.some((t) => t !== text)) this.warn(item, form, text);
    const parsed = parseValue(row, row.type === 'duration' ? milliseconds(text) : text);
    if (parsed.ok && (text !== '' || row.required !== true)) return parsed.value;
    this.errors.push(
      PealError.of(CONFIG_ERRORS.BAD_VALUE, { ...values, value: shown(text) }, { at: item.values[0]!.at }),
    );
    return undefined;
  }
}

/** Seconds as the language writes them, to the millisecond; what is no number stays what it is, and is refused as such. */
function milliseconds(text: string): string {
  if (!/^[+-]?\d+(\.\d*)?$/.test(text)) return `${text} is no number`;
  return String(Math.round(Number(text) * 1000));
}

/** A text of the file in a message: short, and without what would break the line. */
function shown(text: string): string {
  const clean = text.replace(/\p{Cc}/gu, '?');
  return clean.length > 60 ? `${clean.slice(0, 57)}...` : clean;
}
