// The text of one option value and back: numbers with units, lists, addresses. Pure; the rules of each type are stated
// at its row in options.ts.
import type { HostPort, OptionRow, OptionValue } from './options.js';

export type Parsed =
  | { readonly ok: true; readonly value: OptionValue }
  | { readonly ok: false; readonly range: boolean; readonly expected: string };

const MAX_PORT = 65_535;
/** Longest text option unless its row says otherwise. */
const MAX_TEXT_LENGTH = 4096;
/** Items of a list unless its row says otherwise. */
const MAX_LIST_ITEMS = 1000;

const MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  k: 1024,
  kib: 1024,
  kb: 1000,
  m: 1_048_576,
  mib: 1_048_576,
  mb: 1_000_000,
  g: 1_073_741_824,
  gib: 1_073_741_824,
  gb: 1_000_000_000,
};

/** The value of that text under that row, or what would have been right. */
export function parseValue(row: OptionRow, text: string): Parsed {
  switch (row.type) {
    case 'string':
    case 'path':
      return textValue(row, text);
    case 'int':
      return numberValue(row, text, {});
    case 'port':
      return numberValue({ min: 0, max: MAX_PORT, ...row }, text, {});
    case 'duration':
      return numberValue({ min: 0, ...row }, text, MS);
    case 'bytes':
      return numberValue({ min: 0, ...row }, text, BYTES);
    case 'bool':
      return boolValue(row, text);
    case 'enum':
      return row.values.includes(text) ? { ok: true, value: text } : malformed(row);
    case 'list':
      return listValue(row, text);
    case 'address': {
      const address = parseAddress(text);
      return address === undefined ? malformed(row) : { ok: true, value: address };
    }
  }
}

/** In words, what a value of that row looks like; for error messages, --help and the reference page. */
export function expectedOf(row: OptionRow): string {
  switch (row.type) {
    case 'string':
      return 'a text';
    case 'path':
      return 'a path';
    case 'int':
      return `a whole number${rangeOf(row)}`;
    case 'port':
      return `a port number${rangeOf({ min: 0, max: MAX_PORT, ...row })}`;
    case 'duration':
      return `milliseconds${rangeOf(row)}, or a number with ms, s, min, h or d`;
    case 'bytes':
      return `bytes${rangeOf(row)}, or a number with KiB, MiB or GiB`;
    case 'bool':
      return 'true or false';
    case 'enum':
      return `one of: ${row.values.join(', ')}`;
    case 'list':
      return row.values === undefined ? 'texts with commas between' : `any of ${row.values.join(', ')}, commas between`;
    case 'address':
      return 'HOST, HOST:PORT or [IPV6]:PORT';
  }
}

/** A value as a file would say it: parseValue of it gives the value again. */
export function formatValue(value: OptionValue | undefined): string {
  if (value === undefined) return '';
  if (typeof value !== 'object') return String(value);
  if (isHostPort(value))
    return value.host.includes(':') ? `[${value.host}]:${value.port}` : `${value.host}:${value.port}`;
  return value.join(', ');
}

function isHostPort(value: readonly string[] | HostPort): value is HostPort {
  return 'host' in value;
}

function malformed(row: OptionRow): Parsed {
  return { ok: false, range: false, expected: expectedOf(row) };
}

function rangeOf(row: { readonly min?: number; readonly max?: number }): string {
  if (row.min !== undefined && row.max !== undefined) return ` from ${row.min} to ${row.max}`;
  if (row.min !== undefined) return ` of at least ${row.min}`;
  return row.max === undefined ? '' : ` of at most ${row.max}`;
}

function textValue(row: OptionRow & { type: 'string' | 'path' }, text: string): Parsed {
  const limit = row.type === 'string' ? (row.maxLength ?? MAX_TEXT_LENGTH) : MAX_TEXT_LENGTH;
  if (text.length > limit) return { ok: false, range: true, expected: `at most ${limit} characters` };
  return { ok: true, value: text };
}

type NumberLike = OptionRow & { type: 'int' | 'port' | 'duration' | 'bytes' };

function numberValue(row: NumberLike, text: string, units: Readonly<Record<string, number>>): Parsed {
  const match = /^([+-]?\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  if (match === null) return malformed(row);
  const unit = match[2]!.toLowerCase();
  if (unit !== '' && !Object.hasOwn(units, unit)) return malformed(row);
  const value = Number(match[1]) * (unit === '' ? 1 : units[unit]!);
  if (!Number.isSafeInteger(value)) return malformed(row);
  if (value < (row.min ?? -Infinity) || value > (row.max ?? Infinity))
    return { ok: false, range: true, expected: expectedOf(row) };
  return { ok: true, value };
}

function boolValue(row: OptionRow, text: string): Parsed {
  const word = text.toLowerCase();
  if (['true', 'yes', 'on'].includes(word)) return { ok: true, value: true };
  if (['false', 'no', 'off'].includes(word)) return { ok: true, value: false };
  return malformed(row);
}

function listValue(row: OptionRow & { type: 'list' }, text: string): Parsed {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const limit = row.maxItems ?? MAX_LIST_ITEMS;
  if (items.length > limit) return { ok: false, range: true, expected: `at most ${limit} items` };
  if (row.values !== undefined && !items.every((item) => row.values!.includes(item))) return malformed(row);
  return { ok: true, value: items };
}

function parseAddress(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-f:.%]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/i.exec(text.trim());
  if (match === null) return undefined;
  const port = match[3] === undefined ? 0 : Number(match[3]);
  return port > MAX_PORT ? undefined : { host: (match[1] ?? match[2])!, port };
}
