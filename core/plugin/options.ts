// Options describe themselves: from one table of rows come parsing, units, validation, unknown-key errors, --help and
// the reference page (style habit 8). Pure: text in, values or coded errors out. No file knows a plugin here.
import { OPTION_ERRORS, PealError, type Position } from '../errors.js';
import { parseValue } from './option-values.js';

/** Characters of a value that an error shows. */
const SHOWN_LENGTH = 60;

interface RowBase {
  /** One sentence with a final period, for --help and the reference page. */
  readonly doc: string;
  /** Without a default and without `required` the value may be absent. */
  readonly required?: true;
  /** May change while the daemon runs (`peal fault`); the plugin's instance then has a method `tune`. */
  readonly live?: true;
}

interface NumberRow extends RowBase {
  readonly default?: number;
  readonly min?: number;
  readonly max?: number;
}

interface TextRow extends RowBase {
  readonly default?: string;
}

/** One option. Its key in the table is its name in files: snake_case, unit last (`silence_limit_ms`). */
export type OptionRow =
  | (TextRow & { readonly type: 'string'; readonly maxLength?: number })
  /** A whole number; `unit` is what it counts, for the reference page. */
  | (NumberRow & { readonly type: 'int'; readonly unit?: string })
  /** 0 to 65535; 0 lets the system choose. */
  | (NumberRow & { readonly type: 'port' })
  /** Milliseconds; files may also say `5 s` or `2 min`. */
  | (NumberRow & { readonly type: 'duration' })
  /** Bytes; files may also say `64 KiB` or `16 MiB`. */
  | (NumberRow & { readonly type: 'bytes' })
  | (RowBase & { readonly type: 'bool'; readonly default?: boolean })
  | (TextRow & { readonly type: 'enum'; readonly values: readonly string[] })
  /** Texts with commas between; `values`: only these. */
  | (RowBase & {
      readonly type: 'list';
      readonly default?: readonly string[];
      readonly maxItems?: number;
      readonly values?: readonly string[];
    })
  /** A file or folder, relative to the configuration file; the value is absolute when the base is known. */
  | (TextRow & { readonly type: 'path' })
  /** `HOST:PORT`, `[IPV6]:PORT` or `HOST` alone (port 0). */
  | (TextRow & { readonly type: 'address' });

export type OptionTable = Readonly<Record<string, OptionRow>>;

/** A place to listen on or to reach; `port` 0 if the text names none. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export type OptionValue = string | number | boolean | readonly string[] | HostPort;

type ValueOf<R> = R extends { type: 'int' | 'port' | 'duration' | 'bytes' }
  ? number
  : R extends { type: 'bool' }
    ? boolean
    : R extends { type: 'enum'; values: readonly (infer V)[] }
      ? V
      : R extends { type: 'list' }
        ? readonly string[]
        : R extends { type: 'address' }
          ? HostPort
          : string;

type Present<R> = R extends { default: string | number | boolean | readonly string[] }
  ? true
  : R extends { required: true }
    ? true
    : false;

type Camel<S extends string> = S extends `${infer A}_${infer B}` ? `${A}${Capitalize<Camel<B>>}` : S;

/** What a plugin gets: camelCase keys; `undefined` where a row has neither default nor `required`. */
export type OptionsOf<T extends OptionTable> = {
  readonly [K in keyof T & string as Camel<K>]: Present<T[K]> extends true ? ValueOf<T[K]> : ValueOf<T[K]> | undefined;
};

/** One `key = value` of a section, as the reader of the file found it. */
export interface OptionEntry {
  readonly value: string;
  readonly at?: Position | undefined;
}

/** Where an effective value came from. */
export interface EffectiveOption {
  readonly name: string;
  readonly value: OptionValue | undefined;
  readonly from: 'default' | Position | 'given';
}

export interface ReadOptions<T extends OptionTable> {
  readonly options: OptionsOf<T>;
  readonly effective: readonly EffectiveOption[];
  /** All errors at once; when there are any, `options` must not be used. */
  readonly errors: readonly PealError[];
}

export interface ReadContext {
  /** Name of the section, for messages. */
  readonly section: string;
  /** Position of the section itself, for missing options. */
  readonly at?: Position | undefined;
  /** Makes a path absolute; absent: paths stay as written. */
  readonly resolvePath?: ((path: string) => string) | undefined;
}

/** A value of a file in an error: as much as tells it from others. */
function shown(value: string): string {
  return value.length > SHOWN_LENGTH ? `${value.slice(0, SHOWN_LENGTH)}...` : value;
}

/** snake_case to camelCase: the one mapping between files and code. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Reads a section by its table. Never throws for what a file says; all errors are returned together. */
export function readOptions<const T extends OptionTable>(
  table: T,
  entries: ReadonlyMap<string, OptionEntry>,
  context: ReadContext,
): ReadOptions<T> {
  const errors: PealError[] = [];
  const effective: EffectiveOption[] = [];
  const options: Record<string, OptionValue | undefined> = {};
  for (const [name, entry] of entries) {
    if (Object.hasOwn(table, name)) continue;
    const values = { option: name, section: context.section, hint: hintFor(name, Object.keys(table)) };
    errors.push(PealError.of(OPTION_ERRORS.UNKNOWN, values, { at: entry.at }));
  }
  for (const [name, row] of Object.entries(table)) {
    const entry = entries.get(name);
    let value: OptionValue | undefined;
    if (entry !== undefined) {
      const parsed = parseValue(row, entry.value);
      if (parsed.ok) value = parsed.value;
      else {
        const spec = parsed.range ? OPTION_ERRORS.RANGE : OPTION_ERRORS.MALFORMED;
        const values = { value: shown(entry.value), option: name, section: context.section, expected: parsed.expected };
        errors.push(PealError.of(spec, values, { at: entry.at }));
      }
    } else if (row.default !== undefined) value = defaultValue(row);
    else if (row.required) {
      const values = { option: name, section: context.section, doc: row.doc };
      errors.push(PealError.of(OPTION_ERRORS.MISSING, values, { at: context.at }));
    }
    if (row.type === 'path' && typeof value === 'string' && value !== '') value = context.resolvePath?.(value) ?? value;
    options[camelCase(name)] = value;
    effective.push({ name, value, from: entry === undefined ? 'default' : (entry.at ?? 'given') });
  }
  return { options: options as OptionsOf<T>, effective, errors };
}

function defaultValue(row: OptionRow): OptionValue | undefined {
  if (row.type !== 'address' || row.default === undefined) return row.default;
  const parsed = parseValue(row, row.default);
  return parsed.ok ? parsed.value : undefined;
}

/** The known name nearest to a mistyped one, if any is near enough to be meant. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const limit = Math.max(2, Math.floor(name.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of known) {
    const distance = editDistance(name, candidate, bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function hintFor(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  if (near !== undefined) return `did you mean '${near}'?`;
  return known.length === 0 ? 'this section has no options' : `the options are: ${known.join(', ')}`;
}

/** Levenshtein distance, given up at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
