// Words that the commands of the text port share: reply codes (docs/design/line.md, 3), names and numbers as fields of a line. Pure.
import type { Reply } from 'peal/plugin';

export const Code = {
  STATISTICS: 211,
  GROUP: 212,
  GROUPS: 213,
  TOPOLOGY: 215,
  NEAREST: 216,
  CLOSING: 221,
  DONE: 250,
  SEND_LINES: 354,
  STOPPING: 421,
  BUSY: 450,
  FAILED: 451,
  FULL: 452,
  BAD_ARGUMENT: 501,
  OFF: 502,
  NOT_ALLOWED: 530,
  UNKNOWN: 550,
  TOO_LARGE: 552,
} as const;

/** A name as one field: as it is, or in double quotes if it has blanks or quotes, as it would be typed. */
export function nameField(name: string): string {
  return /[\s"\\]/.test(name) || name === '' ? `"${name.replace(/["\\]/g, '\\$&')}"` : name;
}

/** A measured number with two places; `-`: not measured. */
export function measured(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(2);
}

/** A number without places; `-`: not known. */
export function whole(value: number | undefined): string {
  return value === undefined ? '-' : String(Math.floor(value));
}

export function noGroup(name: string): Reply {
  return { code: Code.UNKNOWN, text: `no group ${nameField(name)} at this site` };
}

export const STOPPING: Reply = { code: Code.STOPPING, text: 'the daemon stops', close: true };
