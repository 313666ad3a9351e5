// How spaces, records and logs lie in one ordered tree. Names and keys are printable ASCII, so a NUL ends a name and no
// key of one space is between those of another. Keys are texts of one byte per character; `at` makes them bytes.
//
//   NUL "v"                       version of this layout, a decimal
//   NUL "u" SPACE                 bytes accounted in that space, a decimal
//   SPACE NUL "r" KEY             a record, its value as it is
//   SPACE NUL "l" LOG NUL NUMBER  a record of a log; the number has 14 hexadecimal digits, so that it sorts
//   SPACE NUL "m" LOG             "FIRST NEXT" of a log that was appended to

/** Layout of the tree; another one is refused. */
export const LAYOUT_VERSION = 1;
export const VERSION_KEY = '\0v';

const USAGE_PREFIX = '\0u';
/** Enough for every number a log can reach. */
const NUMBER_DIGITS = 14;
/** Just behind the last printable character: the end of every range of keys. */
const BEHIND = '\x7f';

export interface KeyRange {
  /** Inclusive. */
  readonly from: string;
  /** Exclusive. */
  readonly to: string;
}

export const USAGE_KEYS: KeyRange = { from: USAGE_PREFIX, to: USAGE_PREFIX + BEHIND };

export const usageKey = (space: string): string => USAGE_PREFIX + space;
export const spaceOfUsage = (key: string): string => key.slice(USAGE_PREFIX.length);

export const recordKey = (space: string, key: string): string => `${space}\0r${key}`;
/** The records from `from` to `to`, as a caller names them. */
export const recordKeys = (space: string, from = '', to = BEHIND): KeyRange => ({
  from: recordKey(space, from),
  to: recordKey(space, to),
});
export const keyOfRecord = (space: string, key: string): string => key.slice(space.length + 2);

export const logRecordKey = (space: string, log: string, number: number): string =>
  `${space}\0l${log}\0${number.toString(16).padStart(NUMBER_DIGITS, '0')}`;

export const logBoundsKey = (space: string, log: string): string => `${space}\0m${log}`;
export const logBoundsKeys = (space: string): KeyRange => ({ from: `${space}\0m`, to: `${space}\0m${BEHIND}` });
export const logOfBounds = keyOfRecord;

/** The key as the tree takes it. */
export const at = (key: string): Buffer => Buffer.from(key, 'latin1');
/** And back. */
export const textOf = (key: Uint8Array): string => Buffer.from(key).toString('latin1');
